"""Metrics of classes against counting by hand, against scipy where there is a formula of its own, errors against leaving out."""

import itertools
import math

import numpy as np
import pytest
import tokenizers
from scipy import stats

from jaxit.core.errors import UserError
from jaxit.evaluation import metrics
from jaxit.evaluation.answer_values import answer_values, check_examples
from jaxit.evaluation.class_metrics import choice
from jaxit.evaluation.results import Evaluation, SuiteResult, TaskResult, paired_difference
from jaxit.text.examples import ordinary

RNG = np.random.default_rng(11)
NO_YES = ('no', 'yes')
THREE = ('Yes', 'No', "It's impossible to say")


def asked(targets, options):
    return [ordinary(f'q{i}', text, options=tuple(options)) for i, text in enumerate(targets)]


def values_of(metric, targets, answers, options):
    return answer_values([metric], asked(targets, options), answers)[metric]


def slow_f1(targets, answers, label, invalid_is_wrong=()):
    """F1 of one label from precision and recall; answers to an example in `invalid_is_wrong` count as the label's opposite."""
    said = [
        a == label or (i in invalid_is_wrong and t != label)
        for i, (t, a) in enumerate(zip(targets, answers, strict=True))
    ]
    true = [t == label for t in targets]
    hits = sum(s and t for s, t in zip(said, true, strict=True))
    if not hits:
        return 0.0
    precision, recall = hits / sum(said), hits / sum(true)
    return 2 * precision * recall / (precision + recall)


def leave_one_out(targets, answers, statistic):
    N = len(targets)
    rows = list(zip(targets, answers, strict=True))
    left = [statistic(*zip(*(rows[:i] + rows[i + 1 :]), strict=True)) for i in range(N)]
    return math.sqrt((N - 1) / N * np.square(np.array(left) - np.mean(left)).sum())


def draw(options, shares, num, noise):
    targets = list(RNG.choice(options, num, p=shares))
    answers = [t if RNG.random() > noise else str(RNG.choice([*options, 'perhaps'])) for t in targets]
    return [str(t) for t in targets], [str(a) for a in answers]


@pytest.mark.parametrize(
    ('answer', 'index'),
    [('no', 0), (' Yes.', 1), ('YES!', 1), ('yes no', None), ('', None), ('the yes', None), ('maybe', None)],
)
def test_an_answer_is_an_option_as_exact_match_has_it(answer, index):
    assert choice(answer, NO_YES) == index
    for i, option in enumerate(NO_YES):
        match = metrics.ANSWER_METRICS['exact_match'](answer, [option], keep_articles=True)
        assert match == (index == i)


def test_binary_f1_by_hand():
    targets = ['yes'] * 5 + ['no'] * 6
    answers = ['yes', 'Yes.', 'yes', 'no', 'perhaps', *['no'] * 3, 'yes', 'YES', '']
    values = values_of('binary_f1', targets, answers, NO_YES)
    # 3 found; 2 'yes' that are wrong and one that is no answer to a 'no'; 2 missed.
    assert values.sums.sum(axis=0).tolist() == [3, 3, 2, 3]
    assert metrics.total('binary_f1', values) == pytest.approx(2 * 3 / (2 * 3 + 3 + 2))


def test_the_positive_class_is_the_second_option():
    targets, answers = ['yes', 'yes', 'no', 'no', 'no'], ['yes', 'no', 'no', 'no', 'yes']
    assert metrics.total('binary_f1', values_of('binary_f1', targets, answers, NO_YES)) == pytest.approx(1 / 2)
    assert metrics.total('binary_f1', values_of('binary_f1', targets, answers, ('yes', 'no'))) == pytest.approx(2 / 3)


def test_binary_f1_and_its_error_equal_the_slow_ones():
    targets, answers = draw(NO_YES, [0.7, 0.3], 80, 0.4)

    def statistic(targets, answers):
        invalid = [i for i, answer in enumerate(answers) if answer not in NO_YES]
        return slow_f1(targets, answers, 'yes', invalid)

    score = metrics.aggregate('binary_f1', values_of('binary_f1', targets, answers, NO_YES))
    assert 'perhaps' in answers and 0.2 < score['value'] < 0.95
    assert score['value'] == pytest.approx(statistic(targets, answers))
    assert score['stderr'] == pytest.approx(leave_one_out(targets, answers, statistic)) and score['count'] == 80


