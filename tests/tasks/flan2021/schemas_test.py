"""Every data set of FLAN 2021 over made-up rows of its real TFDS schema: preprocessors and all ten templates."""

import warnings

import pytest

from jaxit.tasks.flan2021.invented import ROWS
from jaxit.tasks.flan2021.library import DATA_SETS, make
from jaxit.tasks.rendering import render_row
from jaxit.tasks.tensorflow_sources import plain

NUM_ROWS = 8
# Made-up text has no blank to be filled in, no placeholder and no brackets: these fields are those of the invented row.
INVENTED = {
    'arc_challenge': ('choices', 'answerKey'),
    'arc_easy': ('choices', 'answerKey'),
    'coqa': ('questions', 'answers'),
    'copa': ('question',),
    'dart': ('tripleset',),
    'e2e_nlg': ('meaning_representation',),
    'hellaswag': ('endings', 'label'),
    'record': ('query', 'entities', 'answers', 'passage'),
    'true_case': ('en',),
    'web_nlg_en': ('input',),
    'winogrande': ('sentence',),
    'wsc273': ('text', 'pronoun_start', 'pronoun_end', 'label'),
}


@pytest.fixture(scope='module')
def tfds():
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        module = pytest.importorskip('tensorflow_datasets')
        with module.testing.mock_data(num_examples=NUM_ROWS):
            yield module


@pytest.mark.slow
@pytest.mark.tasks
@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('key', DATA_SETS)
def test_rows_of_the_real_schema_render_in_all_templates(tfds, key):
    data_set = DATA_SETS[key]
    builder = tfds.builder(data_set.tfds)
    split = (data_set.train or data_set.test).split('[')[0]
    usable = {field: ROWS[key][field] for field in INVENTED.get(key, ())}
    records = [plain(row) | usable for row in tfds.as_numpy(builder.as_dataset(split=split))]
    assert len(records) == NUM_ROWS
    rendered = 0
    task = make(f'{key}_10templates')
    for row, record in enumerate(records):
        for index, template in enumerate(task.templates):
            for example in render_row(task, 'train', row, record, seed=0, template=index):
                rendered += 1
                assert example.inputs.strip() and example.targets.strip()
                if template.kind != 'inverted' and data_set.classification:
                    assert example.targets in example.options
    assert rendered, 'no row could be used'
