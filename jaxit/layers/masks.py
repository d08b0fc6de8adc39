"""Who may look at whom. Masks are bool, True = may attend, [B, 1, T, S]."""

import jax.numpy as jnp

from jaxit.core.types import Array


def self_attention(
    segment_ids: Array, *, causal: bool, window: int | None = None, prefix: Array | None = None
) -> Array:
    """Returns the mask of packed rows [B, 1, T, T].

    Args:
        segment_ids: [B, T] int32; tokens see their own segment only, and padding (0) only padding.
        causal: whether a token sees none after it.
        window: when given, a token sees itself and the `window - 1` before it.
        prefix: [B, T] int32, 1 on tokens that see each other both ways (prefix LM).
    """
    mask = segment_ids[:, :, None] == segment_ids[:, None, :]
    index = jnp.arange(segment_ids.shape[1])
    if causal:
        seen = (index[:, None] >= index[None, :])[None]
        if prefix is not None:
            seen = seen | ((prefix[:, :, None] * prefix[:, None, :]) > 0)
        mask = mask & seen
    if window is not None:
        mask = mask & ((index[:, None] - index[None, :]) < window)[None]
    return mask[:, None]


def cross_attention(target_segment_ids: Array, source_segment_ids: Array) -> Array:
    """Returns [B, 1, T, S]: a target token sees the source tokens of its own example."""
    same = target_segment_ids[:, :, None] == source_segment_ids[:, None, :]
    return same[:, None]


def cached(positions: Array, length: int, *, window: int | None = None, prefix_lengths: Array | None = None) -> Array:
    """Returns [B, 1, T, S] for queries at `positions` [B, T] over a cache of S = `length` slots filled in order.

    Args:
        positions: of the queries.
        length: slots of the cache.
        window: when given, a token sees itself and the `window - 1` before it.
        prefix_lengths: [B], tokens before these positions see each other both ways (prefix LM).
    """
    slots, queries = jnp.arange(length)[None, None, :], positions[:, :, None]
    mask = slots <= queries
    if prefix_lengths is not None:
        ends = prefix_lengths[:, None, None]
        mask = mask | ((slots < ends) & (queries < ends))
    if window is not None:
        mask = mask & (queries - slots < window)
    return mask[:, None]
