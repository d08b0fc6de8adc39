"""Suites as files: what is written is read, and what is wrong is told with its line."""

import json

import pytest

from jaxit.core.errors import UserError
from jaxit.evaluation.results import example_id
from jaxit.evaluation.suite import Suite, make_task
from jaxit.evaluation.suite_files import load_suite, save_suite
from jaxit.text.examples import Example, Part, ordinary

HEADER = {'suite': 's', 'kind': 'held_out'}


def written(tmp_path, *lines) -> str:
    path = tmp_path / 'suite.jsonl'
    path.write_text(''.join(json.dumps(line) + '\n' for line in lines))
    return str(path)


def test_what_was_saved_is_loaded(tmp_path):
    chat = Example(
        (Part('<unk>', special=True), Part('Eh', optional=True), Part('Hi'), Part('Ho', loss=True)), task='chat'
    )
    choice = ordinary('q', 'b', options=('a', 'b'), references=('b', 'B'), source_row=7, template=2, task='choice')
    text = Example((Part('Es war einmal ä.', loss=True),), task='text')
    grouped = ordinary('q', '3', group='0/7', gold_number=2.6, task='grouped')
    tasks = (
        make_task('grouped', [grouped, ordinary('q', '0', gold_number=0.0, task='grouped')], ['pearson']),
        make_task('chat', [chat, ordinary('2', '3', task='chat')], ['rouge_l']),
        make_task('choice', [choice]),
        make_task('text', [text], ['perplexity']),
    )
    suite = Suite('mixed', 'forgetting', tasks)
    save_suite(suite, tmp_path / 'suite.jsonl')
    assert load_suite(tmp_path / 'suite.jsonl') == suite


def test_a_suite_by_hand(tmp_path):
    lines = (
        {'task': 'a', 'inputs': 'q', 'targets': 't'},
        {'task': 'b', 'inputs': 'q', 'targets': 'no', 'options': ['yes', 'no']},
        {'task': 'a', 'inputs': 'r', 'targets': 'u'},
    )
    suite = load_suite(written(tmp_path, HEADER | {'metrics': {'a': ['rouge_l']}}, *lines))
    assert [(task.name, len(task.examples), task.metrics) for task in suite.tasks] == [
        ('a', 2, ('rouge_l',)),
        ('b', 1, ('rank_accuracy', 'rank_accuracy_per_token', 'exact_match')),
    ]
    texts = load_suite(written(tmp_path, HEADER | {'kind': 'forgetting'}, {'task': 'w', 'text': 'once'}))
    assert texts.tasks[0].metrics == ('perplexity', 'bits_per_byte')
    assert texts.tasks[0].examples[0].targets == 'once'


def test_a_right_number_may_be_whole(tmp_path):
    lines = [{'task': 'a', 'inputs': 'q', 'targets': '3', 'gold_number': number} for number in (3, 3.0)]
    first, second = load_suite(written(tmp_path, HEADER, *lines)).tasks[0].examples
    assert first == second and example_id(first) == example_id(second)


@pytest.mark.parametrize(
    ('lines', 'message'),
    [
        ([{'task': 'a'}], 'line 1 must be'),
        ([], 'line 1 must be'),
        ([HEADER], 'at least one'),
        ([HEADER, {'task': 'a', 'inputs': 'q'}], "line 2: 'targets' must be a text"),
        ([HEADER, {'task': 'a', 'input': 'q'}], "unknown field 'input' in .*line 2; did you mean inputs"),
        ([HEADER, {'task': 'a', 'text': 'q', 'options': 'yes'}], "line 2: 'options' must be a list"),
        ([HEADER, {'task': 'a', 'text': 'q', 'source_row': 'x'}], "line 2: 'source_row' must be a whole number"),
        ([HEADER, {'task': 'a', 'text': 'q', 'group': 3}], "line 2: 'group' must be a text"),
        ([HEADER, {'task': 'a', 'text': 'q', 'gold_number': '3'}], "line 2: 'gold_number' must be a number"),
        ([HEADER, {'task': 'a', 'text': 'q', 'gold_number': True}], "line 2: 'gold_number' must be a number"),
        ([HEADER, {'task': 'a', 'parts': [{'txt': 'q'}]}], 'line 2: "parts" must be a list'),
        ([HEADER, {'task': 'a', 'parts': [{'text': 3}]}], 'line 2: "parts" must be a list'),
        ([HEADER | {'metrics': {'b': []}}, {'task': 'a', 'text': 'q'}], "metrics of task 'b'"),
        ([HEADER | {'metrics': {'a': 'f1'}}, {'task': 'a', 'text': 'q'}], "metrics of task 'a' must be a list"),
    ],
)
def test_wrong_files_are_refused_with_the_line(tmp_path, lines, message):
    with pytest.raises(UserError, match=message):
        load_suite(written(tmp_path, *lines))
