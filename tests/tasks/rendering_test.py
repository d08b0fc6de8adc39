"""Rendering: template draws against the definition, every kind of record, and one clear line for a bad row."""

import hashlib
import json

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks.preprocessors import filter_empty
from jaxit.tasks.registry import Task
from jaxit.tasks.rendering import examples
from jaxit.tasks.sources import Jsonl, Python
from jaxit.text.examples import Example, Part
from jaxit.text.templates import Template

TEMPLATES = tuple(
    Template(f'{word} {{question}}', '{answer}', language=language)
    for word, language in (('Q', 'en'), ('F', 'de'), ('?', 'en'))
)


def questions(split, seed):
    return [{'question': f'q{i}', 'answer': f'a{i}', 'kind': ['x', 'y'], 'arten': ['u']} for i in range(40)]


def task(records=None, **fields):
    function = questions if records is None else lambda split, seed: records
    return Task('asked', Python(function, ('train', 'test')), **fields)


def by_hand(row, seed, count):
    digest = hashlib.sha256(f'{seed}/{row}/asked'.encode()).digest()
    return int.from_bytes(digest[:8], 'little') % count


def test_training_draws_a_template_for_each_row():
    for seed in (0, 5):
        made = list(examples(task(templates=TEMPLATES), 'train', seed=seed))
        assert [e.template for e in made] == [by_hand(row, seed, 3) for row in range(40)]
        assert {e.template for e in made} == {0, 1, 2}
        for row, e in enumerate(made):
            assert (e.source_row, e.task, e.inputs, e.targets) == (
                row,
                'asked',
                f'{"QF?"[e.template]} q{row}',
                f'a{row}',
            )


def test_other_splits_keep_to_one_template():
    assert {e.template for e in examples(task(templates=TEMPLATES), 'test')} == {0}
    assert {e.template for e in examples(task(templates=TEMPLATES, eval_template=2), 'test')} == {2}
    assert {e.template for e in examples(task(templates=TEMPLATES), 'train', template=1)} == {1}


def test_evaluation_never_draws_an_inverted_template():
    templates = (Template('{question}', '{answer}'), Template('Ask: {answer}', '{question}', kind='inverted'))
    made = list(examples(task(templates=templates, eval_template=None, answer_options=('x', 'y')), 'test'))
    assert {e.template for e in made} == {0}
    made = list(examples(task(templates=templates, eval_template=None, answer_options=('x', 'y')), 'train'))
    assert {(e.template, e.options) for e in made} == {(0, ('x', 'y')), (1, ())}


def test_a_field_may_name_the_template():
    records = [{'question': 'q', 'answer': 'a', 'use': i % 3} for i in range(7)]
    made = list(examples(task(records, templates=TEMPLATES, template_field='use'), 'train'))
    assert [e.template for e in made] == [0, 1, 2, 0, 1, 2, 0]
    for bad in (3, -1, '1', None):
        with pytest.raises(UserError, match=r"field 'use' is .*; it must be 0\.\.2"):
            list(examples(task([records[0] | {'use': bad}], templates=TEMPLATES, template_field='use'), 'train'))


def test_options_come_from_the_task_the_record_or_the_language():
    def options(answer_options, template):
        made = examples(task(templates=TEMPLATES, answer_options=answer_options), 'train', template=template)
        return next(made).options

    assert options(('p', 'q'), 0) == ('p', 'q')
    assert options('kind', 1) == ('x', 'y')
    assert options({'en': 'kind', 'de': 'arten'}, 0) == ('x', 'y')
    assert options({'en': 'kind', 'de': 'arten'}, 1) == ('u',)
    assert options({'en': 'kind'}, 1) == ()
    with pytest.raises(UserError, match="no field 'absent', which holds the answer options"):
        options('absent', 0)
    with pytest.raises(UserError, match="the answer options are 'q0'; they must be a list"):
        options('question', 0)


