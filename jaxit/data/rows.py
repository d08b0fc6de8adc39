"""Rows of examples, and the arrays they become.

A plan says which examples stand in which row; it holds no tokens. `materialise` turns any slice of it
into a batch with index arithmetic over whole arrays. Letters: R rows, K examples ("segments") in them.

Decoder: an example of n tokens takes n - 1 positions, inputs x[:-1] and targets x[1:], so that no position
predicts across examples. Encoder-decoder: inputs fill the encoder row, targets the decoder row, and the decoder
reads the targets shifted right by one behind the pad token.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np

from jaxit.core.batch import features
from jaxit.core.errors import UserError
from jaxit.core.types import Batch
from jaxit.data.cache import TokenCache
from jaxit.data.mixture import Draws

PAD_ID = 0

Lengths = Mapping[str, int | None]  # {'inputs': S, 'targets': T}; S is None for a decoder
Caches = Sequence[TokenCache] | Mapping[int, TokenCache]  # by component


@dataclasses.dataclass(frozen=True)
class Rows:
    """Examples by row.

    Attributes:
        row_offsets: [R + 1] int64, row r holds the segments row_offsets[r]..row_offsets[r + 1] - 1.
        component: [K] int64, the task id.
        example: [K] int64, index in the component's cache.
        source: [K] int64, where the example's tokens start in the cache.
        length: [K] int64, its tokens.
        input_length: [K] int64, its tokens before the first that bears loss.
        num_boundaries: [K] int64, how often its loss toggles.
    """

    row_offsets: np.ndarray
    component: np.ndarray
    example: np.ndarray
    source: np.ndarray
    length: np.ndarray
    input_length: np.ndarray
    num_boundaries: np.ndarray

    @classmethod
    def of_draws(cls, draws: Draws, caches: Caches) -> Self:
        """Looks up draws (ordered by component) in their caches, one example to a row."""
        source, length, input_length, num_boundaries = (np.empty(draws.example.size, np.int64) for _ in range(4))
        for component, start, stop in runs(draws.component):
            cache, example = caches[component], draws.example[start:stop]
            source[start:stop] = cache.offsets[example]
            length[start:stop] = cache.offsets[example + 1] - source[start:stop]
            first = cache.boundary_offsets[example]
            input_length[start:stop] = cache.boundaries[first]
            num_boundaries[start:stop] = cache.boundary_offsets[example + 1] - first
        row_offsets = np.arange(draws.example.size + 1)
        return cls(row_offsets, draws.component, draws.example, source, length, input_length, num_boundaries)

    def __len__(self) -> int:
        return self.row_offsets.size - 1

    def slice(self, start: int, stop: int) -> 'Rows':
        """Returns the rows start..stop-1."""
        offsets = self.row_offsets[start : stop + 1]
        return Rows(offsets - offsets[0], *(column[offsets[0] : offsets[-1]] for column in self._columns()))

    def regroup(self, row: np.ndarray, num_rows: int) -> 'Rows':
        """Returns the segments in other rows: `row` [K] says which, segments keep their order inside one."""
        order = np.argsort(row, kind='stable')
        row_offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=num_rows))])
        return Rows(row_offsets, *(column[order] for column in self._columns()))

    def pad(self, num_rows: int) -> 'Rows':
        """Returns the rows with empty ones after them, so that there are `num_rows`."""
        empty = np.full(num_rows - len(self), self.row_offsets[-1])
        return dataclasses.replace(self, row_offsets=np.concatenate([self.row_offsets, empty]))

    def row(self) -> np.ndarray:
        """Returns the row of each segment, [K] int64."""
        return np.repeat(np.arange(len(self)), np.diff(self.row_offsets))

    def sides(self, *, encoder_decoder: bool) -> tuple[np.ndarray, np.ndarray]:
        """Returns the positions each segment takes in (encoder row, decoder row), each [K] int64."""
        if encoder_decoder:
            return self.input_length, self.length - self.input_length
        return np.zeros_like(self.length), self.length - 1

    def starts(self, lengths: np.ndarray) -> np.ndarray:
        """Returns where in its row each segment starts when segments of these lengths stand end to end, [K] int64."""
        ends = np.concatenate([[0], np.cumsum(lengths)])
        return ends[:-1] - np.repeat(ends[self.row_offsets[:-1]], np.diff(self.row_offsets))

    def _columns(self) -> tuple[np.ndarray, ...]:
        return self.component, self.example, self.source, self.length, self.input_length, self.num_boundaries


def concatenate(parts: Sequence[Rows]) -> Rows:
    """Returns the rows of all parts in order."""
    if len(parts) == 1:
        return parts[0]
    counts = np.concatenate([np.diff(part.row_offsets) for part in parts])
    columns = zip(*(part._columns() for part in parts), strict=True)
    return Rows(np.concatenate([[0], np.cumsum(counts)]), *(np.concatenate(column) for column in columns))


def materialise(rows: Rows, caches: Caches, lengths: Lengths, *, prefix_lm: bool = False) -> Batch:
    """Returns the arrays of some rows.

    Args:
        rows: the plan.
        caches: by component.
        lengths: S and T; for a decoder S is None.
        prefix_lm: adds `decoder_causal_attention`, 1 on the prompt of each example of a decoder.

    Returns:
        The features of `core/batch.py`, [R, S] and [R, T].
    """
    inputs_length, targets_length = lengths['inputs'] or 0, lengths['targets'] or 0
    encoder_decoder = inputs_length > 0
    inputs, targets = rows.sides(encoder_decoder=encoder_decoder)
    tokens, starts = _gather(rows, caches)
    batch: dict[str, np.ndarray] = {}
    if encoder_decoder:
        side = _Side(rows, inputs, inputs_length)
        batch['encoder_input_tokens'] = side.fill(tokens[side.spread(starts) + side.within])
        batch['encoder_segment_ids'] = side.segment_ids()
        batch['encoder_positions'] = side.fill(side.within)
    side = _Side(rows, targets, targets_length)
    if encoder_decoder:
        source = side.spread(starts + inputs) + side.within
        before = np.where(side.within > 0, tokens[source - 1], PAD_ID)
        after, weights = tokens[source], np.ones(source.size, np.float32)
    else:
        source = side.spread(starts) + side.within
        before, after, weights = tokens[source], tokens[source + 1], _loss(rows, caches, starts)[source + 1]
    batch['decoder_input_tokens'] = side.fill(before)
    batch['decoder_target_tokens'] = side.fill(after)
    batch['decoder_loss_weights'] = side.fill(weights, np.float32)
    batch['decoder_segment_ids'] = side.segment_ids()
    batch['decoder_positions'] = side.fill(side.within)
    batch['task_ids'] = side.fill(side.spread(rows.component))
    ordered = {name: batch[name] for name in features(encoder_decoder=encoder_decoder)}
    if prefix_lm:
        ordered['decoder_causal_attention'] = side.fill(side.within < side.spread(rows.input_length))
    return ordered


class _Side:
    """The places of the encoder's or the decoder's rows that segments of given lengths take, end to end."""

    def __init__(self, rows: Rows, lengths: np.ndarray, width: int) -> None:
        self.rows, self.lengths, self.width = rows, lengths, width
        flat = np.arange(lengths.sum())
        self.within = flat - self.spread(np.cumsum(lengths) - lengths)  # place inside the segment
        self.place = self.spread(rows.row() * width + rows.starts(lengths)) + self.within

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Repeats a value of each segment over its positions."""
        return np.repeat(values, self.lengths)

    def fill(self, values: np.ndarray, dtype: type = np.int32) -> np.ndarray:
        """Returns [R, width] with the values at the segments' places and 0 at padding."""
        array = np.zeros(len(self.rows) * self.width, dtype)
        array[self.place] = values
        return array.reshape(len(self.rows), self.width)

    def segment_ids(self) -> np.ndarray:
        """Returns [R, width] with 1, 2, ... on the segments of each row."""
        number = np.arange(self.lengths.size) - np.repeat(self.rows.row_offsets[:-1], np.diff(self.rows.row_offsets))
        return self.fill(self.spread(number + 1))


