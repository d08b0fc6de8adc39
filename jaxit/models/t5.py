"""T5 1.0 and 1.1 (Raffel et al. 2020, arXiv:1910.10683; Shazeer 2020, arXiv:2002.05202).

B batch, T target length, S source length, D model, N heads, H head dim, F mlp, V vocab, L layers.
"""

import dataclasses
import math
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from jaxit.core.types import Array, Batch, Head, Params
from jaxit.layers import masks
from jaxit.layers.attention import Attention
from jaxit.layers.embedding import Embedding
from jaxit.layers.kv_cache import KVCache, Slot
from jaxit.layers.linear import fan_in
from jaxit.layers.mlp import MLP
from jaxit.layers.norms import RMSNorm
from jaxit.layers.stack import stack
from jaxit.models.execution import Execution
from jaxit.sharding.apply import constrain


@dataclasses.dataclass(frozen=True)
class T5Config:
    """The architecture of a T5.

    Attributes:
        vocab_size: V.
        embed_dim: D.
        num_encoder_layers: layers of the encoder.
        num_decoder_layers: layers of the decoder.
        num_heads: N.
        head_dim: H.
        mlp_dim: F.
        family: the Hugging Face layout.
        activation: of the MLP ('relu' in 1.0, 'gelu_tanh' in 1.1).
        gated: whether the MLP is gated (1.1).
        tied_head: whether the output projection is the embedding; hidden states are then scaled by D ** -0.5 (1.0).
        norm_eps: of every norm.
        relative_buckets: number of relative position buckets.
        relative_max_distance: distances beyond it share the last bucket.
        dropout_rate: in training, when a dropout key is given.
    """

    vocab_size: int
    embed_dim: int
    num_encoder_layers: int
    num_decoder_layers: int
    num_heads: int
    head_dim: int
    mlp_dim: int
    family: str = 't5'
    activation: str = 'gelu_tanh'
    gated: bool = True
    tied_head: bool = False
    norm_eps: float = 1e-6
    relative_buckets: int = 32
    relative_max_distance: int = 128
    dropout_rate: float = 0.0


class T5Cache(NamedTuple):
    """What decoding keeps.

    Attributes:
        decoder: keys and values of the decoder's own tokens.
        cross: keys and values of the source, [L, B, S, N, H] each; written once.
        source_mask: [B, S] bool, True on source tokens.
        lengths: [B] int32, decoder tokens so far.
    """

    decoder: KVCache
    cross: KVCache
    source_mask: Array
    lengths: Array


class EncoderShared(NamedTuple):
    """What encoder layers share: mask [B, 1, S, S] and relative bias [1, N, S, S]."""

    mask: Array
    bias: Array


class DecoderShared(NamedTuple):
    """What decoder layers share; `source` in training, `cross` while decoding."""

    mask: Array
    bias: Array
    cross_mask: Array
    source: Array | None = None
    cross: KVCache | None = None
    positions: Array | None = None


class EncoderBlock(nn.Module):
    """Self-attention and MLP."""

    config: T5Config
    execution: Execution
    deterministic: bool = True

    @nn.compact
    def __call__(self, x: Array, layer: Array, shared: EncoderShared) -> tuple[Array, None]:
        """Maps x [B, S, D] to the same."""
        del layer
        mixed, _ = _attention(self, 'attention')(
            _norm(self, 'attention_norm')(x), shared.mask, bias=shared.bias, deterministic=self.deterministic
        )
        x += _dropout(self)(mixed, deterministic=self.deterministic)
        return x + _feed_forward(self, x), None


class DecoderBlock(nn.Module):
    """Self-attention, attention to the source, MLP."""

    config: T5Config
    execution: Execution
    deterministic: bool = True

    @nn.compact
    def __call__(
        self, carry: tuple[Array, KVCache | None], layer: Array, shared: DecoderShared
    ) -> tuple[tuple[Array, KVCache | None], None]:
        """Maps (x [B, T, D], cache) to the same."""
        x, cache = carry
        quiet = self.deterministic
        slot = None if shared.positions is None else Slot(layer, shared.positions)
        mixed, cache = _attention(self, 'attention')(
            _norm(self, 'attention_norm')(x), shared.mask, bias=shared.bias, cache=cache, slot=slot, deterministic=quiet
        )
        x += _dropout(self)(mixed, deterministic=quiet)
        keys_values = None if shared.cross is None else (shared.cross.keys[layer], shared.cross.values[layer])
        mixed, _ = _attention(self, 'cross_attention')(
            _norm(self, 'cross_attention_norm')(x),
            shared.cross_mask,
            source=shared.source,
            keys_values=keys_values,
            deterministic=quiet,
        )
        x += _dropout(self)(mixed, deterministic=quiet)
        return (x + _feed_forward(self, x), cache), None


