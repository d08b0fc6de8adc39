"""Real rows through the preprocessors and templates of FLAN 2021: they were read by eye, and must not change unseen."""

import warnings

import pytest
from real_rows import ADAPTERS, GOLDENS, NUM_ROWS, digest, first_rows, goldens, rendered

from jaxit.tasks.flan2021.library import DATA_SETS
from jaxit.tasks.preprocessors import apply

SPREAD = 200  # rows in which every label occurs
# What the labels of TFDS, by their names, are called in an answer.
MEANING = {
    'glue_mrpc': ('label', {'equivalent': 'yes', 'not_equivalent': 'no'}),
    'sst2': ('label', {'positive': 'positive', 'negative': 'negative'}),
    'trec': (
        'label-coarse',
        {
            'DESC': 'description',
            'ENTY': 'entity',
            'ABBR': 'abbreviation',
            'HUM': 'person or group',
            'NUM': 'number',
            'LOC': 'location',
        },
    ),
    'rte': ('label', {'entailment': 'yes', 'not_entailment': 'no'}),
    'cb': ('label', {'entailment': 'Yes', 'contradiction': 'No', 'neutral': "One can't tell"}),
    'multirc': ('label', {'True': 'yes', 'False': 'no'}),
    'wic': ('label', {'True': 'same meaning', 'False': 'different meanings'}),
    'ag_news_subset': (
        'label',
        {'World': 'World', 'Sports': 'Sports', 'Business': 'Business', 'Sci/Tech': 'Science/Tech'},
    ),
}


@pytest.fixture(scope='module')
def tfds():
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return pytest.importorskip('tensorflow_datasets')


def test_there_is_a_golden_for_every_adapter():
    assert set(goldens()) == set(ADAPTERS) <= set(DATA_SETS)


@pytest.mark.parametrize('key', ADAPTERS)
def test_rows_render_as_when_they_were_read(key, shared_data):
    examples = list(rendered(key, shared_data))
    assert [row for row, _, _ in examples] == list(range(NUM_ROWS)), f'{key}: rows were left out'
    assert digest(examples) == goldens()[key], (
        f'{key}: its templates or preprocessors make something else of the same rows. Read it '
        f'(real_rows.py {shared_data} show {key}); if it reads well, write {GOLDENS.name} anew (real_rows.py {shared_data} write)'
    )


@pytest.mark.parametrize('key', ADAPTERS)
def test_nothing_of_the_makers_tools_is_left(key, shared_data):
    rows = [made for row in first_rows(key, shared_data, SPREAD) for made in apply(DATA_SETS[key].preprocessors, row)]
    named = {field for template in DATA_SETS[key].templates for field in template.fields} - {'options'}
    texts = [made[field] for made in rows for field in named]
    assert texts and all(text == text.strip() != '' for text in texts)
    assert key in {'sst2', 'multirc', 'glue_mrpc'} or not [text for text in texts if '``' in text]  # tokenised
    assert not [text for text in texts if '#39;' in text or 'quot;' in text or '&lt;' in text]


@pytest.mark.tasks
@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('key', ADAPTERS)
def test_adapters_yield_what_tfds_would_and_answers_follow_its_labels(key, shared_data, tfds):
    features = tfds.builder(DATA_SETS[key].tfds).info.features
    answers = set()
    for record in first_rows(key, shared_data, SPREAD):
        assert set(record) == set(features)
        features.encode_example(record)  # raises where a type differs
        for made in apply(DATA_SETS[key].preprocessors, record):
            answers.add(made['answer'])
            if key in MEANING:
                field, meaning = MEANING[key]
                assert made['answer'] == meaning[features[field].int2str(record[field])]
            elif key == 'copa':
                assert made['answer'] == record[features['label'].int2str(record['label'])]
            elif key == 'bool_q':
                assert made['answer'] == ('yes' if record['answer'] else 'no')
    if key in MEANING:
        assert answers == set(MEANING[key][1].values())


def test_places_and_numbers_are_told_apart(shared_data):
    rows = [
        made for row in first_rows('trec', shared_data, SPREAD) for made in apply(DATA_SETS['trec'].preprocessors, row)
    ]
    for start, right, wrong in (('How many ', 'number', 'location'), ('Where ', 'location', 'number')):
        kinds = [made['answer'] for made in rows if made['question'].startswith(start)]
        assert right in kinds and wrong not in kinds  # where a word comes from is a description
