"""The output projection against float64."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxit.core.head import Head, logits

D, V = 5, 9


@pytest.mark.parametrize(
    'options',
    [{}, {'transposed': True}, {'scale': 0.3}, {'soft_cap': 2.0}, {'transposed': True, 'scale': 1.7, 'soft_cap': 0.8}],
)
@pytest.mark.parametrize('leading', [(), (4,), (2, 3)])
def test_logits(options, leading):
    rng = np.random.default_rng(0)
    hidden, kernel = rng.normal(size=(*leading, D)), rng.normal(size=(D, V))
    given = jnp.asarray(kernel.T if options.get('transposed') else kernel, jnp.float32)
    ours = logits(jnp.asarray(hidden, jnp.float32), Head(given, **options))
    want = options.get('scale', 1.0) * hidden @ kernel
    cap = options.get('soft_cap')
    want = want if cap is None else cap * np.tanh(want / cap)
    assert ours.dtype == jnp.float32 and ours.shape == (*leading, V)
    np.testing.assert_allclose(ours, want, rtol=1e-5, atol=1e-5)


def test_sums_of_bfloat16_products_are_float32():
    """1 + 2 ** -9 eight times over is 8 + 2 ** -6, which bfloat16 cannot hold."""
    hidden = jnp.asarray([[1.0] * 8 + [2**-9] * 8], jnp.bfloat16)
    out = logits(hidden, Head(jnp.ones((16, 2), jnp.float32)))
    assert out.dtype == jnp.float32
    np.testing.assert_array_equal(out, 8 + 2**-6)
