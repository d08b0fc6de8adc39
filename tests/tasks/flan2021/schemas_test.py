"""Every data set of FLAN 2021 and 2022 over made-up rows of its real TFDS schema: preprocessors, ten templates, continuations."""

import warnings

import pytest

from jaxit.tasks.flan2021.continuations import continuation
from jaxit.tasks.flan2021.invented import ROWS
from jaxit.tasks.flan2021.library import DATA_SETS
from jaxit.tasks.flan2022 import additions
from jaxit.tasks.flan2022 import invented as invented2022
from jaxit.tasks.registry import Task
from jaxit.tasks.rendering import render_row
from jaxit.tasks.sources import Python
from jaxit.tasks.tensorflow_sources import plain

NUM_ROWS = 8
ALL = {data_set.key: data_set for data_set in (*DATA_SETS.values(), *additions.DATA_SETS)}
ALL_ROWS = {**ROWS, **invented2022.ROWS}
# Made-up text has no blank to be filled in, no placeholder and no brackets: these fields are those of the invented row.
INVENTED = {
    'arc_challenge': ('choices', 'answerKey'),
    'arc_easy': ('choices', 'answerKey'),
    'coqa': ('questions', 'answers'),
    'copa': ('question',),
    'dart': ('tripleset',),
    'e2e_nlg': ('meaning_representation',),
    'hellaswag': ('endings', 'label'),
    'lambada': ('passage',),
    'record': ('query', 'entities', 'answers', 'passage'),
    'true_case': ('en',),
    'unified_qa_science_inst': ('input', 'output'),
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
@pytest.mark.parametrize('key', ALL)
def test_rows_of_the_real_schema_render_in_all_templates(tfds, key):
    data_set = ALL[key]
    builder = tfds.builder(data_set.tfds)
    split = (data_set.train or data_set.test).split('[')[0]
    usable = {field: ALL_ROWS[key][field] for field in INVENTED.get(key, ())}
    records = [plain(row) | usable for row in tfds.as_numpy(builder.as_dataset(split=split))]
    assert len(records) == NUM_ROWS
    rendered = 0
    task = Task(
        key,
        Python(lambda split, seed: records),
        templates=(*data_set.templates, *([continuation(key)] if key in DATA_SETS else [])),
        preprocessors=data_set.steps,
        answer_options='options' if data_set.classification else None,
    )
    for row, record in enumerate(records):
        for index, template in enumerate(task.templates):
            for example in render_row(task, 'train', row, record, seed=0, template=index):
                rendered += 1
                assert example.inputs.strip() and example.targets.strip()
                if template.kind != 'inverted' and data_set.classification:
                    assert example.targets in example.options
    assert rendered, 'no row could be used'
