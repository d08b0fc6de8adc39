"""Putting arrays where the rules say: params, batches, and activations inside a jitted function."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxit.core.types import Array, Batch
from jaxit.sharding.rules import MeshAxes, Rules, to_spec

BATCH_AXES = ('batch', None)


def constrain(x: Array, axes: Sequence[str | None], rules: Rules) -> Array:
    """Constrains an activation to its place on the ambient mesh (`jax.set_mesh`); a no-op without one."""
    spec = to_spec(axes, rules)
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return x
    return jax.lax.with_sharding_constraint(x, fit(spec, x.shape, dict(mesh.shape)))


def fit(spec: PartitionSpec, shape: Sequence[int], mesh_sizes: dict[str, int]) -> PartitionSpec:
    """Returns the spec without the mesh axes that do not divide their dimension.

    One kv head can't be split over a tensor axis of 2: it is replicated there, and
    `replicated` tells the user which params this happened to.
    """
    entries: list[MeshAxes] = []
    for size, entry in zip(shape, tuple(spec) + (None,) * (len(shape) - len(spec)), strict=True):
        names = (entry,) if isinstance(entry, str) else tuple(entry or ())
        divides = size % math.prod(mesh_sizes[name] for name in names) == 0
        entries.append(entry if divides else None)
    return PartitionSpec(*entries)


def shardings(axes: Any, shapes: Any, mesh: Mesh, rules: Rules) -> Any:
    """Returns a tree of `NamedSharding` for a tree of logical axes and the arrays' shapes."""

    def one(leaf: Any, names: tuple[str | None, ...]) -> NamedSharding:
        return NamedSharding(mesh, fit(to_spec(names, rules), leaf.shape, dict(mesh.shape)))

    return jax.tree.map(one, shapes, axes)


def replicated(axes: Any, shapes: Any, mesh: Mesh, rules: Rules) -> list[str]:
    """Returns the paths of the params that the rules would split and the mesh does not divide."""
    lost = []
    for (path, leaf), names in zip(
        jax.tree_util.tree_leaves_with_path(shapes),
        jax.tree.leaves(axes, is_leaf=lambda x: isinstance(x, tuple)),
        strict=True,
    ):
        spec = to_spec(names, rules)
        if fit(spec, leaf.shape, dict(mesh.shape)) != PartitionSpec(*spec, *(None,) * (len(leaf.shape) - len(spec))):
            lost.append(jax.tree_util.keystr(path, simple=True, separator='/'))
    return lost


def batch_sharding(mesh: Mesh, rules: Rules) -> NamedSharding:
    """Returns where a batch feature [B, T] lives: rows over data and fsdp, length whole."""
    return NamedSharding(mesh, to_spec(BATCH_AXES, rules))


def row_groups(num_rows: int, rules: Rules) -> int:
    """Returns over how many devices the rows of a batch are spread on the ambient mesh; 1 without one."""
    mesh = jax.sharding.get_abstract_mesh()
    axes = dict(rules)['batch']
    names = (axes,) if isinstance(axes, str) else tuple(axes or ())
    return math.gcd(num_rows, math.prod(mesh.shape[name] for name in names)) if not mesh.empty else 1


def put_batch(batch: Batch, mesh: Mesh, rules: Rules) -> dict[str, Array]:
    """Makes global arrays of a host's own rows.

    Args:
        batch: numpy features [rows of this process, T]; processes hold consecutive rows.
        mesh: the mesh.
        rules: logical to mesh axes.
    """
    sharding = batch_sharding(mesh, rules)
    return {name: jax.make_array_from_process_local_data(sharding, np.asarray(value)) for name, value in batch.items()}
