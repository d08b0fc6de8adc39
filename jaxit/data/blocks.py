"""Several examples as arrays: what workers hand on, what a part of a build holds, what is written at a time."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np


class Block(NamedTuple):
    """N examples end to end.

    Attributes:
        tokens: [T] int32, the ids of all of them.
        lengths: [N] int64, ids of each.
        boundaries: [M] int64, where the loss toggles, relative to the example; it starts off.
        num_boundaries: [N] int64, how many of them each has.
        provenance: [N, 2] int64, (source row, template).
    """

    tokens: np.ndarray
    lengths: np.ndarray
    boundaries: np.ndarray
    num_boundaries: np.ndarray
    provenance: np.ndarray

    def __len__(self) -> int:
        return len(self.lengths)

    def example(self, index: int) -> tuple[np.ndarray, list[int], int]:
        """Returns (tokens [n], boundaries, source row) of one example."""
        start, first = int(self.lengths[:index].sum()), int(self.num_boundaries[:index].sum())
        tokens = self.tokens[start : start + self.lengths[index]]
        boundaries = self.boundaries[first : first + self.num_boundaries[index]].tolist()
        return tokens, boundaries, int(self.provenance[index, 0])


def block_of(examples: Iterable[tuple[Sequence[int] | np.ndarray, Sequence[int], int, int]]) -> Block:
    """Returns (tokens, boundaries, source row, template) of each example as a block."""
    columns = list(zip(*examples, strict=True)) or [(), (), (), ()]
    tokens, boundaries, rows, templates = columns
    return Block(
        np.concatenate([np.zeros(0, np.int32), *(np.asarray(ids, np.int32) for ids in tokens)]),
        np.array([len(ids) for ids in tokens], np.int64),
        np.array([boundary for some in boundaries for boundary in some], np.int64),
        np.array([len(some) for some in boundaries], np.int64),
        np.array([rows, templates], np.int64).T.reshape(-1, 2),
    )


def join(blocks: Sequence[Block]) -> Block:
    """Returns the examples of all blocks in order."""
    if len(blocks) == 1:
        return blocks[0]
    return Block(*(np.concatenate(column) for column in zip(*(blocks or [block_of(())]), strict=True)))


def loss_lengths(lengths: np.ndarray, boundaries: np.ndarray, num_boundaries: np.ndarray) -> np.ndarray:
    """Returns [N] int64, the tokens of each example that bear loss: its boundaries summed with alternating signs.

    Args:
        lengths: [N], tokens of each example.
        boundaries: [M], at least one for each example.
        num_boundaries: [N].
    """
    if not len(lengths):
        return np.zeros(0, np.int64)
    firsts = np.cumsum(num_boundaries) - num_boundaries
    place = np.arange(boundaries.size) - np.repeat(firsts, num_boundaries)
    sums = np.add.reduceat(np.where(place % 2, boundaries, -boundaries).astype(np.int64), firsts)
    return sums + np.where(num_boundaries % 2, lengths, 0)


def first_unsound(block: Block, vocab_size: int, *, encoder_decoder: bool) -> int | None:
    """Returns the index of an example that could not be trained on, None where all can; see `CacheWriter.add`."""
    bad = (block.lengths < 1) | (block.num_boundaries < 1)
    if not bad.any() and len(block):
        ends = np.cumsum(block.num_boundaries)
        first, last = block.boundaries[ends - block.num_boundaries], block.boundaries[ends - 1]
        bad = (first < 1) | (first >= block.lengths) | (last > block.lengths)
        owner = np.repeat(np.arange(len(block)), block.num_boundaries)
        falls = (np.diff(block.boundaries) <= 0) & (owner[1:] == owner[:-1])
        bad[owner[1:][falls]] = True
        strange = (block.tokens < 0) | (block.tokens >= vocab_size)
        if strange.any():
            bad[np.searchsorted(np.cumsum(block.lengths), np.flatnonzero(strange), 'right')] = True
        if encoder_decoder:
            bad |= block.num_boundaries != 1
    found = np.flatnonzero(bad)
    return int(found[0]) if found.size else None