def _gather(rows: Rows, caches: Caches) -> tuple[np.ndarray, np.ndarray]:
    """Reads the segments' tokens, one read for each component.

    Returns:
        The tokens of all segments end to end, int32; where each segment starts among them, [K] int64.
    """
    order = np.lexsort((rows.source, rows.component))
    length = rows.length[order]
    ends = np.cumsum(length)
    first = ends - length
    index = np.arange(length.sum()) + np.repeat(rows.source[order] - first, length)
    tokens = np.empty(index.size, np.int32)
    for component, start, stop in runs(rows.component[order]):
        part = slice(first[start], ends[stop - 1])
        tokens[part] = caches[component].tokens[index[part]]
    starts = np.empty_like(first)
    starts[order] = first
    return tokens, starts


def _loss(rows: Rows, caches: Caches, starts: np.ndarray) -> np.ndarray:
    """Returns whether each gathered token bears loss, float32: the parity of the toggles up to it."""
    toggles = np.zeros(rows.length.sum() + 1, np.int32)
    np.add.at(toggles, starts + rows.input_length, 1)
    many = np.flatnonzero(rows.num_boundaries > 1)  # conversations
    many = many[np.argsort(rows.component[many], kind='stable')]
    for component, start, stop in runs(rows.component[many]):
        cache, segments = caches[component], many[start:stop]
        later = rows.num_boundaries[segments] - 1
        index = np.arange(later.sum()) - np.repeat(np.cumsum(later) - later, later)
        index += np.repeat(cache.boundary_offsets[rows.example[segments]] + 1, later)
        np.add.at(toggles, np.repeat(starts[segments], later) + cache.boundaries[index], 1)
    still_on = rows.num_boundaries % 2 == 1
    np.add.at(toggles, (starts + rows.length)[still_on], 1)
    return (np.cumsum(toggles[:-1]) & 1).astype(np.float32)


