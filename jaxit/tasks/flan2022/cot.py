"""Chains of thought: nine data sets with a reason for each answer, and their inversions.

A data set is a file `{set}_train` or `{set}` in the user's folder: `.tsv` without a header (question, answer, chain; line
breaks as a backslash and an n) or `.jsonl` with those fields, either of them gzipped or not.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from jaxit.core.errors import UnavailableError
from jaxit.tasks.flan2022.cot_templates import FORWARD, INVERTED
from jaxit.tasks.flan2022.invented import ROWS
from jaxit.tasks.flan2022.member import Member
from jaxit.tasks.registry import TRAIN
from jaxit.tasks.sources import Jsonl, Record, Source, Tsv
from jaxit.text.templates import Template

FIELDS = ('question', 'answer', 'chain')
SUFFIXES = ('.tsv', '.tsv.gz', '.jsonl', '.jsonl.gz')
SIZES: Mapping[str, int] = {
    'gsm8k': 7_473,
    'strategyqa': 2_061,
    'creak': 6_915,
    'qasc': 1_084,
    'esnli': 36_174,
    'ecqa': 7_112,
    'sensemaking': 6_070,
    'aqua': 2_728,
    'qed': 5_154,
}
STREAM = ('aqua', 'qed')  # their chains were not written with as much care
LICENCES = {'gsm8k': 'MIT'}

_ENDED = re.compile(r'[.!?]["\'\u201d\u2019)\]}]*\Z')


@dataclass(frozen=True)
class ChainFile(Source):
    """The rows of a data set, whose file is looked for when they are wanted.

    Attributes:
        folder: where the file is; None where nobody has said.
        key: of the data set.
    """

    folder: str | None
    key: str

    @property
    def invented(self) -> Record:  # pyright: ignore[reportIncompatibleVariableOverride]
        """A made-up row."""
        return ROWS[self.key]

    @property
    def splits(self) -> tuple[str, ...]:
        """The one split."""
        return (TRAIN,)

    def records(self, split: str) -> Iterator[Record]:
        """Yields question, answer and chain."""
        self.check_split(split)
        return self._file().records(split)

    def num_examples(self, split: str) -> int | None:
        """Returns the number of rows, as published where the file is not here."""
        self.check_split(split)
        path = find(self.folder, self.key)
        return SIZES[self.key] if path is None else _size(path, path.stat().st_mtime_ns, path.stat().st_size)

    def fingerprint(self, split: str) -> str:
        """Returns a hash of the file."""
        self.check_split(split)
        return self._file().fingerprint(split)

    def locate(self, split: str, row: int) -> str:
        """Returns `file: line N`."""
        self.check_split(split)
        return self._file().locate(split, row)

    def _file(self) -> Source:
        path = find(self.folder, self.key)
        if path is None:
            where = f'in {self.folder}' if self.folder else '; register(cot=FOLDER) names their folder'
            wanted = ', '.join(f'{self.key}_train{suffix}' for suffix in SUFFIXES)
            raise UnavailableError(
                f'no chains of thought of {self.key!r} {where}: it is one of {wanted}; '
                f'leave_out=({_name(self.key)!r},) does without them'
            )
        return _open(path)


def find(folder: str | None, key: str) -> Path | None:
    """Returns the file of a data set, None where there is none."""
    if folder is None:
        return None
    paths = (Path(folder, f'{stem}{suffix}') for stem in (f'{key}_train', key) for suffix in SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def members(folder: str | None) -> tuple[Member, ...]:
    """Returns the nine data sets."""
    return tuple(_member(folder, key, '', FORWARD[key]) for key in SIZES)


def inversions(folder: str | None) -> tuple[Member, ...]:
    """Returns their inversions."""
    return tuple(_member(folder, key, 'input_inversion_', INVERTED) for key in SIZES)


def clean(record: Record) -> Record | None:
    """Makes line breaks of backslash and n, and ends the chain with a period where nothing ends it."""
    texts = {field: str(record[field]).replace('\\n', '\n').strip() for field in FIELDS}
    if not all(texts.values()):
        return None
    if not _ENDED.search(texts['chain']):
        texts['chain'] = texts['chain'].rstrip(';:, ') + '.'
    return texts


def _member(folder: str | None, key: str, infix: str, templates: tuple[Template, ...]) -> Member:
    licence = LICENCES.get(key, 'unknown')
    return Member(_name(key, infix), ChainFile(folder, key), (clean,), templates, 'chain_of_thought', licence)


def _name(key: str, infix: str = '') -> str:
    return f'{"stream" if key in STREAM else "cot"}_{infix}{key}'


def _open(path: Path) -> Source:
    if '.tsv' in path.suffixes:
        return Tsv(str(path), columns=FIELDS)
    return Jsonl(str(path), fields=FIELDS)


@functools.cache
def _size(path: Path, mtime_ns: int, size: int) -> int:
    """Counts the rows of a file once for as long as it stays the same."""
    del mtime_ns, size
    return _open(path).num_examples(TRAIN) or 0
