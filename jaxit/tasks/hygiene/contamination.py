"""Training rows that share text with the suites a model is judged on.

As in GPT-3 (arXiv:2005.14165, appendix C), an overlap is a run of 13 words in lower case without punctuation. Other than
there, a row that overlaps is left out whole, and a run counts however many training rows have it: one passage may stand in
many of them. What does not count is the wording of a suite: runs that more than ten examples of a task, and more than
one in twenty, have in common, such as its instruction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from jaxit.core.errors import UserError
from jaxit.tasks.hygiene.findings import Match, Report
from jaxit.tasks.hygiene.members import members
from jaxit.tasks.hygiene.rows import Row, own_texts, scan
from jaxit.tasks.hygiene.words import codes, grams, is_in, wording, words
from jaxit.tasks.registry import TRAIN, Mixture, Task, get_task
from jaxit.tasks.suites import get_suite

LENGTH = 13
SHORTEST = 8  # GPT-3's least length of a run: below it, most overlaps are chance

_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Judged:
    """A task of a suite, seen from the training rows.

    Attributes:
        task: its name.
        num_examples: examples of the suite's split.
        num_unjudged: examples without a run to look for: too short, or nothing but wording.
        num_found: examples that training rows overlap with.
    """

    task: str
    num_examples: int
    num_unjudged: int
    num_found: int

    def __str__(self) -> str:
        line = f'{self.task}: {self.num_found} of {self.num_examples} examples are in training rows'
        return f'{line}; {self.num_unjudged} too short to tell' if self.num_unjudged else line


@dataclass(frozen=True)
class Overlaps:
    """What a mixture shares with suites.

    Attributes:
        reports: one for each task of the mixture.
        judged: one for each task of the suites.
    """

    reports: tuple[Report, ...]
    judged: tuple[Judged, ...]

    def __str__(self) -> str:
        found = [report for report in self.reports if report.matches]
        head = f'{len(found)} of {len(self.reports)} tasks overlap with the suites'
        return '\n'.join([head, *map(str, found), *map(str, self.judged)])


def find(
    mixture: Mixture | str,
    suites: Sequence[str],
    split: str = TRAIN,
    *,
    length: int = LENGTH,
    num_workers: int = 1,
) -> Overlaps:
    """Returns the rows of each task of a mixture that share a run of words with an example of the suites.

    Texts are compared without the words of templates. A text of a suite that is shorter than a run is looked for as a
    whole if it has 8 words or more.

    Args:
        mixture: what is trained on.
        suites: names of registered suites; all their examples count.
        split: the split that is trained on.
        length: words of a run, 8 or more.
        num_workers: processes; the outcome is the same for any number.
    """
    if length < SHORTEST:
        raise UserError(f'length is {length}; runs of fewer than {SHORTEST} words overlap by chance')
    chosen = [get_suite(name) for name in suites]
    tasks = dict.fromkeys((name, suite.split) for suite in chosen for name in suite.tasks)
    suite_tasks = [_SuiteTask.read(get_task(name), judged_split, length) for name, judged_split in tasks]
    tables = _tables(suite_tasks)
    look, met = _Look(tables), [np.zeros(len(table.runs), bool) for table in tables]
    reports = [_report(member.task, split, look, suite_tasks, met, num_workers) for member in members(mixture)]
    judged = [
        Judged(task.name, task.num_examples, task.num_unjudged, int(num_found))
        for task, num_found in zip(suite_tasks, _num_found(tables, met, len(suite_tasks)), strict=True)
    ]
    return Overlaps(tuple(reports), tuple(judged))


class _Pair(NamedTuple):
    """A training row shares a run with an example of a suite."""

    suite_task: int
    example_row: int
    run: str


class _Shared(NamedTuple):
    """What a training row shares with the suites.

    Attributes:
        pairs: the first one of each task of the suites.
        runs: the numbers of the runs that it has, for each table.
    """

    pairs: list[_Pair]
    runs: list[np.ndarray]


@dataclass(frozen=True)
class _SuiteTask:
    """The runs of a task of a suite."""

    name: str
    num_examples: int
    num_unjudged: int
    runs: tuple[tuple[int, np.ndarray, np.ndarray], ...]  # (length, runs, row of each)

    @classmethod
    def read(cls, task: Task, split: str, length: int) -> '_SuiteTask':
        examples = [
            (row, [codes(words(text)) for text in texts])
            for row, made in scan(task, split, own_texts)
            for texts in made or ()
        ]
        runs, judged = [], set()
        for size in range(SHORTEST, length + 1):
            by_row = [(row, _runs(texts, size, length)) for row, texts in examples]
            common = wording([found for _, found in by_row])
            by_row = [(row, np.setdiff1d(found, common)) for row, found in by_row]
            judged |= {number for number, (_, found) in enumerate(by_row) if len(found)}
            counts = np.array([len(found) for _, found in by_row], np.int64)
            rows = np.repeat(np.array([row for row, _ in by_row], np.int64), counts)
            if len(rows):
                runs.append((size, np.concatenate([found for _, found in by_row]), rows))
        return cls(task.name, len(examples), len(examples) - len(judged), tuple(runs))


def _runs(texts: list[np.ndarray], size: int, length: int) -> np.ndarray:
    """Returns the runs of `size` words to look for: of long texts those of full length, of a shorter one itself."""
    chosen = [grams(text, size) for text in texts if size == min(length, len(text))]
    chosen += [grams(text, size) for text in texts if size == length < len(text)]
    return np.unique(np.concatenate(chosen)) if chosen else np.zeros(0, np.uint64)


class _Table(NamedTuple):
    """All runs of one size, and the examples that have them.

    Attributes:
        size: words of each.
        runs: [R] uint64, sorted, each once.
        starts: [R + 1] int64, where those of a run stand in `firsts`.
        firsts: [F, 2] int64, for each task that has a run: its number and its first row that has it.
        examples: [E, 3] int64, for each example that has a run: the number of the run, of the task, and the row.
    """

    size: int
    runs: np.ndarray
    starts: np.ndarray
    firsts: np.ndarray
    examples: np.ndarray


def _tables(suite_tasks: list[_SuiteTask]) -> tuple[_Table, ...]:
    tables = []
    for size in sorted({size for task in suite_tasks for size, _, _ in task.runs}):
        parts = [
            (runs, np.full(len(runs), number), rows)
            for number, task in enumerate(suite_tasks)
            for theirs, runs, rows in task.runs
            if theirs == size
        ]
        found, tasks, rows = (np.concatenate(column) for column in zip(*parts, strict=True))
        runs, numbers = np.unique(found, return_inverse=True)
        order = np.argsort(numbers, kind='stable')
        examples = np.stack([numbers, tasks, rows], axis=1)[order]
        is_first = np.ones(len(examples), bool)
        is_first[1:] = (examples[1:, :2] != examples[:-1, :2]).any(axis=1)
        firsts = examples[is_first]
        starts = np.searchsorted(firsts[:, 0], np.arange(len(runs) + 1))
        tables.append(_Table(size, runs, starts, firsts[:, 1:], examples))
    return tuple(tables)


@dataclass(frozen=True)
class _Look:
    """Looks for the runs of the suites in a row, in a time that does not grow with the examples that have them."""

    tables: tuple[_Table, ...]

    def __call__(self, row: Row) -> _Shared:
        pairs: dict[int, _Pair] = {}
        runs: list[list[np.ndarray]] = [[] for _ in self.tables]
        for texts in own_texts(row):
            spoken = words('\n'.join(texts))
            numbers = codes(spoken)
            for table, known in zip(self.tables, runs, strict=True):
                found = grams(numbers, table.size)
                places = np.flatnonzero(is_in(found, table.runs))
                known.append(np.searchsorted(table.runs, found[places]))
                for place, run in zip(places, known[-1], strict=True):
                    for task, example in table.firsts[table.starts[run] : table.starts[run + 1]].tolist():
                        if task not in pairs:
                            pairs[task] = _Pair(task, example, ' '.join(spoken[place : place + table.size]))
        return _Shared(list(pairs.values()), [np.unique(np.concatenate([_NONE, *known])) for known in runs])


def _num_found(tables: Sequence[_Table], met: Sequence[np.ndarray], num_tasks: int) -> np.ndarray:
    """Returns [num_tasks] how many examples of each task of the suites have a run that was met in a training row."""
    found = [table.examples[seen[table.examples[:, 0]], 1:] for table, seen in zip(tables, met, strict=True)]
    examples = np.unique(np.concatenate([np.zeros((0, 2), np.int64), *found]), axis=0)
    return np.bincount(examples[:, 0], minlength=num_tasks)


def _report(
    task: Task,
    split: str,
    look: _Look,
    suite_tasks: Sequence[_SuiteTask],
    met: Sequence[np.ndarray],
    num_workers: int,
) -> Report:
    """Returns what a task shares with the suites, and marks the runs that it has in `met`."""
    num_rows = num_bad = 0
    matches = []
    for row, shared in scan(task, split, look, num_workers=num_workers):
        num_rows += 1
        if shared is None:
            num_bad += 1
            continue
        for seen, runs in zip(met, shared.runs, strict=True):
            seen[runs] = True
        matches += [Match(row, suite_tasks[pair.suite_task].name, pair.example_row, pair.run) for pair in shared.pairs]
    return Report(task.name, split, num_rows, num_bad, tuple(matches))
