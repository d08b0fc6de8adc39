"""Multi-head attention with grouped queries, for training and with a key/value cache.

B batch, T query length, S key length, D model, N query heads, K kv heads, G = N // K, H head dim.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxit.core.types import Array
from jaxit.layers.kv_cache import KVCache, Slot
from jaxit.layers.linear import Linear
from jaxit.layers.norms import RMSNorm
from jaxit.layers.rope import rotate
from jaxit.sharding.apply import constrain
from jaxit.sharding.rules import Rules

MASKED = -1e30


class Rotation(NamedTuple):
    """The angles of the queries' positions, each [B, T, H / 2] float32."""

    sin: Array
    cos: Array


class Attention(nn.Module):
    """Self- or cross-attention.

    Attributes:
        num_heads: N.
        num_kv_heads: K, a divisor of N.
        head_dim: H.
        scale: multiplies the logits.
        rules: logical to mesh axes.
        soft_cap: `cap * tanh(logits / cap)` on the logits when not None.
        qk_norm_eps: normalises each head's queries and keys when not None (Gemma 3).
        norm_offset: of those norms.
        qkv_bias: biases on the three input maps.
        out_bias: bias on the output map.
        query_init_scale: variance scale of the initial query kernel (T5: 1 / H).
        dropout_rate: on the attention weights.
        dtype: of the computation; the softmax is float32.
        lora_alpha: see `Linear`.
    """

    num_heads: int
    num_kv_heads: int
    head_dim: int
    scale: float
    rules: Rules
    soft_cap: float | None = None
    qk_norm_eps: float | None = None
    norm_offset: float = 0.0
    qkv_bias: bool = False
    out_bias: bool = False
    query_init_scale: float = 1.0
    dropout_rate: float = 0.0
    dtype: jnp.dtype = jnp.float32
    lora_alpha: float = 16.0

    def setup(self) -> None:
        def project(heads: int, axis: str, init_scale: float = 1.0) -> Linear:
            return Linear(
                (heads, self.head_dim),
                ('embed', axis, 'head_dim'),
                1,
                self.qkv_bias,
                init_scale,
                self.dtype,
                self.lora_alpha,
            )

        self.query = project(self.num_heads, 'heads', self.query_init_scale)
        self.key = project(self.num_kv_heads, 'kv')
        self.value = project(self.num_kv_heads, 'kv')
        if self.qk_norm_eps is not None:
            self.query_norm = RMSNorm(self.qk_norm_eps, self.norm_offset, self.dtype, 'head_dim')
            self.key_norm = RMSNorm(self.qk_norm_eps, self.norm_offset, self.dtype, 'head_dim')
        self.dropout = nn.Dropout(self.dropout_rate)

    def keys_values(self, source: Array, rotation: Rotation | None = None) -> tuple[Array, Array]:
        """Returns keys and values, each [B, S, K, H], of a source [B, S, D]."""
        k, v = self.key(source), self.value(source)
        k = self.key_norm(k) if self.qk_norm_eps is not None else k
        return (rotate(k, *rotation) if rotation is not None else k), v

    @nn.compact
    def __call__(
        self,
        x: Array,
        mask: Array,
        *,
        source: Array | None = None,
        keys_values: tuple[Array, Array] | None = None,
        rotation: Rotation | None = None,
        bias: Array | None = None,
        cache: KVCache | None = None,
        slot: Slot | None = None,
        deterministic: bool = True,
    ) -> tuple[Array, KVCache | None]:
        """Attends from x to `source` (x itself by default), or to given keys and values, or to the cache.

        Args:
            x: [B, T, D].
            mask: [B, 1, T, S] bool, True = may attend.
            source: [B, S, D] for cross-attention.
            keys_values: keys and values computed before, each [B, S, K, H].
            rotation: rotary angles of the positions of x.
            bias: [1 or B, N, T, S] added to the logits (T5).
            cache: written at `slot` with the keys and values of x, then read whole.
            slot: the layer and positions to write.
            deterministic: no dropout.

        Returns:
            ([B, T, D], the cache after writing).
        """
        q = self.query(x)
        q = self.query_norm(q) if self.qk_norm_eps is not None else q
        q = rotate(q, *rotation) if rotation is not None else q
        k, v = keys_values if keys_values is not None else self.keys_values(x if source is None else source, rotation)
        if cache is not None and slot is not None:
            cache = cache.write(slot, k, v)
            k, v = cache.read(slot)
        q = constrain(q, ('batch', 'length', 'act_heads', None), self.rules)
        k = constrain(k, ('batch', None, 'act_kv', None), self.rules)
        v = constrain(v, ('batch', None, 'act_kv', None), self.rules)
        weights = self.dropout(
            attention_weights(q, k, mask, bias, self.scale, self.soft_cap), deterministic=deterministic
        )
        B, T, N, H = q.shape
        mixed = jnp.einsum('BKGTS,BSKH->BTKGH', weights.astype(self.dtype), v).reshape(B, T, N, H)
        out = Linear(
            (x.shape[-1],),
            ('heads', 'head_dim', 'embed'),
            2,
            self.out_bias,
            1.0,
            self.dtype,
            self.lora_alpha,
            name='out',
        )
        return constrain(out(mixed), ('batch', 'length', 'act_embed'), self.rules), cache


def attention_weights(
    q: Array, k: Array, mask: Array, bias: Array | None, scale: float, soft_cap: float | None
) -> Array:
    """Returns softmax(q k^T * scale + bias) [B, K, G, T, S] float32.

    Args:
        q: [B, T, N, H].
        k: [B, S, K, H]; query head n uses kv head n // G.
        mask: [B, 1, T, S] bool.
        bias: [1 or B, N, T, S] or None.
        scale: multiplies the products.
        soft_cap: see `Attention`.
    """
    B, T, N, H = q.shape
    K, S = k.shape[2], k.shape[1]
    logits = (
        jnp.einsum('BTKGH,BSKH->BKGTS', q.reshape(B, T, K, N // K, H), k, preferred_element_type=jnp.float32) * scale
    )
    if soft_cap is not None:
        logits = soft_cap * jnp.tanh(logits / soft_cap)
    if bias is not None:
        logits += jnp.broadcast_to(bias.astype(jnp.float32), (B, N, T, S)).reshape(logits.shape)
    logits = jnp.where(mask[:, :, None], logits, MASKED)
    return jax.nn.softmax(logits, axis=-1)
