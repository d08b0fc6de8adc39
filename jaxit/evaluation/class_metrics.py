"""Metrics of classes: an answer is one of the options or none of them, and is counted against the right one.

Each example gives counts that are added up first. Where a metric is 0 / 0, as F1 is where a class is neither asked for
nor answered, it is 0.
"""

import math
from collections.abc import Sequence

import numpy as np

from jaxit.text.answers import normalize


def choice(answer: str, options: Sequence[str]) -> int | None:
    """Returns the index of the option that an answer is; None where it is none of them.

    Texts are normalised as exact match does it among options: lower case, no punctuation, articles kept.
    """
    texts = [normalize(option, keep_articles=True) for option in options]
    text = normalize(answer, keep_articles=True)
    return texts.index(text) if text in texts else None


def binary_counts(chosen: int | None, right: int) -> np.ndarray:
    """Returns [4] float64: true positives, false positives, false negatives, true negatives.

    The positive class is the second of the two options, label 1: 'yes' of no and yes. An answer that is neither counts as
    the wrong one of the two, as it does in T5's evaluation (`f1_score_with_invalid`).
    """
    answered = 1 - right if chosen is None else chosen
    return np.array([answered and right, answered > right, answered < right, not (answered or right)], np.float64)


def binary_f1(counts: np.ndarray) -> float:
    """Returns the F1 of the positive class, 0 to 1, of [4] added-up counts; GLUE's for MRPC and QQP (arXiv:1804.07461)."""
    found, wrong, missed, _ = counts
    return _ratio(2 * found, 2 * found + wrong + missed)


def matthews(counts: np.ndarray) -> float:
    """Returns the Matthews correlation, -1 to 1, of [4] added-up counts; GLUE's for CoLA.

    Matthews 1975, https://doi.org/10.1016/0005-2795(75)90109-9; the formula is that of the phi coefficient.
    """
    tp, fp, fn, tn = counts
    return _ratio(tp * tn - fp * fn, math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))


def macro_counts(chosen: int | None, right: int, num_classes: int) -> np.ndarray:
    """Returns [3 * K] float64: true positives, false positives, then false negatives of each of K classes.

    An answer that is none of the options is missed by the right class and found by no other.
    """
    counts = np.zeros((3, num_classes))
    if chosen == right:
        counts[0, right] = 1
    else:
        counts[2, right] = 1
        if chosen is not None:
            counts[1, chosen] = 1
    return counts.ravel()


def macro_f1(counts: np.ndarray) -> float:
    """Returns the plain mean of the F1 of every option, 0 to 1, of [3 * K] added-up counts.

    SuperGLUE's for CB (arXiv:1905.00537, section 3). All options count, also one that is the answer to nothing.
    """
    found, wrong, missed = counts.reshape(3, -1)
    return float(np.mean([_ratio(2 * t, 2 * t + f + m) for t, f, m in zip(found, wrong, missed, strict=True)]))


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
