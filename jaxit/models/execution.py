"""How a model is computed, as opposed to what it is: precision, rematerialisation, sharding."""

import dataclasses

import jax.numpy as jnp

from jaxit.core.errors import UserError, unknown_name
from jaxit.layers.stack import REMAT_POLICIES
from jaxit.sharding.rules import DEFAULT_RULES, Rules

DTYPES = {'float32': jnp.float32, 'bfloat16': jnp.bfloat16}


@dataclasses.dataclass(frozen=True)
class Execution:
    """How the model is computed. Params are float32 whatever is set here.

    Attributes:
        dtype: of matrix products: 'float32' or 'bfloat16'. Softmax, norms and losses are float32.
        remat: what the backward pass recomputes: 'none', 'dots' or 'full'.
        rules: logical axes to mesh axes.
        lora_alpha: scale of low-rank updates, alpha / rank.
    """

    dtype: str = 'float32'
    remat: str = 'none'
    rules: Rules = DEFAULT_RULES
    lora_alpha: float = 16.0

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise unknown_name('compute dtype', self.dtype, DTYPES)
        if self.remat not in REMAT_POLICIES:
            raise unknown_name('remat policy', self.remat, REMAT_POLICIES)
        if self.lora_alpha <= 0:
            raise UserError(f'lora_alpha is {self.lora_alpha}; it must be positive')

    @property
    def jax_dtype(self) -> jnp.dtype:
        """The compute dtype as jax knows it."""
        return DTYPES[self.dtype]
