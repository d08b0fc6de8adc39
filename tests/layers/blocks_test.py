"""Norms, MLP, embedding, linear maps and relative buckets against float64 and hand-made tables."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxit.core import tree
from jaxit.core.errors import UserError
from jaxit.layers.embedding import Embedding
from jaxit.layers.linear import Linear, fan_in
from jaxit.layers.mlp import MLP
from jaxit.layers.norms import RMSNorm
from jaxit.layers.stack import stack
from jaxit.models.t5 import relative_buckets
from jaxit.sharding.rules import DEFAULT_RULES


def randomised(module, *inputs, seed=0):
    """Returns (params drawn at random as float32, the same by path in float64)."""
    rng = np.random.default_rng(seed)
    params = nn.meta.unbox(module.init(jax.random.key(0), *inputs))['params']
    drawn = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape), jnp.float32), params)
    return {'params': drawn}, {k: np.asarray(v, np.float64) for k, v in tree.flatten(drawn).items()}


def normal(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize(('eps', 'offset'), [(1e-6, 0.0), (0.3, 1.0)])
def test_rms_norm(eps, offset):
    x = 3 * normal(2, 5, 7)
    module = RMSNorm(eps, offset)
    params, p = randomised(module, jnp.asarray(x, jnp.float32))
    want = x / np.sqrt(np.mean(x**2, -1, keepdims=True) + eps) * (p['scale'] + offset)
    np.testing.assert_allclose(module.apply(params, jnp.asarray(x, jnp.float32)), want, rtol=1e-5, atol=1e-6)
    fresh = nn.meta.unbox(module.init(jax.random.key(0), jnp.asarray(x, jnp.float32)))['params']['scale']
    np.testing.assert_allclose(fresh + offset, 1.0)


def test_rms_norm_statistics_are_float32():
    """In bfloat16 the mean square of 4,000 values near 300 would be off by percents."""
    x = jnp.asarray(300 + normal(1, 4000), jnp.bfloat16)
    module = RMSNorm(0.0, dtype=jnp.bfloat16)
    out = module.apply({'params': {'scale': jnp.ones(4000)}}, x)
    wide = np.asarray(x, np.float64)
    want = wide / np.sqrt(np.mean(wide**2))
    assert out.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.asarray(out, np.float64), want, rtol=2**-8)


ACTIVATIONS = {
    'relu': lambda x: np.maximum(x, 0),
    'silu': lambda x: x / (1 + np.exp(-x)),
    'gelu': lambda x: 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
    'gelu_tanh': lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
}


@pytest.mark.parametrize('use_bias', [False, True])
@pytest.mark.parametrize('gated', [False, True])
@pytest.mark.parametrize('activation', ACTIVATIONS)
def test_mlp(activation, gated, use_bias):
    x, act = normal(2, 3, 5), ACTIVATIONS[activation]
    module = MLP(7, activation, gated, DEFAULT_RULES, use_bias)
    params, p = randomised(module, jnp.asarray(x, jnp.float32))

    def linear(name, value):
        return value @ p[f'{name}/kernel'] + p.get(f'{name}/bias', 0.0)

    inner = act(linear('gate', x)) * linear('up', x) if gated else act(linear('up', x))
    np.testing.assert_allclose(
        module.apply(params, jnp.asarray(x, jnp.float32)), linear('down', inner), rtol=2e-5, atol=2e-5
    )
    assert len(p) == (3 if gated else 2) * (2 if use_bias else 1)


def test_linear_contracts_several_dimensions():
    x = normal(2, 3, 4, 5)
    module = Linear((6, 7), ('heads', 'head_dim', 'embed', 'mlp'), 2, True)
    params, p = randomised(module, jnp.asarray(x, jnp.float32))
    want = np.einsum('abij,ijkl->abkl', x, p['kernel']) + p['bias']
    np.testing.assert_allclose(module.apply(params, jnp.asarray(x, jnp.float32)), want, rtol=1e-5, atol=1e-5)


def test_initial_kernels_have_the_variance_of_their_fan_in():
    for num_in, shape, scale in ((1, (50, 40, 30), 1.0), (2, (20, 25, 90), 0.25)):
        kernel = np.asarray(fan_in(num_in, scale)(jax.random.key(0), shape))
        assert kernel.var() == pytest.approx(scale / math.prod(shape[:num_in]), rel=0.02)
        assert abs(kernel).max() < 2.3 * math.sqrt(scale / math.prod(shape[:num_in]))


def test_embedding():
    table, tokens = normal(11, 4), np.array([[3, 0, 10], [3, 5, 5]])
    params = {'params': {'embedding': jnp.asarray(table, jnp.float32)}}
    plain = Embedding(11, 4, DEFAULT_RULES).apply(params, jnp.asarray(tokens))
    np.testing.assert_allclose(plain, table[tokens], rtol=1e-6)
    scaled = Embedding(11, 4, DEFAULT_RULES, 4**0.5 + 0.1, dtype=jnp.bfloat16).apply(params, jnp.asarray(tokens))
    factor = float(jnp.asarray(2.1, jnp.bfloat16))  # Gemma rounds the factor before it multiplies
    assert scaled.dtype == jnp.bfloat16 and factor != 2.1
    np.testing.assert_allclose(np.asarray(scaled, np.float64), factor * table[tokens], rtol=2**-7)


def test_relative_buckets_one_way_by_hand():
    """32 buckets, 128: distances 0..15 have their own; beyond, 16 + floor(16 * log(d / 16) / log(8))."""
    table = {0: 0, 1: 1, 15: 15, 16: 16, 18: 16, 19: 17, 20: 17, 32: 21, 64: 26, 100: 30, 127: 31, 128: 31, 9999: 31}
    for back, bucket in table.items():
        ours = relative_buckets(jnp.array([-back, back]), 32, 128, bidirectional=False)
        assert ours.tolist() == [bucket, 0]  # what lies ahead is never seen, and shares the first


def test_relative_buckets_both_ways_by_hand():
    """Half of the buckets look ahead; 8 exact, then 8 + floor(8 * log(d / 8) / log(16))."""
    table = {0: 0, 1: 1, 7: 7, 8: 8, 11: 8, 12: 9, 16: 10, 23: 11, 32: 12, 64: 14, 90: 14, 91: 15, 500: 15}
    for distance, bucket in table.items():
        ours = relative_buckets(jnp.array([-distance, distance]), 32, 128, bidirectional=True)
        assert ours.tolist() == [bucket, bucket + 16 if distance else 0]


@pytest.mark.parametrize('bidirectional', [False, True])
@pytest.mark.parametrize(('num_buckets', 'max_distance'), [(32, 128), (10, 7), (8, 20)])
def test_relative_buckets_by_the_formula(num_buckets, max_distance, bidirectional):
    distances = np.arange(-200, 201)
    ours = relative_buckets(jnp.asarray(distances), num_buckets, max_distance, bidirectional=bidirectional)
    half = num_buckets // 2 if bidirectional else num_buckets
    exact = half // 2
    for distance, got in zip(distances.tolist(), ours.tolist(), strict=True):
        back = abs(distance) if bidirectional else max(-distance, 0)
        far = exact
        if back >= exact:
            position = (half - exact) * math.log(back / exact) / math.log(max_distance / exact)
            if abs(position - round(position)) < 1e-5 and back < max_distance:
                continue  # on a border, where float32 may fall on either side
            far = min(exact + int(position), half - 1)
        want = (back if back < exact else far) + (half if bidirectional and distance > 0 else 0)
        assert got == want, distance


def test_an_unknown_remat_policy_is_refused():
    with pytest.raises(UserError, match=r"unknown remat policy 'ful'.*full"):
        stack(nn.Module, 2, remat='ful', name='layers')
