"""Rotary positions against complex multiplication, and LLaMA 3.1's stretch against its definition by hand."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from jaxit.core.errors import UserError
from jaxit.layers.rope import RopeScaling, angles, frequencies, rotate

THETA, H = 700.0, 6


def test_frequencies_are_powers_of_the_base():
    want = [1.0, THETA ** (-1 / 3), THETA ** (-2 / 3)]
    np.testing.assert_allclose(frequencies(H, THETA), want, rtol=1e-6)
    np.testing.assert_allclose(frequencies(H, THETA, RopeScaling('linear', 2.5)), np.array(want) / 2.5, rtol=1e-6)


def test_llama3_scaling_by_hand():
    """Head dim 8, base 10,000: wavelengths 6.28, 62.8, 628, 6283 at an original length of 512, factors 2 and 4.

    256 (= 512 / 2) and more is stretched by 8; 128 (= 512 / 4) and less is kept. Base 100 puts one between.
    """
    scaling = RopeScaling('llama3', 8.0, 2.0, 4.0, 512)
    np.testing.assert_allclose(frequencies(8, 1e4, scaling), [1.0, 0.1, 0.01 / 8, 0.001 / 8], rtol=1e-6)
    ours = frequencies(4, 1e3, scaling)  # wavelengths 6.28 and 198.7: 512 / 198.7 = 2.5768, blend (2.5768 - 2) / 2
    blend = (512 * 1e3**-0.5 / (2 * math.pi) - 2) / 2
    assert 0.28 < blend < 0.29
    np.testing.assert_allclose(ours, [1.0, 1e3**-0.5 * (blend + (1 - blend) / 8)], rtol=1e-6)


def test_llama_3_1_frequencies_by_an_independent_loop():
    """The published values: factor 8, 1 and 4, 8192; loops as the paper's code has them."""
    ours = np.asarray(frequencies(128, 500_000.0, RopeScaling('llama3', 8.0, 1.0, 4.0, 8192)), np.float64)
    regions = set()
    for i in range(64):
        frequency = 500_000.0 ** (-2 * i / 128)
        length = 2 * math.pi / frequency
        if length < 8192 / 4:
            want, region = frequency, 'kept'
        elif length > 8192:
            want, region = frequency / 8, 'stretched'
        else:
            smooth = (8192 / length - 1) / 3
            want, region = (1 - smooth) * frequency / 8 + smooth * frequency, 'blended'
        regions.add(region)
        assert ours[i] == pytest.approx(want, rel=2e-5)
    assert len(regions) == 3


def test_rotation_is_multiplication_by_a_complex_number():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 5, 3, H))
    positions = np.array([[0, 1, 2, 3, 4], [7, 0, 100, 31, 5]])
    freqs = THETA ** (-np.arange(3) * 2 / H)
    z = (x[..., :3] + 1j * x[..., 3:]) * np.exp(1j * positions[:, :, None, None] * freqs)
    want = np.concatenate([z.real, z.imag], -1)
    sin, cos = angles(jnp.asarray(positions), frequencies(H, THETA))
    np.testing.assert_allclose(rotate(jnp.asarray(x, jnp.float32), sin, cos), want, atol=2e-5)


def test_products_depend_on_distance_alone():
    rng = np.random.default_rng(1)
    q, k = (jnp.asarray(rng.normal(size=(1, 1, 1, H)), jnp.float32) for _ in range(2))

    def product(i, j):
        turn = [rotate(x, *angles(jnp.array([[p]]), frequencies(H, THETA))) for x, p in ((q, i), (k, j))]
        return float(jnp.sum(turn[0] * turn[1]))

    assert product(9, 4) == pytest.approx(product(105, 100), rel=1e-4)
    assert product(9, 4) != pytest.approx(product(4, 9), rel=1e-2)


def test_bfloat16_is_turned_in_float32():
    x = jnp.asarray(np.random.default_rng(2).normal(size=(1, 4, 2, H)), jnp.bfloat16)
    sin, cos = angles(jnp.arange(4)[None] + 300, frequencies(H, THETA))
    want = rotate(x.astype(jnp.float32), sin, cos).astype(jnp.bfloat16)
    ours = rotate(x, sin, cos)
    assert ours.dtype == jnp.bfloat16
    np.testing.assert_array_equal(np.asarray(ours, np.float32), np.asarray(want, np.float32))


def test_an_unknown_kind_is_refused():
    with pytest.raises(UserError, match="unknown rope scaling 'yarn'; choices: linear, llama3"):
        RopeScaling('yarn')
