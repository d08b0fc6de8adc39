"""The loss against a softmax cross-entropy written out in float64, gradients derived by hand."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import mesh_of

from jaxit.core.errors import UserError
from jaxit.core.head import Head
from jaxit.sharding.rules import DEFAULT_RULES
from jaxit.training import losses
from jaxit.training.losses import LossConfig, response_loss, token_losses

B, T, D, V = 4, 7, 5, 11

OPTIONS = {
    'plain': {},
    'z_loss': {'z_loss': 0.3},
    'smoothing': {'label_smoothing': 0.2},
    'soft_cap': {'soft_cap': 1.5},
    'tied': {'transposed': True, 'scale': 0.6},
    'everything': {'z_loss': 0.07, 'label_smoothing': 0.1, 'soft_cap': 2.0, 'transposed': True, 'scale': 1.7},
}


def arrays(seed=0):
    """Rows with 3, 0, 7 and 4 loss tokens anywhere in the row, of weights other than 0 and 1 too."""
    rng = np.random.default_rng(seed)
    weights = np.zeros((B, T), np.float32)
    for row, places in enumerate([(1, 4, 6), (), range(T), (0, 2, 3, 6)]):
        weights[row, list(places)] = rng.choice([0.25, 1.0, 2.5], len(places))
    return {
        'hidden': rng.normal(size=(B, T, D)).astype(np.float32),
        'kernel': rng.normal(size=(D, V)).astype(np.float32),
        'targets': rng.integers(0, V, (B, T), dtype=np.int32),
        'weights': weights,
    }


def oracle(hidden, kernel, targets, weights, *, z_loss=0.0, label_smoothing=0.0, soft_cap=None, scale=1.0):
    """Returns (loss sum, d hidden, d kernel, by token: nll, correct, log-sum squared) in float64; kernel is [D, V]."""
    hidden, kernel, weights = (np.asarray(x, np.float64) for x in (hidden, kernel, weights))
    raw = scale * hidden @ kernel
    z = raw if soft_cap is None else soft_cap * np.tanh(raw / soft_cap)
    log_sum = np.log(np.exp(z - z.max(-1, keepdims=True)).sum(-1)) + z.max(-1)
    p = np.exp(z - log_sum[..., None])
    wanted = (1 - label_smoothing) * np.eye(V)[targets] + label_smoothing / V
    loss = log_sum - (wanted * z).sum(-1) + z_loss * log_sum**2
    d_z = weights[..., None] * (p - wanted + 2 * z_loss * log_sum[..., None] * p)
    d_raw = d_z if soft_cap is None else d_z * (1 - (z / soft_cap) ** 2)
    nll = log_sum - np.take_along_axis(z, targets[..., None], -1)[..., 0]
    seen = weights > 0
    tokens = nll * seen, (z.argmax(-1) == targets) * seen, log_sum**2 * seen
    return (loss * weights).sum(), scale * d_raw @ kernel.T, scale * np.einsum('btd,btv->dv', hidden, d_raw), tokens


def run(a, *, chunk_length, head_trained=True, factor=1.0, **options):
    """Returns ours: (loss sum, tokens, d hidden, d kernel as [D, V]), all multiplied by `factor` after the sum."""
    options = dict(options)
    transposed, scale, cap = options.pop('transposed', False), options.pop('scale', 1.0), options.pop('soft_cap', None)
    config = LossConfig(chunk_length=chunk_length, **options)
    kernel = jnp.asarray(a['kernel'].T if transposed else a['kernel'])

    def loss(hidden, kernel):
        head = Head(kernel, transposed, scale, cap)
        total, tokens = token_losses(hidden, head, a['targets'], a['weights'], config, head_trained=head_trained)
        return factor * total, (total, tokens)

    gradient = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))
    (_, (total, tokens)), (d_hidden, d_kernel) = gradient(jnp.asarray(a['hidden']), kernel)
    plain = jax.jit(lambda h, k: loss(h, k)[1])(jnp.asarray(a['hidden']), kernel)
    for ours, alone in zip(jax.tree.leaves((total, tokens)), jax.tree.leaves(plain), strict=True):
        np.testing.assert_allclose(ours, alone, rtol=1e-6)  # the pass without a gradient is code of its own
    return float(total), tokens, np.asarray(d_hidden), np.asarray(d_kernel.T if transposed else d_kernel)


def check(a, **options):
    total, tokens, d_hidden, d_kernel = run(a, **options)
    factor = options.pop('factor', 1.0)
    for name in ('chunk_length', 'transposed', 'head_trained'):
        options.pop(name, None)
    want, want_hidden, want_kernel, want_tokens = oracle(**a, **options)
    assert total == pytest.approx(want, rel=1e-6)
    np.testing.assert_allclose(d_hidden, factor * want_hidden, rtol=1e-5, atol=2e-6)
    np.testing.assert_allclose(d_kernel, factor * want_kernel, rtol=1e-5, atol=4e-6)
    for ours, theirs in zip(tokens, want_tokens, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('name', OPTIONS)
def test_value_and_gradients_of_every_option(name):
    check(arrays(), chunk_length=3, **OPTIONS[name])


@pytest.mark.parametrize('chunk_length', [1, 2, T, 64])
def test_every_chunk_length_gives_the_same(chunk_length):
    check(arrays(1), chunk_length=chunk_length, **OPTIONS['everything'])


def test_cotangents_scale_gradients():
    check(arrays(2), chunk_length=4, factor=-3.5, **OPTIONS['z_loss'])


def test_a_batch_without_loss_tokens_is_zero_everywhere():
    a = arrays() | {'weights': np.zeros((B, T), np.float32)}
    total, tokens, d_hidden, d_kernel = run(a, chunk_length=3)
    assert total == 0
    assert not any(np.any(x) for x in (*tokens, d_hidden, d_kernel))


def test_a_frozen_head_leaves_the_other_gradients_as_they_are():
    a = arrays(3)
    total, _, d_hidden, _ = run(a, chunk_length=2, **OPTIONS['everything'])
    frozen_total, _, frozen_hidden, frozen_kernel = run(a, chunk_length=2, head_trained=False, **OPTIONS['everything'])
    assert frozen_total == total
    np.testing.assert_array_equal(frozen_hidden, d_hidden)
    assert not frozen_kernel.any()


@pytest.mark.parametrize('chunk_length', [1, 3, 64])
def test_hidden_states_without_weight_are_never_read(chunk_length):
    clean, poisoned = arrays(4), arrays(4)
    poisoned['hidden'] = np.where(clean['weights'][..., None] > 0, clean['hidden'], np.nan)
    ours = run(poisoned, chunk_length=chunk_length, **OPTIONS['everything'])
    for with_nan, without in zip(
        jax.tree.leaves(ours),
        jax.tree.leaves(run(clean, chunk_length=chunk_length, **OPTIONS['everything'])),
        strict=True,
    ):
        np.testing.assert_array_equal(with_nan, without)


@pytest.mark.parametrize(('chunk_length', 'chunks'), [(1, 7), (3, 3), (7, 1), (64, 1)])
def test_the_head_runs_over_the_longest_response_only(monkeypatch, chunk_length, chunks):
    sizes = []
    real = losses.logits

    def counted(hidden, head):
        jax.debug.callback(lambda: sizes.append(hidden.shape))
        return real(hidden, head)

    monkeypatch.setattr(losses, 'logits', counted)
    a = arrays(5)

    def loss(hidden, kernel):
        config = LossConfig(chunk_length=chunk_length)
        return token_losses(hidden, Head(kernel), a['targets'], a['weights'], config)[0]

    jax.grad(loss)(a['hidden'], a['kernel'])
    jax.effects_barrier()
    assert sizes == [(B, chunk_length, D)] * chunks


@pytest.mark.parametrize(('devices', 'chunks'), [(1, 5), (4, 3)])
def test_rows_of_a_device_are_joined_before_the_head(monkeypatch, devices, chunks):
    """14 loss tokens: five chunks of three on one device; on four the device with seven of them needs three."""
    calls = []
    real = losses.logits
    monkeypatch.setattr(
        losses,
        'logits',
        lambda hidden, head: (jax.debug.callback(lambda: calls.append(hidden.shape)), real(hidden, head))[1],
    )
    a = arrays(5)
    batch = {
        'decoder_target_tokens': a['targets'],
        'decoder_loss_weights': a['weights'],
        'decoder_segment_ids': np.ones((B, T), np.int32),
        'task_ids': np.zeros((B, T), np.int32),
    }
    model = types.SimpleNamespace(
        hidden=lambda params, batch, dropout_key: params['hidden'],
        head=lambda params: Head(params['kernel']),
        rules=DEFAULT_RULES,
    )
    with jax.set_mesh(mesh_of(devices)):
        out = response_loss(model, a, batch, LossConfig(chunk_length=3), num_tasks=1)
    jax.effects_barrier()
    assert set(calls) == {(devices, 3, D)} and len(calls) == chunks
    want, _, _, (nll, _, _) = oracle(**a)
    assert float(out.loss_sum) == pytest.approx(want, rel=1e-6)
    assert float(out.metrics['nll']) == pytest.approx((nll * a['weights']).sum(), rel=1e-6)


def test_bfloat16_hidden_states_give_float32_losses_and_kernel_gradients():
    a = arrays(6)
    rounded = {name: np.asarray(jnp.asarray(a[name], jnp.bfloat16), np.float32) for name in ('hidden', 'kernel')}
    want, want_hidden, want_kernel, _ = oracle(**(a | rounded), z_loss=0.1)

    def loss(hidden, kernel):
        return token_losses(hidden, Head(kernel), a['targets'], a['weights'], LossConfig(z_loss=0.1, chunk_length=2))[0]

    total, (d_hidden, d_kernel) = jax.value_and_grad(loss, (0, 1))(
        jnp.asarray(a['hidden'], jnp.bfloat16), jnp.asarray(a['kernel'])
    )
    assert total.dtype == d_kernel.dtype == jnp.float32 and d_hidden.dtype == jnp.bfloat16
    assert float(total) == pytest.approx(want, rel=1e-5)
    for ours, theirs in ((d_hidden, want_hidden), (d_kernel, want_kernel)):
        np.testing.assert_allclose(np.asarray(ours, np.float32), theirs, atol=0.01 * np.abs(theirs).max())


def test_response_loss_gives_sums_by_task_and_counts():
    a, rng = arrays(7), np.random.default_rng(9)
    num_tasks = 6
    tasks = rng.integers(0, num_tasks - 1, (B, T), dtype=np.int32)  # the last one has no token
    segments = np.repeat([[1, 1, 2, 2, 2, 0, 0]], B, 0).astype(np.int32)
    batch = {
        'decoder_target_tokens': a['targets'],
        'decoder_loss_weights': a['weights'],
        'decoder_segment_ids': segments,
        'task_ids': tasks,
    }
    keys = []

    def hidden(params, batch, dropout_key):
        keys.append(dropout_key)
        return params['hidden']

    model = types.SimpleNamespace(
        hidden=hidden, head=lambda params: Head(params['kernel'], soft_cap=1.3), rules=DEFAULT_RULES
    )
    config = LossConfig(z_loss=0.2, label_smoothing=0.1, chunk_length=2)
    out = response_loss(model, a, batch, config, num_tasks=num_tasks, dropout_key='the key')
    want, _, _, (nll, correct, z) = oracle(**a, z_loss=0.2, label_smoothing=0.1, soft_cap=1.3)
    w = a['weights'].astype(np.float64)
    assert keys == ['the key']
    assert float(out.loss_sum) == pytest.approx(want, rel=1e-6)
    assert float(out.weight_sum) == pytest.approx(w.sum())
    for task in range(num_tasks):
        assert float(out.task_loss_sums[task]) == pytest.approx((nll * w)[tasks == task].sum(), rel=1e-5)
        assert float(out.task_weight_sums[task]) == pytest.approx(w[tasks == task].sum())
    numbers = {name: float(value) for name, value in out.metrics.items()}
    assert numbers == pytest.approx(
        {
            'nll': (nll * w).sum(),
            'correct': (correct * w).sum(),
            'z_loss': 0.2 * (z * w).sum(),
            'loss_tokens': 14,
            'tokens': 5 * B,
        },
        rel=1e-5,
    )
    assert out.task_loss_sums.sum() == pytest.approx(numbers['nll'], rel=1e-5)


@pytest.mark.parametrize('options', [{'chunk_length': 0}, {'z_loss': -1.0}, {'label_smoothing': 1.0}])
def test_impossible_options_are_refused(options):
    with pytest.raises(UserError, match=next(iter(options))):
        LossConfig(**options)