class RelativeBias(nn.Module):
    """Attention bias by bucketed distance (Raffel et al. 2020, section 2.1), one table for all layers of a stack."""

    num_heads: int
    num_buckets: int
    max_distance: int
    bidirectional: bool

    @nn.compact
    def __call__(self, query_positions: Array, key_positions: Array) -> Array:
        """Returns [B, N, T, S] float32 for positions [B, T] and [B, S]."""
        init: Any = nn.with_logical_partitioning(nn.initializers.normal(0.1), ('relpos', 'heads'))
        table = self.param('embedding', init, (self.num_buckets, self.num_heads), jnp.float32)
        distance = key_positions[:, None, :] - query_positions[:, :, None]
        buckets = relative_buckets(distance, self.num_buckets, self.max_distance, bidirectional=self.bidirectional)
        return jnp.moveaxis(table[buckets], -1, 1)


class T5(nn.Module):
    """Encoder and decoder over one embedding."""

    config: T5Config
    execution: Execution
    deterministic: bool = True

    def setup(self) -> None:
        c, run = self.config, self.execution
        self.embedding = Embedding(c.vocab_size, c.embed_dim, run.rules, None, 1.0, run.jax_dtype)
        common = {'remat': run.remat, 'config': c, 'execution': run, 'deterministic': self.deterministic}
        self.encoder = stack(EncoderBlock, c.num_encoder_layers, name='encoder', **common)
        self.decoder = stack(DecoderBlock, c.num_decoder_layers, name='decoder', **common)
        buckets = (c.num_heads, c.relative_buckets, c.relative_max_distance)
        self.encoder_bias = RelativeBias(*buckets, bidirectional=True)
        self.decoder_bias = RelativeBias(*buckets, bidirectional=False)
        self.encoder_norm = RMSNorm(c.norm_eps, dtype=run.jax_dtype)
        self.decoder_norm = RMSNorm(c.norm_eps, dtype=run.jax_dtype)
        self.dropout = nn.Dropout(c.dropout_rate, broadcast_dims=(1,))
        if not c.tied_head:
            init: Any = nn.with_logical_partitioning(fan_in(1), ('embed', 'vocab'))
            self.lm_head = self.param('lm_head', init, (c.embed_dim, c.vocab_size), jnp.float32)

    def encode(self, tokens: Array, segment_ids: Array) -> Array:
        """Returns the encoder's output [B, S, D] for packed sources [B, S]."""
        c = self.config
        index = jnp.arange(tokens.shape[1])[None]
        # Inside a segment the distance of row indices is the distance of positions.
        shared = EncoderShared(masks.self_attention(segment_ids, causal=False), self.encoder_bias(index, index))
        x = self._embed(tokens)
        x, _ = self.encoder(x, jnp.arange(c.num_encoder_layers), shared)
        return self.dropout(self.encoder_norm(x), deterministic=self.deterministic)

    def hidden(self, batch: Batch) -> Array:
        """Returns the decoder's hidden states [B, T, D] of packed rows."""
        source = self.encode(batch['encoder_input_tokens'], batch['encoder_segment_ids'])
        segments = batch['decoder_segment_ids']
        index = jnp.arange(segments.shape[1])[None]
        shared = DecoderShared(
            mask=masks.self_attention(segments, causal=True),
            bias=self.decoder_bias(index, index),
            cross_mask=masks.cross_attention(segments, batch['encoder_segment_ids']),
            source=source,
        )
        return self._decode(batch['decoder_input_tokens'], shared, None)[0]

    def extend(self, cache: T5Cache, tokens: Array) -> tuple[Array, T5Cache]:
        """Reads tokens [B, T] after those in the cache; returns hidden [B, T, D] and the cache."""
        length = cache.decoder.keys.shape[2]
        positions = cache.lengths[:, None] + jnp.arange(tokens.shape[1])[None]
        shared = DecoderShared(
            mask=masks.cached(positions, length),
            bias=self.decoder_bias(positions, jnp.broadcast_to(jnp.arange(length)[None], (tokens.shape[0], length))),
            cross_mask=cache.source_mask[:, None, None, :],
            cross=cache.cross,
            positions=positions,
        )
        x, decoder = self._decode(tokens, shared, cache.decoder)
        assert decoder is not None
        return x, cache._replace(decoder=decoder, lengths=cache.lengths + tokens.shape[1])

    def _decode(self, tokens: Array, shared: DecoderShared, cache: KVCache | None) -> tuple[Array, KVCache | None]:
        x = self._embed(tokens)
        (x, cache), _ = self.decoder((x, cache), jnp.arange(self.config.num_decoder_layers), shared)
        return self.dropout(self.decoder_norm(x), deterministic=self.deterministic), cache

    def _embed(self, tokens: Array) -> Array:
        x = constrain(self.embedding(tokens), ('batch', 'length', 'act_embed'), self.execution.rules)
        return self.dropout(x, deterministic=self.deterministic)


