"""LLaMA 1 to 3.2, SmolLM2 and all that share their layout.

Letters: D model, N query heads, K kv heads, H head dim, F mlp, V vocab, L layers; for rotary
pairs, H = t * h with t = 2.
"""

from jaxit.checkpoints.maps.table import Rule
from jaxit.models.decoder import DecoderConfig


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


def gguf_rules(config: DecoderConfig) -> tuple[Rule, ...]:
    """Returns the rules of a GGUF file of architecture 'llama'."""
    copies = ('output.weight',) if config.tied_head else ()
    rules = (Rule('token_embd.weight', 'embedding/embedding', 'V D -> V D', copies=copies), *_GGUF)
    if config.qkv_bias:
        rules += _GGUF_BIASES
    if not config.tied_head:
        rules += (Rule('output.weight', 'lm_head', 'V D -> D V'),)
    return rules
