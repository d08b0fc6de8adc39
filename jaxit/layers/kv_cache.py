"""The key/value cache: an explicit pytree that goes in and comes out."""

from typing import NamedTuple

import jax.numpy as jnp

from jaxit.core.types import Array


class Slot(NamedTuple):
    """Where keys and values are written.

    Attributes:
        layer: [] int32, which layer.
        positions: [B, T] int32, the slots of the new tokens in each row.
    """

    layer: Array
    positions: Array


class KVCache(NamedTuple):
    """Keys and values of all layers; slot s of a row holds the token at position s.

    Attributes:
        keys: [L, B, S, K, H].
        values: [L, B, S, K, H].
    """

    keys: Array
    values: Array

    @classmethod
    def zeros(cls, L: int, B: int, S: int, K: int, H: int, dtype: jnp.dtype) -> 'KVCache':
        """Returns an empty cache."""
        return cls(jnp.zeros((L, B, S, K, H), dtype), jnp.zeros((L, B, S, K, H), dtype))

    def write(self, slot: Slot, k: Array, v: Array) -> 'KVCache':
        """Returns the cache with k and v [B, T, K, H] at the slot; positions past the end are dropped."""
        rows = jnp.arange(k.shape[0])[:, None]
        at = (slot.layer, rows, slot.positions)
        return KVCache(
            self.keys.at[at].set(k.astype(self.keys.dtype), mode='drop'),
            self.values.at[at].set(v.astype(self.values.dtype), mode='drop'),
        )

    def read(self, slot: Slot) -> tuple[Array, Array]:
        """Returns the layer's keys and values, each [B, S, K, H]."""
        return self.keys[slot.layer], self.values[slot.layer]