def output_head(config: T5Config, params: Params) -> Head:
    """Returns the output projection of a T5's params."""
    if config.tied_head:
        return Head(params['embedding']['embedding'], transposed=True, scale=config.embed_dim**-0.5)
    return Head(params['lm_head'])


def cross_keys_values(attention: dict, source: Array, dtype: jnp.dtype) -> KVCache:
    """Returns the keys and values of the source for every decoder layer, [L, B, S, N, H] each.

    Args:
        attention: the stacked params of the decoder's cross-attention.
        source: the encoder's output [B, S, D].
        dtype: of the result.
    """

    def project(kernel: Array) -> Array:
        return jnp.einsum('BSD,LDNH->LBSNH', source.astype(dtype), kernel.astype(dtype))

    return KVCache(project(attention['key']['kernel']), project(attention['value']['kernel']))


def relative_buckets(distance: Array, num_buckets: int, max_distance: int, *, bidirectional: bool) -> Array:
    """Returns the bucket of `key position - query position`: exact up to half the buckets, then logarithmic."""
    offset = jnp.zeros_like(distance)
    if bidirectional:
        num_buckets //= 2
        offset = jnp.where(distance > 0, num_buckets, 0).astype(distance.dtype)
        distance = jnp.abs(distance)
    else:
        distance = jnp.maximum(-distance, 0)
    exact = num_buckets // 2
    ratio = jnp.maximum(distance, 1).astype(jnp.float32) / exact
    far = exact + (jnp.log(ratio) / math.log(max_distance / exact) * (num_buckets - exact)).astype(distance.dtype)
    return offset + jnp.where(distance < exact, distance, jnp.minimum(far, num_buckets - 1))


def _attention(block: nn.Module, name: str) -> Attention:
    c, run = block.config, block.execution
    return Attention(
        num_heads=c.num_heads,
        num_kv_heads=c.num_heads,
        head_dim=c.head_dim,
        scale=1.0,  # T5 folds H ** -0.5 into the initial queries
        rules=run.rules,
        query_init_scale=1.0 / c.head_dim,
        dropout_rate=c.dropout_rate,
        dtype=run.jax_dtype,
        lora_alpha=run.lora_alpha,
        name=name,
    )


def _feed_forward(block: nn.Module, x: Array) -> Array:
    c, run = block.config, block.execution
    mlp = MLP(
        c.mlp_dim,
        c.activation,
        c.gated,
        run.rules,
        dropout_rate=c.dropout_rate,
        dtype=run.jax_dtype,
        lora_alpha=run.lora_alpha,
        name='mlp',
    )
    fed = mlp(_norm(block, 'mlp_norm')(x), deterministic=block.deterministic)
    return _dropout(block)(fed, deterministic=block.deterministic)


def _norm(block: nn.Module, name: str) -> RMSNorm:
    return RMSNorm(block.config.norm_eps, dtype=block.execution.jax_dtype, name=name)


def _dropout(block: nn.Module) -> nn.Dropout:
    return nn.Dropout(block.config.dropout_rate, broadcast_dims=(1,))
