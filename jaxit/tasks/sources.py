"""Where records come from: JSON lines, tables, Python functions.

A source yields plain dicts of Python values, the same ones in the same order every time. What
it yields is summed up in a fingerprint, so that a cache knows when its source has changed.
"""

import contextlib
import csv
import functools
import gzip
import hashlib
import itertools
import json
import os
import shutil
import tempfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from jaxit.core.errors import UnavailableError, UserError, unknown_name
from jaxit.core.files import parse_line, read_lines, sha256_file, sha256_json

Record = dict[str, Any]
PathOrPaths = str | os.PathLike[str] | tuple[str | os.PathLike[str], ...] | list[str | os.PathLike[str]]

# What a file may hold without templates: the fields of its first record decide which one it is.
KNOWN_FIELDS = (('inputs', 'targets'), ('prompt', 'completion'), ('messages',), ('text',))


class Source(ABC):
    """Records of named splits.

    Attributes:
        invented: a made-up record, so that one can see what a task reads like where its data is not; nobody trains on it.
    """

    invented: Record | None = None

    @property
    @abstractmethod
    def splits(self) -> tuple[str, ...]:
        """The names of the splits."""

    @abstractmethod
    def records(self, split: str) -> Iterator[Record]:
        """Yields the records of a split, always in the same order."""

    @abstractmethod
    def fingerprint(self, split: str) -> str:
        """Returns a hash that changes when the records do."""

    def num_examples(self, split: str) -> int | None:
        """Returns the number of records, None where only reading them all would tell."""
        self.check_split(split)
        return None

    def slice(self, split: str, start: int, stop: int | None = None) -> Iterator[Record]:
        """Yields the records from `start` on, up to `stop`; sources that can pass over the others cheaply do."""
        return itertools.islice(self.records(split), start, stop)

    def count(self, split: str) -> int:
        """Returns the number of records as they are now, by reading them where nothing else tells."""
        return sum(1 for _ in self.records(split))

    def locate(self, split: str, row: int) -> str:
        """Returns where a person finds a row, for messages."""
        return f'split {split!r} row {row}'

    def check_split(self, split: str) -> None:
        """Raises the error for a split that is not here."""
        if split not in self.splits:
            raise unknown_name('split', split, self.splits, where=str(self))


