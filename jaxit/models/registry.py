"""From a config to a `ModelApi`: the only thing the layers above know of a model."""

import dataclasses
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec

from jaxit.core import tree
from jaxit.core.head import Head, logits
from jaxit.core.types import Array, Batch, ModelApi, Params
from jaxit.layers import lora
from jaxit.layers.kv_cache import KVCache
from jaxit.models import decoder, t5
from jaxit.models.decoder import Decoder, DecoderConfig
from jaxit.models.execution import Execution
from jaxit.models.t5 import T5, T5Cache, T5Config
from jaxit.sharding.apply import constrain
from jaxit.sharding.rules import Rules

ModelConfig = DecoderConfig | T5Config


def build(config: ModelConfig, execution: Execution | None = None) -> ModelApi:
    """Returns the model of a config as functions of its params.

    Args:
        config: the architecture.
        execution: how it is computed; float32, no rematerialisation by default.
    """
    execution = execution or Execution()
    return T5Model(config, execution) if isinstance(config, T5Config) else DecoderModel(config, execution)


class DecoderCache(NamedTuple):
    """What decoding keeps: keys and values of all layers, and the tokens so far in each row, [B] int32."""

    layers: KVCache
    lengths: Array


@dataclasses.dataclass(frozen=True)
class _Model:
    config: Any
    execution: Execution

    @property
    def rules(self) -> Rules:
        """Logical axes to mesh axes."""
        return self.execution.rules

    @property
    def head_path(self) -> str:
        """The path of the output projection."""
        return 'embedding/embedding' if self.config.tied_head else 'lm_head'

    def logical_axes(self, params: Params) -> Any:
        """Returns a `PartitionSpec` of logical axis names for each leaf; see `ModelApi`."""
        boxed = jax.eval_shape(lambda: self._init_boxed(jax.random.key(0)))
        names = tree.flatten(nn.get_partition_spec(boxed))
        return tree.map_with_path(lambda path, leaf: self._axes_of(path, names), params)

    def init(self, key: Array) -> Params:
        """Returns random params, float32."""
        return nn.meta.unbox(self._init_boxed(key))

    def _init_boxed(self, key: Array) -> Any:
        raise AssertionError('each model says how')

    def _gathered(self, head: Head) -> Head:
        """The head is used chunk by chunk: its shards over fsdp are gathered once, before the loop."""
        axes = ('act_vocab', None) if head.transposed else (None, 'act_vocab')
        return head._replace(kernel=constrain(head.kernel, axes, self.execution.rules))

    def _axes_of(self, path: str, names: dict[str, PartitionSpec]) -> PartitionSpec:
        if lora.is_lora(path):
            return lora.leaf_axes(path, names[f'{path.rsplit("/", 1)[0]}/kernel'])
        return names[path]


@dataclasses.dataclass(frozen=True)
class DecoderModel(_Model):
    """A decoder as functions of its params; see `ModelApi`."""

    config: DecoderConfig
    encoder_decoder = False

    def _init_boxed(self, key: Array) -> Any:
        zeros = jnp.zeros((1, 2), jnp.int32)
        names = ('decoder_input_tokens', 'decoder_segment_ids', 'decoder_positions', 'decoder_causal_attention')
        return self._module().init(key, dict.fromkeys(names, zeros), method='hidden')['params']

    def hidden(self, params: Params, batch: Batch, *, dropout_key: Array | None = None) -> Array:
        """Returns hidden states [B, T, D]; these decoders have no dropout."""
        del dropout_key
        return self._apply(params, batch, method='hidden')

    def head(self, params: Params) -> Head:
        """Returns the output projection."""
        return self._gathered(decoder.output_head(self.config, params))

    def apply(self, params: Params, batch: Batch) -> Array:
        """Returns logits [B, T, V] float32."""
        return logits(self.hidden(params, batch), self.head(params))

    def init_cache(self, batch_size: int, length: int, *, source_length: int = 0) -> DecoderCache:
        """Returns an empty cache of `length` tokens."""
        del source_length
        c = self.config
        layers = KVCache.zeros(c.num_layers, batch_size, length, c.num_kv_heads, c.head_dim, self.execution.jax_dtype)
        return DecoderCache(layers, jnp.zeros((batch_size,), jnp.int32))

    def prefill(self, params: Params, cache: DecoderCache, batch: Batch) -> tuple[Array, DecoderCache]:
        """Reads prompts padded on the right; returns the logits after each one's last token."""
        tokens, lengths = batch['decoder_input_tokens'], batch['prompt_lengths']
        positions = jnp.broadcast_to(jnp.arange(tokens.shape[1])[None], tokens.shape)
        prefix = lengths if self.config.prefix_lm else None
        hidden, layers = self._apply(params, cache.layers, tokens, positions, prefix, method='extend')
        last = jnp.take_along_axis(hidden, (lengths - 1)[:, None, None], axis=1)[:, 0]
        return logits(last, self.head(params)), DecoderCache(layers, lengths)

    def decode_step(self, params: Params, cache: DecoderCache, tokens: Array) -> tuple[Array, DecoderCache]:
        """Appends a token to each row; returns the logits of the next."""
        hidden, layers = self._apply(params, cache.layers, tokens[:, None], cache.lengths[:, None], method='extend')
        return logits(hidden[:, 0], self.head(params)), DecoderCache(layers, cache.lengths + 1)

    def _module(self) -> Decoder:
        return Decoder(self.config, self.execution)

    def _apply(self, params: Params, *args: Any, method: str) -> Any:
        return _applied(self._module(), params, *args, method=method)


