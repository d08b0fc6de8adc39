"""The output projection, kept apart from the model so that a loss can apply it piece by piece."""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Head(NamedTuple):
    """`logits = soft_cap(hidden * scale @ kernel)`.

    Attributes:
        kernel: [D, V], or [V, D] when `transposed` (a tied embedding, never copied).
        transposed: whether `kernel` is [V, D].
        scale: multiplies the hidden state (T5 1.0 with a tied head: D ** -0.5).
        soft_cap: `cap * tanh(logits / cap)` when not None (Gemma 2).
    """

    kernel: jax.Array
    transposed: bool = False
    scale: float = 1.0
    soft_cap: float | None = None


def logits(hidden: jax.Array, head: Head) -> jax.Array:
    """Returns logits [..., V] float32 of hidden states [..., D]."""
    if head.scale != 1.0:
        hidden = hidden * jnp.asarray(head.scale, hidden.dtype)
    kernel = head.kernel.astype(hidden.dtype)
    dims = ((hidden.ndim - 1,), (1 if head.transposed else 0,))
    out = jax.lax.dot_general(hidden, kernel, (dims, ((), ())), preferred_element_type=jnp.float32)
    return out if head.soft_cap is None else head.soft_cap * jnp.tanh(out / head.soft_cap)
