"""Prompts of P3, read from files in the format in which Flan 2022 was released.

A row has `inputs`, `targets`, `task_source` ('P3'; others are passed over), `task_name` (the prompt) and `template_type`
(zs_opt, zs_noopt, fs_opt or fs_noopt), so it's rendered already. A file is read whole for each prompt in it: a file for
each prompt reads fastest. What is in which file is found once, by reading them all.
"""

import collections
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from jaxit.core.errors import UnavailableError, UserError
from jaxit.core.files import sha256_json
from jaxit.tasks.flan2022.member import first
from jaxit.tasks.flan2022.t0_prompts import PROMPTS
from jaxit.tasks.registry import TRAIN, Task
from jaxit.tasks.sources import Jsonl, Record, Source

TYPES = ('zs_opt', 'zs_noopt', 'fs_opt', 'fs_noopt')
TASK_SOURCE = 'P3'
FIELDS = ('inputs', 'targets', 'task_source', 'task_name', 'template_type')
PREFIX = 't0_'

_Key = tuple[str, str]  # prompt and type
_Stamp = tuple[Path, int, int]  # a file, when it was written, its size

_NAME = re.compile(rf'{PREFIX}(?P<prompt>\w+?)_(?P<kind>{"|".join(TYPES)})')


@dataclass(frozen=True)
class Released(Source):
    """The rows of one prompt and template type.

    Attributes:
        folder: of `.jsonl` and `.jsonl.gz` files; where it is missing, only the size is known.
        prompt: the task's name in lower_snake.
        kind: the template type.
    """

    folder: str | None
    prompt: str
    kind: str

    @property
    def splits(self) -> tuple[str, ...]:
        """The one split."""
        return (TRAIN,)

    def records(self, split: str) -> Iterator[Record]:
        """Yields inputs and targets."""
        for _, record in self._rows(split):
            yield record

    def num_examples(self, split: str) -> int | None:
        """Returns the number of rows, as published where the files are not here."""
        self.check_split(split)
        if self.folder is None:
            return PROMPTS[self.prompt]
        return sum(_files_of(self.folder, (self.prompt, self.kind)).values())

    def fingerprint(self, split: str) -> str:
        """Returns a hash of the files that hold the rows."""
        self.check_split(split)
        files = [Jsonl(str(path), FIELDS).fingerprint(TRAIN) for path in self._files()]
        return sha256_json(['Released', files, self.prompt, self.kind])

    def locate(self, split: str, row: int) -> str:
        """Returns `file: line N`."""
        for number, (where, _) in enumerate(self._rows(split)):
            if number == row:
                return where
        return super().locate(split, row)

    def _rows(self, split: str) -> Iterator[tuple[str, Record]]:
        self.check_split(split)
        for path in self._files():
            source = Jsonl(str(path), FIELDS)
            for row, record in enumerate(source.records(TRAIN)):
                if record['task_source'] == TASK_SOURCE and _key(record) == (self.prompt, self.kind):
                    yield f'{path}: row {row}', {'inputs': record['inputs'], 'targets': record['targets']}

    def _files(self) -> list[Path]:
        if self.folder is None:
            raise UnavailableError(
                f'the rows of P3 prompt {self.prompt!r} are not here; register(t0=FOLDER) names the folder of the '
                'released rows'
            )
        return list(_files_of(self.folder, (self.prompt, self.kind)))


def names(folder: str | None, shots: bool, options: bool) -> tuple[str, ...]:
    """Returns the names of the tasks of a leaf: of the prompts in the folder, or of all where there is none."""
    kind = f'{"fs" if shots else "zs"}_{"opt" if options else "noopt"}'
    if folder is None:
        prompts = list(PROMPTS)
    else:
        prompts = [prompt for prompt, theirs in _index(_stamps(folder)) if theirs == kind]
        if not prompts:
            raise UserError(f'{folder} has no row of {TASK_SOURCE} with template_type {kind!r}')
    return tuple(f'{PREFIX}{prompt}_{kind}' for prompt in prompts)


def make(name: str, folder: str | None, max_rows: int | None = None) -> Task | None:
    """Returns the task of a name, or None where it is no prompt of P3."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    source = Released(folder, match['prompt'], match['kind'])
    known = source.prompt in PROMPTS if folder is None else bool(source.num_examples(TRAIN))
    return Task(name, first(source, max_rows), cluster='t0', licence='unknown') if known else None


def _files_of(folder: str, key: _Key) -> Mapping[Path, int]:
    """Returns the files that hold a prompt, and how many rows of it.

    There are hundreds of prompts, often a file for each, so not every file is looked at for every prompt: the index is
    that of the folder as it was listed last, unless one of the files has changed since.
    """
    found = _listed(folder, _mtime_ns(folder)).get(key, {})
    if found and all(stamp == _stamp(stamp[0]) for stamp in found):
        return {path: count for (path, _, _), count in found.items()}
    return {path: count for (path, _, _), count in _index(_stamps(folder)).get(key, {}).items()}


@functools.lru_cache(maxsize=4)
def _listed(folder: str, mtime_ns: int) -> Mapping[_Key, Mapping[_Stamp, int]]:
    del mtime_ns
    return _index(_stamps(folder))


def _mtime_ns(folder: str) -> int:
    return Path(folder).stat().st_mtime_ns if Path(folder).is_dir() else 0


def _stamps(folder: str) -> tuple[_Stamp, ...]:
    """Returns the files of a folder as they are now."""
    try:
        paths = sorted(path for path in Path(folder).iterdir() if path.name.endswith(('.jsonl', '.jsonl.gz')))
    except OSError as error:
        raise UserError(f'{folder}: {error.strerror}; it must be the folder of the released rows of P3') from None
    if not paths:
        raise UserError(f'{folder} has no .jsonl or .jsonl.gz file; it must be the folder of the released rows of P3')
    return tuple(map(_stamp, paths))


def _stamp(path: Path) -> _Stamp:
    stat = path.stat()
    return path, stat.st_mtime_ns, stat.st_size


@functools.lru_cache(maxsize=4)
def _index(files: tuple[_Stamp, ...]) -> Mapping[_Key, Mapping[_Stamp, int]]:
    """Returns for each prompt and type how many rows of it each file has; a file is read once for as long as it stays the same."""
    found: dict[_Key, dict[_Stamp, int]] = {}
    for file in files:
        for key, count in _count(*file).items():
            found.setdefault(key, {})[file] = count
    return found


@functools.cache
def _count(path: Path, mtime_ns: int, size: int) -> Mapping[_Key, int]:
    del mtime_ns, size
    counts: collections.Counter[_Key] = collections.Counter()
    for row, record in enumerate(Jsonl(str(path), FIELDS).records(TRAIN)):
        if record['task_source'] == TASK_SOURCE:
            prompt, kind = _key(record)
            if kind not in TYPES or not prompt:
                raise UserError(
                    f'{path}: row {row} has task_name {record["task_name"]!r} and template_type '
                    f'{record["template_type"]!r}; the type must be one of {", ".join(TYPES)}'
                )
            counts[prompt, kind] += 1
    return counts


def _key(record: Record) -> _Key:
    return re.sub(r'[^a-z0-9]+', '_', str(record['task_name']).lower()).strip('_'), str(record['template_type'])
