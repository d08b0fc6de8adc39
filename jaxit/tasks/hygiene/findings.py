"""What was found in the rows of a task, and which rows to leave out for it."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from jaxit.core.errors import UserError
from jaxit.core.files import read_json, write_json
from jaxit.tasks.registry import TRAIN, Task, get_task

ROWS_VERSION = 1


@dataclass(frozen=True)
class Match:
    """A row that says what another row says.

    Attributes:
        row: its place in the source.
        other_task: the task of the other row.
        other_row: the place of the other row in its source.
        what: 'exact' or 'near' for a duplicate; the words they share for an overlap with a suite.
    """

    row: int
    other_task: str
    other_row: int
    what: str


@dataclass(frozen=True)
class Report:
    """What was found in one task.

    Attributes:
        task: its name.
        split: the split that was read.
        num_rows: rows of the split.
        num_bad: rows that could not be rendered; nothing is known of them.
        matches: in the order of the rows; a row may have one for each task that it matches.
    """

    task: str
    split: str
    num_rows: int
    num_bad: int
    matches: tuple[Match, ...]

    @property
    def rows(self) -> tuple[int, ...]:
        """The rows that have a match, each once, ascending."""
        return tuple(sorted({match.row for match in self.matches}))

    @property
    def by_task(self) -> dict[str, int]:
        """How many rows match rows of each other task, most first."""
        return dict(Counter(task for _, task in sorted({(m.row, m.other_task) for m in self.matches})).most_common())

    def __str__(self) -> str:
        line = f'{self.task}: {len(self.rows)} of {self.num_rows} rows'
        bad = f'; {self.num_bad} can not be rendered' if self.num_bad else ''
        if not self.matches:
            return line + bad
        first = self.matches[0]
        others = ', '.join(f'{task} {count}' for task, count in self.by_task.items())
        return f'{line} ({others}){bad}; row {first.row} and {first.other_task} row {first.other_row}: {first.what}'


def rows_to_leave_out(reports: Iterable[Report], split: str = TRAIN) -> dict[str, tuple[int, ...]]:
    """Returns the rows that have a match by task, for the tasks that have any.

    Args:
        reports: of duplicates, of overlaps, or of both.
        split: reports of other splits are passed over.
    """
    rows: dict[str, set[int]] = {}
    for report in reports:
        if report.split == split and report.matches:
            rows.setdefault(report.task, set()).update(report.rows)
    return {task: tuple(sorted(found)) for task, found in rows.items()}


def save_rows(path: str | os.PathLike[str], rows: Mapping[str, Sequence[int]], split: str = TRAIN) -> None:
    """Writes rows to leave out by task, with what tells whether the data is still the same."""
    tasks = {
        name: {'source': get_task(name).source.fingerprint(split), 'rows': list(found)} for name, found in rows.items()
    }
    write_json(path, {'version': ROWS_VERSION, 'split': split, 'tasks': tasks})


def load_rows(path: str | os.PathLike[str], split: str = TRAIN) -> Callable[[Task], tuple[int, ...]]:
    """Returns which rows of a task a file of `save_rows` says to leave out.

    Raises:
        UserError: for another kind of file, or another split. The function raises it where the data of the task has
            changed since, so that the rows would be others.
    """
    found = read_json(path)
    tasks = found.get('tasks') if isinstance(found, dict) else None
    if not isinstance(tasks, dict) or found.get('version') != ROWS_VERSION or not all(map(_is_entry, tasks.values())):
        raise UserError(f'{path}: not a file that jaxit tasks check --rows wrote')
    if found.get('split') != split:
        raise UserError(f'{path}: these are rows of split {found.get("split")!r}, not of {split!r}')

    def rows_of(task: Task) -> tuple[int, ...]:
        entry = tasks.get(task.name)
        if entry is None:
            return ()
        if entry['source'] != task.source.fingerprint(split):
            raise UserError(
                f'{path}: the data of task {task.name!r} has changed since these rows were found; run jaxit tasks check again'
            )
        return tuple(entry['rows'])

    return rows_of


def _is_entry(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get('source'), str)
        and isinstance(value.get('rows'), list)
        and all(type(row) is int for row in value['rows'])
    )
