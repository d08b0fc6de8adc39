"""Chains of thought: wordings, the forms that files come in, and real rows that were read by eye."""

import hashlib
import json
import re

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks import registry
from jaxit.tasks.flan2022 import cot, mixtures
from jaxit.tasks.flan2022.cot_templates import FORWARD, INVERTED
from jaxit.tasks.flan2022.member import PLAIN
from jaxit.tasks.rendering import examples


def task_of(member):
    return mixtures.task_of(f'{member.key}_{PLAIN.suffix}', member, PLAIN, 0)


def member_of(members, key):
    return next(member for member in members if member.key == key)


def test_chains_come_before_or_after_the_answer_and_inversions_ask_for_something_else():
    assert set(FORWARD) == set(cot.SIZES)
    wordings = [template.inputs for templates in FORWARD.values() for template in templates]
    assert len(wordings) == len(set(wordings)) == 90
    for template in (t for templates in FORWARD.values() for t in templates):
        assert template.inputs.count('{question}') == 1
        assert template.fields == tuple(dict.fromkeys(('question', *template.fields[1:])))
        assert sorted(template.fields) == ['answer', 'chain', 'question']
    assert len(INVERTED) == 10
    kept = {template.targets for template in INVERTED}
    assert {'{question}', '{chain}', '{answer}'} < kept
    for template in INVERTED:
        assert template.kind == 'inverted'
        assert not set(re.findall(r'{\w+}', template.inputs)) & set(re.findall(r'{\w+}', template.targets))


def test_rows_of_chains_are_cleaned():
    record = {'question': 'Which?\nOptions:\n(A) x ', 'answer': '(A)', 'chain': 'a = 1\nb = 2'}
    assert cot.clean(record) == {'question': 'Which?\nOptions:\n(A) x', 'answer': '(A)', 'chain': 'a = 1\nb = 2.'}
    for chain, ended in (
        ('Done!', 'Done!'),
        ('(It is "so.")', '(It is "so.")'),
        ('Area = 2 cm2;', 'Area = 2 cm2.'),
        ('Look at the diagram below:', 'Look at the diagram below.'),
        ('59/13 = 7 (Remainder)', '59/13 = 7 (Remainder).'),
    ):
        assert cot.clean(record | {'chain': chain})['chain'] == ended
    assert cot.clean(record | {'answer': ' '}) is None


def test_chains_are_read_from_tables_and_json_lines(tmp_path):
    (tmp_path / 'qed_train.tsv').write_text('q\ta\tbe\\ncause\n')
    (tmp_path / 'esnli.jsonl').write_text(r'{"question": "q2", "answer": "a2", "chain": "2 \\neq 3,\nso"}' + '\n')
    for key, wanted in (('stream_qed', 'be\ncause'), ('cot_esnli', '2 \\neq 3,\nso')):
        task = task_of(member_of(cot.members(str(tmp_path)), key))
        (example,) = examples(task, 'train')
        assert wanted in example.targets
        assert task.source.num_examples('train') == 1


def test_gsm8k_is_read_in_the_form_it_was_released_in(tmp_path):
    (tmp_path / 'gsm8k').mkdir()
    rows = [
        {'question': 'How many?', 'answer': 'She has 48/2 = <<48/2=24>>24 clips.\nThat is $<<24*2=48>>48\n#### 1,048'},
        {'question': 'How much?', 'answer': 'Two\n####  -3 '},
        {'question': 'Why?', 'answer': '4'},
    ]
    (tmp_path / 'gsm8k' / 'train.jsonl').write_text(''.join(json.dumps(row) + '\n' for row in rows))
    source = cot.ChainFile(str(tmp_path), 'gsm8k')
    assert source.num_examples('train') == 3
    records = source.records('train')
    assert next(records) == {
        'question': 'How many?',
        'answer': '1048',
        'chain': 'She has 48/2 = 24 clips.\nThat is $48',
    }
    assert next(records) == {'question': 'How much?', 'answer': '-3', 'chain': 'Two'}
    with pytest.raises(UserError, match=r"train.jsonl: row 2 has no field 'chain', nor an answer with"):
        next(records)


def test_gsm8k_says_the_same_in_both_forms(shared_data):
    """The rows that Flan released are the oracle: equal but for blanks and line breaks, and for an apostrophe in one."""
    released = cot.ChainFile(str(shared_data), 'gsm8k')
    assert released.num_examples('train') == cot.SIZES['gsm8k']
    other = cot.ChainFile(str(shared_data / 'flan_cot'), 'gsm8k')
    both = list(zip(released.records('train'), other.records('train'), strict=True))
    assert not [1 for record, _ in both if '<<' in record['chain'] or '####' in record['chain']]
    differ = [
        number
        for number, pair in enumerate(both)
        if len({tuple(re.sub(r'\s|[.]', '', record[field]) for field in cot.FIELDS) for record in pair}) > 1
    ]
    assert differ == [1734]


# Ten rendered rows of each set, read by eye.
GOLDEN = {
    'cot_gsm8k': '4efc1f29b35fed01',
    'cot_strategyqa': 'cb71bd18b52d72f5',
    'cot_creak': '1c27924124897fe1',
    'cot_qasc': '7648445c57d1071c',
    'cot_ecqa': 'b69bc47c6acd3708',
    'cot_sensemaking': '0e5902578b58cee0',
    'stream_aqua': 'd7f00986688ccd4c',
    'cot_input_inversion_gsm8k': '948c1fcfc06a5c7e',
    'cot_input_inversion_strategyqa': '1d41548986568239',
    'cot_input_inversion_creak': 'd404516b3e3404fe',
    'cot_input_inversion_qasc': 'df9198a3900932e4',
    'cot_input_inversion_ecqa': '3b0b6bf8b7aecfeb',
    'cot_input_inversion_sensemaking': 'a06c69c0a1fc6176',
    'stream_input_inversion_aqua': 'dceb2a1616ace72d',
}


# The same of GSM8K as it was released.
RELEASED = {'cot_gsm8k': '2a83c8425ceb721e', 'cot_input_inversion_gsm8k': 'c79e02f1cb2faf9a'}


@pytest.mark.parametrize(
    ('part', 'key', 'golden'),
    [*(('flan_cot', *item) for item in GOLDEN.items()), *(('', *item) for item in RELEASED.items())],
)
def test_the_first_ten_rows_read_as_they_did(shared_data, part, key, golden):
    folder = str(shared_data / part)
    member = member_of((*cot.members(folder), *cot.inversions(folder)), key)
    task = task_of(member)
    made = examples(task, 'train')
    text = '\0'.join(f'{e.template}\0{e.inputs}\0{e.targets}' for e, _ in zip(made, range(10), strict=False))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == golden


def test_names_of_tasks_lead_back_to_their_members(monkeypatch):
    registry.names()
    monkeypatch.setattr(registry, '_FAMILIES', list(registry._FAMILIES))
    mixtures.register()
    task = registry.get_task('stream_input_inversion_aqua_template_0to10_zero_shot')
    assert task.templates == INVERTED
    assert task.source.num_examples('train') == 2728
