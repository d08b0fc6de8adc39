"""Metrics of a corpus that are no mean over examples: each example gives numbers that are added up, or looked at together."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import Levenshtein
from sacrebleu.metrics.bleu import BLEU

from jaxit.evaluation import class_metrics, correlations


class OfRows(NamedTuple):
    """A metric that takes all rows at once.

    Attributes:
        value: from [N, columns] numbers to the result.
        without_each: from the same to [N] results, each without one row.
    """

    value: Callable[[np.ndarray], float]
    without_each: Callable[[np.ndarray], np.ndarray]


def bleu_sums(prediction: str, references: Sequence[str]) -> np.ndarray:
    """Returns [10] float64: n-grams found, n-grams written (n = 1 to 4), words written, words of the closest reference.

    Tokens are those of sacreBLEU's default, '13a' (Post 2018, arXiv:1804.08771).
    """
    score = BLEU().corpus_score([prediction], [[reference] for reference in references])
    return np.array([*score.counts, *score.totals, score.sys_len, score.ref_len], np.float64)


def bleu(sums: np.ndarray) -> float:
    """Returns corpus BLEU, 0 to 1, of [10] added-up numbers (Papineni et al. 2002, section 2.3; exponential smoothing)."""
    counts = [int(value) for value in sums]
    return BLEU.compute_bleu(counts[:4], counts[4:8], counts[8], counts[9], smooth_method='exp').score / 100


def edits(prediction: str, references: Sequence[str]) -> tuple[float, float]:
    """Returns (characters to insert, delete or replace, characters of the reference), for the reference that is nearest."""
    found = [(float(Levenshtein.distance(prediction, reference)), float(len(reference))) for reference in references]
    return min(found, key=lambda pair: pair[0] / max(pair[1], 1.0))


def sums_without_each(function: Callable[[np.ndarray], float], rows: np.ndarray) -> np.ndarray:
    """Returns [N] the function of what [N, columns] rows add up to without each of them; equal rows are asked for once."""
    whole = rows.sum(axis=0)
    distinct, which = np.unique(rows, axis=0, return_inverse=True)
    return np.array([function(whole - row) for row in distinct])[which.ravel()]


# From [columns] added-up numbers to the result.
OF_SUMS: Mapping[str, Callable[[np.ndarray], float]] = {
    'bleu': bleu,
    'binary_f1': class_metrics.binary_f1,
    'macro_f1': class_metrics.macro_f1,
    'matthews': class_metrics.matthews,
}
OF_ROWS: Mapping[str, OfRows] = {
    'pearson': OfRows(correlations.pearson, correlations.pearson_without_each),
    'spearman': OfRows(correlations.spearman, correlations.spearman_without_each),
}
