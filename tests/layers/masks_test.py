"""Masks against the sentences that define them, token by token."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxit.layers import masks

SEGMENTS = np.array([[1, 1, 1, 2, 2, 2, 2, 0], [1, 2, 2, 3, 3, 0, 0, 0]])
PREFIX = np.array([[1, 1, 0, 1, 1, 1, 0, 0], [1, 1, 0, 1, 0, 0, 0, 0]])
B, T = SEGMENTS.shape


@pytest.mark.parametrize('causal', [False, True])
@pytest.mark.parametrize('window', [None, 1, 3, 100])
@pytest.mark.parametrize('prefix', [False, True])
def test_self_attention(causal, window, prefix):
    ours = masks.self_attention(
        jnp.asarray(SEGMENTS), causal=causal, window=window, prefix=jnp.asarray(PREFIX) if prefix else None
    )
    assert ours.shape == (B, 1, T, T) and ours.dtype == bool
    for b in range(B):
        for t in range(T):
            for s in range(T):
                same = SEGMENTS[b, t] == SEGMENTS[b, s]
                before = s <= t or not causal or (prefix and PREFIX[b, t] == 1 and PREFIX[b, s] == 1)
                near = window is None or t - s < window
                assert ours[b, 0, t, s] == (same and before and near)


def test_every_token_sees_itself():
    ours = np.asarray(masks.self_attention(jnp.asarray(SEGMENTS), causal=True, window=1))
    assert (ours[:, 0] == np.eye(T, dtype=bool)).all()


def test_cross_attention():
    source = np.array([[1, 1, 2, 2, 0], [2, 1, 3, 0, 0]])
    ours = masks.cross_attention(jnp.asarray(SEGMENTS), jnp.asarray(source))
    assert ours.shape == (B, 1, T, 5)
    for b in range(B):
        for t in range(T):
            for s in range(5):
                assert ours[b, 0, t, s] == (SEGMENTS[b, t] == source[b, s])


@pytest.mark.parametrize('window', [None, 2, 50])
def test_cached(window):
    positions = np.array([[0, 1, 2], [4, 5, 6]])
    ours = masks.cached(jnp.asarray(positions), 9, window=window)
    assert ours.shape == (2, 1, 3, 9)
    for b in range(2):
        for t in range(3):
            for s in range(9):
                near = window is None or positions[b, t] - s < window
                assert ours[b, 0, t, s] == (s <= positions[b, t] and near)
