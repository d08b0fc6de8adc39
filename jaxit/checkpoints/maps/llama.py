"""LLaMA 1 to 3.2, SmolLM2 and all that share their layout.

Letters: D model, N query heads, K kv heads, H head dim, F mlp, V vocab, L layers; for rotary
pairs, H = t * h with t = 2.
"""

from typing import Any

from jaxit.checkpoints.fields import Fields
from jaxit.checkpoints.maps.table import Rule
from jaxit.layers.rope import RopeScaling
from jaxit.models import families
from jaxit.models.decoder import DecoderConfig

MODEL_TYPE = 'llama'
ARCHITECTURE = 'LlamaForCausalLM'
ACTIVATIONS = {
    'relu': 'relu',
    'silu': 'silu',
    'swish': 'silu',
    'gelu': 'gelu',
    'gelu_new': 'gelu_tanh',
    'gelu_pytorch_tanh': 'gelu_tanh',
}
ACTIVATION_NAMES = {'relu': 'relu', 'silu': 'silu', 'gelu': 'gelu', 'gelu_tanh': 'gelu_pytorch_tanh'}

DECODER_RULES = (
    Rule('model.layers.{L}.input_layernorm.weight', 'layers/attention_norm/scale', 'D -> D'),
    Rule('model.layers.{L}.self_attn.q_proj.weight', 'layers/attention/query/kernel', '(N H) D -> D N H'),
    Rule('model.layers.{L}.self_attn.k_proj.weight', 'layers/attention/key/kernel', '(K H) D -> D K H'),
    Rule('model.layers.{L}.self_attn.v_proj.weight', 'layers/attention/value/kernel', '(K H) D -> D K H'),
    Rule('model.layers.{L}.self_attn.o_proj.weight', 'layers/attention/out/kernel', 'D (N H) -> N H D'),
    Rule('model.layers.{L}.mlp.gate_proj.weight', 'layers/mlp/gate/kernel', 'F D -> D F'),
    Rule('model.layers.{L}.mlp.up_proj.weight', 'layers/mlp/up/kernel', 'F D -> D F'),
    Rule('model.layers.{L}.mlp.down_proj.weight', 'layers/mlp/down/kernel', 'D F -> F D'),
    Rule('model.norm.weight', 'final_norm/scale', 'D -> D'),
)
_NORM = Rule('model.layers.{L}.post_attention_layernorm.weight', 'layers/mlp_norm/scale', 'D -> D')
_BIASES = (
    Rule('model.layers.{L}.self_attn.q_proj.bias', 'layers/attention/query/bias', '(N H) -> N H'),
    Rule('model.layers.{L}.self_attn.k_proj.bias', 'layers/attention/key/bias', '(K H) -> K H'),
    Rule('model.layers.{L}.self_attn.v_proj.bias', 'layers/attention/value/bias', '(K H) -> K H'),
    Rule('model.layers.{L}.self_attn.o_proj.bias', 'layers/attention/out/bias', 'D -> D'),
)
_GGUF = (
    Rule('output_norm.weight', 'final_norm/scale', 'D -> D'),
    Rule('blk.{L}.attn_norm.weight', 'layers/attention_norm/scale', 'D -> D'),
    # llama.cpp rotates neighbours where we rotate halves: the two members of a pair lie side by side.
    Rule('blk.{L}.attn_q.weight', 'layers/attention/query/kernel', '(N h t) D -> D N (t h)'),
    Rule('blk.{L}.attn_k.weight', 'layers/attention/key/kernel', '(K h t) D -> D K (t h)'),
    Rule('blk.{L}.attn_v.weight', 'layers/attention/value/kernel', '(K H) D -> D K H'),
    Rule('blk.{L}.attn_output.weight', 'layers/attention/out/kernel', 'D (N H) -> N H D'),
    Rule('blk.{L}.ffn_norm.weight', 'layers/mlp_norm/scale', 'D -> D'),
    Rule('blk.{L}.ffn_gate.weight', 'layers/mlp/gate/kernel', 'F D -> D F'),
    Rule('blk.{L}.ffn_up.weight', 'layers/mlp/up/kernel', 'F D -> D F'),
    Rule('blk.{L}.ffn_down.weight', 'layers/mlp/down/kernel', 'D F -> F D'),
)
_GGUF_BIASES = (
    Rule('blk.{L}.attn_q.bias', 'layers/attention/query/bias', '(N h t) -> N (t h)'),
    Rule('blk.{L}.attn_k.bias', 'layers/attention/key/bias', '(K h t) -> K (t h)'),
    Rule('blk.{L}.attn_v.bias', 'layers/attention/value/bias', '(K H) -> K H'),
)
_GGUF_OUT_BIAS = Rule('blk.{L}.attn_output.bias', 'layers/attention/out/bias', 'D -> D')


def sizes(config: DecoderConfig) -> dict[str, int]:
    """Returns what the letters stand for."""
    return {
        'D': config.embed_dim,
        'N': config.num_heads,
        'K': config.num_kv_heads,
        'H': config.head_dim,
        'F': config.mlp_dim,
        'V': config.vocab_size,
        'L': config.num_layers,
        'h': config.head_dim // 2,
        't': 2,
    }


