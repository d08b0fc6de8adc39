"""Where the weights moved: norms before, after and of the difference, for every param of every layer."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from jaxit.cli.session import Session, starting_params
from jaxit.core import tree
from jaxit.core.types import Array, Params
from jaxit.layers import lora


def rows(session: Session, params: Params) -> list[dict[str, Any]]:
    """Returns one row for each param, layers of a stack apart; low-rank updates are merged first.

    Args:
        session: of the run; its starting weights are read again.
        params: the last ones.
    """
    alpha = session.experiment.execution.lora_alpha
    with jax.set_mesh(session.mesh):
        final = lora.merge(params, alpha) if session.experiment.lora is not None else params
        initial = starting_params(session, final)
        axes = tree.flatten(session.model.logical_axes(initial))
        before, after = tree.flatten(initial), tree.flatten(final)
        found = []
        for path in before:
            stacked = axes[path][0] == 'layers'
            norms = jax.device_get(_norms(before[path], after[path], stacked=stacked))
            found += _rows_of(path, norms, before[path].size, stacked=stacked)
    return found


@jax.jit(static_argnames='stacked')
def _norms(before: Array, after: Array, *, stacked: bool) -> Array:
    """Returns [3, layers or 1]: norms before, after, and of the difference."""

    def norm(x: Array) -> Array:
        x = x.astype(jnp.float32).reshape(x.shape[0] if stacked else 1, -1)
        return jnp.sqrt(jnp.sum(x * x, axis=1))

    return jnp.stack([norm(before), norm(after), norm(after - before)])


def _rows_of(path: str, norms: Any, size: int, *, stacked: bool) -> list[dict[str, Any]]:
    count = norms.shape[1]
    head, _, rest = path.partition('/')
    names = [f'{head}/{i}/{rest}' for i in range(count)] if stacked else [path]
    return [
        {
            'path': name,
            'norm_initial': _finite(norms[0, i]),
            'norm_final': _finite(norms[1, i]),
            'norm_change': _finite(norms[2, i]),
            'num_params': size // count,
        }
        for i, name in enumerate(names)
    ]


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
