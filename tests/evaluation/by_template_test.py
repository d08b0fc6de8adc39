"""Templates of a data set by hand: means, spread, and the choice on dev, ties going to the first."""

import numpy as np
import pytest

from jaxit.core.errors import UserError
from jaxit.evaluation.by_template import template_table
from jaxit.evaluation.metrics import mean_values
from jaxit.evaluation.results import SuiteResult, TaskResult


def suite(name, **scores):
    tasks = {}
    for task, values in scores.items():
        ids = tuple(f'{task}{i}' for i in range(len(values)))
        tasks[task] = TaskResult(ids, {'exact_match': mean_values(values)})
    return SuiteResult(name, 'held_out', tasks)


TEST = suite(
    't', rte_type_0=[1, 1, 0, 0], rte_type_3=[1, 0, 0, 0], rte_type_7=[1, 1, 1, 0], copa_type_1=[0, 1], other=[1]
)
DEV = suite('d', rte_type_0=[1, 0], rte_type_3=[1, 1], rte_type_7=[1, 1], copa_type_1=[0])


def test_by_hand():
    rte, copa = template_table(TEST, DEV, metric='exact_match')
    assert (rte['data_set'], rte['variant'], rte['templates'], rte['mean']) == ('rte', '', 3, 0.5)
    assert rte['spread'] == pytest.approx(0.25)
    assert (rte['best_template'], rte['best']) == (3, 0.25)  # 3 and 7 are equal on dev; test has no say
    assert rte['best_stderr'] == pytest.approx(np.std([1, 0, 0, 0], ddof=1) / 2)
    assert (copa['data_set'], copa['mean'], copa['spread'], copa['best']) == ('copa', 0.5, 0.0, 0.5)


def test_variants_are_rows_of_their_own_and_without_dev_nothing_is_chosen():
    both = suite('t', rte_type_0=[1], rte_type_0_scoring_eval=[0])
    rows = template_table(both, metric='exact_match')
    assert [(row['variant'], row['mean'], row['best']) for row in rows] == [('', 1, None), ('_scoring_eval', 0, None)]


def test_a_data_set_without_rows_to_choose_on_has_a_mean_all_the_same():
    dev = suite('d', rte_type_0=[1, 0], rte_type_3=[1, 1], rte_type_7=[1, 1])
    rte, copa = template_table(TEST, dev, metric='exact_match')
    assert (rte['best_template'], rte['best']) == (3, 0.25)
    assert (copa['mean'], copa['best_template'], copa['best'], copa['best_stderr']) == (0.5, None, None, None)


def test_what_was_not_judged_is_named():
    with pytest.raises(UserError, match="rte: template 7 was not judged in suite 'd'"):
        template_table(TEST, suite('d', rte_type_0=[1], rte_type_3=[1]), metric='exact_match')
    with pytest.raises(UserError, match=r"no task named .* 'rouge_l'"):
        template_table(TEST, metric='rouge_l')
