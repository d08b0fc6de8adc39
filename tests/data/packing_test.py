"""Packing: rows never overflow, equal a slow best fit, and leave little empty."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxit.data.packing import pack, pack_pairs


def slow_best_fit(lengths, capacity):
    """Rooms by number of row in a plain list; the rooms of equal size are interchangeable."""
    rooms = []
    for length in sorted(lengths, reverse=True):
        fitting = [room for room in rooms if room >= length]
        if fitting:
            rooms.remove(min(fitting))
            rooms.append(min(fitting) - length)
        else:
            rooms.append(capacity - length)
    return sorted(rooms)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 60).flatmap(lambda c: st.tuples(st.just(c), st.lists(st.integers(1, c), max_size=80))))
def test_leaves_the_rooms_of_a_slow_best_fit(case):
    capacity, lengths = case
    rows = pack(np.array(lengths, np.int64), capacity)
    used = np.bincount(rows, lengths, minlength=0)
    assert sorted((capacity - used).tolist()) == slow_best_fit(lengths, capacity)


def slow_pairs(inputs, targets, inputs_capacity, targets_capacity):
    rows, rooms = {}, []
    shares = [a * targets_capacity + b * inputs_capacity for a, b in zip(inputs, targets, strict=True)]
    for index in sorted(range(len(inputs)), key=lambda i: (-shares[i], i)):
        best = None
        for row, (a, b) in enumerate(rooms):
            left = a - inputs[index], b - targets[index]
            cost = (left[0] * targets_capacity) ** 2 + (left[1] * inputs_capacity) ** 2
            if min(left) >= 0 and (best is None or cost < best[0]):
                best = cost, row, left
        if best is None:
            rooms.append((inputs_capacity, targets_capacity))
            left = inputs_capacity - inputs[index], targets_capacity - targets[index]
            best = 0, len(rooms) - 1, left
        rooms[best[1]] = best[2]
        rows[index] = best[1]
    return [rows[i] for i in range(len(inputs))]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 37), st.integers(1, 11)), max_size=60))
def test_pairs_equal_a_slow_best_fit_and_never_overflow(pairs):
    inputs, targets = np.array(pairs, np.int64).reshape(-1, 2).T
    rows = pack_pairs(inputs, targets, 37, 11)
    assert rows.tolist() == slow_pairs(inputs.tolist(), targets.tolist(), 37, 11)
    assert (np.bincount(rows, inputs) <= 37).all() and (np.bincount(rows, targets) <= 11).all()


def test_every_row_number_is_used():
    lengths = np.random.default_rng(0).integers(1, 90, 500)
    assert set(pack(lengths, 100).tolist()) == set(range(pack(lengths, 100).max() + 1))


@pytest.mark.parametrize('seed', range(3))
def test_little_is_left_empty_of_a_window(seed):
    rng = np.random.default_rng(seed)
    lengths = np.clip(rng.lognormal(4.5, 0.8, 4096), 10, 400).astype(np.int64)
    num_rows = pack(lengths, 1024).max() + 1
    assert 1 - lengths.sum() / (num_rows * 1024) < 0.003
    targets = np.clip(rng.lognormal(3, 0.8, 4096), 2, 128).astype(np.int64)
    for capacity, slack in ((128, 1.05), (256, 1.015)):  # both sides scarce; the inputs scarce
        num_rows = pack_pairs(lengths, targets, 512, capacity).max() + 1
        assert num_rows < slack * max(lengths.sum() / 512, targets.sum() / capacity)
