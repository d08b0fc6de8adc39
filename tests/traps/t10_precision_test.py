"""T10: weights and moments are float32 whatever is multiplied, and small updates add up."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_models import CONFIGS, KINDS, batch_of, documents, model_of, params_of
from tiny_runs import Run

from jaxit.core import tree
from jaxit.models.registry import build
from jaxit.training.losses import LossConfig
from jaxit.training.optimizers import OptimizerConfig, make_optimizer

RATE, STEPS = 1e-5, 1000


def run_of(kind, dtype, name='adamw'):
    config = OptimizerConfig(name, RATE, b2=0.99)
    optimizer, _ = make_optimizer(config, STEPS)
    return Run(kind, optimizer, execution={'dtype': dtype}, loss=LossConfig(chunk_length=8), num_tasks=1)


def one_batch(kind):
    docs = documents(np.random.default_rng(6), [(3, 5), (6, 2)])
    return batch_of(kind, [[document] for document in docs], target_length=9, source_length=7)


def moved(run, start):
    return jax.tree.map(lambda a, b: np.asarray(a, np.float64) - b, run.params, start)


def test_the_hazard_is_real():
    """In bfloat16 a thousand steps of 1e-5 from 0.5 end at 0.5."""
    weight = jnp.asarray(0.5, jnp.bfloat16)
    for _ in range(100):
        weight = weight - jnp.asarray(RATE, jnp.bfloat16)
    assert float(weight) == 0.5


@pytest.mark.parametrize('kind', KINDS)
def test_a_thousand_small_steps_in_bfloat16_move_the_weights_as_in_float32(kind):
    moves = {}
    for dtype in ('float32', 'bfloat16'):
        run = run_of(kind, dtype)
        run.steps([one_batch(kind)] * STEPS)
        moves[dtype] = moved(run, params_of(kind))
        assert {leaf.dtype.name for leaf in jax.tree.leaves(run.state.params)} == {'float32'}
    rough, exact = (
        np.concatenate([leaf.ravel() for leaf in jax.tree.leaves(moves[d])]) for d in ('bfloat16', 'float32')
    )
    # Adam divides by the gradient's own size, so where it is all rounding its sign is too: directions, not elements.
    assert rough @ exact / (np.linalg.norm(rough) * np.linalg.norm(exact)) > 0.9
    assert 0.75 < np.linalg.norm(rough) / np.linalg.norm(exact) < 1.25  # lost updates would give 0
    largest = max(np.abs(leaf).max() for leaf in jax.tree.leaves(moves['bfloat16']))
    assert 0.5 * RATE * STEPS < largest < 2 * RATE * STEPS


@pytest.mark.parametrize('name', ['adamw', 'adafactor', 'lion'])
def test_moments_are_float32_when_products_are_bfloat16(name):
    run = run_of('decoder', 'bfloat16', name)
    run.steps([one_batch('decoder')])
    floats = [leaf for leaf in jax.tree.leaves((run.state.params, run.state.opt_state)) if leaf.dtype.kind not in 'iu']
    assert {leaf.dtype.name for leaf in floats} == {'float32'}
    assert len(floats) > len(jax.tree.leaves(run.state.params))


@pytest.mark.parametrize('kind', KINDS)
def test_losses_of_bfloat16_are_float32_sums(kind):
    outs = []
    for dtype in ('float32', 'bfloat16'):
        [metrics] = run_of(kind, dtype).steps([one_batch(kind)])
        outs.append(metrics)
        assert metrics['loss'].dtype == np.float32
    assert outs[1]['loss'] == pytest.approx(outs[0]['loss'], rel=0.02)
    assert outs[1]['loss'] != outs[0]['loss']  # it really is another precision


@pytest.mark.parametrize('kind', KINDS)
def test_params_are_counted_from_the_arrays(kind):
    """A tied head is one array, an untied one is two; the config alone is not asked."""
    config = CONFIGS[kind]
    counts = {
        tied: tree.num_params(
            jax.eval_shape(build(dataclasses.replace(config, tied_head=tied)).init, jax.random.key(0))
        )
        for tied in (True, False)
    }
    assert counts[False] - counts[True] == config.vocab_size * config.embed_dim
    assert tree.num_params(params_of(kind)) == counts[config.tied_head]
    assert model_of(kind).head_path in tree.flatten(params_of(kind))
