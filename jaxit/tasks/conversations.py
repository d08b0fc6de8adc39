"""Files of conversations and instructions that people bring, as tasks.

    add_conversations('my_chats', 'chats.json')

A record is recognised by its fields (`detect`) and made into `messages` (`convert`), which any chat format can write.
What can not be used is refused with its file and line, or left out and counted where bad rows are skipped.
"""

import array
import dataclasses
import functools
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from jaxit.core.errors import UnavailableError, UserError, unknown_name
from jaxit.tasks import conversation_records as records_of
from jaxit.tasks import oasst, self_instruct
from jaxit.tasks.preprocessors import Preprocessor
from jaxit.tasks.registry import Task, add_task
from jaxit.tasks.sources import Jsonl, PathOrPaths, Record, Source

FORMATS: Mapping[str, Preprocessor] = {
    'sharegpt': records_of.sharegpt,
    'openai': records_of.openai,
    'alpaca': records_of.alpaca,
    'dolly': records_of.dolly,
    'oasst': oasst.best_path,
    'self_instruct': self_instruct.instances,
    'self_instruct_prediction': self_instruct.prediction,
    'prompt_completion': records_of.prompt_completion,
}

# Which of `conversation_records.BESIDE` a format reads.
_PROMPTS = ('system', 'tools', 'functions')
_USED: Mapping[str, tuple[str, ...]] = {
    'sharegpt': _PROMPTS,
    'openai': _PROMPTS,
    'alpaca': records_of.BESIDE,
    'dolly': records_of.BESIDE,
    'oasst': (),
    'self_instruct': _PROMPTS,
    'self_instruct_prediction': (*_PROMPTS, 'input'),
    'prompt_completion': _PROMPTS,
}

# The first whose fields a record has is what it is.
_FIELDS = (
    ('sharegpt', ('conversations',)),
    ('openai', ('messages',)),
    ('oasst', ('message_tree_id', 'prompt')),
    ('oasst', ('message_id', 'parent_id', 'text')),
    ('self_instruct', ('instruction', 'instances')),
    ('self_instruct_prediction', ('instruction', 'response', 'target')),
    ('dolly', ('instruction', 'response')),
    ('alpaca', ('instruction', 'output')),
    ('prompt_completion', ('prompt', 'completion')),
    ('prompt_completion', ('inputs', 'targets')),
)


def detect(record: Record) -> str:
    """Returns the name of the format that a record is written in.

    Raises:
        UserError: when it is none of them, or holds replies to choose between.
    """
    if 'chosen' in record and 'rejected' in record:
        raise UserError(
            'a chosen and a rejected reply: it says which one is better, not what to say; for preferences, '
            'conversation_records.ranked_pair reads it'
        )
    for name, fields in _FIELDS:
        if all(field in record for field in fields):
            return name
    raise UserError(
        f'the record has {", ".join(sorted(record)) or "no field"}, which is none of the formats known: {", ".join(FORMATS)}'
    )


@dataclass(frozen=True)
class convert:  # noqa: N801 (reads as a function in a task's list)
    """Makes a record into `messages` (or `inputs` and `targets`).

    Attributes:
        format: one of `FORMATS`; without one, the fields of a record tell which it is.
        functions: that do it; they are held so that a cache is made anew where the text of their modules changes.
    """

    format: str | None = None
    functions: tuple[Preprocessor, ...] = dataclasses.field(default=tuple(FORMATS.values()), init=False)

    def __post_init__(self) -> None:
        if self.format is not None and self.format not in FORMATS:
            raise unknown_name('format of conversations', self.format, FORMATS)

    def __call__(self, record: Record) -> Record | list[Record] | None:
        name = self.format or detect(record)
        records_of.check_used(record, _USED[name], name)
        return FORMATS[name](record)


@dataclass(frozen=True)
class Conversations(Jsonl):
    """Records as they are in files of JSON lines, or of one JSON list, plain or gzipped.

    Messages of OpenAssistant that come one a line are put together to trees. Nothing else is looked at here: what can not
    be used is refused later, record by record.

    Attributes:
        paths: the file or files of each split; a bare path or list is the split 'train'.
    """

    fields: tuple[str, ...] = dataclasses.field(default=(), init=False)

    slice, count = Source.slice, Source.count  # a line is no record where messages are put together, or in a list

    def locate(self, split: str, row: int) -> str:
        """Returns `file: line N`, or `file: record N` of a list; files that were read before are not read again."""
        for path in self.files(split):
            numbers = _numbers(str(path), path.stat().st_mtime_ns)
            if row < len(numbers):
                return f'{path}: {"record" if _is_list(path) else "line"} {numbers[row]}'
            row -= len(numbers)
        raise IndexError(row)

    def _lines(self, split: str) -> Iterator[tuple[str, Record]]:
        for path in self.files(split):
            for _, record in self._read(path):
                yield str(path), record

    def _read(self, path: Path) -> Iterator[tuple[int, Record]]:
        rows = _list_of(path) if _is_list(path) else super()._read(path)
        first = next(rows, None)
        if first is None:
            return
        if oasst.is_flat(first[1]):
            yield from oasst.group([first, *rows])
            return
        yield first
        yield from rows


def add_conversations(
    name: str,
    paths: Mapping[str, PathOrPaths] | PathOrPaths,
    *,
    format: str | None = None,
    before: tuple[Preprocessor, ...] = (),
    **fields: Any,
) -> Task:
    """Registers files of conversations or instructions as a task.

    Args:
        name: of the task, lower_snake.
        paths: the file or files of each split; a bare path or list is the split 'train'.
        format: one of `FORMATS`; None looks at the fields of each record.
        before: preprocessors that see records as they are in the file, with all their fields, such as the licence of each.
        **fields: further ones of `Task`; `preprocessors` come after the conversion.
    """
    preprocessors = (*before, convert(format), *fields.pop('preprocessors', ()))
    return add_task(name, Conversations(paths), preprocessors=preprocessors, **fields)


@functools.lru_cache(maxsize=64)
def _numbers(path: str, changed: int) -> array.array:
    """Returns where each record of a file stands; a file that `changed` since is read anew."""
    return array.array('q', (number for number, _ in Conversations(path)._read(Path(path))))


def _open(path: Path) -> IO[bytes]:
    try:
        return cast(IO[bytes], gzip.open(path)) if path.suffix == '.gz' else open(path, 'rb')
    except OSError as error:
        raise UnavailableError(f'{path}: {error.strerror}') from None


def _is_list(path: Path) -> bool:
    """Returns whether a file holds one JSON list: its first character says so."""
    with _open(path) as f:
        try:
            head = f.read(64)
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f'{path}: {getattr(error, "strerror", None) or error}') from None
    return head.removeprefix(b'\xef\xbb\xbf').lstrip().startswith(b'[')


def _list_of(path: Path) -> Iterator[tuple[int, Record]]:
    with _open(path) as f:
        try:
            rows = json.loads(f.read().decode('utf-8-sig'))
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f'{path}: {getattr(error, "strerror", None) or error}') from None
        except json.JSONDecodeError as error:
            raise UserError(f'{path}: line {error.lineno} is not JSON: {error.msg}') from None
        except (UnicodeDecodeError, RecursionError, ValueError) as error:
            raise UserError(f'{path} is not JSON in UTF-8: {error}') from None
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise UserError(f'{path}: record {number} is a JSON {type(row).__name__}; every record must be an object')
        yield number, row
