"""From a task's records to rendered examples: preprocess, draw a template, fill it in."""

import dataclasses
import random
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from jaxit.core.errors import UserError
from jaxit.tasks.preprocessors import apply
from jaxit.tasks.registry import TRAIN, Task
from jaxit.tasks.sources import Record
from jaxit.text import chat
from jaxit.text.examples import Example, Part, ordinary
from jaxit.text.templates import Template, choose

EXEMPLARS = 'exemplars'  # the field that holds them, beside those of the record
POOL_ROWS = 512  # of the train split, that exemplars are drawn from
SPARE = 4  # more are drawn than wanted, since preprocessors may leave some out


def examples(
    task: Task, split: str, *, seed: int = 0, template: int | None = None, chat_format: str | None = None
) -> Iterator[Example]:
    """Yields the examples of a split, in the order of the source.

    Training draws a template for each row; the draw depends on (seed, row, task) only. Other splits
    use the task's `eval_template`.

    Args:
        task: the task.
        split: a split of its source.
        seed: of the draw.
        template: the index of one template for all rows.
        chat_format: writes every example as a conversation in this format; see `text.chat`. An `Example` that
            `render` returns stays as it is.

    Raises:
        UserError: for a row that can't be rendered, with the file and line it came from.
    """
    for row, record in enumerate(records(task, split, seed)):
        try:
            made = render_row(task, split, row, record, seed=seed, template=template, chat_format=chat_format)
        except UserError as error:
            raise UserError(f'task {task.name!r}, {task.source.locate(split, row)}: {error}') from None
        yield from made


def records(
    task: Task, split: str, seed: int, left_out: Collection[int] = (), *, start: int = 0, stop: int | None = None
) -> Iterator[Record]:
    """Yields the records of a split as they come; those of a few-shot task bring exemplars, never themselves.

    The exemplars depend on (seed, row, task) only, and on which rows of the train split are left out of them.

    Args:
        task: the task.
        split: of its source.
        seed: of the draw of exemplars.
        left_out: rows of the train split that are no exemplars.
        start: the first row.
        stop: the row to stop before; None for all.
    """
    rows = task.source.slice(split, start, stop)
    if not task.shots:
        yield from rows
        return
    first = enumerate(task.source.slice(TRAIN, 0, POOL_ROWS))
    pool = [record for row, record in first if row not in left_out]
    for row, record in enumerate(rows, start):
        others = [other for other in pool if other != record]
        draw = random.Random(f'{seed}/{row}/{task.name}')
        yield record | {EXEMPLARS: draw.sample(others, min(task.shots + SPARE, len(others)))}


def render_row(
    task: Task,
    split: str,
    row: int,
    record: Record,
    *,
    seed: int,
    template: int | None = None,
    chat_format: str | None = None,
) -> list[Example]:
    """Returns the examples of one record: one, unless preprocessors make more or none of it."""
    made = []
    pool = record.get(EXEMPLARS, []) if task.shots else []
    record = {name: value for name, value in record.items() if name != EXEMPLARS} if task.shots else record
    if task.shots and task.few_shot is not None:
        index = _template_of(task, split, row, record, seed) if template is None else template
        facts: dict[str, Any] = {'source_row': row, 'template': index, 'task': task.name}
        written = task.few_shot(record, pool, index)
        return [_with_exemplars(before, ordinary(*texts, **facts), chat_format) for before, *texts in written]
    for item in apply(task.preprocessors, record):
        if task.kind == 'text':
            made.append(_text(task, row, item))
            continue
        index = _template_of(task, split, row, item, seed) if template is None else template
        before = _exemplars(task, pool, index)
        example = _example(task, row, item, index, None if before else chat_format)
        made.append(_with_exemplars(before, _shot(task, example), chat_format))
    return made


def _exemplars(task: Task, pool: list[Record], index: int) -> list[str]:
    items = [items[0] for record in pool if (items := apply(task.preprocessors, record))]
    shown = [_shot(task, _example(task, 0, item, index, None)) for item in items[: task.shots]]
    return [f'{example.inputs}\n{example.targets}\n\n\n' for example in shown]


def _shot(task: Task, example: Example) -> Example:
    """Returns an example that may be an exemplar, or stand behind some: not a conversation, whose turns would run together."""
    if task.shots and isinstance(example, chat.Conversation):
        raise UserError('exemplars are for inputs and targets; a task of conversations has no shots')
    return example


