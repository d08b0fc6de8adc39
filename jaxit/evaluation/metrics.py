"""Metrics as values of single examples, and what they come to: a value with its standard error.

Nearly every metric is a ratio of sums over examples. A plain mean has weights of one; perplexity and
bits per byte divide by tokens and bytes. One formula gives the standard error of both, and of
differences between two models judged on the same examples. BLEU is another function of sums: there the
jackknife says how far an example moves the result.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jaxit.core.errors import UserError, unknown_name
from jaxit.evaluation import corpus_metrics
from jaxit.text import answers, rouge

Score = dict[str, Any]  # 'value' float, 'stderr' float or None, 'count' int


class Values(NamedTuple):
    """A metric of N examples.

    Attributes:
        sums: [N] or, of a metric in `corpus_metrics.OF_SUMS`, [N, columns] float64, what is added up.
        weights: [N] float64, what the total is divided by; ones for a plain mean.
    """

    sums: np.ndarray
    weights: np.ndarray


def rouge_l(prediction: str, references: Sequence[str], *, keep_articles: bool = False) -> float:
    """Returns ROUGE-L against the best of the references; articles count as every word does."""
    del keep_articles
    return rouge.rouge_l(prediction, references)


def exact_match_with_articles(prediction: str, references: Sequence[str], *, keep_articles: bool = True) -> float:
    """Returns exact match with 'a', 'an' and 'the' kept, as Super-NaturalInstructions publishes it."""
    del keep_articles
    return answers.exact_match(prediction, references, keep_articles=True)


ANSWER_METRICS: dict[str, Callable[..., float]] = {
    'exact_match': answers.exact_match,
    'exact_match_with_articles': exact_match_with_articles,
    'f1': answers.f1,
    'rouge_l': rouge_l,
}
RANK_METRICS = ('rank_accuracy', 'rank_accuracy_per_token')
CORPUS_METRICS = ('bleu', 'edit_distance')
TEXT_METRICS = ('perplexity', 'bits_per_byte')
METRICS = (*ANSWER_METRICS, *CORPUS_METRICS, *RANK_METRICS, *TEXT_METRICS)


def check(metrics: Iterable[str], *, where: str = '') -> None:
    """Raises `UserError` for a metric that does not exist."""
    for metric in metrics:
        if metric not in METRICS:
            raise unknown_name('metric', metric, METRICS, where=where)


def mean_values(values: Iterable[float]) -> Values:
    """Returns the values of a metric whose result is their mean."""
    sums = np.array(list(values), np.float64)
    return Values(sums, np.ones_like(sums))


def corpus_values(metric: str, pairs: Iterable[tuple[str, Sequence[str]]]) -> Values:
    """Returns the values of a metric in CORPUS_METRICS for (prediction, references) pairs."""
    if metric == 'bleu':
        sums = np.array([corpus_metrics.bleu_sums(*pair) for pair in pairs], np.float64)
        return Values(sums, np.ones(len(sums)))
    distances, lengths = zip(*(corpus_metrics.edits(*pair) for pair in pairs), strict=True)
    return Values(np.array(distances), np.array(lengths))


def perplexity_values(nats: ArrayLike, tokens: ArrayLike) -> Values:
    """Returns negative log-likelihoods over the tokens they were summed over."""
    return Values(np.asarray(nats, np.float64), np.asarray(tokens, np.float64))


def bits_per_byte_values(nats: ArrayLike, num_bytes: ArrayLike) -> Values:
    """Returns negative log-likelihoods in bits over the bytes of the text."""
    return Values(np.asarray(nats, np.float64) / math.log(2), np.asarray(num_bytes, np.float64))


def aggregate(metric: str, values: Values) -> Score:
    """Returns what a metric comes to.

    The standard error is that of the mean. For a ratio (perplexity, bits per byte) it is the
    first-order one of a ratio of sums over examples (Cochran 1977, section 2.11); with one
    example there is none.
    """
    return {'value': total(metric, values), 'stderr': standard_error(influences(metric, values)), 'count': num(values)}


def difference(metric: str, before: Values, after: Values) -> Score:
    """Returns `after - before` on the same examples, in the same order.

    The standard error is of the paired differences: what is hard for both models cancels.
    """
    if num(before) != num(after):
        raise UserError(f'{metric}: {num(before)} examples before and {num(after)} after; a difference needs the same')
    return {
        'value': total(metric, after) - total(metric, before),
        'stderr': standard_error(influences(metric, after) - influences(metric, before)),
        'count': num(after),
    }


def mean(scores: Sequence[Score]) -> Score:
    """Returns the plain mean of the scores of several tasks; the tasks' errors are independent."""
    errors = [score['stderr'] for score in scores]
    known = [error for error in errors if error is not None]
    return {
        'value': math.fsum(score['value'] for score in scores) / len(scores),
        'stderr': math.hypot(*known) / len(scores) if len(known) == len(scores) else None,
        'count': sum(score['count'] for score in scores),
    }


def means(tasks: Mapping[str, Mapping[str, Score]]) -> dict[str, Score]:
    """Returns the mean of each metric over the tasks that have it."""
    metrics = sorted({metric for scores in tasks.values() for metric in scores})
    return {metric: mean([scores[metric] for scores in tasks.values() if metric in scores]) for metric in metrics}


def total(metric: str, values: Values) -> float:
    """Returns the ratio of sums, for perplexity its exponential; or another function of sums."""
    if metric in corpus_metrics.OF_SUMS:
        return corpus_metrics.OF_SUMS[metric](values.sums.sum(axis=0))
    weight = values.weights.sum()
    if not weight:
        raise UserError(f'{metric}: there is nothing to measure; every example is empty')
    ratio = float(values.sums.sum() / weight)
    return math.exp(ratio) if metric == 'perplexity' else ratio


def influences(metric: str, values: Values) -> np.ndarray:
    """Returns how far each example moves the result, to first order: [N], summing to zero."""
    if metric in corpus_metrics.OF_SUMS:
        return _jackknife(corpus_metrics.OF_SUMS[metric], values.sums)
    ratio = values.sums.sum() / values.weights.sum()
    slope = total(metric, values) if metric == 'perplexity' else 1.0
    return slope * (values.sums - ratio * values.weights) / values.weights.sum()


def _jackknife(function: Callable[[np.ndarray], float], sums: np.ndarray) -> np.ndarray:
    N, whole = len(sums), sums.sum(axis=0)
    without = np.array([function(whole - row) for row in sums])
    return (N - 1) / N * (without.mean() - without)


def standard_error(influences: np.ndarray) -> float | None:
    """Returns the standard error of a sum of influences; None for a single example."""
    N = influences.size
    return math.sqrt(N / (N - 1) * float(np.square(influences).sum())) if N > 1 else None


def num(values: Values) -> int:
    """Returns the number of examples."""
    return len(values.sums)
