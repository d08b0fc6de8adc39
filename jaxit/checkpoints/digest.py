"""A 64-bit digest of each leaf of a tree, computed on device and equal on every mesh.

The digest of a leaf is, for two seeds, `sum_i mix(bits(x_i) ^ mix(position_i))` modulo 2**32. An integer sum
does not depend on its order, so neither does the digest on how the leaf is sharded. `mix` is a bijection:
changing one element always changes both halves; other damage goes unseen with probability 2**-64.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import lax

from jaxit.core import files, tree
from jaxit.core.errors import UserError
from jaxit.core.types import Array

# One odd and one even stride: two elements of a leaf beyond 2**32 elements can share a position under one
# seed, but never under both while a slice along the first dimension has at most 2**32.
SEEDS = (0x243F6A88, 0x85A308D3)
FIRST_DIM_STRIDES = (0x9E3779B9, 0x7F4A7C16)
# Programs that run at once: with more than 32, the CPU client's threads can wait for one another for ever.
MAX_RUNNING = 8
_UNSIGNED = {1: jnp.uint8, 2: jnp.uint16, 4: jnp.uint32}


def tree_digest(values: tree.Tree) -> dict[str, str]:
    """Returns 16 hex digits for each leaf of a tree of jax arrays, by path.

    Args:
        values: arrays of at most 32 bits per element, or PRNG keys; sharded in any way.

    Raises:
        UserError: for a leaf that is not a jax array or has elements of 64 bits.
    """
    flat = tree.flatten(values)
    for path, leaf in flat.items():
        _check(path, leaf)
    # One small program per shape, dtype and sharding: params and moments share them, and compile once.
    paths, halves = list(flat), []
    for start in range(0, len(paths), MAX_RUNNING):
        halves += jax.device_get([_leaf_digest(flat[path]) for path in paths[start : start + MAX_RUNNING]])
    return {path: ''.join(f'{half:08x}' for half in pair.tolist()) for path, pair in zip(paths, halves, strict=True)}


def combined(digests: Mapping[str, str]) -> str:
    """Returns one digest for the digests of a whole tree."""
    return files.sha256_json(dict(digests))[:16]


def _check(path: str, leaf: object) -> None:
    if not isinstance(leaf, jax.Array):
        raise UserError(f'state leaf {path!r} is a {type(leaf).__name__}; a checkpoint holds jax arrays only')
    if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) and leaf.dtype.itemsize not in _UNSIGNED:
        raise UserError(f'state leaf {path!r} is {leaf.dtype}; a checkpoint holds elements of at most 32 bits')


@jax.jit
def _leaf_digest(leaf: Array) -> Array:
    """Returns [2] uint32."""
    bits = _bits(leaf)
    index, first = _positions(bits.shape)
    halves = []
    for seed, stride in zip(SEEDS, FIRST_DIM_STRIDES, strict=True):
        position = _mix((index + first * jnp.uint32(stride)) ^ jnp.uint32(seed))
        halves.append(_mix(bits ^ position))
    # One reduction over both halves reads the leaf once and keeps nothing; two of them store each half first.
    zeros = (jnp.uint32(0), jnp.uint32(0))
    sums = lax.reduce(tuple(halves), zeros, lambda a, b: (a[0] + b[0], a[1] + b[1]), tuple(range(bits.ndim)))
    return jnp.stack(sums)


def _bits(leaf: Array) -> Array:
    """Returns the elements as uint32, bit for bit."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    if leaf.dtype == jnp.bool_:
        return leaf.astype(jnp.uint32)
    return lax.bitcast_convert_type(leaf, _UNSIGNED[leaf.dtype.itemsize]).astype(jnp.uint32)


def _positions(shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Returns the row-major index modulo 2**32 and the index along the first dimension, of every element."""
    index = first = jnp.zeros(shape, jnp.uint32)
    stride = 1
    for dim in reversed(range(len(shape))):
        first = lax.broadcasted_iota(jnp.uint32, shape, dim)
        index = index + first * jnp.uint32(stride % 2**32)
        stride *= shape[dim]
    return index, first


def _mix(x: Array) -> Array:
    """Returns a bijection of uint32 that spreads every input bit over the output."""
    x = (x ^ (x >> jnp.uint32(16))) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> jnp.uint32(15))) * jnp.uint32(0x846CA68B)
    return x ^ (x >> jnp.uint32(16))
