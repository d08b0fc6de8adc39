"""The row reader: an endless stream of rows that is a pure function of its position.

A window of 4,096 draws is packed at a time and its rows shuffled; a position is a window and a row in it. So any
position is reached by planning one window, however far in, and two readers at one position give the same rows.
"""

import copy
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxit.core.errors import UserError
from jaxit.core.types import Batch
from jaxit.data.mixture import Mixture, MixtureComponent
from jaxit.data.packing import pack, pack_pairs
from jaxit.data.permutation import permutation_key, permute
from jaxit.data.rows import Lengths, Rows, check_fit, concatenate, materialise

POSITION_VERSION = 1
MAX_MAPPED = 512  # token files mapped at a time: each takes a file descriptor, of which a process may have 1,024

Position = dict[str, Any]


class RowReader:
    """Reads the rows of a mixture in order; `position` says where it stands, `restore` goes there."""

    def __init__(
        self,
        components: Sequence[MixtureComponent],
        *,
        seed: int,
        lengths: Lengths,
        encoder_decoder: bool,
        pack: bool,
        position: Position | None = None,
        prefix_lm: bool = False,
    ) -> None:
        """Opens the mixture at its start, or at a position.

        Args:
            components: the tasks; a task's index is its id in `task_ids`.
            seed: of the shuffles.
            lengths: `{'inputs': S, 'targets': T}`; S is None for a decoder.
            encoder_decoder: the kind of rows to make; the caches must be of that kind.
            pack: several examples to a row, or one.
            position: where to go on, from `position` of an earlier reader.
            prefix_lm: adds `decoder_causal_attention` to the batches of a decoder.

        Raises:
            UserError: for components, lengths or a position that do not fit together.
        """
        self.mixture = Mixture(components, seed=seed)
        self.caches = [component.cache for component in self.mixture.components]
        self.lengths = dict(lengths)
        self.encoder_decoder = encoder_decoder
        self.pack = pack
        self.prefix_lm = prefix_lm
        for cache in self.caches:
            check_fit(cache, self.lengths, encoder_decoder=encoder_decoder)
        self.fingerprint = self.mixture.fingerprint(self.lengths, pack=pack)
        self._window, self._row, self._emitted = 0, 0, 0
        self._plan: tuple[int, Rows] | None = None
        self._mapped: dict[int, None] = {}
        if position is not None:
            self.restore(position)

    @property
    def position(self) -> Position:
        """Where the next row comes from, as JSON-able values."""
        return {
            'version': POSITION_VERSION,
            'fingerprint': self.fingerprint,
            'seed': self.mixture.seed,
            'window': self._window,
            'row': self._row,
            'emitted': self._emitted,
        }

    def restore(self, position: Position) -> None:
        """Goes to a position.

        Raises:
            UserError: names the field in which this reader differs from the one the position is of.
        """
        self._check_position(position)
        window, row = position['window'], position['row']
        if row and row >= len(self.plan(window)):
            raise UserError(
                f'data position: row {row} is beyond window {window}, which has {len(self.plan(window))} rows'
            )
        self._window, self._row, self._emitted = window, row, position['emitted']

    def _check_position(self, position: Position) -> None:
        current = self.position
        if not isinstance(position, dict) or set(position) != set(current):
            raise UserError(f'data position: got {str(position)[:100]!r}, expected the fields {sorted(current)}')
        for field in ('version', 'seed'):
            if position[field] != current[field]:
                raise UserError(
                    f'data position: {field} is {position[field]!r}, this run has {current[field]!r}; '
                    'resume with the same one or start a new run'
                )
        if position['fingerprint'] != self.fingerprint:
            changed = _changed_fields(str(position['fingerprint']), self.fingerprint)
            raise UserError(
                f'data position: {", ".join(changed)} changed since it was saved; '
                'resume with the same data or start a new run'
            )
        for field in ('window', 'row', 'emitted'):
            if type(position[field]) is not int or position[field] < 0:
                raise UserError(f'data position: {field} is {position[field]!r}; it must be a whole number')

    def at(self, position: Position) -> 'RowReader':
        """Returns another reader of the same stream, at a position."""
        other = copy.copy(self)
        other._mapped = {}
        other.restore(position)
        return other

    def plan(self, window: int) -> Rows:
        """Returns all rows of a window; the last one asked for is kept."""
        if self._plan is None or self._plan[0] != window:
            self._plan = window, self._make_plan(window)
        return self._plan[1]

    def _make_plan(self, window: int) -> Rows:
        rows = Rows.of_draws(self.mixture.draws(window), self.caches)
        # Shuffled before packing too: among examples of one length the packer takes the first, whatever its task.
        rows = rows.regroup(self._shuffle('draws', window, len(rows)), len(rows))
        if not self.pack:
            return rows
        inputs, targets = rows.sides(encoder_decoder=self.encoder_decoder)
        if self.encoder_decoder:
            row = pack_pairs(inputs, targets, *self._widths())
        else:
            row = pack(targets, self._widths()[1])
        num_rows = int(row.max(initial=-1)) + 1
        return rows.regroup(self._shuffle('rows', window, num_rows)[row], num_rows)

    def _shuffle(self, what: str, window: int, size: int) -> np.ndarray:
        return permute(np.arange(size), size, permutation_key(self.mixture.seed, what, window))

    def _widths(self) -> tuple[int, int]:
        return self.lengths['inputs'] or 0, self.lengths['targets'] or 0

    def next_rows(self, num_rows: int) -> Rows:
        """Returns the plan of the next rows and moves behind them."""
        return concatenate(list(self._advance(num_rows)))

    def skip(self, num_rows: int) -> None:
        """Moves over rows."""
        for _ in self._advance(num_rows):
            pass

    def _advance(self, num_rows: int) -> Iterator[Rows]:
        missing = num_rows
        while missing:
            plan = self.plan(self._window)
            stop = min(self._row + missing, len(plan))
            yield plan.slice(self._row, stop)
            missing -= stop - self._row
            self._row = stop
            if stop == len(plan):
                self._window, self._row = self._window + 1, 0
        self._emitted += num_rows

    def materialise(self, rows: Rows) -> Batch:
        """Returns the batch of some rows of this reader."""
        batch = materialise(rows, self.caches, self.lengths, prefix_lm=self.prefix_lm)
        self._bound_mapped(rows)
        return batch

    def _bound_mapped(self, rows: Rows) -> None:
        for component in np.unique(rows.component).tolist():
            self._mapped.pop(component, None)
            self._mapped[component] = None
        while len(self._mapped) > MAX_MAPPED:
            oldest = next(iter(self._mapped))
            del self._mapped[oldest]
            self.caches[oldest].release()

    def drawn(self) -> dict[str, dict[str, int]]:
        """Returns, by task, the examples, tokens and loss tokens in all rows before the position.

        Nothing of it is stored: whole epochs are multiplied, what is left is looked up.
        """
        rows = self.plan(self._window).slice(0, self._row)
        partial = rows.regroup(rows.component, len(self.caches))
        counts = self.mixture.drawn(self._window).tolist()
        return {
            component.name: self._drawn(index, counts[index], partial.slice(index, index + 1).example)
            for index, component in enumerate(self.mixture.components)
        }

    def _drawn(self, component: int, count: int, partial: np.ndarray) -> dict[str, int]:
        cache = self.caches[component]
        epochs = count // cache.num_examples
        examples = self.mixture.epoch_examples(component, epochs * cache.num_examples, count)
        examples = np.concatenate([examples, partial])
        return {
            'examples': count + partial.size,
            'tokens': epochs * cache.num_tokens + int(cache.lengths[examples].sum()),
            'loss_tokens': epochs * cache.manifest['num_loss_tokens'] + int(cache.loss_lengths[examples].sum()),
        }


