"""Rotary position embeddings (Su et al. 2021, arXiv:2104.09864), rotating halves as the LLaMA layout does."""

import dataclasses
import math

import jax.numpy as jnp

from jaxit.core.errors import unknown_name
from jaxit.core.types import Array

KINDS = ('linear', 'llama3')


@dataclasses.dataclass(frozen=True)
class RopeScaling:
    """How frequencies are stretched beyond the pretrained length.

    Attributes:
        kind: 'linear' divides every frequency by `factor`; 'llama3' keeps the fast ones,
            divides the slow ones and blends between (LLaMA 3.1).
        factor: the stretch.
        low_frequency_factor: 'llama3': wavelengths above original_length / this are stretched.
        high_frequency_factor: 'llama3': wavelengths below original_length / this are kept.
        original_length: 'llama3': the pretrained context length.
    """

    kind: str = 'linear'
    factor: float = 1.0
    low_frequency_factor: float = 1.0
    high_frequency_factor: float = 4.0
    original_length: int = 8192

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown_name('rope scaling', self.kind, KINDS)


def frequencies(head_dim: int, theta: float, scaling: RopeScaling | None = None) -> Array:
    """Returns the angular frequencies [H / 2] float32, `theta ** (-2 i / H)`, scaled."""
    exponents = jnp.arange(0, head_dim, 2, dtype=jnp.float32) / head_dim
    freqs = 1.0 / (theta**exponents)
    if scaling is None:
        return freqs
    if scaling.kind == 'linear':
        return freqs / scaling.factor
    wavelengths = 2 * math.pi / freqs
    low, high = scaling.low_frequency_factor, scaling.high_frequency_factor
    smooth = jnp.clip((scaling.original_length / wavelengths - low) / (high - low), 0.0, 1.0)
    return freqs * (smooth + (1.0 - smooth) / scaling.factor)


def angles(positions: Array, freqs: Array) -> tuple[Array, Array]:
    """Returns (sin, cos), each [B, T, H / 2] float32, for positions [B, T]."""
    phase = positions.astype(jnp.float32)[..., None] * freqs[None, None, :]
    return jnp.sin(phase), jnp.cos(phase)


def rotate(x: Array, sin: Array, cos: Array) -> Array:
    """Rotates x [B, T, N, H] by the angles of its positions; float32 inside."""
    first, second = jnp.split(x.astype(jnp.float32), 2, axis=-1)
    sin, cos = sin[:, :, None, :], cos[:, :, None, :]
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1).astype(x.dtype)
