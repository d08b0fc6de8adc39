"""Attention against loops over rows, heads and positions in float64."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxit.core import tree
from jaxit.layers.attention import Attention, Rotation, attention_weights
from jaxit.layers.rope import angles, frequencies
from jaxit.sharding.rules import DEFAULT_RULES

B, T, S, D, N, K, H = 2, 5, 7, 12, 6, 2, 4
G = N // K


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def loop(q, k, v, mask, *, scale, soft_cap=None, bias=None):
    """Returns [B, T, N, H]: head n reads kv head n // G; where nothing is allowed, all keys weigh the same."""
    out = np.zeros(q.shape)
    for b in range(q.shape[0]):
        for n in range(N):
            for t in range(q.shape[1]):
                logits = np.array([q[b, t, n] @ k[b, s, n // G] * scale for s in range(k.shape[1])])
                if soft_cap is not None:
                    logits = soft_cap * np.tanh(logits / soft_cap)
                if bias is not None:
                    logits = logits + bias[b % bias.shape[0], n, t]
                allowed = mask[b, 0, t]
                weights = np.full(len(logits), 1 / len(logits))
                if allowed.any():
                    weights = np.zeros(len(logits))
                    weights[allowed] = softmax(logits[allowed])
                out[b, t, n] = sum(w * v[b, s, n // G] for s, w in enumerate(weights))
    return out


def arrays(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


OPTIONS = {
    'plain': {'scale': 0.5},
    'soft_cap': {'scale': 2.0, 'soft_cap': 1.5},
    'one bias for all rows': {'scale': 1.0, 'bias': (1, N, T, S)},
    'everything': {'scale': 0.7, 'soft_cap': 2.0, 'bias': (B, N, T, S)},
}


@pytest.mark.parametrize('name', OPTIONS)
def test_weights(name):
    options = dict(OPTIONS[name])
    q, k, v = arrays((B, T, N, H), (B, S, K, H), (B, S, K, H))
    mask = np.random.default_rng(1).random((B, 1, T, S)) < 0.6
    mask[1, 0, 3] = False  # a padding token that sees nothing
    if 'bias' in options:
        [options['bias']] = arrays(options['bias'], seed=2)
    want = loop(q, k, v, mask, **options)
    bias = options.get('bias')
    weights = attention_weights(
        *(jnp.asarray(x, jnp.float32) for x in (q, k)),
        jnp.asarray(mask),
        None if bias is None else jnp.asarray(bias, jnp.float32),
        options['scale'],
        options.get('soft_cap'),
    )
    assert weights.dtype == jnp.float32 and weights.shape == (B, K, G, T, S)
    np.testing.assert_allclose(np.sum(weights, -1), 1, atol=1e-6)
    ours = np.einsum('bkgts,bskh->btkgh', np.asarray(weights, np.float64), v).reshape(B, T, N, H)
    np.testing.assert_allclose(ours, want, atol=1e-5)


def test_weights_of_bfloat16_are_float32():
    q, k = (jnp.asarray(x, jnp.bfloat16) for x in arrays((B, T, N, H), (B, S, K, H)))
    mask = jnp.ones((B, 1, T, S), bool)
    assert attention_weights(q, k, mask, None, 1.0, None).dtype == jnp.float32


def norm(x, scale, eps, offset):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * (scale + offset)


def turned(x, positions, theta):
    """Rotates pairs (i, i + H / 2) as complex numbers."""
    half = x.shape[-1] // 2
    angle = positions[:, :, None, None] * theta ** (-np.arange(half) * 2 / x.shape[-1])
    z = (x[..., :half] + 1j * x[..., half:]) * np.exp(1j * angle)
    return np.concatenate([z.real, z.imag], -1)


def test_the_whole_module():
    """Self-attention with norms on queries and keys, rotation, and biases on all four maps."""
    module = Attention(N, K, H, 0.6, DEFAULT_RULES, 2.5, 1e-2, 0.5, True, True)
    [x] = arrays((B, T, D), seed=3)
    positions = np.array([[0, 1, 2, 0, 1], [0, 1, 2, 3, 4]])
    mask = np.tril(np.ones((T, T), bool))[None, None].repeat(B, 0)
    rotation = Rotation(*angles(jnp.asarray(positions), frequencies(H, 50.0)))
    arguments = (jnp.asarray(x, jnp.float32), jnp.asarray(mask))
    params = jax.eval_shape(lambda: module.init(jax.random.key(0), *arguments, rotation=rotation))['params']
    shapes = {path: leaf.value.shape for path, leaf in tree.flatten(params).items() if hasattr(leaf, 'value')}
    shapes = shapes or {path.removesuffix('/value'): leaf.shape for path, leaf in tree.flatten(params).items()}
    p = dict(zip(shapes, arrays(*shapes.values(), seed=4), strict=True))
    given = tree.unflatten({path: jnp.asarray(value, jnp.float32) for path, value in p.items()})
    ours, cache = jax.jit(module.apply)({'params': given}, *arguments, rotation=rotation)
    assert cache is None

    def project(name):
        return np.einsum('btd,dnh->btnh', x, p[f'{name}/kernel']) + p[f'{name}/bias']

    q = turned(norm(project('query'), p['query_norm/scale'], 1e-2, 0.5), positions, 50.0)
    k = turned(norm(project('key'), p['key_norm/scale'], 1e-2, 0.5), positions, 50.0)
    mixed = loop(q, k, project('value'), mask, scale=0.6, soft_cap=2.5)
    want = np.einsum('btnh,nhd->btd', mixed, p['out/kernel']) + p['out/bias']
    np.testing.assert_allclose(ours, want, rtol=1e-4, atol=1e-4 * np.abs(want).max())


def test_cross_attention_reads_the_source_and_given_keys_and_values_alike():
    module = Attention(N, K, H, 0.5, DEFAULT_RULES)
    x, source = (jnp.asarray(a, jnp.float32) for a in arrays((B, T, D), (B, S, D), seed=5))
    mask = jnp.asarray(np.random.default_rng(6).random((B, 1, T, S)) < 0.7)
    params = nn.meta.unbox(module.init(jax.random.key(1), x, mask, source=source))
    direct, _ = module.apply(params, x, mask, source=source)
    keys_values = module.apply(params, source, method='keys_values')
    given, _ = module.apply(params, x, mask, keys_values=keys_values)
    np.testing.assert_array_equal(direct, given)
    p = {path: np.asarray(value, np.float64) for path, value in tree.flatten(params['params']).items()}
    q = np.einsum('btd,dnh->btnh', np.asarray(x, np.float64), p['query/kernel'])
    k, v = (np.einsum('bsd,dnh->bsnh', np.asarray(source, np.float64), p[f'{n}/kernel']) for n in ('key', 'value'))
    want = np.einsum('btnh,nhd->btd', loop(q, k, v, np.asarray(mask), scale=0.5), p['out/kernel'])
    np.testing.assert_allclose(direct, want, atol=1e-5)
