"""The invented rows of FLAN 2021: one for each data set, as its source would yield it, right in all ten templates."""

import warnings
from collections.abc import Mapping

import pytest

from jaxit.tasks.flan2021.entailment import UNDECIDED
from jaxit.tasks.flan2021.invented import ROWS
from jaxit.tasks.flan2021.library import DATA_SETS, make
from jaxit.tasks.rendering import render_row
from jaxit.tasks.tensorflow_sources import plain

# Written down from the texts alone; labels count options, in an order of their own in each data set.
ANSWERS = {
    'ag_news_subset': 'Science/Tech',
    'multirc': 'yes',
    'openbookqa': 'wood',
    'bool_q': 'no',
    'arc_challenge': 'It slows the loss of water from the soil.',
    'arc_easy': 'frog',
    'glue_mrpc': 'yes',
    'glue_qqp': 'yes',
    'paws_wiki': 'no',
    'stsb': '4',
    'imdb_reviews': 'positive',
    'sentiment140': 'negative',
    'yelp_polarity_reviews': 'negative',
    'sst2': 'positive',
    'copa': 'Someone opened the window.',
    'hellaswag': 'Cut an inch off the bottom of each stem at a slant, which helps the tulips to take up water.',
    'story_cloze': 'Bruno played three songs, and the whole street danced.',
    'piqa': 'Stand the closed jar in warm water for a few minutes, then pour the honey out.',
    'definite_pronoun_resolution': 'the boy',
    'winogrande': 'Carla had never been to the town before.',
    'wsc': 'yes',
    'wsc273': 'the mouse was hiding under the leaves.',
    'anli_r1': 'Yes',
    'anli_r2': UNDECIDED,
    'anli_r3': 'No',
    'cb': 'No',
    'rte': 'yes',
    'mnli_matched': 'No',
    'mnli_mismatched': 'Yes',
    'qnli': 'yes',
    'wnli': 'no',
    'snli': UNDECIDED,
    'wic': 'different meanings',
    'cola': 'unacceptable',
    'trec': 'number',
    'record': 'Emil runs from door to door.',
    'cosmos_qa': 'The dog ate half of it .',
}
# The field of a text, and that of the spans in it.
SPANS = {
    'squad_v1': ('context', 'answers'),
    'squad_v2': ('context', 'plausible_answers'),
    'quac': ('context', 'answers'),
}


@pytest.fixture(scope='module')
def tfds():
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return pytest.importorskip('tensorflow_datasets')


def test_every_data_set_has_a_row_and_no_more():
    assert tuple(ROWS) == tuple(DATA_SETS)
    assert set(ANSWERS) == {key for key, data_set in DATA_SETS.items() if data_set.classification}


@pytest.mark.parametrize('key', DATA_SETS)
def test_a_row_renders_in_all_ten_templates(key):
    task = make(f'{key}_10templates')
    for index, template in enumerate(task.templates):
        (example,) = render_row(task, 'train', 0, ROWS[key], seed=0, template=index)
        assert example.inputs.strip() and example.targets.strip()
        if template.kind != 'inverted' and DATA_SETS[key].classification:
            assert example.targets in example.options
            assert len(set(example.options)) == len(example.options)
            assert example.targets == ANSWERS[key]


@pytest.mark.parametrize('key', SPANS)
def test_answers_stand_where_they_are_said_to(key):
    text, spans = (ROWS[key][field] for field in SPANS[key])
    assert spans['text']
    for start, quoted in zip(spans['answer_start'], spans['text'], strict=True):
        assert text[start : start + len(quoted)] == quoted


def test_other_places_in_texts_are_right():
    story, answers = ROWS['coqa']['story'], ROWS['coqa']['answers']
    quoted = [story[a:b] for a, b in zip(answers['answer_start'], answers['answer_end'], strict=True)]
    assert all(text == text.strip() and said in text for said, text in zip(answers['input_text'], quoted, strict=True))
    wic = ROWS['wic']
    assert {wic[f'sentence{i}'][wic[f'start{i}'] : wic[f'end{i}']] for i in (1, 2)} == {wic['word']}
    wsc273 = ROWS['wsc273']
    assert wsc273['text'][wsc273['pronoun_start'] : wsc273['pronoun_end']] == wsc273['pronoun_text']
    wsc = ROWS['wsc']
    for span in ('span1', 'span2'):
        assert wsc['text'].split()[wsc[f'{span}_index']] == wsc[f'{span}_text']
    record = ROWS['record']
    assert all(entity in record['passage'] for entity in record['entities'])


def test_sums_come_out():
    equation = ROWS['math_dataset']['question'].removeprefix('Solve ').removesuffix(' for k.')
    left, right = (eval(side, {'k': int(ROWS['math_dataset']['answer'])}) for side in equation.split('='))
    assert left == right
    assert 'drew 48 boats' in ROWS['drop']['passage'] and 'only 39 boats crossed' in ROWS['drop']['passage']
    assert int(ROWS['drop']['answer']) == 48 - 39


def assert_names(features, row):
    """Asserts that a row has the fields of its schema, in nested features too."""
    features = getattr(features, 'feature', features)
    if isinstance(row, Mapping):
        assert set(row) == set(features.keys())
        for name, value in row.items():
            assert_names(features[name], value)


@pytest.mark.tasks
@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('key', DATA_SETS)
def test_a_row_is_of_the_schema_of_its_source(tfds, key):
    features = tfds.builder(DATA_SETS[key].tfds).info.features
    assert_names(features, ROWS[key])
    # Names of labels, which a schema takes as well, would become numbers.
    assert plain(features.encode_example(ROWS[key])) == ROWS[key]
