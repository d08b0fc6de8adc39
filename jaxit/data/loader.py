"""From rows to batches: the prefetching loader of a training run, and the batches of an evaluation.

Every process plans the same global batch and materialises only its own contiguous part of it, so the number of
processes may change between a save and a resume and the stream of global batches stays the same.
"""

import threading
import weakref
from collections.abc import Iterator
from queue import SimpleQueue
from types import TracebackType
from typing import Self

import numpy as np

from jaxit.core.errors import UserError
from jaxit.core.types import Batch
from jaxit.data.cache import TokenCache
from jaxit.data.mixture import Draws, MixtureComponent
from jaxit.data.reader import Position, RowReader, Traced, trace, trace_rows
from jaxit.data.rows import Lengths, Rows, check_fit, materialise

__all__ = ['Loader', 'MixtureComponent', 'Position', 'RowReader', 'Traced', 'evaluation_batches', 'trace', 'trace_rows']


class Loader:
    """Iterates over `(batch, position after it)`, for ever, made ahead by a thread.

    Saving the position with the step and restoring a reader to it continues with the very next batch. An error
    in the thread is raised where the batch is asked for. Use it as a context manager, or call `close`.
    """

    def __init__(
        self, reader: RowReader, batch_size: int, *, process_index: int = 0, process_count: int = 1, prefetch: int = 2
    ) -> None:
        """Starts the thread.

        Args:
            reader: where to begin; the loader takes it over.
            batch_size: rows of the global batch.
            process_index: which part of it is ours.
            process_count: the number of parts.
            prefetch: batches to be ahead, at least 1.
        """
        start, stop = process_slice(batch_size, process_index, process_count)
        self._batches: SimpleQueue[tuple[Batch, Position] | BaseException] = SimpleQueue()
        self._slots = threading.Semaphore(prefetch)
        self._stop = threading.Event()
        self._error: BaseException | None = None
        arguments = (reader, batch_size, start, stop, self._batches, self._slots, self._stop)
        self._thread = threading.Thread(target=_produce, args=arguments, name='data loader', daemon=True)
        self._thread.start()
        # The thread knows nothing of the loader, so a loader that is dropped unclosed still ends its thread.
        weakref.finalize(self, _end, self._slots, self._stop)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[Batch, Position]:
        if self._error is not None:
            raise self._error
        if self._stop.is_set():
            raise StopIteration
        item = self._batches.get()
        self._slots.release()
        if isinstance(item, BaseException):
            self._error = item
            raise item
        return item

    def close(self) -> None:
        """Ends the thread and waits for it."""
        _end(self._slots, self._stop)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _produce(
    reader: RowReader,
    batch_size: int,
    start: int,
    stop: int,
    batches: SimpleQueue,
    slots: threading.Semaphore,
    stopped: threading.Event,
) -> None:
    try:
        while slots.acquire() and not stopped.is_set():
            rows = reader.next_rows(batch_size).slice(start, stop)
            batches.put((reader.materialise(rows), reader.position))
    except BaseException as error:
        batches.put(error)


def _end(slots: threading.Semaphore, stopped: threading.Event) -> None:
    stopped.set()
    slots.release()


def process_slice(batch_size: int, process_index: int, process_count: int) -> tuple[int, int]:
    """Returns the (start, stop) of a process's rows in the global batch."""
    if not 0 <= process_index < process_count:
        raise UserError(f'process index {process_index} does not lie in 0..{process_count - 1}')
    if batch_size < 1 or batch_size % process_count:
        raise UserError(f'a batch of {batch_size} rows cannot be shared by {process_count} processes; use a multiple')
    share = batch_size // process_count
    return process_index * share, (process_index + 1) * share


def evaluation_batches(
    cache: TokenCache,
    batch_size: int,
    lengths: Lengths,
    *,
    pack: bool = False,
    task_id: int = 0,
    prefix_lm: bool = False,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[Batch]:
    """Yields all examples of a cache in order, each once; the last batch is filled up with rows of zero weight.

    Args:
        cache: the examples.
        batch_size: rows of the global batch.
        lengths: `{'inputs': S, 'targets': T}`; S is None for a decoder.
        pack: as many examples to a row as fit in order, or one.
        task_id: what `task_ids` says.
        prefix_lm: adds `decoder_causal_attention`.
        process_index: which part of each batch to make.
        process_count: the number of parts.
    """
    check_fit(cache, lengths, encoder_decoder=cache.encoder_decoder)
    start, stop = process_slice(batch_size, process_index, process_count)
    caches = {task_id: cache}
    rows = _rows_in_order(caches, lengths, pack=pack)
    for first in range(0, len(rows), batch_size):
        ours = rows.slice(first, first + batch_size).pad(batch_size).slice(start, stop)
        yield materialise(ours, caches, lengths, prefix_lm=prefix_lm)


def _rows_in_order(caches: dict[int, TokenCache], lengths: Lengths, *, pack: bool) -> Rows:
    [(task_id, cache)] = caches.items()
    example = np.arange(cache.num_examples)
    rows = Rows.of_draws(Draws(np.full(example.shape, task_id), example), caches)
    if not pack:
        return rows
    inputs, targets = rows.sides(encoder_decoder=cache.encoder_decoder)
    row = _next_fit(inputs.tolist(), targets.tolist(), lengths['inputs'] or 0, lengths['targets'] or 0)
    return rows.regroup(np.array(row), row[-1] + 1)


def _next_fit(inputs: list[int], targets: list[int], inputs_capacity: int, targets_capacity: int) -> list[int]:
    row, inputs_used, targets_used = 0, 0, 0
    rows = []
    for inputs_length, targets_length in zip(inputs, targets, strict=True):
        inputs_used += inputs_length
        targets_used += targets_length
        if inputs_used > inputs_capacity or targets_used > targets_capacity:
            row, inputs_used, targets_used = row + 1, inputs_length, targets_length
        rows.append(row)
    return rows