@pytest.mark.parametrize(
    ('record', 'inputs', 'targets'),
    [
        ({'inputs': 'a', 'targets': 'b'}, 'a', 'b'),
        ({'prompt': 'a', 'completion': 'b'}, 'a', 'b'),
        ({'messages': [{'role': 'user', 'content': 'a'}, {'role': 'assistant', 'content': 'b'}]}, 'a\n', 'b'),
    ],
)
def test_records_speak_for_themselves(record, inputs, targets):
    (made,) = examples(task([record | {'references': ['b', 'c']}]), 'train')
    assert (made.inputs, made.targets, made.references) == (inputs, targets, ('b', 'c'))


def test_a_render_function_may_return_fields_or_an_example():
    def fields(record):
        return {'inputs': record['question'].upper(), 'targets': record['answer'], 'references': ['r']}

    def example(record):
        return Example((Part('s', special=True), Part(record['question']), Part('t', loss=True)), template=4)

    made = list(examples(task(render=fields), 'train'))
    assert (made[3].inputs, made[3].targets, made[3].references, made[3].source_row) == ('Q3', 'a3', ('r',), 3)
    made = list(examples(task(render=example), 'train'))
    assert (made[3].inputs, made[3].template, made[3].source_row, made[3].task) == ('sq3', 4, 3, 'asked')


def test_preprocessors_may_drop_and_multiply_rows():
    def twice(record):
        return [record, record | {'answer': 'again'}]

    records = [{'question': 'q', 'answer': 'a'}, {'question': '', 'answer': 'b'}, {'question': 'r', 'answer': 'c'}]
    made = list(
        examples(task(records, templates=TEMPLATES, preprocessors=(filter_empty(('question',)), twice)), 'train')
    )
    assert [(e.source_row, e.targets) for e in made] == [(0, 'a'), (0, 'again'), (2, 'c'), (2, 'again')]


def test_every_example_may_be_written_as_a_conversation():
    (made,) = examples(task([{'inputs': 'a', 'targets': 'b'}]), 'train', chat_format='chatml')
    text = '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>'
    assert ''.join(part.text for part in made.parts) == text
    assert [part.text for part in made.parts if part.loss] == ['b', '<|im_end|>']
    conversation = [{'role': 'user', 'content': 'a'}, {'role': 'assistant', 'content': 'b'}]
    (again,) = examples(task([{'messages': conversation}]), 'train', chat_format='chatml')
    assert again.parts == made.parts
    drawn = next(examples(task(templates=TEMPLATES), 'train', template=0, chat_format='chatml'))
    assert [part.text for part in drawn.parts if not part.special] == ['user\n', 'Q q0', '\n', 'assistant\n', 'a0']


def test_plain_text_bears_loss_from_its_start():
    (made,) = examples(task([{'text': 'Once.'}], kind='text'), 'train')
    assert made.parts == (Part('Once.', loss=True),)


@pytest.mark.parametrize(
    ('line', 'fields', 'message'),
    [
        ({'inputs': 'a', 'targets': 3}, {}, "field 'targets' is int; it must be text"),
        ({'inputs': 'a', 'targets': 'b', 'references': 'b'}, {}, "field 'references' is str"),
        ({'inputs': 'a', 'targets': 'b'}, {'templates': (Template('{input}', '{targets}'),)}, "unknown field 'input'"),
        ({'inputs': 'a', 'targets': ['b']}, {'templates': (Template('{inputs}', '{targets}'),)}, "'targets' is list"),
        ({'inputs': 'a', 'targets': 'b'}, {'kind': 'text'}, "field 'text' is missing"),
    ],
)
def test_a_bad_row_is_named_with_task_file_and_line(tmp_path, line, fields, message):
    path = tmp_path / 'rows.jsonl'
    path.write_text(
        ''.join(
            json.dumps(record) + '\n' for record in ({'inputs': 'a', 'targets': 'b', 'text': 'c', 'input': 'd'}, line)
        )
    )
    with pytest.raises(UserError, match=message) as caught:
        list(examples(Task('asked', Jsonl(path), **fields), 'train'))
    assert str(caught.value).startswith(f"task 'asked', {path}: line 2: ") and '\n' not in str(caught.value)


def test_a_record_of_other_fields_says_what_is_missing():
    with pytest.raises(UserError, match='row 0: the record has answer; without templates it needs inputs and targets'):
        list(examples(task([{'answer': 'a'}]), 'train'))
    for messages in ('hello', [], ['hello'], {}):
        with pytest.raises(UserError, match="field 'messages' must be a list of objects"):
            list(examples(task([{'messages': messages}]), 'train'))


