"""Normalisation. Statistics are float32 whatever the compute dtype."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxit.core.types import Array


class RMSNorm(nn.Module):
    """Root mean square norm (Zhang & Sennrich 2019, arXiv:1910.07467, equation 4).

    Attributes:
        eps: added to the mean square.
        offset: added to the scale; 1 where the stored weight is the scale minus one (Gemma).
        dtype: of the result.
        axis_name: the logical name of the normalised dimension.
    """

    eps: float = 1e-6
    offset: float = 0.0
    dtype: jnp.dtype = jnp.float32
    axis_name: str = 'embed'

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Normalises the last dimension of x."""
        init: Any = nn.with_logical_partitioning(nn.initializers.constant(1.0 - self.offset), (self.axis_name,))
        scale = self.param('scale', init, (x.shape[-1],), jnp.float32) + self.offset
        wide = x.astype(jnp.float32)
        wide *= jax.lax.rsqrt(jnp.mean(wide * wide, axis=-1, keepdims=True) + self.eps)
        return (wide * jnp.reshape(scale, (1,) * (x.ndim - 1) + scale.shape)).astype(self.dtype)
