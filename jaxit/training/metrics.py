"""From sums of steps to the numbers of a log line. Sums are added over steps first and divided once."""

import math
from collections.abc import Sequence

import jax
import numpy as np

from jaxit.training.step import StepMetrics

SUMS = ('loss', 'weight', 'nll', 'correct', 'z_loss', 'loss_tokens', 'tokens', 'task_loss', 'task_weight')


def add_up(steps: Sequence[StepMetrics]) -> dict[str, np.ndarray]:
    """Returns sums over steps in float64, and the last value of what is no sum."""
    host = jax.device_get(list(steps))
    summed = {name: np.sum([np.asarray(m[name], np.float64) for m in host], axis=0) for name in SUMS}
    last = {name: np.asarray(host[-1][name]) for name in host[-1] if name not in SUMS}
    return {**summed, **last}


def line(sums: dict[str, np.ndarray], task_names: Sequence[str], seconds: float, num_steps: int) -> dict[str, float]:
    """Returns the named numbers of a log line.

    Args:
        sums: from `add_up`.
        task_names: of the mixture's components.
        seconds: wall time of the steps.
        num_steps: how many steps the sums are over.
    """
    weight = max(float(sums['weight']), 1e-9)
    values = {
        'train/loss': float(sums['loss']) / weight,
        'train/nll': float(sums['nll']) / weight,
        'train/accuracy': float(sums['correct']) / weight,
        'train/z_loss': float(sums['z_loss']) / weight,
        'train/tokens': float(sums['tokens']),
        'train/loss_tokens': float(sums['loss_tokens']),
        'train/learning_rate': float(sums['learning_rate']),
        'train/grad_norm': float(sums['grad_norm']),
        'train/skipped_steps': float(sums['skipped']),
        'train/seconds_per_step': seconds / max(1, num_steps),
        'train/tokens_per_second': float(sums['tokens']) / max(seconds, 1e-9),
    }
    for name, loss, task_weight in zip(task_names, sums['task_loss'], sums['task_weight'], strict=True):
        if task_weight > 0:
            values[f'task_loss/{name}'] = float(loss / task_weight)
            values[f'task_weight/{name}'] = float(task_weight)
    return {name: value for name, value in values.items() if math.isfinite(value)}
