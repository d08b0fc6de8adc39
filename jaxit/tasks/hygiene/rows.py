"""The rows of a task one by one, in worker processes if there are many: what a row gives depends on that row alone."""

import dataclasses
import itertools
import pickle
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, Generic, NamedTuple, TypeVar

from jaxit.core.errors import JaxitError, UserError
from jaxit.tasks.preprocessors import apply
from jaxit.tasks.registry import Task
from jaxit.tasks.rendering import render_row
from jaxit.tasks.sources import Python, Record
from jaxit.text.templates import OPTIONS_SLOT

CHUNK_ROWS = 256
ALONE_CHUNKS = 8  # a task of fewer chunks is done before workers could start

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
    rows = enumerate(task.source.records(split))
    chunks = iter(lambda: list(itertools.islice(rows, CHUNK_ROWS)), [])
    first = list(itertools.islice(chunks, ALONE_CHUNKS))
    if num_workers == 1 or len(first) < ALONE_CHUNKS:
        made: Iterator[list[tuple[int, T | None]]] = map(job, itertools.chain(first, chunks))
    else:
        made = _by_workers(job, itertools.chain(first, chunks), num_workers)
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


def _by_workers(
    job: _Job[T], chunks: Iterator[list[tuple[int, Record]]], num_workers: int
) -> Iterator[list[tuple[int, T | None]]]:
    try:
        packed = pickle.dumps(job)
    except (pickle.PicklingError, AttributeError, TypeError):
        raise UserError(
            f'task {job.task.name!r} can not be sent to {num_workers} workers: its functions must stand in a module, not '
            'in a function or a lambda; or use one worker'
        ) from None
    # Spawned, not forked: jax has threads, which do not survive a fork.
    with ProcessPoolExecutor(num_workers, get_context('spawn'), _start_worker, (packed,)) as pool:
        waiting: deque = deque()
        try:
            for chunk in chunks:
                waiting.append(pool.submit(_work, chunk))
                if len(waiting) > 4 * num_workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise JaxitError(f'a worker that read task {job.task.name!r} died; it may have run out of memory') from None
        finally:
            pool.shutdown(cancel_futures=True)


def _no_records(split: str, seed: int) -> list[Record]:
    del split, seed
    return []


_job_of_worker: _Job


def _start_worker(packed: bytes) -> None:
    global _job_of_worker
    _job_of_worker = pickle.loads(packed)


def _work(chunk: list[tuple[int, Record]]) -> list[tuple[int, Any]]:
    return _job_of_worker(chunk)
