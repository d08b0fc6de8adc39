"""How well numbers that were answered go with the right ones: correlations, and what they are without each example."""

import math
import re
from collections.abc import Callable

import numpy as np

NO_NUMBER = 0.0  # what an answer that is no number counts as

# No scale has more digits, and sums of their squares stay finite.
_NUMBER = re.compile(r'[-+]?(\d{1,15}(\.\d{0,15})?|\.\d{1,15})')


def number(answer: str) -> float | None:
    """Returns the number that a text is, such as '3', '3.8' or '4.'; None for anything else, '4 of 5' among it."""
    text = answer.strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def answered(answer: str) -> float:
    """Returns the number that is answered, and `NO_NUMBER` where there is none.

    Zero is the lowest score of STS-B, 'nothing in common'. T5 counts -1 instead, which is not on the scale.
    """
    found = number(answer)
    return NO_NUMBER if found is None else found


def pearson(rows: np.ndarray) -> float:
    """Returns Pearson's correlation, -1 to 1, of [N, 2] answered and right numbers.

    It is 0 where one side is the same number throughout, or there is one row: then nothing goes with anything.
    """
    if not len(rows) or not np.ptp(rows, axis=0).all():
        return 0.0
    first, second = (rows - rows.mean(axis=0)).T
    ratio = float(first @ second) / math.sqrt(float(first @ first) * float(second @ second))
    return min(max(ratio, -1.0), 1.0)  # rounding


def spearman(rows: np.ndarray) -> float:
    """Returns Spearman's correlation, -1 to 1, of [N, 2] numbers: Pearson's of the ranks; equal numbers share their mean rank.

    Spearman 1904, https://doi.org/10.2307/1412159.
    """
    return pearson(_ranks(rows))


def pearson_without_each(rows: np.ndarray) -> np.ndarray:
    """Returns [N] what `pearson` of the [N, 2] rows would be without each of them."""
    return _for_distinct(rows, lambda i: pearson(np.delete(rows, i, axis=0)))


def spearman_without_each(rows: np.ndarray) -> np.ndarray:
    """Returns [N] what `spearman` of the [N, 2] rows would be without each of them.

    Nothing is ranked again: without a number, the greater ones are one rank lower, and its equals half a rank.
    """
    ranks = _ranks(rows)

    def without(i: int) -> float:
        return pearson(np.delete(ranks - (rows > rows[i]) - 0.5 * (rows == rows[i]), i, axis=0))

    return _for_distinct(rows, without)


def _ranks(rows: np.ndarray) -> np.ndarray:
    """Returns [N, 2] ranks from 1 on within each column, the mean of them for equal numbers."""
    ranks = np.empty_like(rows)
    for column in range(rows.shape[1]):
        _, place, counts = np.unique(rows[:, column], return_inverse=True, return_counts=True)
        ranks[:, column] = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


def _for_distinct(rows: np.ndarray, function: Callable[[int], float]) -> np.ndarray:
    """Returns [N] the function of each row's index, found once for rows that are equal.

    STS-B has some 25 right scores and whole numbers for answers: 10,000 rows are a hundred distinct ones.
    """
    _, first, which = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return np.array([function(i) for i in first])[which.ravel()]
