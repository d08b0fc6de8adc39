"""Rows that a mixture has twice, in one data set or in two.

Exact: inputs and targets are equal but for case, blank space and Unicode's compatible characters. Near: the targets are
equal in this sense and the inputs are near (see `near`). Rows are compared in the first template of their task; what a
large part of a data set's rows share is its wording and counts for nothing.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from jaxit.core.errors import unknown_name
from jaxit.tasks.hygiene.findings import Match, Report
from jaxit.tasks.hygiene.members import members
from jaxit.tasks.hygiene.near import SHINGLE_WORDS, NearIndex, Text, content
from jaxit.tasks.hygiene.rows import Row, rendered, scan
from jaxit.tasks.hygiene.words import codes, grams, wording, words
from jaxit.tasks.registry import TRAIN, Mixture, Task

EXACT = 'exact'
NEAR = 'near'
WORDING_MOST = (
    300  # rows that may share content: each of them is compared with all others, so that more would take long
)


class _Said(NamedTuple):
    """What an example says."""

    digest: bytes
    targets: bytes
    codes: np.ndarray


_Rows = list[tuple[int, list[_Said] | None]]


def find(
    mixture: Mixture | str,
    split: str = TRAIN,
    *,
    near: float | None = None,
    first: Sequence[str] = (),
    num_workers: int = 1,
) -> tuple[Report, ...]:
    """Returns, for each task of a mixture, the rows that say what a row before them says.

    A row stands before another if its task does, or, in one task, if its number is lower. A row of several examples is a
    duplicate when all of them are.

    Args:
        mixture: whose tasks are compared with themselves and with one another.
        split: the split that is read.
        near: also finds near duplicates, which share at least this part of their 5-word shingles; needs the extra
            'hygiene'. 0.8 is usual.
        first: names of tasks that stand before all others, in this order: their rows are kept. The others follow in
            the order of the mixture.
        num_workers: processes; the outcome is the same for any number.
    """
    seen = _Seen(near)
    return tuple(seen.report(task, split, num_workers) for task in _in_order(mixture, first))


class _Seen:
    """The rows that were kept so far."""

    def __init__(self, near: float | None) -> None:
        self._exact: dict[bytes, tuple[str, int]] = {}
        self._near = None if near is None else NearIndex(near)
        self._owners: list[tuple[str, int]] = []

    def report(self, task: Task, split: str, num_workers: int) -> Report:
        rows: Iterable = scan(task, split, _Say(with_words=self._near is not None), num_workers=num_workers)
        rows = self._without_wording(list(rows)) if self._near is not None else rows
        num_rows = num_bad = 0
        matches = []
        for row, said in rows:
            num_rows += 1
            num_bad += said is None
            match = self._match(task.name, row, said) if said else None
            matches += [] if match is None else [match]
        return Report(task.name, split, num_rows, num_bad, tuple(matches))

    def _match(self, task: str, row: int, said: list[_Said]) -> Match | None:
        texts = [self._text(example) for example in said]
        twins = [self._twin(example, text) for example, text in zip(said, texts, strict=True)]
        found = [twin for twin in twins if twin is not None]
        if len(found) == len(twins):
            (other_task, other_row), _ = found[0]
            return Match(row, other_task, other_row, EXACT if all(what == EXACT for _, what in found) else NEAR)
        for example, text, twin in zip(said, texts, twins, strict=True):
            if twin is None:
                self._keep(example, text, (task, row))
        return None

    def _text(self, example: _Said) -> Text | None:
        """Returns what is looked for among near texts, None where nothing is."""
        return None if self._near is None or example.digest in self._exact else self._near.text(example.codes)

    def _twin(self, example: _Said, text: Text | None) -> tuple[tuple[str, int], str] | None:
        if example.digest in self._exact:
            return self._exact[example.digest], EXACT
        if self._near is None or text is None:
            return None
        number = self._near.find(text, example.targets)
        return None if number is None else (self._owners[number], NEAR)

    def _keep(self, example: _Said, text: Text | None, owner: tuple[str, int]) -> None:
        self._exact[example.digest] = owner
        if self._near is not None and text is not None:
            self._near.add(text, example.targets)
            self._owners.append(owner)

    def _without_wording(self, rows: _Rows) -> _Rows:
        found = [grams(example.codes, SHINGLE_WORDS) for _, said in rows for example in said or ()]
        shared = wording(found, WORDING_MOST)
        return [
            (row, said and [example._replace(codes=content(example.codes, shared)) for example in said])
            for row, said in rows
        ]


@dataclass(frozen=True)
class _Say:
    with_words: bool

    def __call__(self, row: Row) -> list[_Said]:
        return [self._said(inputs, targets) for inputs, targets in rendered(row)]

    def _said(self, inputs: str, targets: str) -> _Said:
        numbers = codes(words(inputs)) if self.with_words else np.zeros(0, np.uint64)
        return _Said(_digest(inputs, targets), _digest(targets), numbers)


def _digest(*texts: str) -> bytes:
    plain = [' '.join(unicodedata.normalize('NFKC', text).lower().split()) for text in texts]
    return hashlib.blake2b('\n'.join(plain).encode('utf-8', 'surrogatepass'), digest_size=16).digest()


def _in_order(mixture: Mixture | str, first: Sequence[str]) -> list[Task]:
    tasks = {member.task.name: member.task for member in members(mixture)}
    for name in first:
        if name not in tasks:
            raise unknown_name('task', name, tasks, where='first')
    return [tasks[name] for name in dict.fromkeys([*first, *tasks])]
