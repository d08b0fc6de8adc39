"""Gemma 3 text decoders. Letters as in `maps/llama.py`."""

from jaxit.checkpoints.maps.llama import sizes
from jaxit.checkpoints.maps.table import Rule
from jaxit.models.decoder import DecoderConfig

__all__ = ['gguf_rules', 'sizes']

# GGUF holds the whole scale of a norm, we (as Hugging Face does) the scale minus one.
_GGUF = (
    Rule('token_embd.weight', 'embedding/embedding', 'V D -> V D', copies=('output.weight',)),
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


def gguf_rules(config: DecoderConfig) -> tuple[Rule, ...]:
    """Returns the rules of a GGUF file of architecture 'gemma3'."""
    del config
    return _GGUF