@dataclasses.dataclass(frozen=True)
class T5Model(_Model):
    """A T5 as functions of its params; see `ModelApi`."""

    config: T5Config
    encoder_decoder = True

    def _init_boxed(self, key: Array) -> Any:
        zeros = jnp.zeros((1, 2), jnp.int32)
        names = ('encoder_input_tokens', 'encoder_segment_ids', 'decoder_input_tokens', 'decoder_segment_ids')
        return self._module().init(key, dict.fromkeys(names, zeros), method='hidden')['params']

    def hidden(self, params: Params, batch: Batch, *, dropout_key: Array | None = None) -> Array:
        """Returns the decoder's hidden states [B, T, D], with dropout when a key is given."""
        module = T5(self.config, self.execution, deterministic=dropout_key is None)
        rngs = {} if dropout_key is None else {'dropout': dropout_key}
        return _applied(module, params, batch, method='hidden', rngs=rngs)

    def head(self, params: Params) -> Head:
        """Returns the output projection."""
        return self._gathered(t5.output_head(self.config, params))

    def apply(self, params: Params, batch: Batch) -> Array:
        """Returns logits [B, T, V] float32."""
        return logits(self.hidden(params, batch), self.head(params))

    def init_cache(self, batch_size: int, length: int, *, source_length: int = 0) -> T5Cache:
        """Returns an empty cache of `length` target tokens and `source_length` source tokens."""
        c, dtype = self.config, self.execution.jax_dtype

        def empty(size: int) -> KVCache:
            return KVCache.zeros(c.num_decoder_layers, batch_size, size, c.num_heads, c.head_dim, dtype)

        mask = jnp.zeros((batch_size, source_length), bool)
        return T5Cache(empty(length), empty(source_length), mask, jnp.zeros((batch_size,), jnp.int32))

    def prefill(self, params: Params, cache: T5Cache, batch: Batch) -> tuple[Array, T5Cache]:
        """Reads the sources and the first decoder token (pad); returns the logits of the next."""
        tokens = batch['encoder_input_tokens']
        segments = (tokens != 0).astype(jnp.int32)
        source = _applied(self._module(), params, tokens, segments, method='encode')
        attention = lora.merge(params['decoder']['cross_attention'], self.execution.lora_alpha)
        cross = t5.cross_keys_values(attention, source, self.execution.jax_dtype)
        start = jnp.zeros((tokens.shape[0],), jnp.int32)
        return self.decode_step(params, cache._replace(cross=cross, source_mask=segments > 0), start)

    def decode_step(self, params: Params, cache: T5Cache, tokens: Array) -> tuple[Array, T5Cache]:
        """Appends a token to each row; returns the logits of the next."""
        hidden, cache = _applied(self._module(), params, cache, tokens[:, None], method='extend')
        return logits(hidden[:, 0], self.head(params)), cache

    def _module(self) -> T5:
        return T5(self.config, self.execution)


def _applied(module: nn.Module, params: Params, *args: Any, **options: Any) -> Any:
    return module.apply({'params': params}, *args, **options)
