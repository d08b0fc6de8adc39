"""Low-rank updates (Hu et al. 2021, arXiv:2106.09685) as leaves beside the kernels they change.

`lora_a` [*in, r] and `lora_b` [r, *out] sit next to `kernel`; `Linear` adds them when they
are there, so the model, the checkpoint and the sharding need no second code path.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec

from jaxit.core import tree
from jaxit.core.errors import UserError
from jaxit.core.types import Array, Params

LEAVES = ('lora_a', 'lora_b')
ALL_LINEAR = (r'/(query|key|value|out|gate|up|down)$',)


def is_lora(path: str) -> bool:
    """Returns whether a path of the params is one of a low-rank update."""
    return path.rsplit('/', 1)[-1] in LEAVES


def add(params: Params, axes: Params, key: Array, *, rank: int, patterns: Sequence[str] = ALL_LINEAR) -> dict[str, Any]:
    """Returns the params with low-rank updates beside the kernels of the matching linear maps.

    A starts as a scaled uniform, B as zeros: the model is unchanged at first.

    Args:
        params: nested dict; stacked layers have a leading dimension.
        axes: the same tree with logical axis names of each leaf.
        key: randomness of A.
        rank: r.
        patterns: regular expressions of paths of linear maps (`layers/attention/query`).

    Raises:
        UserError: when no linear map matches.
    """
    flat, names = tree.flatten(params), tree.flatten(axes)
    added: dict[str, Any] = {}
    for path, kernel in flat.items():
        parent = path.removesuffix('/kernel')
        if parent == path or not tree.matches(parent, patterns):
            continue
        stacked, num_in = _layout(names[path])
        head, inner, outer = (
            kernel.shape[:stacked],
            kernel.shape[stacked : stacked + num_in],
            kernel.shape[stacked + num_in :],
        )
        bound = math.sqrt(3.0 / math.prod(inner))
        leaf_key = jax.random.fold_in(key, len(added))
        added[f'{parent}/lora_a'] = jax.random.uniform(leaf_key, (*head, *inner, rank), jnp.float32, -bound, bound)
        added[f'{parent}/lora_b'] = jnp.zeros((*head, rank, *outer), jnp.float32)
    if not added:
        raise UserError(f'LoRA patterns {list(patterns)} match no linear map')
    return tree.unflatten({**flat, **added})


def merge(params: Params, alpha: float) -> dict[str, Any]:
    """Returns the params with every low-rank update added into its kernel."""
    flat = tree.flatten(params)
    merged = {path: leaf for path, leaf in flat.items() if not is_lora(path)}
    for path in flat:
        if path.endswith('/lora_a'):
            parent = path.removesuffix('/lora_a')
            a, b = flat[path], flat[f'{parent}/lora_b']
            merged[f'{parent}/kernel'] = merged[f'{parent}/kernel'] + (alpha / a.shape[-1]) * _product(
                a, b, merged[f'{parent}/kernel'].ndim
            )
    return tree.unflatten(merged)


def leaf_axes(path: str, kernel_axes: PartitionSpec) -> PartitionSpec:
    """Returns the logical axes of a LoRA leaf beside a kernel with these axes."""
    stacked, num_in = _layout(kernel_axes)
    names = tuple(kernel_axes)
    head, inner, outer = names[:stacked], names[stacked : stacked + num_in], names[stacked + num_in :]
    return (
        PartitionSpec(*head, *inner, 'lora_rank')
        if path.endswith('lora_a')
        else PartitionSpec(*head, 'lora_rank', *outer)
    )


def _layout(axes: PartitionSpec) -> tuple[int, int]:
    """Returns (leading stacked dimensions, input dimensions): maps go from embed, or back to it."""
    stacked = int(axes[0] == 'layers')
    return stacked, 1 if axes[stacked] == 'embed' else len(axes) - stacked - 1


def _product(a: Array, b: Array, kernel_ndim: int) -> Array:
    stacked = a.ndim + b.ndim - 2 - kernel_ndim
    product = jax.lax.dot_general
    if stacked:
        return jax.vmap(lambda x, y: product(x, y, (((x.ndim - 1,), (0,)), ((), ()))))(a, b)
    return product(a, b, (((a.ndim - 1,), (0,)), ((), ())))