def _with_exemplars(before: list[str], example: Example, chat_format: str | None) -> Example:
    """Puts exemplars before an example: parts that may be left out, or, in a conversation, text of the user's turn."""
    if not before:
        return example
    if chat_format is None:
        return dataclasses.replace(example, parts=(*(Part(text, optional=True) for text in before), *example.parts))
    inputs = ''.join(before) + example.inputs
    turns = [{'role': 'user', 'content': inputs}, {'role': 'assistant', 'content': example.targets}]
    return dataclasses.replace(example, parts=chat.to_parts(turns, chat_format))


def _text(task: Task, row: int, record: Record) -> Example:
    return Example((Part(_checked_text(record, 'text'), loss=True),), source_row=row, task=task.name)


def _template_of(task: Task, split: str, row: int, record: Record, seed: int) -> int:
    if not task.templates:
        return 0
    if task.template_field is not None:
        index = record.get(task.template_field)
        if not isinstance(index, int) or not 0 <= index < len(task.templates):
            raise UserError(f'field {task.template_field!r} is {index!r}; it must be 0..{len(task.templates) - 1}')
        return index
    if split != TRAIN and task.eval_template is not None:
        return task.eval_template
    usable = [i for i, t in enumerate(task.templates) if split == TRAIN or t.kind != 'inverted']
    return usable[choose([task.templates[i] for i in usable], task.name, row, seed)]


def _example(task: Task, row: int, record: Record, index: int, chat_format: str | None) -> Example:
    facts: dict[str, Any] = {'source_row': row, 'template': index, 'task': task.name}
    if task.templates:
        return _from_template(task, record, task.templates[index], facts, chat_format)
    if task.render is not None:
        made = task.render(record)
        if isinstance(made, Example):
            return dataclasses.replace(made, source_row=row, task=task.name)
        record = made
    facts |= {'options': _options(task, record, task.language)} | _gold(record)
    if 'messages' in record:
        return chat.write(_messages(record), chat_format or 'plain', loss=task.loss_turns, **facts)
    for inputs, targets in (('inputs', 'targets'), ('prompt', 'completion')):
        if inputs in record or targets in record:
            return _ordinary(_checked_text(record, inputs), _checked_text(record, targets), facts, chat_format)
    raise UserError(
        f'the record has {", ".join(sorted(record)) or "no field"}; without templates it needs inputs and targets, '
        'prompt and completion, or messages'
    )


def _from_template(
    task: Task, record: Record, template: Template, facts: dict[str, Any], chat_format: str | None
) -> Example:
    options = () if template.kind == 'inverted' else _options(task, record, template.language)
    inputs, targets = template.render(record, options=options)
    gold = {} if template.kind == 'inverted' else _gold(record)
    return _ordinary(inputs, targets, facts | {'options': options} | gold, chat_format)


def _ordinary(inputs: str, targets: str, facts: dict[str, Any], chat_format: str | None) -> Example:
    if chat_format is None:
        return ordinary(inputs, targets, **facts)
    turns = [{'role': 'user', 'content': inputs}, {'role': 'assistant', 'content': targets}]
    return Example(chat.to_parts(turns, chat_format), **facts)


def _options(task: Task, record: Record, language: str) -> tuple[str, ...]:
    options = task.answer_options
    if isinstance(options, Mapping):
        options = options.get(language)
    if isinstance(options, str):
        if options not in record:
            raise UserError(f'no field {options!r}, which holds the answer options')
        options = record[options]
    if options is None:
        return ()
    if not isinstance(options, list | tuple) or not all(isinstance(option, str) for option in options):
        raise UserError(f'the answer options are {options!r}; they must be a list of texts')
    return tuple(options)


def _gold(record: Record) -> dict[str, Any]:
    """Returns what an answer is judged by, beside the targets: the record's references, group and gold_number."""
    references, group, number = record.get('references', ()), record.get('group', ''), record.get('gold_number')
    if not isinstance(references, list | tuple) or not all(isinstance(text, str) for text in references):
        raise UserError(f"field 'references' is {type(references).__name__}; it must be a list of texts")
    if not isinstance(number, int | float | None) or isinstance(number, bool):
        raise UserError(f"field 'gold_number' is {number!r}; it must be a number")
    return {
        'references': tuple(references),
        'group': '' if group is None else str(group),
        'gold_number': None if number is None else float(number),
    }


def _messages(record: Record) -> list[Mapping[str, Any]]:
    messages = record['messages']
    if not isinstance(messages, list) or not messages or not all(isinstance(m, Mapping) for m in messages):
        raise UserError("field 'messages' must be a list of objects with role and content")
    return messages


def _checked_text(record: Record, field: str) -> str:
    value = record.get(field)
    if not isinstance(value, str):
        what = 'missing' if field not in record else type(value).__name__
        raise UserError(f'field {field!r} is {what}; it must be text')
    return value
