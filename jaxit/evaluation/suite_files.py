"""Suites as JSONL: a first line with name, kind and metrics, then a line for each example."""

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

from jaxit.core.errors import UserError, unknown_name
from jaxit.core.files import read_jsonl, write_atomic
from jaxit.evaluation import cross_lingual
from jaxit.evaluation.suite import KINDS, Suite, make_task
from jaxit.text.examples import Example, Part, ordinary

_TEXTS, _NUMBERS = ('options', 'references'), ('source_row', 'template')
_FIELDS = {'task', 'inputs', 'targets', 'text', 'parts', *_TEXTS, *_NUMBERS, 'group', 'gold_number'}


def save_suite(suite: Suite, path: str | os.PathLike[str]) -> None:
    """Writes a suite; `load_suite` reads it back."""
    header = {
        'suite': suite.name,
        'kind': suite.kind,
        'metrics': {task.name: list(task.metrics) for task in suite.tasks},
    }
    header |= {'categories': dict(suite.categories)} if suite.categories else {}
    header |= {'rouge_tokenizer': suite.rouge_tokenizer} if suite.rouge_tokenizer else {}
    lines = [header, *(_record(task.name, example) for task in suite.tasks for example in task.examples)]
    write_atomic(path, ''.join(json.dumps(line, ensure_ascii=False) + '\n' for line in lines))


def load_suite(path: str | os.PathLike[str]) -> Suite:
    """Reads a suite.

    The first line is `{"suite", "kind", "metrics": {task: [names]}}`, where metrics may be left out, and may have
    `"categories": {task: name}` and a `"rouge_tokenizer"`; see `Suite`. Each further line is an example of a task: `{"task", "inputs", "targets", "options", "references"}`, or
    `{"task", "text"}`, or `{"task", "parts"}` for a conversation. An example may also have a `"group"` and a
    `"gold_number"`; see `Example`.

    Raises:
        UserError: with file and line.
    """
    lines = read_jsonl(path)
    number, header = next(lines, (1, {}))
    if not isinstance(header.get('suite'), str) or not isinstance(header.get('metrics', {}), dict):
        raise UserError(
            f'{path}: line {number} must be {{"suite": name, "kind": {"|".join(KINDS)}, "metrics": {{...}}}}'
        )
    kind = str(header.get('kind'))
    examples: dict[str, list[Example]] = {}
    for number, record in lines:
        example = _example(record, f'{path}: line {number}')
        examples.setdefault(example.task, []).append(example)
    chosen: Mapping[str, Any] = header.get('metrics', {})
    for name, names in chosen.items():
        if name not in examples:
            raise UserError(f'{path}: line 1 names metrics of task {name!r}, which has no examples')
        if not _is_texts(names):
            raise UserError(f'{path}: line 1: the metrics of task {name!r} must be a list of names')
    tasks = tuple(make_task(name, rows, chosen.get(name, ()), kind=kind) for name, rows in examples.items())
    categories, rouge_tokenizer = header.get('categories', {}), header.get('rouge_tokenizer', '')
    if not isinstance(categories, dict) or not _is_texts([*categories.values(), rouge_tokenizer]):
        raise UserError(f'{path}: line 1: "categories" must be {{task: name}} and "rouge_tokenizer" a path')
    if rouge_tokenizer:
        cross_lingual.load(rouge_tokenizer)  # so that what is wrong with it is told before anything is answered
    return Suite(header['suite'], kind, tasks, categories, rouge_tokenizer)


def _record(task: str, example: Example) -> dict[str, Any]:
    record: dict[str, Any] = {'task': task}
    if example.parts == ordinary(example.inputs, example.targets).parts:
        record |= {'inputs': example.inputs, 'targets': example.targets}
    else:
        record['parts'] = [dataclasses.asdict(part) for part in example.parts]
    for name in (*_TEXTS, *_NUMBERS, 'group'):
        if value := getattr(example, name):
            record[name] = value
    return record if example.gold_number is None else record | {'gold_number': example.gold_number}


def _example(record: dict[str, Any], where: str) -> Example:
    """Checks a line and makes the example of it."""
    for name in record:
        if name not in _FIELDS:
            raise unknown_name('field', name, _FIELDS, where=where)
    fields: dict[str, Any] = {'task': _text(record, 'task', where)}
    for name in _TEXTS:
        if not _is_texts(texts := record.get(name, [])):
            raise UserError(f'{where}: {name!r} must be a list of texts')
        fields[name] = tuple(texts)
    for name in _NUMBERS:
        if not isinstance(number := record.get(name, 0), int):
            raise UserError(f'{where}: {name!r} must be a whole number')
        fields[name] = number
    fields['group'] = _text({'group': ''} | record, 'group', where)
    if (gold := record.get('gold_number')) is not None:
        if not isinstance(gold, int | float) or isinstance(gold, bool):
            raise UserError(f"{where}: 'gold_number' must be a number")
        fields['gold_number'] = float(gold)
    if 'text' in record:
        return Example((Part(_text(record, 'text', where), loss=True),), **fields)
    if 'parts' not in record:
        return ordinary(_text(record, 'inputs', where), _text(record, 'targets', where), **fields)
    return Example(_parts(record['parts'], where), **fields)


def _parts(parts: Any, where: str) -> tuple[Part, ...]:
    kinds = {name: type(value) for name, value in dataclasses.asdict(Part('')).items()}
    known = isinstance(parts, list) and all(isinstance(part, dict) and 'text' in part for part in parts)
    if not known or not all(isinstance(value, kinds.get(key, ())) for part in parts for key, value in part.items()):
        raise UserError(f'{where}: "parts" must be a list of {{"text": text, "loss": true or false}}')
    return tuple(Part(**part) for part in parts)


def _text(record: dict[str, Any], name: str, where: str) -> str:
    if not isinstance(text := record.get(name), str):
        raise UserError(f'{where}: {name!r} must be a text')
    return text


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)
