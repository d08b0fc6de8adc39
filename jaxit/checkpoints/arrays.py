"""The arrays of a state to and from disk, as nested dicts whatever containers the state is made of."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp

from jaxit.checkpoints import quiet
from jaxit.core import tree
from jaxit.core.errors import UserError
from jaxit.core.types import Array

_KEY_IMPLEMENTATIONS = {'key<fry>': 'threefry2x32', 'key<rbg>': 'rbg', 'key<urbg>': 'unsafe_rbg'}


def storable(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the leaves as a nested dict with PRNG keys as their data; for arrays and abstract leaves alike."""
    return tree.unflatten({path: _key_data(leaf) if _is_key(leaf) else leaf for path, leaf in flat.items()})


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _key_data(leaf: Any) -> Any:
    if isinstance(leaf, jax.Array):
        return jax.random.key_data(leaf)
    data = jax.eval_shape(jax.random.key_data, leaf)
    return jax.ShapeDtypeStruct(data.shape, data.dtype, sharding=leaf.sharding)


def num_bytes(flat: Mapping[str, Any]) -> int:
    """Returns the bytes of all leaves, each counted once however it is replicated."""
    return sum(leaf.size * leaf.dtype.itemsize for leaf in flat.values())


def read(item_folder: Path, flat: Mapping[str, Any]) -> dict[str, Array]:
    """Returns the leaves by path, placed as the abstract leaves say; leaves not asked for are not read."""
    quiet.orbax()
    wanted = storable(flat)
    restore_args = jax.tree.map(_restore_args, wanted)
    checkpointer = ocp.Checkpointer(ocp.PyTreeCheckpointHandler())
    try:
        args = ocp.args.PyTreeRestore(wanted, restore_args, partial_restore=True)
        stored = tree.flatten(checkpointer.restore(item_folder, args=args))
    finally:
        checkpointer.close()
    return {path: _wrap_key(stored[path], leaf) if _is_key(leaf) else stored[path] for path, leaf in flat.items()}


def _restore_args(leaf: Any) -> ocp.ArrayRestoreArgs:
    return ocp.ArrayRestoreArgs(sharding=leaf.sharding, global_shape=leaf.shape, dtype=leaf.dtype)


def _wrap_key(data: Array, leaf: Any) -> Array:
    return jax.random.wrap_key_data(data, impl=_KEY_IMPLEMENTATIONS[str(leaf.dtype)])


def abstract(shape: Iterable[int], dtype: str) -> jax.ShapeDtypeStruct:
    """Returns the abstract leaf a manifest describes."""
    if dtype in _KEY_IMPLEMENTATIONS:
        key = jax.eval_shape(lambda: jax.random.key(0, impl=_KEY_IMPLEMENTATIONS[dtype]))
        return jax.ShapeDtypeStruct(tuple(shape), key.dtype)
    return jax.ShapeDtypeStruct(tuple(shape), jnp.dtype(dtype))


def placed(flat: Mapping[str, Any]) -> dict[str, jax.ShapeDtypeStruct]:
    """Returns the abstract leaves; one without a sharding goes to the first device."""
    alone = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    result = {}
    for path, leaf in flat.items():
        if not hasattr(leaf, 'shape') or not hasattr(leaf, 'dtype'):
            raise UserError(f'state leaf {path!r} is a {type(leaf).__name__}; a checkpoint holds jax arrays only')
        result[path] = jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=getattr(leaf, 'sharding', None) or alone)
    return result
