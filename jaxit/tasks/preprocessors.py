"""Small steps between a source and the templates: each is made by a function of its settings.

A preprocessor maps one record to a record, to several, or to None (the record is left out). It
looks at nothing but the record, so it gives the same for every number of workers. Its name,
settings and source text enter the fingerprint of a cache.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jaxit.core.errors import UserError

Record = dict[str, Any]
Preprocessor = Callable[[Record], Record | list[Record] | None]

_NEWLINES = re.compile(r'[ \t]*[\r\n]+\s*')
_SPACES = re.compile(r'[ \t]+')


def apply(preprocessors: tuple[Preprocessor, ...], record: Record) -> list[Record]:
    """Returns what the preprocessors, in their order, make of a record."""
    records = [record]
    for preprocessor in preprocessors:
        made = [preprocessor(item) for item in records]
        records = [item for some in made for item in _as_list(some)]
    return records


@dataclass(frozen=True)
class rename:  # noqa: N801 (reads as a function in a task's list)
    """Renames fields: `rename({'question': 'inputs', 'answer': 'targets'})`; other fields stay."""

    names: Mapping[str, str]

    def __call__(self, record: Record) -> Record:
        for old in self.names:
            _check(record, old)
        return {self.names.get(name, name): value for name, value in record.items()}


@dataclass(frozen=True)
class keep:  # noqa: N801
    """Keeps only the named fields."""

    fields: tuple[str, ...]

    def __call__(self, record: Record) -> Record:
        return {name: _check(record, name) for name in self.fields}


@dataclass(frozen=True)
class strip:  # noqa: N801
    """Strips white space at both ends of text fields; of all of them when none is named."""

    fields: tuple[str, ...] = ()

    def __call__(self, record: Record) -> Record:
        return record | {name: text.strip() for name, text in _texts(record, self.fields)}


@dataclass(frozen=True)
class clean_newlines:  # noqa: N801
    """Turns line breaks and runs of blanks in text fields into single blanks."""

    fields: tuple[str, ...] = ()

    def __call__(self, record: Record) -> Record:
        cleaned = {name: _SPACES.sub(' ', _NEWLINES.sub(' ', text)) for name, text in _texts(record, self.fields)}
        return record | cleaned


@dataclass(frozen=True)
class filter_empty:  # noqa: N801
    """Leaves out records in which one of the fields is missing, None or blank."""

    fields: tuple[str, ...]

    def __call__(self, record: Record) -> Record | None:
        blank = any(record.get(name) is None or not str(record[name]).strip() for name in self.fields)
        return None if blank else record


@dataclass(frozen=True)
class keep_where:  # noqa: N801
    """Keeps records whose field has one of the values: `keep_where('label', (0, 1))`."""

    field: str
    values: tuple[Any, ...]

    def __call__(self, record: Record) -> Record | None:
        return record if _check(record, self.field) in self.values else None


@dataclass(frozen=True)
class label_text:  # noqa: N801
    """Writes the name of an integer label into a field: `label_text('label', 'answer', ('no', 'yes'))`."""

    field: str
    into: str
    names: tuple[str, ...]

    def __call__(self, record: Record) -> Record:
        label = _check(record, self.field)
        if not isinstance(label, int) or not 0 <= label < len(self.names):
            raise UserError(f'field {self.field!r} is {label!r}; it must be a label 0..{len(self.names) - 1}')
        return record | {self.into: self.names[label]}


@dataclass(frozen=True)
class choices:  # noqa: N801
    """Writes the same answers to choose from into the field `options` of every record."""

    options: tuple[str, ...]

    def __call__(self, record: Record) -> Record:
        return record | {'options': list(self.options)}


def _texts(record: Record, fields: tuple[str, ...]) -> list[tuple[str, str]]:
    if fields:
        return [(name, _check(record, name, str)) for name in fields]
    return [(name, value) for name, value in record.items() if isinstance(value, str)]


def _check(record: Record, field: str, kind: type = object) -> Any:
    if field not in record:
        raise UserError(f'no field {field!r}; the record has {", ".join(sorted(record)) or "none"}')
    if not isinstance(record[field], kind):
        raise UserError(f'field {field!r} is {type(record[field]).__name__}; it must be text')
    return record[field]


def _as_list(made: Record | list[Record] | None) -> list[Record]:
    if made is None:
        return []
    return made if isinstance(made, list) else [made]