def test_macro_f1_by_hand():
    targets = [THREE[0]] * 4 + [THREE[1]] * 2 + [THREE[2]]
    answers = ['yes', 'yes', 'no', 'what?', 'no', 'its impossible to say', 'no']
    values = values_of('macro_f1', targets, answers, THREE)
    # Yes: 2 of 2 found right, 2 of 4 found. No: 1 of 3 said is right, 1 of 2 found. The last: never right.
    assert metrics.total('macro_f1', values) == pytest.approx((2 / 3 + 2 / 5 + 0) / 3)


def test_macro_f1_counts_classes_that_nothing_asks_for():
    values = values_of('macro_f1', ['Yes', 'No'], ['Yes', 'No'], THREE)
    assert metrics.total('macro_f1', values) == pytest.approx(2 / 3)


def test_macro_f1_and_its_error_equal_the_slow_ones():
    targets, answers = draw(THREE, [0.5, 0.4, 0.1], 56, 0.5)

    def statistic(targets, answers):
        return np.mean([slow_f1(targets, answers, label) for label in THREE])

    score = metrics.aggregate('macro_f1', values_of('macro_f1', targets, answers, THREE))
    assert 'perhaps' in answers
    assert score['value'] == pytest.approx(statistic(targets, answers))
    assert score['stderr'] == pytest.approx(leave_one_out(targets, answers, statistic))


def test_matthews_is_the_correlation_of_labels():
    options = ('unacceptable', 'acceptable')
    targets, answers = draw(options, [0.3, 0.7], 70, 0.5)

    def statistic(targets, answers):
        true = [t == options[1] for t in targets]
        said = [a == options[1] if a in options else not t for a, t in zip(answers, true, strict=True)]
        return stats.pearsonr(np.array(true, float), np.array(said, float)).statistic

    score = metrics.aggregate('matthews', values_of('matthews', targets, answers, options))
    assert 'perhaps' in answers and 0.1 < score['value'] < 0.9
    assert score['value'] == pytest.approx(statistic(targets, answers))
    assert score['stderr'] == pytest.approx(leave_one_out(targets, answers, statistic))


@pytest.mark.parametrize(('answer', 'value'), [('acceptable', 0.0), ('unacceptable', 0.0)])
def test_matthews_of_one_answer_throughout_is_zero(answer, value):
    values = values_of(
        'matthews', ['acceptable', 'unacceptable', 'acceptable'], [answer] * 3, ('unacceptable', 'acceptable')
    )
    assert metrics.total('matthews', values) == value


@pytest.mark.parametrize(('metric', 'value'), [('binary_f1', 1.0), ('macro_f1', 0.5), ('matthews', 0.0)])
def test_one_example_has_no_standard_error(metric, value):
    score = metrics.aggregate(metric, values_of(metric, ['yes'], ['yes'], NO_YES))
    assert score == {'value': value, 'stderr': None, 'count': 1}


def test_f1_where_nothing_is_positive_is_zero():
    assert metrics.total('binary_f1', values_of('binary_f1', ['no', 'no'], ['no', 'no'], NO_YES)) == 0


def test_all_answers_of_a_group_must_be_right():
    groups = ['0/0', '0/1', '0/0', '1/0', '0/1', '1/0', '1/0', '2/5']
    rights = [1, 1, 1, 1, 0, 1, 1, 0]
    examples = [ordinary(f'q{i}', 'yes', options=NO_YES, group=group) for i, group in enumerate(groups)]
    answers = ['Yes' if right else 'no' for right in rights]
    values = answer_values(['group_exact_match'], examples, answers)['group_exact_match']
    by_group = {g: all(r for r, h in zip(rights, groups, strict=True) if h == g) for g in groups}
    assert list(by_group.values()) == [True, False, True, False]
    score = metrics.aggregate('group_exact_match', values)
    expected = np.std(list(by_group.values()), ddof=1) / math.sqrt(4)
    assert score == {'value': 0.5, 'stderr': pytest.approx(expected), 'count': 4}
    # Leaving out whole groups says the same.
    left = [np.mean([v for g, v in by_group.items() if g != out]) for out in by_group]
    assert score['stderr'] == pytest.approx(math.sqrt(3 / 4 * np.square(left - np.mean(left)).sum()))


