"""T5 1.0, 1.1 (LM-adapted, Flan-T5) and mT5.

Letters: D model, N heads, H head dim, F mlp, V vocab, R relative position buckets, E encoder
layers, L decoder layers.
"""

from typing import Any

from jaxit.checkpoints.fields import Fields
from jaxit.checkpoints.maps.table import Rule
from jaxit.models.t5 import T5Config

# transformers 5 takes every T5 for tied and asks only whether hidden states are scaled before the head; 1.0 does both
# and 1.1 does neither, so its `tie_word_embeddings` says in fact which of the two it is.
_FEED_FORWARDS = {
    'relu': ('relu', False),
    'gelu': ('gelu', False),
    'gelu_new': ('gelu_tanh', False),
    'silu': ('silu', False),
    'gated-relu': ('relu', True),
    'gated-gelu': ('gelu_tanh', True),
    'gated-gelu_new': ('gelu_tanh', True),
    'gated-silu': ('silu', True),
}
_FEED_FORWARD_NAMES = {
    ('relu', False): 'relu',
    ('gelu', False): 'gelu',
    ('gelu_tanh', False): 'gelu_new',
    ('silu', False): 'silu',
    ('relu', True): 'gated-relu',
    ('gelu_tanh', True): 'gated-gelu',
    ('silu', True): 'gated-silu',
}


def _attention(name: str, path: str) -> tuple[Rule, ...]:
    return (
        Rule(f'{name}.q.weight', f'{path}/query/kernel', '(N H) D -> D N H'),
        Rule(f'{name}.k.weight', f'{path}/key/kernel', '(N H) D -> D N H'),
        Rule(f'{name}.v.weight', f'{path}/value/kernel', '(N H) D -> D N H'),
        Rule(f'{name}.o.weight', f'{path}/out/kernel', 'D (N H) -> N H D'),
    )


def _feed_forward(name: str, path: str, gated: bool) -> tuple[Rule, ...]:
    inner = (
        (
            Rule(f'{name}.DenseReluDense.wi_0.weight', f'{path}/mlp/gate/kernel', 'F D -> D F'),
            Rule(f'{name}.DenseReluDense.wi_1.weight', f'{path}/mlp/up/kernel', 'F D -> D F'),
        )
        if gated
        else (Rule(f'{name}.DenseReluDense.wi.weight', f'{path}/mlp/up/kernel', 'F D -> D F'),)
    )
    return (
        Rule(f'{name}.layer_norm.weight', f'{path}/mlp_norm/scale', 'D -> D'),
        *inner,
        Rule(f'{name}.DenseReluDense.wo.weight', f'{path}/mlp/down/kernel', 'D F -> F D'),
    )


def _stack(side: str, count: str) -> tuple[Rule, ...]:
    block = f'{side}.block.{{{count}}}'
    bias = f'{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight'
    return (
        Rule(bias, f'{side}_bias/embedding', 'R N -> R N'),
        Rule(f'{side}.final_layer_norm.weight', f'{side}_norm/scale', 'D -> D'),
        Rule(f'{block}.layer.0.layer_norm.weight', f'{side}/attention_norm/scale', 'D -> D'),
        *_attention(f'{block}.layer.0.SelfAttention', f'{side}/attention'),
    )


_ENCODER = _stack('encoder', 'E')
_DECODER = (
    *_stack('decoder', 'L'),
    Rule('decoder.block.{L}.layer.1.layer_norm.weight', 'decoder/cross_attention_norm/scale', 'D -> D'),
    *_attention('decoder.block.{L}.layer.1.EncDecAttention', 'decoder/cross_attention'),
)


def sizes(config: T5Config) -> dict[str, int]:
    """Returns what the letters stand for."""
    return {
        'D': config.embed_dim,
        'N': config.num_heads,
        'H': config.head_dim,
        'F': config.mlp_dim,
        'V': config.vocab_size,
        'R': config.relative_buckets,
        'E': config.num_encoder_layers,
        'L': config.num_decoder_layers,
    }


def rules(config: T5Config) -> tuple[Rule, ...]:
    """Returns the rules of the Hugging Face layout."""
    copies = ('encoder.embed_tokens.weight', 'decoder.embed_tokens.weight')
    head: tuple[Rule, ...] = (Rule('lm_head.weight', 'lm_head', 'V D -> D V'),)
    if config.tied_head:
        copies, head = (*copies, 'lm_head.weight'), ()
    return (
        Rule('shared.weight', 'embedding/embedding', 'V D -> V D', copies=copies),
        *head,
        *_ENCODER,
        *_feed_forward('encoder.block.{E}.layer.1', 'encoder', config.gated),
        *_DECODER,
        *_feed_forward('decoder.block.{L}.layer.2', 'decoder', config.gated),
    )


def parse(fields: Fields) -> T5Config:
    """Returns the config of a config.json of model type 't5' or 'mt5'."""
    family = fields.text('model_type')
    activation, gated = fields.choice('feed_forward_proj', _FEED_FORWARDS, 'gated-gelu' if family == 'mt5' else 'relu')
    fields.only('is_gated_act', gated)
    fields.get('dense_act_fn')  # transformers derives it from feed_forward_proj
    fields.only('is_encoder_decoder', True)
    fields.only('is_decoder', False)
    fields.only('decoder_start_token_id', 0)
    layers = fields.whole('num_layers')
    return T5Config(
        vocab_size=fields.whole('vocab_size'),
        embed_dim=fields.whole('d_model'),
        num_encoder_layers=layers,
        num_decoder_layers=fields.whole('num_decoder_layers', layers),
        num_heads=fields.whole('num_heads'),
        head_dim=fields.whole('d_kv'),
        mlp_dim=fields.whole('d_ff'),
        family=family,
        activation=activation,
        gated=gated,
        tied_head=_tied(fields, family),
        norm_eps=fields.real('layer_norm_epsilon', 1e-6),
        relative_buckets=fields.whole('relative_attention_num_buckets', 32),
        relative_max_distance=fields.whole('relative_attention_max_distance', 128),
        dropout_rate=fields.fraction('dropout_rate', 0.1),
    )


def write(config: T5Config) -> dict[str, Any]:
    """Returns the fields of a config.json."""
    return {
        'vocab_size': config.vocab_size,
        'd_model': config.embed_dim,
        'num_layers': config.num_encoder_layers,
        'num_decoder_layers': config.num_decoder_layers,
        'num_heads': config.num_heads,
        'd_kv': config.head_dim,
        'd_ff': config.mlp_dim,
        'feed_forward_proj': _FEED_FORWARD_NAMES.get((config.activation, config.gated)),
        'layer_norm_epsilon': config.norm_eps,
        'relative_attention_num_buckets': config.relative_buckets,
        'relative_attention_max_distance': config.relative_max_distance,
        'dropout_rate': config.dropout_rate,
        'is_encoder_decoder': True,
        'decoder_start_token_id': 0,
        'tie_word_embeddings': config.tied_head,
    }


def _tied(fields: Fields, family: str) -> bool:
    tied, scaled = fields.flag('tie_word_embeddings', True), fields.get('scale_decoder_outputs')
    if family == 'mt5':
        return False  # never scaled, and the published weights have a head of their own whatever the config says
    return tied if scaled is None else bool(scaled)
