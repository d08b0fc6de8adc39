"""Best-fit-decreasing packing: which examples share a row.

The longest example goes first, each into the row it leaves least room in; a row is opened when
none has room. Within 11/9 of the best number of rows for one capacity (Johnson 1974), in practice
within a few of it. Rows are numbered in the order they were opened; the same lengths give the same rows.
"""

import numpy as np


def pack(lengths: np.ndarray, capacity: int) -> np.ndarray:
    """Packs examples of one length each.

    The rows with room are kept by room, and the set of rooms that occur as the bits of one integer:
    the smallest room that fits is its lowest bit from `length` on.

    Args:
        lengths: [n] int, each within 1..capacity.
        capacity: the length of a row.

    Returns:
        [n] int64, the row of each example.
    """
    rows = np.empty(len(lengths), np.int64)
    rows_by_room: list[list[int]] = [[] for _ in range(capacity + 1)]
    rooms, num_rows = 0, 0
    order = np.argsort(-np.asarray(lengths), kind='stable')
    for index, length in zip(order.tolist(), lengths[order].tolist(), strict=True):
        fitting = rooms >> length
        if fitting:
            room = length + (fitting & -fitting).bit_length() - 1
            row = rows_by_room[room].pop()
            if not rows_by_room[room]:
                rooms ^= 1 << room
        else:
            room, row = capacity, num_rows
            num_rows += 1
        rows[index] = row
        rows_by_room[room - length].append(row)
        rooms |= 1 << (room - length)
    return rows


def pack_pairs(inputs: np.ndarray, targets: np.ndarray, inputs_capacity: int, targets_capacity: int) -> np.ndarray:
    """Packs examples with two lengths into rows with two capacities, for an encoder-decoder.

    Examples are ordered by the share of a row they take on both sides together; the best row is the one with
    the least sum of squared shares left over, which fills rows evenly on both sides.

    Args:
        inputs: [n] int, each within 1..inputs_capacity.
        targets: [n] int, each within 1..targets_capacity.
        inputs_capacity: the length of an encoder row.
        targets_capacity: the length of a decoder row.

    Returns:
        [n] int64, the row of each example.
    """
    rows = np.empty(len(inputs), np.int64)
    capacities = np.array([[inputs_capacity], [targets_capacity]], np.int64)
    scales = capacities[::-1].astype(np.float64)  # left over * the other capacity: shares without a division
    lengths = np.stack([inputs, targets]).astype(np.int64)
    rooms = np.empty((2, len(rows)), np.int64)
    num_rows = 0
    for index in np.argsort(-(lengths * scales).sum(0), kind='stable').tolist():
        left = rooms[:, :num_rows] - lengths[:, index : index + 1]
        fitting = np.flatnonzero((left >= 0).all(0))
        if fitting.size:
            row = int(fitting[np.argmin(np.square(left[:, fitting] * scales).sum(0))])
        else:
            row = num_rows
            rooms[:, row] = capacities[:, 0]
            num_rows += 1
        rooms[:, row] -= lengths[:, index]
        rows[index] = row
    return rows
