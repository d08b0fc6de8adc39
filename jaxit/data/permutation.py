"""A shuffle of a whole epoch that takes no memory: a keyed permutation of 0..size-1, by index.

An alternating Feistel network over the smallest power of two that holds `size`: the index is
split into high and low bits, and in turn one part is xored with a hash of the other. Each round
undoes itself, so the network is a bijection. An index that lands beyond `size` goes through again
("cycle walking", Black and Rogaway 2002) until it lands inside: the bijection of 0..size-1 it
induces needs fewer than two passes on average.
"""

import hashlib
import json

import numpy as np

ROUNDS = 8
MAX_SIZE = 1 << 62


def permutation_key(seed: int, name: str, number: int) -> int:
    """Returns the 64-bit key of one permutation, e.g. of (seed, task, epoch)."""
    digest = hashlib.sha256(json.dumps([seed, name, number]).encode()).digest()
    return int.from_bytes(digest[:8], 'little')


def permute(indices: np.ndarray, size: int | np.integer | np.ndarray, key: int | np.integer | np.ndarray) -> np.ndarray:
    """Returns where each index goes.

    Args:
        indices: [n] int64 within 0..size-1.
        size: the number of elements of the permutation; or [n], one for each index.
        key: 64 bits; or [n] uint64, one for each index.

    Returns:
        [n] int64.
    """
    indices = np.asarray(indices, np.int64)
    sizes = np.broadcast_to(np.asarray(size, np.int64), indices.shape)
    keys = np.broadcast_to(np.asarray(key, np.uint64), indices.shape)
    if indices.size and (indices.min() < 0 or (indices >= sizes).any() or sizes.max() > MAX_SIZE):
        raise ValueError(f'indices {indices.min()}..{indices.max()} do not lie in 0..size-1 of size {sizes.max()}')
    bits = _bit_lengths(sizes - 1)
    result = _network(indices.astype(np.uint64), bits, keys)
    while (outside := np.flatnonzero(result >= sizes.astype(np.uint64))).size:
        result[outside] = _network(result[outside], bits[outside], keys[outside])
    return result.astype(np.int64)


def _network(values: np.ndarray, bits: np.ndarray, keys: np.ndarray) -> np.ndarray:
    low_bits = (bits + np.uint64(1)) >> np.uint64(1)
    low_mask = (np.uint64(1) << low_bits) - np.uint64(1)
    high_mask = (np.uint64(1) << (bits - low_bits)) - np.uint64(1)
    low, high = values & low_mask, values >> low_bits
    for number in range(ROUNDS):
        round_keys = _mix(keys + np.uint64(number))
        if number % 2:
            high ^= _mix(low ^ round_keys) & high_mask
        else:
            low ^= _mix(high ^ round_keys) & low_mask
    return high << low_bits | low


def _mix(values: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014), a bijection of 64 bits that spreads every bit."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return values ^ values >> np.uint64(31)


def _bit_lengths(values: np.ndarray) -> np.ndarray:
    """[n] int64 -> [n] uint64, exact (a float log is not, beyond 2 ** 53)."""
    lengths = np.zeros(values.shape, np.uint64)
    rest = values.astype(np.uint64)
    for step in (32, 16, 8, 4, 2, 1):
        large = rest >= np.uint64(1 << step)
        lengths += np.where(large, np.uint64(step), np.uint64(0))
        rest = np.where(large, rest >> np.uint64(step), rest)
    return lengths + rest