def check_fit(cache: TokenCache, lengths: Lengths, *, encoder_decoder: bool) -> None:
    """Checks that the examples of a cache can stand in rows of these lengths.

    Raises:
        UserError: names the task, and the source row of an example that is too long.
    """
    kind = 'an encoder-decoder' if encoder_decoder else 'a decoder'
    if set(lengths) != {'inputs', 'targets'} or not lengths['targets'] or bool(lengths['inputs']) != encoder_decoder:
        wanted = '{"inputs": S, "targets": T}' if encoder_decoder else '{"inputs": None, "targets": T}'
        raise UserError(f'the rows of {kind} need the lengths {wanted}, got {dict(lengths)}')
    if cache.encoder_decoder != encoder_decoder:
        raise UserError(f'task {cache.name!r} was not cached for {kind}; cache it again for this model')
    longest = cache.manifest['longest']
    if encoder_decoder:
        _check_side(cache, 'inputs', longest['inputs'], lengths['inputs'], cache.input_lengths)
        _check_side(cache, 'targets', longest['targets'], lengths['targets'], cache.lengths - cache.input_lengths)
    else:
        _check_side(cache, 'inputs and targets', longest['tokens'] - 1, lengths['targets'], cache.lengths - 1)


def _check_side(cache: TokenCache, side: str, longest: int, width: int | None, places: np.ndarray) -> None:
    if longest <= (width or 0):
        return
    source_row = cache.provenance[places.argmax(), 0]
    raise UserError(
        f'task {cache.name!r} source row {source_row}: {side} take {longest} positions, a row has {width}; '
        'cache the task with shorter lengths or make rows longer'
    )


def runs(values: np.ndarray) -> list[tuple[int, int, int]]:
    """Returns (value, start, stop) of each run of equal values."""
    starts = np.flatnonzero(np.diff(values, prepend=-1))
    stops = np.append(starts, values.size)[1:]
    return list(zip(values[starts].tolist(), starts.tolist(), stops.tolist(), strict=True))
