"""The rows of a task one by one, in worker processes if there are many: what a row gives depends on that row alone."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from jaxit.core.errors import UserError
from jaxit.tasks import parallel
from jaxit.tasks.preprocessors import apply
from jaxit.tasks.registry import Task
from jaxit.tasks.rendering import render_row
from jaxit.tasks.sources import Python, Record
from jaxit.text.templates import OPTIONS_SLOT

T = TypeVar('T')


class Row(NamedTuple):
    """A record that belongs to a task; exemplars are never among it.

    Attributes:
        task: it belongs to, without its source.
        split: it is from.
        number: its place in the source.
        record: the record.
    """

    task: Task
    split: str
    number: int
    record: Record


@dataclass(frozen=True)
class _Job(Generic[T]):
    task: Task
    split: str
    work: Callable[[Row], T]

    def __call__(self, chunk: list[tuple[int, Record]]) -> list[tuple[int, T | None]]:
        return [(number, self._one(number, record)) for number, record in chunk]

    def _one(self, number: int, record: Record) -> T | None:
        try:
            return self.work(Row(self.task, self.split, number, record))
        except UserError:
            return None


def scan(task: Task, split: str, work: Callable[[Row], T], *, num_workers: int = 1) -> Iterator[tuple[int, T | None]]:
    """Yields (row, what `work` makes of it) in the order of the source; None for a row that can't be rendered.

    Args:
        task: the task; its exemplars, if it is a few-shot task, are left aside.
        split: a split of its source.
        work: a function of a module, or a dataclass with `__call__`.
        num_workers: processes; the outcome is the same for any number.
    """
    if num_workers < 1:
        raise UserError(f'num_workers is {num_workers}; it must be 1 or more')
    bare = dataclasses.replace(task, source=Python(_no_records, task.splits), shots=0)
    job = _Job(bare, split, work)
    made = parallel.in_order(job, enumerate(task.source.records(split)), num_workers, task=task.name, did='read')
    return itertools.chain.from_iterable(made)


def rendered(row: Row) -> list[tuple[str, str]]:
    """Returns the (inputs, targets) of the examples of a row, always in the task's first template."""
    template = None if row.task.template_field else 0
    examples = render_row(row.task, row.split, row.number, row.record, seed=0, template=template)
    if row.task.kind == 'text':
        return [(example.targets, '') for example in examples]
    return [(example.inputs, example.targets) for example in examples]


def own_texts(row: Row) -> list[tuple[str, ...]]:
    """Returns the texts of the examples of a row that are the row's own.

    Those are the fields that the templates name, whichever template is drawn; without templates, all that is rendered.
    """
    if not row.task.templates:
        examples = render_row(row.task, row.split, row.number, row.record, seed=0)
        return [tuple(part.text for part in example.parts if not part.special) for example in examples]
    fields = dict.fromkeys(field for template in row.task.templates for field in template.fields)
    fields |= dict.fromkeys(_option_fields(row.task))
    made = apply(row.task.preprocessors, row.record)
    return [tuple(text for field in fields for text in _as_texts(item.get(field))) for item in made]


def _option_fields(task: Task) -> list[str]:
    options = task.answer_options
    named = options.values() if isinstance(options, Mapping) else [options]
    return [*(field for field in named if isinstance(field, str)), OPTIONS_SLOT]


def _as_texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list | tuple):
        return ['\n'.join(item for item in value if isinstance(item, str))]
    return [] if value is None else [str(value)]


def _no_records(split: str, seed: int) -> list[Record]:
    del split, seed
    return []