def test_exemplars_come_from_train_in_the_same_template_and_are_never_the_row():
    few = task(templates=TEMPLATES, shots=3)
    for split in ('train', 'test'):
        made = list(examples(few, split, seed=4))
        assert len(made) == 40
        for row, example in enumerate(made):
            *shown, prompt, reply = example.parts
            assert len(shown) == 3 and all(part.optional and not part.loss for part in shown)
            assert (reply.text, reply.loss, prompt.optional) == (f'a{row}', True, False)
            mark = 'QF?'[example.template]
            numbers = [int(part.text.split('\n')[1][1:]) for part in shown]
            assert [part.text for part in shown] == [f'{mark} q{i}\na{i}\n\n\n' for i in numbers]
            assert row not in numbers and len(set(numbers)) == 3
    assert list(examples(few, 'train', seed=4)) == list(examples(few, 'train', seed=4))
    assert list(examples(few, 'train', seed=4)) != list(examples(few, 'train', seed=5))


def test_exemplars_of_a_conversation_stand_in_the_users_turn():
    [*_, example] = examples(task(templates=TEMPLATES[:1], shots=2), 'test', chat_format='chatml')
    (user,) = [part.text for part in example.parts if 'q39' in part.text]
    assert user.count('Q q') == 3 and user.endswith('Q q39')
    assert example.targets == 'a39'


def test_records_that_preprocessors_leave_out_are_no_exemplars():
    records = [{'question': f'q{i}', 'answer': '' if i % 2 else f'a{i}'} for i in range(10)]
    few = task(records, templates=TEMPLATES[:1], preprocessors=(filter_empty(('answer',)),), shots=2)
    made = list(examples(few, 'train'))
    assert len(made) == 5
    for example in made:
        assert len(example.parts) == 4 and all('\na' in part.text for part in example.parts[:2])


def test_what_an_answer_is_judged_by_comes_with_it():
    asked = {'question': 'q', 'answer': '4', 'references': ['4', 'four'], 'group': '0/7', 'gold_number': 3.8}
    inverted = Template('Ask: {answer}', '{question}', kind='inverted')

    def made(record, **fields):
        (example,) = examples(task([record], **fields), 'train')
        return example.references, example.group, example.gold_number

    assert made(asked, templates=TEMPLATES[:1]) == (('4', 'four'), '0/7', 3.8)
    assert made(asked | {'inputs': 'q', 'targets': '4'}) == (('4', 'four'), '0/7', 3.8)
    assert made(asked, templates=(inverted,)) == ((), '', None)
    assert made(asked | {'group': None, 'gold_number': None}, templates=TEMPLATES[:1])[1:] == ('', None)
    assert made(asked | {'group': 7, 'gold_number': 0}, templates=TEMPLATES[:1])[1:] == ('7', 0.0)
    with pytest.raises(UserError, match="field 'gold_number' is 'four'; it must be a number"):
        made(asked | {'gold_number': 'four'}, templates=TEMPLATES[:1])


def test_an_example_that_render_returns_keeps_what_it_has():
    part = Part('q'), Part('4', loss=True)
    given = Example(part, template=2, options=('4', '5'), references=('4',), group='g', gold_number=3.8)
    (made,) = examples(task([{}], render=lambda record: given), 'train')
    assert made == Example(part, 0, 2, ('4', '5'), 'asked', ('4',), 'g', 3.8)


@pytest.mark.parametrize('chat_format', [None, 'chatml'])
def test_a_conversation_has_no_exemplars(chat_format):
    """Its turns would run together to one text."""
    talk = [{'role': 'user', 'content': 'q'}, {'role': 'assistant', 'content': 'a'}]
    ordinary = [{'inputs': f'{i}', 'targets': 'x'} for i in range(3)]
    for records in ([{'messages': talk}, *ordinary], [*ordinary, {'messages': talk}], [{'messages': talk}]):
        with pytest.raises(UserError, match='a task of conversations has no shots'):
            list(examples(task(records, shots=3), 'train', chat_format=chat_format))
