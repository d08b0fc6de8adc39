"""Metrics of a corpus that are no mean over examples: each example gives numbers that are added up first."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from rapidfuzz.distance import Levenshtein
from sacrebleu.metrics.bleu import BLEU


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


# From [columns] added-up numbers to the result.
OF_SUMS: Mapping[str, Callable[[np.ndarray], float]] = {'bleu': bleu}
