"""Three steps of each optimizer against its paper, written out in float64."""

import dataclasses

import jax
import numpy as np
import optax
import pytest

from jaxit.core import tree
from jaxit.core.errors import UserError
from jaxit.training.optimizers import OptimizerConfig, make_optimizer
from jaxit.training.schedules import ScheduleConfig

SCHEDULE = ScheduleConfig('linear', end_fraction=0.2)
NUM_STEPS = 10
SHAPES = {'kernel': (130, 140), 'layers/stacked': (3, 128, 150), 'small': (5, 7), 'scale': (9,), 'bias': (6,)}


def start(seed=0):
    rng = np.random.default_rng(seed)
    params = {name: 0.3 * rng.normal(size=shape) for name, shape in SHAPES.items()}
    params['layers/stacked'] *= np.array([0.1, 1.0, 4.0])[:, None, None]  # layers of different scales
    return params


def gradients(step):
    rng = np.random.default_rng(100 + step)
    return {name: (step + 1) * 0.02 * rng.normal(size=shape) for name, shape in SHAPES.items()}


def rate(step, peak):
    return peak * (1 - 0.8 * step / NUM_STEPS)


def ours(config, steps=3):
    optimizer, _ = make_optimizer(config, NUM_STEPS)
    params = jax.tree.map(lambda x: x.astype(np.float32), start())
    state = optimizer.init(params)
    update = jax.jit(optimizer.update)
    for step in range(steps):
        grads = jax.tree.map(lambda x: x.astype(np.float32), gradients(step))
        updates, state = update(grads, state, params)
        params = optax.apply_updates(params, updates)
    return params


def compare(params, want):
    for name, value in want.items():
        moved = np.abs(value - start()[name]).max()
        assert moved > 1e-4
        np.testing.assert_allclose(params[name], value, atol=2e-4 * moved, err_msg=name)


def clipped(grads, limit):
    norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
    return {name: g * min(1.0, limit / norm) for name, g in grads.items()}


def test_adamw_with_clipping_and_decay_of_kernels_alone():
    """Loshchilov & Hutter 2017, algorithm 2."""
    config = OptimizerConfig('adamw', 0.01, SCHEDULE, weight_decay=0.3, b1=0.8, b2=0.9, eps=1e-3, clip_norm=3.0)
    want, m, v = start(), {}, {}
    norms = []
    for step in range(3):
        norms.append(np.sqrt(sum((g**2).sum() for g in gradients(step).values())))
        for name, g in clipped(gradients(step), 3.0).items():
            m[name] = 0.8 * m.get(name, 0.0) + 0.2 * g
            v[name] = 0.9 * v.get(name, 0.0) + 0.1 * g**2
            adam = m[name] / (1 - 0.8 ** (step + 1)) / (np.sqrt(v[name] / (1 - 0.9 ** (step + 1))) + 1e-3)
            decay = 0.0 if name in ('scale', 'bias') else 0.3 * want[name]
            want[name] = want[name] - rate(step, 0.01) * (adam + decay)
    assert min(norms) > 3.0  # clipping is at work
    compare(ours(config), want)


def test_lion():
    """Chen et al. 2023, algorithm 2."""
    config = OptimizerConfig('lion', 0.01, SCHEDULE, weight_decay=0.2, b1=0.7, b2=0.9, clip_norm=None)
    want, m = start(), {}
    for step in range(3):
        for name, g in gradients(step).items():
            mean = m.get(name, 0.0)
            decay = 0.0 if name in ('scale', 'bias') else 0.2 * want[name]
            want[name] = want[name] - rate(step, 0.01) * (np.sign(0.7 * mean + 0.3 * g) + decay)
            m[name] = 0.9 * mean + 0.1 * g
    compare(ours(config), want)


def rms(name, x):
    """Of a matrix; of each matrix of a stack."""
    return np.sqrt(np.mean(x**2, axis=(1, 2) if name.startswith('layers/') else None, keepdims=True))


def test_adafactor():
    """Shazeer & Stern 2018, algorithms 4 and 5: no momentum, rates relative to the scale of each matrix.

    Two dimensions of at least 128 are factored (the largest two of a stack); the decay of the second moments
    rises as 1 - t ** -0.8.
    """
    config = OptimizerConfig('adafactor', 0.05, SCHEDULE, clip_norm=None)
    want, rows, columns, full = start(), {}, {}, {}
    for step in range(3):
        beta = 1 - (step + 1) ** -0.8
        for name, g in gradients(step).items():
            square = g**2 + 1e-30
            if g.ndim >= 2 and min(g.shape[-2:]) >= 128:
                rows[name] = beta * rows.get(name, 0.0) + (1 - beta) * square.mean(-1)
                columns[name] = beta * columns.get(name, 0.0) + (1 - beta) * square.mean(-2)
                row_mean = rows[name].mean(-1, keepdims=True)
                second = (rows[name] / row_mean)[..., None] * columns[name][..., None, :]
            else:
                full[name] = second = beta * full.get(name, 0.0) + (1 - beta) * square
            update = g / np.sqrt(second)
            update = update / np.maximum(1.0, rms(name, update))
            want[name] = want[name] - rate(step, 0.05) * np.maximum(rms(name, want[name]), 1e-3) * update
    compare(ours(config), want)


def test_adafactor_decays_kernels_alone_times_the_learning_rate():
    config = OptimizerConfig('adafactor', 0.05, SCHEDULE, clip_norm=None, weight_decay=0.3)
    optimizer, _ = make_optimizer(config, NUM_STEPS)
    plain, _ = make_optimizer(dataclasses.replace(config, weight_decay=0.0), NUM_STEPS)
    params = jax.tree.map(lambda x: x.astype(np.float32), start())
    states = optimizer.init(params), plain.init(params)
    for step in range(3):
        grads = jax.tree.map(lambda x: x.astype(np.float32), gradients(step))
        updates, with_decay = optimizer.update(grads, states[0], params)
        without, no_decay = plain.update(grads, states[1], params)
        states = with_decay, no_decay
        for name, value in params.items():
            decay = 0.0 if name in ('scale', 'bias') else 0.3 * rate(step, 0.05)
            want = np.asarray(without[name], np.float64) - decay * np.asarray(value, np.float64)
            np.testing.assert_allclose(updates[name], want, rtol=1e-5, atol=1e-7)
        params = optax.apply_updates(params, updates)


def test_adafactor_keeps_rows_and_columns_instead_of_matrices():
    optimizer, _ = make_optimizer(OptimizerConfig('adafactor'), 10)
    state = optimizer.init({'kernel': np.zeros((130, 140), np.float32)})
    assert tree.num_params(state) < 130 * 140 / 10


def test_which_paths_are_trained():
    config = OptimizerConfig(trained=('attention/', r'^lm_head$'), frozen=('/key/',))
    paths = ['layers/attention/query/kernel', 'layers/attention/key/kernel', 'lm_head', 'layers/mlp/up/kernel']
    assert [config.is_trained(path) for path in paths] == [True, False, True, False]
    assert all(OptimizerConfig().is_trained(path) for path in paths)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'name': 'adam'}, "unknown optimizer 'adam'"),
        ({'learning_rate': 0.0}, 'must be positive'),
        ({'weight_decay': -1.0}, 'not negative'),
    ],
)
def test_impossible_optimizers_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        OptimizerConfig(**options)
