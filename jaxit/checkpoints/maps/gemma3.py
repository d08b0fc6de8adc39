"""Gemma 3 text decoders. Letters as in `maps/llama.py`."""

import dataclasses
from typing import Any

from jaxit.checkpoints.fields import Fields
from jaxit.checkpoints.maps import llama
from jaxit.checkpoints.maps.llama import sizes
from jaxit.checkpoints.maps.table import Rule
from jaxit.models import families
from jaxit.models.decoder import DecoderConfig

__all__ = ['ARCHITECTURE', 'MODEL_TYPE', 'gguf_rules', 'parse', 'rules', 'sizes', 'write']

MODEL_TYPE = 'gemma3_text'
ARCHITECTURE = 'Gemma3ForCausalLM'
_SLIDING, _FULL = 'sliding_attention', 'full_attention'

_NORMS = (
    Rule('model.layers.{L}.self_attn.q_norm.weight', 'layers/attention/query_norm/scale', 'H -> H'),
    Rule('model.layers.{L}.self_attn.k_norm.weight', 'layers/attention/key_norm/scale', 'H -> H'),
    Rule('model.layers.{L}.post_attention_layernorm.weight', 'layers/post_attention_norm/scale', 'D -> D'),
    Rule('model.layers.{L}.pre_feedforward_layernorm.weight', 'layers/mlp_norm/scale', 'D -> D'),
    Rule('model.layers.{L}.post_feedforward_layernorm.weight', 'layers/post_mlp_norm/scale', 'D -> D'),
)
# GGUF holds the whole scale of a norm, we (as Hugging Face does) the scale minus one.
_GGUF = (
    Rule('output_norm.weight', 'final_norm/scale', 'D -> D', -1.0),
    Rule('blk.{L}.attn_norm.weight', 'layers/attention_norm/scale', 'D -> D', -1.0),
    Rule('blk.{L}.attn_q.weight', 'layers/attention/query/kernel', '(N H) D -> D N H'),
    Rule('blk.{L}.attn_k.weight', 'layers/attention/key/kernel', '(K H) D -> D K H'),
    Rule('blk.{L}.attn_v.weight', 'layers/attention/value/kernel', '(K H) D -> D K H'),
    Rule('blk.{L}.attn_q_norm.weight', 'layers/attention/query_norm/scale', 'H -> H', -1.0),
    Rule('blk.{L}.attn_k_norm.weight', 'layers/attention/key_norm/scale', 'H -> H', -1.0),
    Rule('blk.{L}.attn_output.weight', 'layers/attention/out/kernel', 'D (N H) -> N H D'),
    Rule('blk.{L}.post_attention_norm.weight', 'layers/post_attention_norm/scale', 'D -> D', -1.0),
    Rule('blk.{L}.ffn_norm.weight', 'layers/mlp_norm/scale', 'D -> D', -1.0),
    Rule('blk.{L}.ffn_gate.weight', 'layers/mlp/gate/kernel', 'F D -> D F'),
    Rule('blk.{L}.ffn_up.weight', 'layers/mlp/up/kernel', 'F D -> D F'),
    Rule('blk.{L}.ffn_down.weight', 'layers/mlp/down/kernel', 'D F -> F D'),
    Rule('blk.{L}.post_ffw_norm.weight', 'layers/post_mlp_norm/scale', 'D -> D', -1.0),
)


def rules(config: DecoderConfig) -> tuple[Rule, ...]:
    """Returns the rules of the Hugging Face layout."""
    return *llama.ends(config, 'model.embed_tokens.weight', 'lm_head.weight'), *llama.DECODER_RULES, *_NORMS


def gguf_rules(config: DecoderConfig) -> tuple[Rule, ...]:
    """Returns the rules of a GGUF file of architecture 'gemma3'."""
    return *llama.ends(config, 'token_embd.weight', 'output.weight'), *_GGUF


def parse(fields: Fields) -> DecoderConfig:
    """Returns the config of a config.json."""
    sizes_ = llama.dimensions(fields)
    fields.only('attention_bias', False)
    fields.only('use_bidirectional_attention', False)
    fields.only('attn_logit_softcapping', 0.0)  # transformers has the field for Gemma 3 and does nothing with it
    rope, local_theta, theta = fields.inner('rope_parameters'), 10_000.0, 1_000_000.0
    local_theta, theta = fields.real('rope_local_base_freq', local_theta), fields.real('rope_theta', theta)
    stretch = llama.scaling(fields.inner('rope_scaling'))
    if rope is not None:
        local, full = rope.inner(_SLIDING), rope.inner(_FULL)
        if local is not None:
            local.only('rope_type', 'default')
            local_theta = local.real('rope_theta', local_theta)
        if full is not None:
            theta, stretch = full.real('rope_theta', theta), llama.scaling(full)
        rope.refuse_rest()
    config = families.gemma3(
        **sizes_,
        attention_scale=fields.real('query_pre_attn_scalar', 256) ** -0.5,
        sliding_window=fields.whole('sliding_window', 4096),
        global_every=_global_every(fields, sizes_['num_layers']),
        rope_theta=theta,
        local_rope_theta=local_theta,
        rope_scaling=stretch,
        logit_soft_cap=fields.get('final_logit_softcapping') and fields.real('final_logit_softcapping'),
    )
    return dataclasses.replace(
        config,
        activation=fields.choice('hidden_activation', llama.ACTIVATIONS, 'gelu_pytorch_tanh'),
        norm_eps=fields.real('rms_norm_eps', 1e-6),
        tied_head=fields.flag('tie_word_embeddings', True),
    )


def write(config: DecoderConfig) -> dict[str, Any]:
    """Returns the fields of a config.json."""
    scale = config.head_dim**-0.5 if config.attention_scale is None else config.attention_scale
    return {
        **llama.dimension_fields(config),
        'hidden_activation': llama.ACTIVATION_NAMES[config.activation],
        'query_pre_attn_scalar': round(scale**-2),
        'sliding_window': config.sliding_window,
        'layer_types': [_SLIDING if config.is_sliding(i) else _FULL for i in range(config.num_layers)],
        'rope_parameters': {
            _FULL: llama.rope_fields(config.rope_theta, config.rope_scaling),
            _SLIDING: llama.rope_fields(config.local_rope_theta or config.rope_theta, None),
        },
        'final_logit_softcapping': config.logit_soft_cap,
        'attention_bias': False,
        'tie_word_embeddings': config.tied_head,
    }


def _global_every(fields: Fields, num_layers: int) -> int:
    """Returns the period of the layers that see everything, from either way of saying it."""
    every = fields.whole('sliding_window_pattern', fields.whole('_sliding_window_pattern', 6))
    types = fields.get('layer_types')
    if types is None:
        return every
    every = types.index(_FULL) + 1 if _FULL in types else num_layers + 1
    if types != [_FULL if (i + 1) % every == 0 else _SLIDING for i in range(num_layers)]:
        raise fields.wrong(
            'layer_types', types, 'one layer of full_attention after each equal run of sliding_attention'
        )
    return every