def rules(config: DecoderConfig) -> tuple[Rule, ...]:
    """Returns the rules of the Hugging Face layout."""
    return (
        *ends(config, 'model.embed_tokens.weight', 'lm_head.weight'),
        *DECODER_RULES,
        _NORM,
        *(_BIASES[:3] if config.qkv_bias else ()),
        *(_BIASES[3:] if config.out_bias else ()),
    )


def gguf_rules(config: DecoderConfig) -> tuple[Rule, ...]:
    """Returns the rules of a GGUF file of architecture 'llama'."""
    return (
        *ends(config, 'token_embd.weight', 'output.weight'),
        *_GGUF,
        *(_GGUF_BIASES if config.qkv_bias else ()),
        *((_GGUF_OUT_BIAS,) if config.out_bias else ()),
    )


def ends(config: DecoderConfig, embedding: str, head: str) -> tuple[Rule, ...]:
    """Returns the rules of embedding and output projection; a tied one may be stored twice."""
    if config.tied_head:
        return (Rule(embedding, 'embedding/embedding', 'V D -> V D', copies=(head,)),)
    return Rule(embedding, 'embedding/embedding', 'V D -> V D'), Rule(head, 'lm_head', 'V D -> D V')


def parse(fields: Fields) -> DecoderConfig:
    """Returns the config of a config.json."""
    fields.only('mlp_bias', False)
    fields.only('rope_interleaved', False)
    theta, scaling = _rope(fields)
    bias = fields.flag('attention_bias', False)
    return families.llama(
        **dimensions(fields),
        activation=fields.choice('hidden_act', ACTIVATIONS, 'silu'),
        norm_eps=fields.real('rms_norm_eps', 1e-6),
        rope_theta=theta,
        rope_scaling=scaling,
        qkv_bias=bias,
        out_bias=bias,
        tied_head=fields.flag('tie_word_embeddings', False),
    )


def write(config: DecoderConfig) -> dict[str, Any]:
    """Returns the fields of a config.json."""
    return {
        **dimension_fields(config),
        'hidden_act': ACTIVATION_NAMES[config.activation],
        'rope_parameters': rope_fields(config.rope_theta, config.rope_scaling),
        'attention_bias': config.qkv_bias,
        'mlp_bias': False,
        'tie_word_embeddings': config.tied_head,
    }


def dimensions(fields: Fields) -> dict[str, int]:
    """Returns the sizes that decoders of the Hugging Face layout share."""
    fields.only('attention_dropout', 0, 0.0)
    embed_dim, num_heads = fields.whole('hidden_size'), fields.whole('num_attention_heads')
    return {
        'vocab_size': fields.whole('vocab_size'),
        'embed_dim': embed_dim,
        'num_layers': fields.whole('num_hidden_layers'),
        'num_heads': num_heads,
        'num_kv_heads': fields.whole('num_key_value_heads', num_heads),
        'head_dim': fields.whole('head_dim', embed_dim // num_heads),
        'mlp_dim': fields.whole('intermediate_size'),
    }


def dimension_fields(config: DecoderConfig) -> dict[str, Any]:
    """Returns the fields of those sizes."""
    return {
        'vocab_size': config.vocab_size,
        'hidden_size': config.embed_dim,
        'num_hidden_layers': config.num_layers,
        'num_attention_heads': config.num_heads,
        'num_key_value_heads': config.num_kv_heads,
        'head_dim': config.head_dim,
        'intermediate_size': config.mlp_dim,
        'rms_norm_eps': config.norm_eps,
    }


def _rope(fields: Fields) -> tuple[float, RopeScaling | None]:
    """Returns theta and the stretch: one object since transformers 5, two fields before."""
    both = fields.inner('rope_parameters')
    theta = fields.real('rope_theta', 10_000.0)
    stretch = fields.inner('rope_scaling')
    if both is None:
        return theta, scaling(stretch)
    return both.real('rope_theta', theta), scaling(both)


def scaling(fields: Fields | None) -> RopeScaling | None:
    """Returns the stretch that an object of rope parameters describes."""
    if fields is None:
        return None
    kind = fields.get('rope_type', fields.get('type', 'default'))
    fields.only('partial_rotary_factor', 1, 1.0)
    for name in ('rope_theta', 'type'):
        fields.get(name)
    if kind == 'default':
        fields.get('factor')
        result = None
    elif kind == 'linear':
        result = RopeScaling('linear', fields.real('factor'))
    elif kind == 'llama3':
        result = RopeScaling(
            'llama3',
            fields.real('factor'),
            fields.real('low_freq_factor'),
            fields.real('high_freq_factor'),
            fields.whole('original_max_position_embeddings'),
        )
    else:
        raise fields.wrong('rope_type', kind, "'default', 'linear' or 'llama3'")
    fields.refuse_rest(harmless=('original_max_position_embeddings',))
    return result


def rope_fields(theta: float, stretch: RopeScaling | None) -> dict[str, Any]:
    """Returns the object of rope parameters; the inverse of `scaling`."""
    if stretch is None:
        return {'rope_type': 'default', 'rope_theta': theta}
    fields = {'rope_type': stretch.kind, 'rope_theta': theta, 'factor': stretch.factor}
    if stretch.kind == 'llama3':
        fields['low_freq_factor'] = stretch.low_frequency_factor
        fields['high_freq_factor'] = stretch.high_frequency_factor
        fields['original_max_position_embeddings'] = stretch.original_length
    return fields
