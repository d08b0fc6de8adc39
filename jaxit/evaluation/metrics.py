"""Metrics as values of single examples, and what they come to: a value with its standard error.

Nearly every metric is a ratio of sums over examples. A plain mean has weights of one; perplexity and
bits per byte divide by tokens and bytes. One formula gives the standard error of both, and of
differences between two models judged on the same examples. BLEU and F1 over classes are other functions
of sums, a correlation is one of all rows: there the jackknife says how far an example moves the result.
`docs/metrics.md` lists the metrics.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jaxit.core.errors import UserError, unknown_name
from jaxit.evaluation import corpus_metrics, cross_lingual
from jaxit.text import answers, rouge

Score = dict[str, Any]  # 'value' float, 'stderr' float or None, 'count' int


class Values(NamedTuple):
    """A metric of N examples.

    Attributes:
        sums: [N] or, of a metric in `corpus_metrics.OF_SUMS` or `OF_ROWS`, [N, columns] float64, what is added up.
        weights: [N] float64, what the total is divided by; ones for a plain mean, zero where another example stands for it.
    """

    sums: np.ndarray
    weights: np.ndarray


def exact_match_with_articles(prediction: str, references: Sequence[str], *, keep_articles: bool = True) -> float:
    """Returns exact match with 'a', 'an' and 'the' kept, as Super-NaturalInstructions publishes it."""
    del keep_articles
    return answers.exact_match(prediction, references, keep_articles=True)


def verbatim_match(prediction: str, references: Sequence[str], *, keep_articles: bool = True) -> float:
    """Returns 1 when the answer is one of the references to the letter, else 0: the sign of a number counts."""
    del keep_articles
    return float(prediction.strip() in {reference.strip() for reference in references})


def _of_words(rouge: Callable[[str, Sequence[str]], float]) -> Callable[..., float]:
    """Returns ROUGE as a metric of answers; articles count as every word does."""

    def score(prediction: str, references: Sequence[str], *, keep_articles: bool = True) -> float:
        del keep_articles
        return rouge(prediction, references)

    return score


# From a written answer and its references, the best of which counts, to a value whose mean is reported.
ANSWER_METRICS: dict[str, Callable[..., float]] = {
    'exact_match': answers.exact_match,
    'exact_match_with_articles': exact_match_with_articles,
    'verbatim_match': verbatim_match,
    'f1': answers.f1,
    'rouge_1': _of_words(rouge.rouge_1),
    'rouge_2': _of_words(rouge.rouge_2),
    'rouge_l': _of_words(rouge.rouge_l),
    'rouge_lsum': _of_words(rouge.rouge_lsum),
}
PIECE_METRICS = (cross_lingual.METRIC,)  # the same of pieces of text, so they need a tokenizer
CORPUS_METRICS = ('bleu', 'edit_distance')
CLASS_METRICS = ('binary_f1', 'macro_f1', 'matthews')
NUMBER_METRICS = ('pearson', 'spearman')
GROUP_METRICS = ('group_exact_match',)
WRITTEN_METRICS = (*ANSWER_METRICS, *PIECE_METRICS, *CORPUS_METRICS, *CLASS_METRICS, *NUMBER_METRICS, *GROUP_METRICS)
RANK_METRICS = ('rank_accuracy', 'rank_accuracy_per_token')
# Metrics of the option with the largest score, as if the model had written it.
CHOSEN_METRICS = {f'rank_{m}': m for m in ('f1', *CLASS_METRICS, *NUMBER_METRICS, *GROUP_METRICS)}
TEXT_METRICS = ('perplexity', 'bits_per_byte')
METRICS = (*WRITTEN_METRICS, *RANK_METRICS, *CHOSEN_METRICS, *TEXT_METRICS)


def check(metrics: Iterable[str], *, where: str = '') -> None:
    """Raises `UserError` for a metric that does not exist."""
    for metric in metrics:
        if metric not in METRICS:
            raise unknown_name('metric', metric, METRICS, where=where)


def mean_values(values: Iterable[float]) -> Values:
    """Returns the values of a metric whose result is their mean."""
    sums = np.array(list(values), np.float64)
    return Values(sums, np.ones_like(sums))


def row_values(rows: Iterable[np.ndarray]) -> Values:
    """Returns the values of a metric in `OF_SUMS` or `OF_ROWS`, [columns] numbers for each example."""
    sums = np.array(list(rows), np.float64)
    return Values(sums, np.ones(len(sums)))


def corpus_values(metric: str, pairs: Iterable[tuple[str, Sequence[str]]]) -> Values:
    """Returns the values of a metric in CORPUS_METRICS for (prediction, references) pairs."""
    if metric == 'bleu':
        return row_values(corpus_metrics.bleu_sums(*pair) for pair in pairs)
    distances, lengths = zip(*(corpus_metrics.edits(*pair) for pair in pairs), strict=True)
    return Values(np.array(distances), np.array(lengths))


def group_values(values: Iterable[float], groups: Sequence[str]) -> Values:
    """Returns the share of groups that are right throughout, as a ratio of sums.

    The first example of a group stands for it, with a weight of 1 and the smallest of the group's values; the others weigh
    nothing. So the standard error is that of a mean over groups, whose examples need not stand together.
    """
    smallest: dict[str, float] = {}
    first: list[bool] = []
    for value, group in zip(values, groups, strict=True):
        first.append(group not in smallest)
        smallest[group] = min(value, smallest.get(group, value))
    weights = np.array(first, np.float64)
    return Values(weights * [smallest[group] for group in groups], weights)


def perplexity_values(nats: ArrayLike, tokens: ArrayLike) -> Values:
    """Returns negative log-likelihoods over the tokens they were summed over."""
    return Values(np.asarray(nats, np.float64), np.asarray(tokens, np.float64))


def bits_per_byte_values(nats: ArrayLike, num_bytes: ArrayLike) -> Values:
    """Returns negative log-likelihoods in bits over the bytes of the text."""
    return Values(np.asarray(nats, np.float64) / math.log(2), np.asarray(num_bytes, np.float64))


def aggregate(metric: str, values: Values) -> Score:
    """Returns what a metric comes to.

    The standard error is that of the mean. For a ratio (perplexity, bits per byte) it is the
    first-order one of a ratio of sums over examples (Cochran 1977, section 2.11), for other functions
    the jackknife's (Efron 1981, https://doi.org/10.2307/2335441); with one example there is none.
    The count is that of the examples which weigh something.
    """
    value, count = total(metric, values), num_weighed(values)
    return {'value': value, 'stderr': standard_error(influences(metric, values), count), 'count': count}


def difference(metric: str, before: Values, after: Values) -> Score:
    """Returns `after - before` on the same examples, in the same order.

    The standard error is of the paired differences: what is hard for both models cancels.
    """
    if num(before) != num(after):
        raise UserError(f'{metric}: {num(before)} examples before and {num(after)} after; a difference needs the same')
    count = max(num_weighed(before), num_weighed(after))
    error = standard_error(influences(metric, after) - influences(metric, before), count)
    return {'value': total(metric, after) - total(metric, before), 'stderr': error, 'count': count}


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
    """Returns the ratio of sums, for perplexity its exponential; or another function of sums, or of all rows."""
    metric = CHOSEN_METRICS.get(metric, metric)
    if metric in corpus_metrics.OF_SUMS:
        return corpus_metrics.OF_SUMS[metric](values.sums.sum(axis=0))
    if metric in corpus_metrics.OF_ROWS:
        return corpus_metrics.OF_ROWS[metric].value(values.sums)
    weight = values.weights.sum()
    if not weight:
        raise UserError(f'{metric}: there is nothing to measure; every example is empty')
    ratio = float(values.sums.sum() / weight)
    return math.exp(ratio) if metric == 'perplexity' else ratio


def influences(metric: str, values: Values) -> np.ndarray:
    """Returns how far each example moves the result, to first order: [N], summing to zero."""
    metric = CHOSEN_METRICS.get(metric, metric)
    if metric in corpus_metrics.OF_SUMS:
        return _jackknife(corpus_metrics.sums_without_each(corpus_metrics.OF_SUMS[metric], values.sums))
    if metric in corpus_metrics.OF_ROWS:
        return _jackknife(corpus_metrics.OF_ROWS[metric].without_each(values.sums))
    ratio = values.sums.sum() / values.weights.sum()
    slope = total(metric, values) if metric == 'perplexity' else 1.0
    return slope * (values.sums - ratio * values.weights) / values.weights.sum()


def _jackknife(without: np.ndarray) -> np.ndarray:
    return (len(without) - 1) / len(without) * (without.mean() - without)


def standard_error(influences: np.ndarray, count: int) -> float | None:
    """Returns the standard error of a sum of influences, `count` of which weigh something; None for a single one."""
    return math.sqrt(count / (count - 1) * float(np.square(influences).sum())) if count > 1 else None


def num(values: Values) -> int:
    """Returns the number of examples."""
    return len(values.sums)


def num_weighed(values: Values) -> int:
    """Returns the number of examples that the result depends on; of a group, one stands for the others."""
    sums = values.sums.reshape(len(values.sums), -1)
    return int(np.count_nonzero((values.weights != 0) | sums.any(axis=1)))
