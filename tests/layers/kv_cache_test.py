"""The cache: what is written where, and what falls off the end."""

import jax.numpy as jnp
import numpy as np

from jaxit.layers.kv_cache import KVCache, Slot

L, B, S, K, H = 3, 2, 6, 2, 4


def test_rows_write_at_their_own_positions_and_nothing_past_the_end():
    cache = KVCache.zeros(L, B, S, K, H, jnp.bfloat16)
    assert cache.keys.shape == (L, B, S, K, H) and cache.values.dtype == jnp.bfloat16
    k = np.arange(B * 3 * K * H, dtype=np.float32).reshape(B, 3, K, H) + 1
    positions = np.array([[0, 1, 2], [4, 5, 6]])  # slot 6 is not there
    slot = Slot(jnp.asarray(1), jnp.asarray(positions))
    written = cache.write(slot, jnp.asarray(k), jnp.asarray(-k))
    want = np.zeros((L, B, S, K, H), np.float32)
    want[1, 0, :3], want[1, 1, 4:] = k[0], k[1, :2]
    np.testing.assert_array_equal(np.asarray(written.keys, np.float32), want)
    np.testing.assert_array_equal(np.asarray(written.values, np.float32), -want)
    keys, values = written.read(slot)
    np.testing.assert_array_equal(np.asarray(keys, np.float32), want[1])
    np.testing.assert_array_equal(np.asarray(values, np.float32), -want[1])
    assert not np.asarray(cache.keys, np.float32).any()  # what went in is as it was
