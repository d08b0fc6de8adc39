"""Log lines: sums over steps, divided once."""

import math

import numpy as np
import pytest

from jaxit.training import metrics

TASKS = ('a', 'b', 'never')


def step(loss, weight, correct, by_task, **last):
    values = {
        'loss': loss,
        'weight': weight,
        'nll': loss - 1,
        'correct': correct,
        'z_loss': 0.5 * weight,
        'loss_tokens': weight,
        'tokens': 10 * weight,
        'grad_norm': 9.0,
        'learning_rate': 0.1,
        'skipped': 0,
        'skipped_in_a_row': 0,
        **last,
    }
    made = {name: np.float32(value) for name, value in values.items()}
    losses, weights = zip(*by_task, strict=True)
    return {**made, 'task_loss': np.float32(losses), 'task_weight': np.float32(weights)}


STEPS = [  # very unequal numbers of loss tokens
    step(20.0, 2, 1, [(8, 1), (12, 1), (0, 0)]),
    step(60.0, 30, 24, [(6, 12), (54, 18), (0, 0)]),
    step(7.0, 1, 0, [(7, 1), (0, 0), (0, 0)], grad_norm=3.0, learning_rate=0.05, skipped=2, skipped_in_a_row=1),
]


def test_a_line_divides_sums_once():
    values = metrics.line(metrics.add_up(STEPS), TASKS, seconds=4.0, num_steps=3)
    assert values == pytest.approx(
        {
            'train/loss': 87 / 33,  # the mean of the three means would be 6.33
            'train/nll': 84 / 33,
            'train/accuracy': 25 / 33,
            'train/z_loss': 0.5,
            'train/tokens': 330,
            'train/loss_tokens': 33,
            'train/learning_rate': 0.05,
            'train/grad_norm': 3.0,
            'train/skipped_steps': 2,
            'train/seconds_per_step': 4 / 3,
            'train/tokens_per_second': 82.5,
            'task_loss/a': 21 / 14,
            'task_weight/a': 14,
            'task_loss/b': 66 / 19,
            'task_weight/b': 19,
        }
    )


def test_sums_are_float64():
    """Sixteen million and one: float32 would lose the one."""
    big = [step(2.0**24, 2**24, 0, [(0, 0)]), step(1.0, 1, 0, [(0, 0)])]
    assert metrics.add_up(big)['weight'] == 2**24 + 1


def test_what_is_not_finite_is_left_out_and_no_weight_divides_nothing():
    values = metrics.line(metrics.add_up([step(0, 0, 0, [(0, 0)], grad_norm=math.nan)]), ('a',), 1.0, 1)
    assert values['train/loss'] == 0 and 'train/grad_norm' not in values and 'task_loss/a' not in values
