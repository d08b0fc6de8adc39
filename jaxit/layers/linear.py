"""Linear maps over any number of dimensions, with an optional low-rank update beside the kernel."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxit.core.types import Array


def fan_in(num_in: int, scale: float = 1.0) -> Callable[..., Array]:
    """Returns a truncated normal of variance `scale / prod(input dims)`, for kernels of any rank."""

    def init(key: Array, shape: Sequence[int], dtype: Any = jnp.float32) -> Array:
        stddev = math.sqrt(scale / math.prod(shape[:num_in])) / 0.87962566103423978
        return stddev * jax.random.truncated_normal(key, -2.0, 2.0, tuple(shape), dtype)

    return init


class Linear(nn.Module):
    """`y = x W + b`, contracting the last `num_in` dimensions of x.

    Where the params hold `lora_a` and `lora_b` beside the kernel, `(alpha / r) x A B` is
    added (Hu et al. 2021, arXiv:2106.09685, equation 3). The module is the same with and
    without them; `layers/lora.py` puts them there.

    Attributes:
        out_dims: output dimensions.
        axes: logical axis names of the kernel, inputs first.
        num_in: number of input dimensions.
        use_bias: whether b is there.
        init_scale: variance scale of the initial kernel.
        dtype: of the computation; params stay float32.
        lora_alpha: the numerator of the update's scale.
    """

    out_dims: tuple[int, ...]
    axes: tuple[str, ...]
    num_in: int = 1
    use_bias: bool = False
    init_scale: float = 1.0
    dtype: jnp.dtype = jnp.float32
    lora_alpha: float = 16.0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps x [..., *in_dims] to [..., *out_dims]."""
        shape = x.shape[x.ndim - self.num_in :] + self.out_dims
        init: Any = nn.with_logical_partitioning(fan_in(self.num_in, self.init_scale), self.axes)
        kernel = self.param('kernel', init, shape, jnp.float32)
        x = x.astype(self.dtype)
        y = contract(x, kernel.astype(self.dtype), self.num_in)
        if self.has_variable('params', 'lora_a'):
            a, b = self.get_variable('params', 'lora_a'), self.get_variable('params', 'lora_b')
            down = contract(x, a.astype(self.dtype), self.num_in)
            y += (self.lora_alpha / a.shape[-1]) * contract(down, b.astype(self.dtype), 1)
        if self.use_bias:
            zeros: Any = nn.with_logical_partitioning(nn.initializers.zeros_init(), self.axes[self.num_in :])
            y += jnp.reshape(
                self.param('bias', zeros, self.out_dims, jnp.float32).astype(self.dtype),
                (1,) * (y.ndim - len(self.out_dims)) + self.out_dims,
            )
        return y


def contract(x: Array, kernel: Array, num_in: int) -> Array:
    """Contracts the last `num_in` dimensions of x with the first of the kernel."""
    dims = tuple(range(x.ndim - num_in, x.ndim)), tuple(range(num_in))
    return jax.lax.dot_general(x, kernel, (dims, ((), ())))
