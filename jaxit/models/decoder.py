"""One decoder for all families: every difference between them is a value in `DecoderConfig`.

B batch, T target length, S cache length, D model, N query heads, K kv heads, H head dim, V vocab, L layers.
"""

import dataclasses
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from jaxit.core.errors import UserError
from jaxit.core.types import Array, Batch, Head, Params
from jaxit.layers import masks
from jaxit.layers.attention import Attention, Rotation
from jaxit.layers.embedding import Embedding
from jaxit.layers.kv_cache import KVCache, Slot
from jaxit.layers.linear import fan_in
from jaxit.layers.mlp import MLP
from jaxit.layers.norms import RMSNorm
from jaxit.layers.rope import RopeScaling, angles, frequencies
from jaxit.layers.stack import stack
from jaxit.models.execution import Execution
from jaxit.sharding.apply import constrain


@dataclasses.dataclass(frozen=True)
class DecoderConfig:
    """The architecture of a decoder.

    Attributes:
        vocab_size: V.
        embed_dim: D.
        num_layers: L.
        num_heads: N.
        num_kv_heads: K; query head n reads kv head n // (N // K).
        head_dim: H.
        mlp_dim: F.
        family: the Hugging Face layout it is imported from and exported to.
        activation: of the gated MLP.
        norm_eps: of every norm.
        norm_offset: 1 where stored norm weights are the scale minus one (Gemma).
        post_norms: whether the outputs of attention and MLP are normalised too (Gemma 2, 3).
        qk_norm: whether each head's queries and keys are normalised (Gemma 3, Qwen 3).
        attention_scale: multiplies attention logits; None for H ** -0.5.
        attention_soft_cap: on attention logits (Gemma 2).
        logit_soft_cap: on the output logits (Gemma 2).
        rope_theta: base of the rotary frequencies.
        rope_scaling: stretch of the rotary frequencies.
        local_rope_theta: base in sliding-window layers, unscaled; None for `rope_theta`.
        sliding_window: tokens a sliding-window layer sees, itself included; None for no such layers.
        global_every: each n-th layer sees everything, the others slide (Gemma 3: 6).
        qkv_bias: biases on queries, keys and values.
        out_bias: a bias on the output map of attention.
        embed_scale: multiplies embeddings (Gemma: D ** 0.5).
        tied_head: whether the output projection is the embedding.
        prefix_lm: whether prompt tokens see each other both ways.
    """

    vocab_size: int
    embed_dim: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    mlp_dim: int
    family: str = 'llama'
    activation: str = 'silu'
    norm_eps: float = 1e-5
    norm_offset: float = 0.0
    post_norms: bool = False
    qk_norm: bool = False
    attention_scale: float | None = None
    attention_soft_cap: float | None = None
    logit_soft_cap: float | None = None
    rope_theta: float = 10_000.0
    rope_scaling: RopeScaling | None = None
    local_rope_theta: float | None = None
    sliding_window: int | None = None
    global_every: int = 1
    qkv_bias: bool = False
    out_bias: bool = False
    embed_scale: float | None = None
    tied_head: bool = False
    prefix_lm: bool = False

    def __post_init__(self) -> None:
        if self.num_heads % self.num_kv_heads:
            raise UserError(f'num_heads={self.num_heads} is not a multiple of num_kv_heads={self.num_kv_heads}')
        if self.head_dim % 2:
            raise UserError(f'head_dim={self.head_dim} is odd; rotary positions rotate pairs')

    def is_sliding(self, layer: int) -> bool:
        """Returns whether a layer attends within the sliding window."""
        return self.sliding_window is not None and (layer + 1) % self.global_every != 0


class Layer(NamedTuple):
    """What differs from layer to layer, scanned: index [L] int32 and sliding [L] bool."""

    index: Array
    sliding: Array


class Shared(NamedTuple):
    """What all layers share: masks, rotations, and the positions written in the cache."""

    mask: Array
    rotation: Rotation
    sliding_mask: Array | None = None
    sliding_rotation: Rotation | None = None
    positions: Array | None = None


class Block(nn.Module):
    """Attention and MLP, each with a norm before, and one after where the config says so."""

    config: DecoderConfig
    execution: Execution

    @nn.compact
    def __call__(
        self, carry: tuple[Array, KVCache | None], layer: Layer, shared: Shared
    ) -> tuple[tuple[Array, KVCache | None], None]:
        """Maps (x [B, T, D], cache) to the same."""
        c, run = self.config, self.execution
        x, cache = carry
        mask, rotation = _of_layer(layer, shared)
        slot = None if shared.positions is None else Slot(layer.index, shared.positions)
        mixed, cache = Attention(
            num_heads=c.num_heads,
            num_kv_heads=c.num_kv_heads,
            head_dim=c.head_dim,
            scale=c.head_dim**-0.5 if c.attention_scale is None else c.attention_scale,
            rules=run.rules,
            soft_cap=c.attention_soft_cap,
            qk_norm_eps=c.norm_eps if c.qk_norm else None,
            norm_offset=c.norm_offset,
            qkv_bias=c.qkv_bias,
            out_bias=c.out_bias,
            dtype=run.jax_dtype,
            lora_alpha=run.lora_alpha,
            name='attention',
        )(_norm(c, run, 'attention_norm')(x), mask, rotation=rotation, cache=cache, slot=slot)
        x += _norm(c, run, 'post_attention_norm')(mixed) if c.post_norms else mixed
        mlp = MLP(c.mlp_dim, c.activation, True, run.rules, dtype=run.jax_dtype, lora_alpha=run.lora_alpha, name='mlp')
        fed = mlp(_norm(c, run, 'mlp_norm')(x))
        x += _norm(c, run, 'post_mlp_norm')(fed) if c.post_norms else fed
        return (x, cache), None


