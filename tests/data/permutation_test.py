"""The keyed permutation: a bijection, the same everywhere, and shuffled as well as a shuffle."""

import hashlib
from collections import Counter

import numpy as np
import pytest

from jaxit.data.permutation import MAX_SIZE, permutation_key, permute


@pytest.mark.parametrize('key', [0, 1, 2**64 - 1])
def test_bijection_of_every_small_size(key):
    for size in range(1, 301):
        assert sorted(permute(np.arange(size), size, key).tolist()) == list(range(size)), size


@pytest.mark.parametrize('size', [65_535, 65_536, 65_537, 200_001, 1_048_577])
def test_bijection_of_large_sizes(size):
    image = permute(np.arange(size), size, permutation_key(7, 'task', 0))
    np.testing.assert_array_equal(np.bincount(image, minlength=size), np.ones(size))
    assert (image == np.arange(size)).sum() < 12  # a random permutation has one fixed point on average


def test_distinct_and_in_range_for_the_largest_sizes():
    for size in (10**9 + 7, 2**53 + 1, MAX_SIZE):
        indices = np.concatenate([np.arange(500), np.arange(size - 500, size)])
        image = permute(indices, size, 5)
        assert len(set(image.tolist())) == 1000
        assert image.min() >= 0 and image.max() < size


def test_sizes_and_keys_by_element_equal_one_at_a_time():
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 5000, 400)
    indices = rng.integers(0, sizes)
    keys = rng.integers(0, 2**64, 400, dtype=np.uint64)
    single = [permute(np.array([i]), n, k)[0] for i, n, k in zip(indices, sizes, keys, strict=True)]
    np.testing.assert_array_equal(permute(indices, sizes, keys), single)


def reference(index, size, key):
    """The same network in Python integers of any size."""
    mask64 = 2**64 - 1

    def mix(value):
        value = (value + 0x9E3779B97F4A7C15) & mask64
        value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & mask64
        value = ((value ^ value >> 27) * 0x94D049BB133111EB) & mask64
        return value ^ value >> 31

    bits = (size - 1).bit_length()
    low_bits = (bits + 1) // 2
    while True:
        low, high = index % 2**low_bits, index >> low_bits
        for number in range(8):
            round_key = mix((key + number) & mask64)
            if number % 2:
                high ^= mix(low ^ round_key) % 2 ** (bits - low_bits)
            else:
                low ^= mix(high ^ round_key) % 2**low_bits
        index = high << low_bits | low
        if index < size:
            return index


@pytest.mark.parametrize('size', [1, 2, 3, 97, 4096, 70_001, 2**40 + 3])
def test_equals_the_network_in_python_integers(size):
    indices = np.unique(np.linspace(0, size - 1, 40).astype(np.int64))
    expected = [reference(i, size, 2**64 - 3) for i in indices.tolist()]
    np.testing.assert_array_equal(permute(indices, size, 2**64 - 3), expected)


def test_every_place_is_equally_likely_over_the_keys():
    size, num_keys = 11, 6000
    keys = np.array([permutation_key(0, 'task', epoch) for epoch in range(num_keys)], np.uint64)
    for index in (0, 5, 10):
        counts = np.bincount(permute(np.full(num_keys, index), size, keys), minlength=size)
        chi_square = ((counts - num_keys / size) ** 2 / (num_keys / size)).sum()
        assert chi_square < 35  # 10 degrees of freedom: one in ten thousand


def test_neighbours_go_apart():
    image = permute(np.arange(10_007), 10_007, 3)
    steps = Counter(np.diff(image).tolist())
    assert max(steps.values()) < 12
    assert abs(np.corrcoef(np.arange(10_007), image)[0, 1]) < 0.05


def test_keys_differ_by_each_part_and_are_stable():
    keys = {permutation_key(s, n, e) for s in (0, 1) for n in ('a', 'b', 'a/0') for e in (0, 1, 2)}
    assert len(keys) == 18
    assert permutation_key(1, 'a', 2) == int.from_bytes(hashlib.sha256(b'[1, "a", 2]').digest()[:8], 'little')


def test_an_index_outside_is_refused():
    with pytest.raises(ValueError, match='do not lie'):
        permute(np.array([0, 5]), 5, 0)
    with pytest.raises(ValueError, match='do not lie'):
        permute(np.array([-1]), 5, 0)
    assert permute(np.array([], np.int64), 5, 0).size == 0
