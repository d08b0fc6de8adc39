"""A stack of equal layers: the one place with `scan` and rematerialisation."""

from typing import Any

import flax.linen as nn
import jax

from jaxit.core.errors import unknown_name

REMAT_POLICIES: dict[str, Any] = {
    'none': None,
    'full': jax.checkpoint_policies.nothing_saveable,
    'dots': jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
}


def stack(block: type[nn.Module], num_layers: int, *, remat: str, name: str, **hyperparameters: Any) -> nn.Module:
    """Returns `num_layers` of a block as one scanned module, params stacked on a leading `layers` dimension.

    The block is called as `block(carry, layer, shared) -> (carry, None)`: `layer` is scanned
    over its leading dimension, `shared` is the same for each layer.

    Args:
        block: the module class.
        num_layers: L.
        remat: 'none' keeps every activation, 'dots' keeps results of matrix products,
            'full' keeps only the carry and recomputes the rest in the backward pass.
        name: of the stacked module in the params.
        **hyperparameters: of the block.
    """
    if remat not in REMAT_POLICIES:
        raise unknown_name('remat policy', remat, REMAT_POLICIES)
    if remat != 'none':
        block = nn.remat(block, policy=REMAT_POLICIES[remat], prevent_cse=False)
    in_axes: Any = (0, nn.broadcast)  # the layer's own input, what all layers share
    scanned = nn.scan(
        block,
        variable_axes={'params': 0},
        split_rngs={'params': True, 'dropout': True},
        in_axes=in_axes,
        length=num_layers,
        metadata_params={nn.PARTITION_NAME: 'layers'},
    )
    return scanned(name=name, **hyperparameters)
