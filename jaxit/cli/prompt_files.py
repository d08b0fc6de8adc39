"""Prompts from JSON lines: `inputs` or `messages`, whatever else a record holds is kept."""

import os
from collections.abc import Mapping
from typing import Any

from jaxit.core.errors import UserError
from jaxit.core.files import read_jsonl

Record = dict[str, Any]
FIELDS = ('inputs', 'prompt', 'messages')


def read(path: str | os.PathLike[str]) -> list[Record]:
    """Returns the records of a file, each with a prompt.

    Raises:
        UserError: with file and line.
    """
    records = []
    for number, record in read_jsonl(path):
        _check(record, f'{path}: line {number}')
        records.append(record)
    if not records:
        raise UserError(f'{path}: holds no record; every line is an object with "inputs" or "messages"')
    return records


def prompt_of(record: Mapping[str, Any]) -> str | list[dict[str, Any]]:
    """Returns the prompt of a record: a text, or messages; a last reply among them is left out."""
    text = record.get('inputs', record.get('prompt'))
    if text is not None:
        return text
    messages = list(record['messages'])
    return messages[:-1] if messages[-1]['role'] == 'assistant' else messages


def _check(record: Mapping[str, Any], where: str) -> None:
    known = [field for field in FIELDS if field in record]
    if not known:
        got = ', '.join(sorted(record)) or 'no field'
        raise UserError(f'{where} has no field "inputs" or "messages"; it has {got}')
    value = record[known[0]]
    if known[0] != 'messages':
        if not isinstance(value, str):
            raise UserError(f'{where}: {known[0]!r} is {type(value).__name__}; it must be text')
        return
    is_list = isinstance(value, list) and value and all(isinstance(m, Mapping) and 'role' in m for m in value)
    if not is_list:
        raise UserError(f"{where}: 'messages' must be a list of objects with role and content")