def _changed_fields(before: str, now: str) -> list[str]:
    parts = set(before.split())
    return [part.partition('=')[0] for part in now.split() if part not in parts]


class Traced(NamedTuple):
    """One example of a batch: where it came from and where it stands.

    Attributes:
        task: its name.
        source_row: the record in the task's source.
        template: index of the template that rendered it.
        row: in the batch.
        start: its first position in the decoder row.
        length: its positions in the decoder row.
        inputs_start: its first position in the encoder row; 0 for a decoder.
        inputs_length: its positions in the encoder row; 0 for a decoder.
        component: the task id.
        example: index in the task's cache.
    """

    task: str
    source_row: int
    template: int
    row: int
    start: int
    length: int
    inputs_start: int
    inputs_length: int
    component: int
    example: int


def trace(reader: RowReader, batch_index: int, batch_size: int) -> list[Traced]:
    """Returns the examples of a past batch, row by row.

    Window by window is planned again from the reader's position, or from the start where the batch lies before
    it (about 20 ms each); the reader itself does not move.

    Args:
        reader: a reader of the stream.
        batch_index: the number of batches of this size before it.
        batch_size: rows of the global batch.
    """
    first = batch_index * batch_size
    position = reader.position
    if first < position['emitted']:
        position = position | {'window': 0, 'row': 0, 'emitted': 0}
    past = reader.at(position)
    past.skip(first - position['emitted'])
    return trace_rows(past, past.next_rows(batch_size))


def trace_rows(reader: RowReader, rows: Rows) -> list[Traced]:
    """Returns the examples in some rows of a reader."""
    inputs, targets = rows.sides(encoder_decoder=reader.encoder_decoder)
    places = [rows.row(), rows.starts(targets), targets, rows.starts(inputs), inputs, rows.component, rows.example]
    traced = []
    for values in zip(*(place.tolist() for place in places), strict=True):
        cache = reader.caches[values[-2]]
        source_row, template = cache.provenance[values[-1]].tolist()
        traced.append(Traced(reader.mixture.components[values[-2]].name, source_row, template, *values))
    return traced
