"""Randomness as a pure function of (seed, purpose, step)."""

import hashlib

import jax


def stream(seed: int, purpose: str) -> jax.Array:
    """Returns the base key of one purpose ('init', 'dropout', 'sample') under a seed."""
    return jax.random.fold_in(jax.random.key(seed), hash32(purpose))


def hash32(text: str) -> int:
    """Returns a 32-bit hash of a text that is the same in every process."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], 'little')
