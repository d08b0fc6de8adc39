"""Shards come back as they were, or not at all."""

from collections import Counter

import numpy as np
import pytest

from jaxit.data import shards
from jaxit.data.blocks import block_of
from jaxit.data.shards import Shard

SHARD = Shard(block_of([([1, 70_000, 2], [1], 3, 0), ([4, 5], [1, 2], 4, 7)]), Counter(dropped=2), [(5, 'ä: no')], '')


def test_a_shard_comes_back_whole():
    found = shards.from_bytes(shards.to_bytes(SHARD, 'key'), 'key')
    for before, after in zip(SHARD.block, found.block, strict=True):
        np.testing.assert_array_equal(before, after, strict=True)
    assert (found.counts, found.bad_rows, found.error) == (Counter(dropped=2), [(5, 'ä: no')], '')


def test_equal_shards_are_equal_bytes():
    assert shards.to_bytes(SHARD, 'key') == shards.to_bytes(SHARD, 'key')


def test_another_builds_shard_is_none_of_ours():
    assert shards.from_bytes(shards.to_bytes(SHARD, 'key'), 'other') is None


@pytest.mark.parametrize('damage', [lambda d: d[:-1], lambda d: b'', lambda d: d[:40], lambda d: d + b'x'])
def test_a_damaged_shard_is_none(damage):
    assert shards.from_bytes(damage(shards.to_bytes(SHARD, 'key')), 'key') is None


def test_every_flipped_bit_is_seen():
    data = bytearray(shards.to_bytes(SHARD, 'key'))
    for place in range(0, len(data), 7):
        data[place] ^= 4
        assert shards.from_bytes(bytes(data), 'key') is None
        data[place] ^= 4
    assert shards.from_bytes(bytes(data), 'key') is not None


def test_merged_shards_are_one_after_the_other():
    merged = shards.merge([SHARD, SHARD])
    assert merged.block.provenance.tolist() == [[3, 0], [4, 7], [3, 0], [4, 7]]
    assert merged.counts == Counter(dropped=4) and len(merged.bad_rows) == 2
