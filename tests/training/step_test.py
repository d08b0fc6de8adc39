"""The step: what moves, what does not, on one device and on eight, once compiled."""

import dataclasses
import functools

import jax
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec as P
from tiny_models import CONFIGS, KINDS, batch_of, documents, model_of, params_of
from tiny_runs import Run, apart, everything

from jaxit.core import tree
from jaxit.core.errors import UserError
from jaxit.layers import lora
from jaxit.models.registry import build
from jaxit.sharding.rules import rules
from jaxit.training.losses import LossConfig
from jaxit.training.optimizers import OptimizerConfig, make_optimizer
from jaxit.training.schedules import ScheduleConfig, make_schedule
from jaxit.training.state import create
from jaxit.training.step import TrainStep, split

STEPS = 20
MESHES = {  # (preset, mesh)
    'dp': ('dp', (8, 1, 1, 1)),
    'fsdp': ('fsdp', (1, 8, 1, 1)),
    'tp': ('tp', (4, 1, 2, 1)),
    '2d': ('2d', (2, 2, 2, 1)),
    'sequence': ('2d', (2, 1, 2, 2)),
}


def batches(kind, count=STEPS, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        rows = [documents(rng, rng.integers(1, 7, (2, 2)).tolist(), num_tasks=2) for _ in range(8)]
        yield batch_of(kind, rows, target_length=24, source_length=14)


def adamw():
    schedule = ScheduleConfig('cosine', warmup_steps=3)
    return make_optimizer(OptimizerConfig('adamw', 3e-3, schedule, weight_decay=0.1), STEPS)[0]


@functools.cache
def one_device(kind):
    run = Run(kind, adamw(), num_microbatches=2)
    return run.steps(batches(kind)), run.params


@pytest.mark.parametrize('name', MESHES)
@pytest.mark.parametrize('kind', KINDS)
def test_eight_devices_learn_what_one_learns(kind, name):
    preset, mesh = MESHES[name]
    want_metrics, want_params = one_device(kind)
    run = Run(kind, adamw(), mesh=mesh, rules=rules(preset), num_microbatches=2)
    metrics = run.steps(batches(kind))
    for ours, want in zip(metrics, want_metrics, strict=True):
        assert ours['loss'] == pytest.approx(want['loss'], rel=1e-4)
        assert ours['grad_norm'] == pytest.approx(want['grad_norm'], rel=1e-3)
        for metric in ('weight', 'loss_tokens', 'tokens', 'task_weight'):
            np.testing.assert_array_equal(ours[metric], want[metric])
    assert apart(run.params, want_params) < 1e-4
    assert run.step._cache_size() == 1  # twenty batches, one compilation
    specs = {path: leaf.sharding.spec for path, leaf in tree.flatten(run.state.params).items()}
    kernel = specs['layers/mlp/up/kernel' if kind == 'decoder' else 'decoder/mlp/up/kernel']
    assert kernel == P(None, 'fsdp' if preset in ('fsdp', '2d') else None, 'tensor' if preset in ('tp', '2d') else None)
    moments = [leaf for path, leaf in tree.flatten(run.state.opt_state).items() if path.endswith('mu/lm_head')]
    assert all(leaf.sharding.spec == specs['lm_head'] for leaf in moments)


def test_losses_fall():
    metrics, _ = one_device('decoder')
    losses = [float(m['loss'] / m['weight']) for m in metrics]
    assert np.mean(losses[-4:]) < np.mean(losses[:4])


def test_the_same_run_twice_is_the_same_bit_by_bit():
    want_metrics, want_params = one_device('decoder')
    run = Run('decoder', adamw(), num_microbatches=2)
    metrics = run.steps(batches('decoder'))
    jax.tree.map(np.testing.assert_array_equal, metrics, want_metrics)
    jax.tree.map(np.testing.assert_array_equal, run.params, want_params)


@pytest.mark.parametrize('kind', KINDS)
def test_low_rank_training_moves_only_low_rank_updates(kind):
    model = model_of(kind)

    def prepare(params, key):
        return lora.add(params, model.logical_axes(params), key, rank=2)

    run = Run(kind, adamw(), is_trained=lora.is_lora, prepare=prepare, mesh=(2, 2, 2, 1))
    before = tree.flatten(run.params)
    run.steps(batches(kind, 3))
    for path, leaf in tree.flatten(run.params).items():
        assert np.array_equal(leaf, before[path]) == (not lora.is_lora(path)), path
    moments = tree.num_params(run.state.opt_state)
    trained = sum(leaf.size for path, leaf in before.items() if lora.is_lora(path))
    assert 2 * trained <= moments <= 2 * trained + 4  # none for what is frozen
    assert run.step._cache_size() == 1


def test_frozen_params_have_no_moments_and_their_head_no_gradient():
    def is_trained(path):
        return 'attention/query' in path or path.startswith('final_norm')

    run = Run('decoder', adamw(), is_trained=is_trained)
    want = Run('decoder', adamw())  # all trained: the gradients of the chosen ones are the same
    first = run.steps(batches('decoder', 1))[0]
    whole = want.steps(batches('decoder', 1))[0]
    assert first['loss'] == whole['loss'] and first['grad_norm'] < whole['grad_norm']
    for path, leaf in tree.flatten(run.params).items():
        assert np.array_equal(leaf, tree.flatten(params_of('decoder'))[path]) == (not is_trained(path)), path
    paths = [path for path in tree.flatten(run.state.opt_state) if '/mu/' in path]
    assert sorted(path.split('/mu/')[1] for path in paths) == ['final_norm/scale', 'layers/attention/query/kernel']


def poisoned(params):
    """NaN in the row of token 41, which only a bad batch holds."""
    flat = dict(tree.flatten(params))
    flat['embedding/embedding'] = flat['embedding/embedding'].copy()
    flat['embedding/embedding'][41] = np.nan
    return tree.unflatten(flat)


def good_and_bad(kind, cause):
    """Returns two batches to learn from and one between them whose loss is not finite."""
    good, bad, more = batches(kind, 3)
    for batch in (good, bad, more):
        for name in ('decoder_input_tokens', 'encoder_input_tokens'):
            if name in batch:
                batch[name] = np.where(batch[name] == 41, 5, batch[name])
    if cause == 'token':
        bad['decoder_input_tokens'][3, 1] = 41
    else:
        bad['decoder_loss_weights'][np.nonzero(bad['decoder_loss_weights'])[0][0], :] = np.inf
    return good, bad, more


@pytest.mark.parametrize(('kind', 'cause'), [('decoder', 'token'), ('t5', 'weight')])
def test_a_step_that_is_not_finite_changes_counters_alone(kind, cause):
    good, bad, more = good_and_bad(kind, cause)
    params = poisoned(params_of(kind)) if cause == 'token' else params_of(kind)
    run = Run(kind, adamw(), params=params, num_microbatches=2)
    run.steps([good])
    before = jax.device_get(run.state)
    [skipped] = run.steps([bad])
    after = jax.device_get(run.state)
    pairs = zip(*(jax.tree.leaves((state.params, state.opt_state)) for state in (after, before)), strict=True)
    assert all(ours.tobytes() == want.tobytes() for ours, want in pairs)
    assert (after.step, after.skipped, after.skipped_in_a_row) == (2, 1, 1)
    assert not np.isfinite(skipped['grad_norm'])
    for name in ('loss', 'weight', 'nll', 'tokens'):
        assert skipped[name] == 0  # nothing of it enters the sums of a log line
    assert not skipped['task_loss'].any() and not skipped['task_weight'].any()
    [again] = run.steps([bad])
    assert (again['skipped'], again['skipped_in_a_row']) == (2, 2)
    [fine] = run.steps([more])
    assert (fine['skipped'], fine['skipped_in_a_row']) == (2, 0) and fine['loss'] > 0
    assert run.step._cache_size() == 1


def test_a_batch_without_loss_tokens_is_skipped():
    [batch] = batches('decoder', 1)
    batch['decoder_loss_weights'][:] = 0
    run = Run('decoder', adamw())
    [metrics] = run.steps([batch])
    assert metrics['skipped'] == 1 and metrics['weight'] == 0
    jax.tree.map(np.testing.assert_array_equal, run.params, params_of('decoder'))


def test_dropout_differs_by_step_and_microbatch_and_repeats_with_the_key():
    model = build(dataclasses.replace(CONFIGS['t5'], dropout_rate=0.3))
    step = TrainStep(
        model, optax.sgd(0.0), make_schedule(ScheduleConfig(), 1.0, 2), everything, LossConfig(), 2, 2, dropout=True
    )
    [batch] = batches('t5', 1)
    batch = {name: np.repeat(value[:1], 4, 0) for name, value in batch.items()}  # four equal rows
    state = create(params_of('t5'), step.optimizer, step.is_trained, jax.random.key(1))
    run = jax.jit(step)
    state1, one = run(state, batch)
    _, two = run(state1, batch)
    _, again = run(state, batch)
    assert one['loss'] == again['loss'] != two['loss']


def test_microbatches_take_rows_from_every_devices_share():
    rows = {'x': np.arange(8)[:, None]}
    parts = split(rows, 4)['x'][..., 0]
    np.testing.assert_array_equal(parts, [[0, 4], [1, 5], [2, 6], [3, 7]])
    with pytest.raises(UserError, match='8 rows, not a multiple of 3'):
        split(rows, 3)