class Decoder(nn.Module):
    """Embedding, blocks, final norm; the output projection is a param that the loss applies."""

    config: DecoderConfig
    execution: Execution

    def setup(self) -> None:
        c, run = self.config, self.execution
        self.embedding = Embedding(
            c.vocab_size, c.embed_dim, run.rules, c.embed_scale, c.embed_dim**-0.5, run.jax_dtype
        )
        self.layers = stack(Block, c.num_layers, remat=run.remat, name='layers', config=c, execution=run)
        self.final_norm = _norm(c, run, None)
        if not c.tied_head:
            init: Any = nn.with_logical_partitioning(fan_in(1), ('embed', 'vocab'))
            self.lm_head = self.param('lm_head', init, (c.embed_dim, c.vocab_size), jnp.float32)

    def hidden(self, batch: Batch) -> Array:
        """Returns the hidden states [B, T, D] of packed rows."""
        segments = batch['decoder_segment_ids']
        prefix = batch['decoder_causal_attention'] if self.config.prefix_lm else None
        mask = masks.self_attention(segments, causal=True, prefix=prefix)
        sliding = None
        if self.config.sliding_window is not None:
            sliding = masks.self_attention(segments, causal=True, prefix=prefix, window=self.config.sliding_window)
        shared = _shared(self.config, mask, sliding, batch['decoder_positions'], cached=False)
        return self._run(batch['decoder_input_tokens'], shared, None)[0]

    def extend(
        self, cache: KVCache, tokens: Array, positions: Array, prefix_lengths: Array | None = None
    ) -> tuple[Array, KVCache]:
        """Reads tokens [B, T] at positions [B, T] on top of a cache; returns hidden [B, T, D] and the cache.

        Where `prefix_lengths` [B] is given, tokens of the prefix see each other both ways.
        """
        length = cache.keys.shape[2]
        mask = masks.cached(positions, length, prefix_lengths=prefix_lengths)
        sliding = None
        if self.config.sliding_window is not None:
            window = self.config.sliding_window
            sliding = masks.cached(positions, length, window=window, prefix_lengths=prefix_lengths)
        x, written = self._run(tokens, _shared(self.config, mask, sliding, positions, cached=True), cache)
        assert written is not None
        return x, written

    def _run(self, tokens: Array, shared: Shared, cache: KVCache | None) -> tuple[Array, KVCache | None]:
        c = self.config
        x = constrain(self.embedding(tokens), ('batch', 'length', 'act_embed'), self.execution.rules)
        sliding = jnp.array([c.is_sliding(i) for i in range(c.num_layers)])
        (x, cache), _ = self.layers((x, cache), Layer(jnp.arange(c.num_layers), sliding), shared)
        return self.final_norm(x), cache


def output_head(config: DecoderConfig, params: Params) -> Head:
    """Returns the output projection of a decoder's params."""
    if config.tied_head:
        return Head(params['embedding']['embedding'], transposed=True, soft_cap=config.logit_soft_cap)
    return Head(params['lm_head'], soft_cap=config.logit_soft_cap)


def _shared(c: DecoderConfig, mask: Array, sliding_mask: Array | None, positions: Array, *, cached: bool) -> Shared:
    rotation = Rotation(*angles(positions, frequencies(c.head_dim, c.rope_theta, c.rope_scaling)))
    sliding_rotation = None
    if sliding_mask is not None and c.local_rope_theta is not None:
        sliding_rotation = Rotation(*angles(positions, frequencies(c.head_dim, c.local_rope_theta)))
    return Shared(mask, rotation, sliding_mask, sliding_rotation, positions if cached else None)


def _of_layer(layer: Layer, shared: Shared) -> tuple[Array, Rotation]:
    mask, rotation = shared.mask, shared.rotation
    if shared.sliding_mask is not None:
        mask = jnp.where(layer.sliding, shared.sliding_mask, mask)
    if shared.sliding_rotation is not None:
        rotation = Rotation(
            *(jnp.where(layer.sliding, s, g) for s, g in zip(shared.sliding_rotation, rotation, strict=True))
        )
    return mask, rotation


def _norm(c: DecoderConfig, run: Execution, name: str | None) -> RMSNorm:
    return RMSNorm(c.norm_eps, c.norm_offset, run.jax_dtype, name=name)
