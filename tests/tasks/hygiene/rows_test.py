"""Rows are scanned in order, whatever the number of workers, and say the same in whatever template they are drawn."""

import dataclasses

import pytest

from jaxit.core.errors import JaxitError, UserError
from jaxit.tasks import parallel
from jaxit.tasks.conversations import Conversations, convert
from jaxit.tasks.hygiene.rows import own_texts, rendered, scan
from jaxit.tasks.registry import Task
from jaxit.text.templates import Template


def number_of(row):
    if row.record['inputs'] == 'bad':
        raise UserError('bad')
    return row.number, row.record['inputs'], row.split


def dies(row):
    import os

    os._exit(9)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(parallel, 'CHUNK_ROWS', 8)
    monkeypatch.setattr(parallel, 'ALONE_CHUNKS', 1)


def test_the_outcome_is_the_same_for_any_number_of_workers(small_chunks, add):
    task = add('many', [('bad' if i % 7 == 3 else f'{i}', 'x') for i in range(60)])
    one, two = (list(scan(task, 'train', number_of, num_workers=workers)) for workers in (1, 2))
    assert one == two == [(i, None if i % 7 == 3 else (i, f'{i}', 'train')) for i in range(60)]


def test_what_can_not_be_sent_to_workers_and_workers_that_die(small_chunks, add):
    task = add('many', [('a', 'x')] * 60, preprocessors=(lambda record: record,))
    with pytest.raises(UserError, match="task 'many' can not be sent to 2 workers"):
        list(scan(task, 'train', number_of, num_workers=2))
    with pytest.raises(JaxitError, match="a worker that read task 'many' died"):
        list(scan(dataclasses.replace(task, preprocessors=()), 'train', dies, num_workers=2))
    with pytest.raises(UserError, match='num_workers is 0'):
        scan(task, 'train', number_of, num_workers=0)


def test_own_texts_are_the_fields_of_all_templates(add):
    record = {'premise': 'P', 'year': 3, 'choices': ['a', 'b'], 'label': 'a', 'secret': 'S', 'extra': None}
    task = add(
        'own',
        [record],
        templates=(Template('Read {premise}. {options}', '{label}'), Template('In {year}: {premise}?', '{label}')),
        answer_options='choices',
    )
    assert [texts for _, texts in scan(task, 'train', own_texts)] == [[('P', 'a', '3', 'a\nb')]]


def test_without_templates_all_that_is_rendered_is_a_rows_own(add):
    plain, text = add('plain', [('in', 'out')]), add('text', [{'text': 'a story'}], kind='text')
    assert list(scan(plain, 'train', own_texts)) == [(0, [('in', 'out')])]
    assert list(scan(text, 'train', own_texts)) == [(0, [('a story',)])]
    assert list(scan(plain, 'train', rendered)) == [(0, [('in', 'out')])]
    assert list(scan(text, 'train', rendered)) == [(0, [('a story', '')])]


def test_rows_are_rendered_in_the_first_template_and_without_exemplars(add):
    templates = tuple(Template(f'{i} {{inputs}}', '{targets}') for i in range(5))
    task = add('wordings', [('a', 'x')] * 9, templates=templates, shots=2)
    assert {made[0] for _, made in scan(task, 'train', rendered)} == {('0 a', 'x')}
    marked = add('marked', [{'inputs': 'a', 'targets': 'x', 't': i % 5} for i in range(9)], templates=templates,
                 template_field='t')  # fmt: skip
    assert [made[0][0] for _, made in scan(marked, 'train', rendered)] == [f'{i % 5} a' for i in range(9)]


def test_real_conversations_with_tools_can_be_compared(shared_data):
    task = Task(
        'tools', Conversations(shared_data / 'llamafactory/glaive_toolcall_en_demo.json.gz'), preprocessors=(convert(),)
    )
    made = [texts for _, texts in scan(task, 'train', own_texts)]
    said = [[turn['value'] for turn in record['conversations']] for record in task.source.records('train')]
    assert len(made) == len(said) == 300 and any(len(turns) > 2 for turns in said)
    for texts, turns in zip(made, said, strict=True):
        assert texts is not None and set(turns) <= set(texts[0])
