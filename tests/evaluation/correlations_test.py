"""Correlations against scipy, with ties and answers that are no number; standard errors against leaving rows out."""

import math

import numpy as np
import pytest
from scipy import stats

from jaxit.evaluation import correlations, metrics
from jaxit.evaluation.answer_values import answer_values
from jaxit.evaluation.results import Evaluation, SuiteResult, TaskResult
from jaxit.text.examples import ordinary

SCIPY = {'pearson': stats.pearsonr, 'spearman': stats.spearmanr}
RNG = np.random.default_rng(5)
GOLD = RNG.integers(0, 26, 90) / 5  # as STS-B: means of several annotators
WHOLE = np.clip(np.rint(GOLD + RNG.normal(0, 1.3, 90)), 0, 5)  # many ties
FINE = np.clip(GOLD + RNG.normal(0, 1.3, 90), 0, 5)  # hardly any


def statistic(metric, rows):
    return SCIPY[metric](rows[:, 0], rows[:, 1]).statistic


def leave_one_out(function, rows):
    return np.array([function(np.delete(rows, i, axis=0)) for i in range(len(rows))])


@pytest.mark.parametrize('metric', SCIPY)
@pytest.mark.parametrize('answers', [WHOLE, FINE], ids=['ties', 'fine'])
def test_correlations_and_their_errors_equal_scipys(metric, answers):
    rows = np.stack([answers, GOLD], axis=1)
    score = metrics.aggregate(metric, metrics.row_values(rows))
    assert score['value'] == pytest.approx(statistic(metric, rows), rel=1e-12)
    left = leave_one_out(lambda rest: statistic(metric, rest), rows)
    np.testing.assert_allclose(metrics.corpus_metrics.OF_ROWS[metric].without_each(rows), left, rtol=1e-10)
    assert score['stderr'] == pytest.approx(math.sqrt(89 / 90 * np.square(left - left.mean()).sum()))
    draws = RNG.integers(0, 90, (300, 90))
    assert score['stderr'] == pytest.approx(np.std([statistic(metric, rows[d]) for d in draws]), rel=0.2)


@pytest.mark.parametrize('metric', SCIPY)
def test_a_paired_difference_equals_leaving_out_pairs(metric):
    before, after = np.stack([WHOLE, GOLD], axis=1), np.stack([FINE, GOLD], axis=1)
    found = metrics.difference(metric, metrics.row_values(before), metrics.row_values(after))
    both = np.concatenate([before, after], axis=1)

    def gain(rows):
        return statistic(metric, rows[:, 2:]) - statistic(metric, rows[:, :2])

    left = leave_one_out(gain, both)
    assert found['value'] == pytest.approx(gain(both))
    assert found['stderr'] == pytest.approx(math.sqrt(89 / 90 * np.square(left - left.mean()).sum()))


@pytest.mark.parametrize('metric', SCIPY)
def test_one_number_throughout_goes_with_nothing(metric):
    values = metrics.row_values(np.array([[3.8, 1.0], [3.8, 2.5], [3.8, 0.2]]))
    assert metrics.aggregate(metric, values) == {'value': 0.0, 'stderr': 0.0, 'count': 3}
    almost = metrics.row_values(np.array([[0.1, 1.0], [0.1, 2.5], [0.1, 3.0], [0.7, 0.2]]))
    left = [metrics.total(metric, metrics.row_values(np.delete(almost.sums, i, axis=0))) for i in range(4)]
    assert left[3] == 0 and -1 <= min(left) < -0.5
    np.testing.assert_allclose(metrics.corpus_metrics.OF_ROWS[metric].without_each(almost.sums), left, atol=1e-12)


@pytest.mark.parametrize('metric', SCIPY)
def test_one_example_has_no_standard_error(metric):
    assert metrics.aggregate(metric, metrics.row_values([np.array([3.0, 4.0])])) == {
        'value': 0.0,
        'stderr': None,
        'count': 1,
    }
    straight = metrics.row_values(np.array([[1.0, 2.0], [3.0, 7.0]]))
    assert metrics.total(metric, straight) == 1.0


@pytest.mark.parametrize(
    ('text', 'number'),
    [
        ('3', 3.0), (' 4. ', 4.0), ('3.80', 3.8), ('-1', -1.0), ('+.5', 0.5), ('', None), ('four', None), ('4 of 5', None),
        ('3,8', None), ('nan', None), ('inf', None), ('1e3', None), ('1_0', None), ('9' * 16, None), ('.', None),
    ],
)  # fmt: skip
def test_what_is_a_number(text, number):
    assert correlations.number(text) == number
    assert correlations.answered(text) == (0.0 if number is None else number)


def test_the_scores_before_rounding_are_the_right_ones():
    gold = [0.0, 4.75, 2.6, 1.25]
    examples = [ordinary(f'q{i}', str(round(x)), gold_number=x) for i, x in enumerate(gold)]
    answers = ['1', '5', 'five', '1.5']
    values = answer_values(['pearson', 'spearman', 'exact_match'], examples, answers)
    assert values['pearson'].sums.tolist() == [[1, 0], [5, 4.75], [0, 2.6], [1.5, 1.25]]
    assert metrics.total('pearson', values['pearson']) == pytest.approx(stats.pearsonr([1, 5, 0, 1.5], gold).statistic)
    assert metrics.total('spearman', values['spearman']) == pytest.approx(
        stats.spearmanr([1, 5, 0, 1.5], gold).statistic
    )
    assert values['exact_match'].sums.tolist() == [0, 1, 0, 0]
    rounded = [ordinary('q', str(round(x))) for x in gold]
    assert answer_values(['spearman'], rounded, answers)['spearman'].sums[:, 1].tolist() == [0, 5, 3, 1]


def test_scores_come_back_from_their_file(tmp_path):
    rows = np.stack([FINE, GOLD], axis=1)
    task = TaskResult(tuple(map(str, range(90))), {name: metrics.row_values(rows) for name in SCIPY})
    Evaluation('tuned', '', 3, {'s': SuiteResult('s', 'held_out', {'t': task})}).save(tmp_path)
    loaded = Evaluation.load(tmp_path, 'tuned').suites['s'].tasks['t']
    assert loaded.report() == task.report()
    np.testing.assert_array_equal(loaded.values['spearman'].sums, rows)
