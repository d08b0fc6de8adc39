"""The invented rows of Flan 2022: chains of thought and conversations, right in all templates, inversions too."""

import re
import warnings

import pytest

from jaxit.tasks.flan2022 import cot, dialog, mixtures
from jaxit.tasks.flan2022.invented import ROWS
from jaxit.tasks.flan2022.shots import ROW
from jaxit.tasks.rendering import render_row
from jaxit.tasks.tensorflow_sources import Tfds, plain

CHAINS = (*cot.members(None), *cot.inversions(None))
DIALOGS = (*dialog.members(None), *dialog.inversions(None))
OTHERS = tuple(mixtures.Flan2022().members('flan'))[-2:]
MEMBERS = {member.key: member for member in (*CHAINS, *DIALOGS, *OTHERS)}
ROW_OF = {m.key: m.source.key for m in CHAINS} | {
    m.key: m.key.removesuffix('_input_inversion') for m in (*DIALOGS, *OTHERS)
}


def test_every_data_set_has_a_row_and_no_more():
    assert tuple(ROWS) == tuple(dict.fromkeys(ROW_OF.values()))


@pytest.mark.parametrize('key', MEMBERS)
def test_a_row_renders_in_all_ten_templates(key):
    [variant] = MEMBERS[key].variants(shots=False, options=True)
    task = mixtures.task_of(key, MEMBERS[key], variant, 0)
    assert len(task.templates) == 10
    for index in range(10):
        (example,) = render_row(task, 'train', 0, ROWS[ROW_OF[key]] | {ROW: 0}, seed=0, template=index)
        assert example.inputs.strip() and example.targets.strip()
        assert '\\n' not in example.inputs + example.targets


@pytest.mark.parametrize('key', cot.SIZES)
def test_a_chain_has_its_fields_and_an_answer_that_was_offered(key):
    row = ROWS[key]
    assert tuple(row) == cot.FIELDS
    if 'Options:' in row['question']:
        offered = row['question'].split('Options:\n')[1].split('\n')
        assert len([option for option in offered if option.removeprefix('- ').startswith(row['answer'])]) == 1


def test_sums_come_out():
    sums = re.findall(r'(\d+ [-*/] \d+) = (\d+)', ROWS['gsm8k']['chain'])
    assert len(sums) == 4 and all(eval(left) == int(right) for left, right in sums)
    assert sums[-1][1] == ROWS['gsm8k']['answer']
    equations = [line.split(' = ') for line in ROWS['aqua']['chain'].split('\n')[1:]]
    assert all(eval(left, {'x': 6}) == int(right) for left, right in equations)
    assert f'{ROWS["aqua"]["answer"]} 6' in ROWS['aqua']['question']


def test_a_conversation_quotes_its_passage():
    row = ROWS['wiki_dialog']
    assert row['passage'] == ' '.join(row['sentences'])
    assert [said for said, who in zip(row['utterances'], row['author_num'], strict=True) if who] == row['sentences']
    assert len(ROWS['qrecc']['context']) == 2 * (ROWS['qrecc']['turn_id'] - 1)


@pytest.mark.tasks
@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('key', [member.key for member in dialog.members(None)])
def test_a_conversation_is_of_the_schema_of_its_source(key):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        tfds = pytest.importorskip('tensorflow_datasets')
    source = MEMBERS[key].source
    assert isinstance(source, Tfds)
    features = tfds.builder(source.name).info.features
    assert set(features) == set(ROWS[key])
    assert plain(features.encode_example(ROWS[key])) == ROWS[key]
