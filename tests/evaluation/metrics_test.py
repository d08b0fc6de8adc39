"""Values and standard errors against numpy and a jackknife."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from jaxit.core.errors import UserError
from jaxit.evaluation import metrics
from jaxit.evaluation.metrics import Values, aggregate, difference, mean_values

RNG = np.random.default_rng(0)
NATS, TOKENS = RNG.gamma(9.0, 3.0, 60), RNG.integers(2, 30, 60)


def jackknife(statistic, *columns) -> float:
    """Returns the standard error of a statistic of whole rows, leaving out each in turn."""
    N = len(columns[0])
    left = np.array([statistic(*(np.delete(column, i) for column in columns)) for i in range(N)])
    return math.sqrt((N - 1) / N * np.square(left - left.mean()).sum())


def test_a_mean_has_the_standard_error_of_the_mean():
    scores = [1.0, 0.0, 0.0, 1.0, 0.5]
    got = aggregate('f1', mean_values(scores))
    assert got == {'value': 0.5, 'stderr': pytest.approx(np.std(scores, ddof=1) / math.sqrt(5)), 'count': 5}


def test_one_example_has_no_standard_error():
    assert aggregate('exact_match', mean_values([1.0])) == {'value': 1.0, 'stderr': None, 'count': 1}


def test_perplexity_and_bits_per_byte_are_ratios_of_sums():
    values = metrics.perplexity_values([2.0, 10.0], [4, 2])
    assert metrics.total('perplexity', values) == pytest.approx(math.exp(12 / 6))
    values = metrics.bits_per_byte_values([2.0, 10.0], [8, 3])
    assert metrics.total('bits_per_byte', values) == pytest.approx(12 / 11 / math.log(2))


def test_standard_errors_of_ratios_are_near_the_jackknife():
    perplexity = aggregate('perplexity', metrics.perplexity_values(NATS, TOKENS))
    expected = jackknife(lambda nats, tokens: math.exp(nats.sum() / tokens.sum()), NATS, TOKENS)
    assert perplexity['stderr'] == pytest.approx(expected, rel=0.05)
    bits = aggregate('bits_per_byte', metrics.bits_per_byte_values(NATS, 3 * TOKENS))
    assert bits['stderr'] == pytest.approx(
        jackknife(lambda nats, tokens: nats.sum() / tokens.sum(), NATS, 3 * TOKENS) / math.log(2), rel=0.05
    )


def test_a_paired_difference_of_means_is_the_mean_of_differences():
    before, after = RNG.random(20), RNG.random(20)
    got = difference('f1', mean_values(before), mean_values(after))
    assert got['value'] == pytest.approx((after - before).mean())
    assert got['stderr'] == pytest.approx(np.std(after - before, ddof=1) / math.sqrt(20))
    assert got['count'] == 20


def test_a_paired_difference_of_perplexities_is_near_the_jackknife():
    after = NATS * 1.1 + RNG.normal(0, 0.5, 60)
    got = difference('perplexity', Values(NATS, 1.0 * TOKENS), Values(after, 1.0 * TOKENS))

    def statistic(nats, later, tokens):
        return math.exp(later.sum() / tokens.sum()) - math.exp(nats.sum() / tokens.sum())

    assert got['value'] == pytest.approx(statistic(NATS, after, TOKENS))
    assert got['stderr'] == pytest.approx(jackknife(statistic, NATS, after, TOKENS), rel=0.05)
    alone = [aggregate('perplexity', Values(nats, 1.0 * TOKENS))['stderr'] for nats in (NATS, after)]
    assert got['stderr'] < 0.5 * math.hypot(*alone)  # what is hard for both cancels


def test_means_over_tasks():
    tasks = {
        'one': {'f1': {'value': 0.2, 'stderr': 0.3, 'count': 5}, 'rouge_l': {'value': 0.5, 'stderr': None, 'count': 1}},
        'two': {'f1': {'value': 0.6, 'stderr': 0.4, 'count': 7}},
    }
    assert metrics.means(tasks) == {
        'f1': {'value': pytest.approx(0.4), 'stderr': pytest.approx(0.25), 'count': 12},
        'rouge_l': {'value': 0.5, 'stderr': None, 'count': 1},
    }


@pytest.mark.parametrize(
    ('metric', 'prediction', 'references', 'value'),
    [
        ('exact_match', 'The Cat!', ['dog', 'cat'], 1.0),
        ('f1', 'red cat', ['black dog', 'cat'], 2 / 3),
        ('rouge_l', 'the cat sat', ['a dog', 'the cat ran'], 2 / 3),
        ('rouge_1', 'cat the sat', ['a dog', 'the cat ran'], 2 / 3),
        ('rouge_2', 'the cat sat', ['a dog', 'the cat ran'], 1 / 2),
        ('rouge_lsum', 'the cat sat', ['a dog', 'the cat ran'], 2 / 3),
        ('verbatim_match', ' -3', ['4', '-3 '], 1.0),
        ('verbatim_match', '3', ['-3'], 0.0),
        ('exact_match', '3', ['-3'], 1.0),  # punctuation does not count: why numbers have a metric of their own
    ],
)
def test_the_best_reference_counts(metric, prediction, references, value):
    assert metrics.ANSWER_METRICS[metric](prediction, references, keep_articles=False) == pytest.approx(value)


def test_articles_that_are_options_count():
    assert metrics.ANSWER_METRICS['exact_match']('a', ['the'], keep_articles=True) == 0
    assert metrics.ANSWER_METRICS['exact_match']('a', ['the'], keep_articles=False) == 1
    for keep in (False, True):
        assert metrics.ANSWER_METRICS['exact_match_with_articles']('a', ['the'], keep_articles=keep) == 0
        assert metrics.ANSWER_METRICS['exact_match_with_articles'](' The end.', ['the, End'], keep_articles=keep) == 1


def test_an_unknown_metric_is_named_with_its_neighbours():
    with pytest.raises(UserError, match=r"unknown metric 'rouge' in suite x; did you mean rouge_l"):
        metrics.check(['rouge'], where='suite x')


def test_examples_that_weigh_nothing_are_not_counted():
    values = Values(np.array([1.0, 0, 0, 0, 1]), np.array([1.0, 0, 1, 0, 1]))
    got = aggregate('group_exact_match', values)
    assert got == {
        'value': pytest.approx(2 / 3),
        'stderr': pytest.approx(np.std([1, 0, 1], ddof=1) / math.sqrt(3)),
        'count': 3,
    }
    edits = Values(np.array([4.0, 1]), np.array([0.0, 3]))  # a reference may be empty, and what is written too long
    assert aggregate('edit_distance', edits)['count'] == 2


def test_every_metric_is_in_the_docs():
    page = (Path(__file__).resolve().parents[2] / 'docs' / 'metrics.md').read_text()
    assert set(metrics.METRICS) <= set(re.findall(r'`(\w+)`', page))


def test_nothing_measured_is_an_error():
    with pytest.raises(UserError, match='every example is empty'):
        aggregate('perplexity', Values(np.zeros(2), np.zeros(2)))


def test_differences_need_the_same_examples():
    with pytest.raises(UserError, match='2 examples before and 1 after'):
        difference('f1', mean_values([1, 0]), mean_values([1]))