def test_one_group_has_no_standard_error():
    examples = [ordinary('q', 'yes', options=NO_YES, group='7')] * 3
    values = answer_values(['group_exact_match'], examples, ['yes', 'no', 'yes'])['group_exact_match']
    assert metrics.aggregate('group_exact_match', values) == {'value': 0.0, 'stderr': None, 'count': 1}


def evaluation(label, targets, answers):
    examples = [ordinary(f'q{i}', text, options=NO_YES, group=str(i // 3)) for i, text in enumerate(targets)]
    names = ('binary_f1', 'macro_f1', 'matthews', 'group_exact_match')
    task = TaskResult(tuple(map(str, range(len(targets)))), answer_values(names, examples, answers))
    return Evaluation(label, '', 0, {'s': SuiteResult('s', 'held_out', {'t': task})})


def test_scores_come_back_from_their_file_and_differences_are_paired(tmp_path):
    targets, before = draw(NO_YES, [0.6, 0.4], 30, 0.6)
    after = [t if RNG.random() < 0.4 else a for t, a in zip(targets, before, strict=True)]
    base, tuned = evaluation('base', targets, before), evaluation('tuned', targets, after)
    for one in (base, tuned):
        one.save(tmp_path)
        loaded = Evaluation.load(tmp_path, one.label)
        assert loaded.report() == one.report()
        for name, values in one.suites['s'].tasks['t'].values.items():
            np.testing.assert_array_equal(loaded.suites['s'].tasks['t'].values[name].sums, values.sums)
    loaded = [Evaluation.load(tmp_path, label) for label in ('base', 'tuned')]
    found = paired_difference(*loaded)['s']['tasks']['t']

    def f1s(targets, answers):
        return slow_f1(targets, answers, 'yes', [i for i, a in enumerate(answers) if a not in NO_YES])

    def statistic(targets, pairs):
        first, second = zip(*pairs, strict=True)
        return f1s(targets, second) - f1s(targets, first)

    pairs = list(zip(before, after, strict=True))
    assert found['binary_f1']['value'] == pytest.approx(statistic(targets, pairs))
    assert found['binary_f1']['stderr'] == pytest.approx(leave_one_out(targets, pairs, statistic))
    rights = [[a == t for a, t in zip(answers, targets, strict=True)] for answers in (before, after)]
    moves = [all(rights[1][i : i + 3]) - all(rights[0][i : i + 3]) for i in range(0, 30, 3)]
    assert found['group_exact_match'] == {
        'value': pytest.approx(np.mean(moves)),
        'stderr': pytest.approx(np.std(moves, ddof=1) / math.sqrt(10)),
        'count': 10,
    }


@pytest.mark.parametrize(
    ('metric', 'examples', 'message'),
    [
        ('binary_f1', [ordinary('q', 'yes')], r'the options are \[\]; binary_f1 needs two or more'),
        ('macro_f1', asked(['yes'], ('yes', 'Yes.')), 'needs two or more that differ'),
        ('matthews', asked(['No'], THREE), 'there are 3 options; matthews is for two, macro_f1 for more'),
        ('macro_f1', [*asked(['no'], NO_YES), *asked(['no'], THREE)], 'example 1: the options are .* same classes'),
        ('rank_binary_f1', asked(['no', 'perhaps'], NO_YES), "example 1: targets 'perhaps' are none of"),
        ('pearson', asked(['1', 'one'], ()), "example 1: targets 'one' are no number; pearson needs one"),
        ('group_exact_match', asked(['no'], NO_YES), 'example 0 has no group'),
    ],
)
def test_what_a_metric_lacks_is_told(metric, examples, message):
    with pytest.raises(UserError, match=f'task x.*{message}'):
        check_examples([metric], examples, where='task x')


def test_every_metric_of_written_answers_has_values():
    examples = [ordinary('q', '1', options=('0', '1'), group=str(i)) for i in range(3)]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE({'0': 0, '1': 1}, []))
    values = answer_values(metrics.METRICS, examples, ['1', '0', '1'], tokenizer)
    assert tuple(values) == metrics.WRITTEN_METRICS
    for metric, like in itertools.chain(metrics.CHOSEN_METRICS.items(), zip(values, values, strict=True)):
        assert metrics.aggregate(metric, values[like]) == metrics.aggregate(like, values[like])
