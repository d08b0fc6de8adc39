"""Chunks of a task's rows through worker processes, in order: what a chunk becomes depends on that chunk alone."""

import itertools
import os
import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
from typing import Any, TypeVar

from jaxit.core.errors import JaxitError, UserError
from jaxit.tasks.sources import Record

CHUNK_ROWS = 256
ALONE_CHUNKS = 8  # a task of fewer chunks is done before workers could start

Chunk = list[tuple[int, Record]]
T = TypeVar('T')


def in_order(
    job: Callable[[Chunk], T], rows: Iterable[tuple[int, Record]], num_workers: int, *, task: str, did: str
) -> Iterator[T]:
    """Yields what a job makes of each chunk of (row, record) pairs, in the order of the rows.

    Args:
        job: can be pickled where there are several workers.
        rows: of the task.
        num_workers: processes; the outcome is the same for any number.
        task: its name, for messages.
        did: what the job did with the task, for messages.
    """
    chunks = _chunks(rows)
    first = list(itertools.islice(chunks, ALONE_CHUNKS))
    chunks = itertools.chain(first, chunks)
    if num_workers == 1 or len(first) < ALONE_CHUNKS:
        yield from map(job, chunks)
        return
    try:
        packed = pickle.dumps(job)
    except (pickle.PicklingError, AttributeError, TypeError):
        raise UserError(
            f'task {task!r} can not be sent to {num_workers} workers: its functions must stand in a module, not '
            'in a function or a lambda; or use one worker'
        ) from None
    # Spawned, not forked: jax and the tokenizers have threads, which do not survive a fork.
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
            raise JaxitError(f'a worker that {did} task {task!r} died; it may have run out of memory') from None
        finally:
            pool.shutdown(cancel_futures=True)


def _chunks(rows: Iterable[tuple[int, Record]]) -> Iterator[Chunk]:
    rows = iter(rows)
    while chunk := list(itertools.islice(rows, CHUNK_ROWS)):
        yield chunk


_job_of_worker: Callable[[Chunk], Any]


def _start_worker(packed: bytes) -> None:
    global _job_of_worker
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _job_of_worker = pickle.loads(packed)


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def _work(chunk: Chunk) -> Any:
    return _job_of_worker(chunk)
