"""Token embeddings."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxit.core.types import Array
from jaxit.sharding.apply import constrain
from jaxit.sharding.rules import Rules


class Embedding(nn.Module):
    """A table of vectors, read by token id.

    Attributes:
        vocab_size: V.
        embed_dim: D.
        rules: logical to mesh axes.
        scale: multiplies what is read (Gemma: sqrt(D), rounded to the compute dtype).
        init_stddev: of the initial table.
        dtype: of the result.
    """

    vocab_size: int
    embed_dim: int
    rules: Rules
    scale: float | None = None
    init_stddev: float = 1.0
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, tokens: Array) -> Array:
        """Maps tokens [B, T] int32 to [B, T, D]."""
        init: Any = nn.with_logical_partitioning(nn.initializers.normal(self.init_stddev), ('vocab', 'embed'))
        table = self.param('embedding', init, (self.vocab_size, self.embed_dim), jnp.float32)
        # Gathered over fsdp first: a lookup in a table split along D would shuffle every row.
        table = constrain(table, ('act_vocab', None), self.rules)
        x = table[tokens].astype(self.dtype)
        return x if self.scale is None else x * jnp.asarray(self.scale, self.dtype)