class _Files(Source):
    """What sources of one or more files by split share."""

    paths: Mapping[str, PathOrPaths] | PathOrPaths
    fields: tuple[str, ...]

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits for which there are files; a bare path is the split 'train'."""
        return tuple(self.paths) if isinstance(self.paths, Mapping) else ('train',)

    def files(self, split: str) -> list[Path]:
        """Returns the files of a split in the order they are read."""
        self.check_split(split)
        paths = self.paths[split] if isinstance(self.paths, Mapping) else self.paths
        return [Path(path) for path in (paths if isinstance(paths, tuple | list) else [paths])]

    def records(self, split: str) -> Iterator[Record]:
        """Yields the records of all files of the split."""
        for _, record in self._lines(split):
            yield record

    def num_examples(self, split: str) -> int | None:
        """Returns the number of records, counted by reading the files."""
        return sum(1 for _ in self._lines(split))

    def fingerprint(self, split: str) -> str:
        """Returns a hash of the bytes of the files."""
        return sha256_json([type(self).__name__, list(self.fields), [_hash_of(path) for path in self.files(split)]])

    def locate(self, split: str, row: int) -> str:
        """Returns `file: line N`."""
        return next(where for where, _ in itertools.islice(self._lines(split), row, None))

    def _lines(self, split: str) -> Iterator[tuple[str, Record]]:
        wanted = self.fields
        for path in self.files(split):
            for number, record in self._read(path):
                wanted = wanted or _known_fields(record)
                where = f'{path}: line {number}'
                _check_fields(record, wanted, where)
                yield where, record

    def _read(self, path: Path) -> Iterator[tuple[int, Record]]:
        raise AssertionError(path)


@dataclass(frozen=True)
class Jsonl(_Files):
    """JSON lines, plain or gzipped.

    Attributes:
        paths: the file or files of each split; a bare path or list is the split 'train'.
        fields: what every record must have. Without it the first record decides among
            inputs/targets, prompt/completion, messages and text; other fields are not checked.
    """

    paths: Mapping[str, PathOrPaths] | PathOrPaths
    fields: tuple[str, ...] = ()

    def slice(self, split: str, start: int, stop: int | None = None) -> Iterator[Record]:
        """Yields records; the lines before `start` are not parsed."""
        wanted = self.fields
        if start and not wanted:
            wanted = _known_fields(next(self.records(split), {}))
        lines = ((path, number, raw) for path in self.files(split) for number, raw in self._raw(path))
        for path, number, raw in itertools.islice(lines, start, stop):
            record = parse_line(raw, f'{path}: line {number}')
            wanted = wanted or _known_fields(record)
            _check_fields(record, wanted, f'{path}: line {number}')
            yield record

    def count(self, split: str) -> int:
        """Returns the number of lines that are not empty."""
        return sum(1 for path in self.files(split) for _ in self._raw(path))

    def _read(self, path: Path) -> Iterator[tuple[int, Record]]:
        for number, raw in self._raw(path):
            yield number, parse_line(raw, f'{path}: line {number}')

    def _raw(self, path: Path) -> Iterator[tuple[int, bytes]]:
        if path.suffix != '.gz':
            yield from read_lines(path)
            return
        with _unpacked(path) as plain:
            try:
                yield from read_lines(plain)
            except UserError as error:
                raise UserError(str(error).replace(plain, str(path))) from None


@dataclass(frozen=True)
class Tsv(_Files):
    """Tab-separated values; the first line names the columns unless `columns` does.

    Attributes:
        paths: the file or files of each split; a bare path or list is the split 'train'.
        columns: names of the columns of a file without a header.
        fields: what every record must have and not be empty.
    """

    paths: Mapping[str, PathOrPaths] | PathOrPaths
    columns: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()

    def _read(self, path: Path) -> Iterator[tuple[int, Record]]:
        try:
            with _open_text(path) as f:
                rows = csv.reader(f, delimiter='\t', quoting=csv.QUOTE_NONE)
                names = list(self.columns) or next(rows, [])
                for row in rows:
                    if len(row) != len(names):
                        raise UserError(f'{path}: line {rows.line_num} has {len(row)} columns, expected {len(names)}')
                    yield rows.line_num, dict(zip(names, row, strict=True))
        except FileNotFoundError as error:
            raise UnavailableError(f'{path}: {error.strerror}') from None
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f'{path}: {getattr(error, "strerror", None) or error}') from None
        except (UnicodeDecodeError, csv.Error) as error:
            raise UserError(f'{path} is not a table of UTF-8 text: {error}') from None


@dataclass(frozen=True)
class Python(Source):
    """Records made by a function `(split, seed) -> iterable of dicts`; they are small or quickly made.

    Attributes:
        function: makes the records, the same ones each time it is called.
        splits: the splits it knows.
        seed: given to the function.
        size: the number of records by split, where it is known without making them.
    """

    function: Callable[[str, int], Iterable[Record]]
    splits: tuple[str, ...] = ('train',)  # pyright: ignore[reportIncompatibleMethodOverride]
    seed: int = 0
    size: Mapping[str, int] | None = None

    def records(self, split: str) -> Iterator[Record]:
        """Yields what the function makes."""
        self.check_split(split)
        for row, record in enumerate(self.function(split, self.seed)):
            if not isinstance(record, dict):
                raise UserError(f'{self} {self.locate(split, row)}: expected a dict, got {type(record).__name__}')
            yield record

    def num_examples(self, split: str) -> int | None:
        """Returns the stated size, else counts the records."""
        self.check_split(split)
        return self.size[split] if self.size and split in self.size else content_hash(self, split)[0]

    def fingerprint(self, split: str) -> str:
        """Returns a hash of the records themselves: nothing that could change them is overlooked."""
        return content_hash(self, split)[1]

    def __hash__(self) -> int:
        return hash((self.function, self.splits, self.seed))

    def __str__(self) -> str:
        return f'Python({getattr(self.function, "__qualname__", "function")})'


@dataclass(frozen=True)
class First(Source):
    """The first records of another source, as FLAN's cap of 30,000.

    Attributes:
        source: the whole.
        limit: how many records of each split are kept; other splits are kept whole.
    """

    source: Source
    limit: Mapping[str, int]

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits of the whole."""
        return self.source.splits

    def records(self, split: str) -> Iterator[Record]:
        """Yields the first records of the split."""
        return itertools.islice(self.source.records(split), self.limit.get(split))

    def slice(self, split: str, start: int, stop: int | None = None) -> Iterator[Record]:
        """Yields some of the first records of the split."""
        limit = self.limit.get(split)
        stop = limit if stop is None else stop if limit is None else min(stop, limit)
        return self.source.slice(split, start, stop) if stop is None or start < stop else iter(())

    def count(self, split: str) -> int:
        """Returns the number of records that are kept."""
        count, limit = self.source.count(split), self.limit.get(split)
        return count if limit is None else min(count, limit)

    def num_examples(self, split: str) -> int | None:
        """Returns the number of records that are kept."""
        size, limit = self.source.num_examples(split), self.limit.get(split)
        return size if limit is None else None if size is None else min(size, limit)

    def fingerprint(self, split: str) -> str:
        """Returns a hash of the whole and the limit."""
        return sha256_json(['First', self.source.fingerprint(split), self.limit.get(split)])

    def locate(self, split: str, row: int) -> str:
        """Returns where the whole has the row."""
        return self.source.locate(split, row)


def _check_fields(record: Record, wanted: Iterable[str], where: str) -> None:
    for field in wanted:
        if record.get(field) is None:
            got = ', '.join(sorted(record)) or 'no field'
            raise UserError(f'{where} has no field {field!r}; it has {got}')


def _known_fields(record: Record) -> tuple[str, ...]:
    return next((fields for fields in KNOWN_FIELDS if any(field in record for field in fields)), ())


@functools.lru_cache(maxsize=256)
def content_hash(source: Source, split: str) -> tuple[int, str]:
    """Returns the number of records of a split and the hash of them all."""
    digest, count = hashlib.sha256(), 0
    for record in source.records(split):
        digest.update(json.dumps(record, sort_keys=True, ensure_ascii=False, default=str).encode() + b'\n')
        count += 1
    return count, digest.hexdigest()


@contextlib.contextmanager
def _unpacked(path: Path) -> Iterator[str]:
    """Gives the path of a plain copy of a gzipped file."""
    with tempfile.NamedTemporaryFile(suffix='.jsonl') as plain:
        try:
            with gzip.open(path) as f:
                shutil.copyfileobj(f, plain)
        except FileNotFoundError as error:
            raise UnavailableError(f'{path}: {error.strerror}') from None
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f'{path}: {getattr(error, "strerror", None) or error}') from None
        plain.flush()
        yield plain.name


def _open_text(path: Path) -> IO[str]:
    opener = gzip.open if path.suffix == '.gz' else open
    return opener(path, 'rt', encoding='utf-8-sig', newline='')


def _hash_of(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise UnavailableError(f'{path}: {error.strerror}') from None
