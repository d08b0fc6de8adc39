"""Size tables: each function returns the config of a published model.

Sources are the configurations published with the weights; `docs/checkpoints.md` says which
of them were compared with the reference implementation.
"""

from jaxit.layers.rope import RopeScaling
from jaxit.models.decoder import DecoderConfig
from jaxit.models.t5 import T5Config


def llama(
    *, vocab_size: int, embed_dim: int, num_layers: int, num_heads: int, num_kv_heads: int, mlp_dim: int, **options
) -> DecoderConfig:
    """Returns a LLaMA-shaped decoder; head_dim is embed_dim // num_heads unless given."""
    options.setdefault('head_dim', embed_dim // num_heads)
    return DecoderConfig(vocab_size, embed_dim, num_layers, num_heads, num_kv_heads, mlp_dim=mlp_dim, **options)


def llama2_7b() -> DecoderConfig:
    """LLaMA 2 7B."""
    return llama(vocab_size=32_000, embed_dim=4096, num_layers=32, num_heads=32, num_kv_heads=32, mlp_dim=11_008)


def llama3_1_8b() -> DecoderConfig:
    """LLaMA 3.1 8B."""
    return llama(
        vocab_size=128_256,
        embed_dim=4096,
        num_layers=32,
        num_heads=32,
        num_kv_heads=8,
        mlp_dim=14_336,
        rope_theta=500_000.0,
        rope_scaling=RopeScaling('llama3', 8.0, 1.0, 4.0, 8192),
    )


def llama3_2_1b() -> DecoderConfig:
    """LLaMA 3.2 1B."""
    return llama(
        vocab_size=128_256,
        embed_dim=2048,
        num_layers=16,
        num_heads=32,
        num_kv_heads=8,
        mlp_dim=8192,
        rope_theta=500_000.0,
        rope_scaling=RopeScaling('llama3', 32.0, 1.0, 4.0, 8192),
        tied_head=True,
    )


def smollm2_135m() -> DecoderConfig:
    """SmolLM2 135M."""
    return llama(
        vocab_size=49_152,
        embed_dim=576,
        num_layers=30,
        num_heads=9,
        num_kv_heads=3,
        mlp_dim=1536,
        rope_theta=100_000.0,
        tied_head=True,
    )


def gemma3(
    *, embed_dim: int, num_layers: int, num_heads: int, num_kv_heads: int, mlp_dim: int, sliding_window: int, **options
) -> DecoderConfig:
    """Returns a Gemma 3 text decoder: five sliding layers to one global, norms on queries, keys and outputs."""
    head_dim = options.pop('head_dim', 256)
    return DecoderConfig(
        options.pop('vocab_size', 262_144),
        embed_dim,
        num_layers,
        num_heads,
        num_kv_heads,
        head_dim,
        mlp_dim,
        family='gemma3',
        activation='gelu_tanh',
        norm_eps=1e-6,
        norm_offset=1.0,
        post_norms=True,
        qk_norm=True,
        attention_scale=options.pop('attention_scale', head_dim**-0.5),
        rope_theta=options.pop('rope_theta', 1_000_000.0),
        local_rope_theta=options.pop('local_rope_theta', 10_000.0),
        sliding_window=sliding_window,
        global_every=options.pop('global_every', 6),
        embed_scale=embed_dim**0.5,
        tied_head=True,
        **options,
    )


def gemma3_270m() -> DecoderConfig:
    """Gemma 3 270M."""
    return gemma3(embed_dim=640, num_layers=18, num_heads=4, num_kv_heads=1, mlp_dim=2048, sliding_window=512)


def gemma3_1b() -> DecoderConfig:
    """Gemma 3 1B."""
    return gemma3(embed_dim=1152, num_layers=26, num_heads=4, num_kv_heads=1, mlp_dim=6912, sliding_window=512)


def primer_tiny() -> DecoderConfig:
    """A decoder of 1.6 million params that learns the primer mixture in minutes on two cores."""
    return llama(vocab_size=1024, embed_dim=128, num_layers=4, num_heads=4, num_kv_heads=2, mlp_dim=384, tied_head=True)


def t5_1_0(*, embed_dim: int, num_layers: int, num_heads: int, head_dim: int, mlp_dim: int, **options) -> T5Config:
    """Returns a T5 1.0: ReLU, one matrix for embedding and output."""
    options = {'vocab_size': 32_128, 'activation': 'relu', 'gated': False, 'tied_head': True, **options}
    return T5Config(
        embed_dim=embed_dim,
        num_encoder_layers=num_layers,
        num_decoder_layers=num_layers,
        num_heads=num_heads,
        head_dim=head_dim,
        mlp_dim=mlp_dim,
        **options,
    )


def t5_1_1(*, embed_dim: int, num_layers: int, num_heads: int, head_dim: int, mlp_dim: int, **options) -> T5Config:
    """Returns a T5 1.1: gated GELU, an output projection of its own. LM-adapted T5 and Flan-T5 have this shape."""
    return T5Config(
        vocab_size=options.pop('vocab_size', 32_128),
        embed_dim=embed_dim,
        num_encoder_layers=num_layers,
        num_decoder_layers=num_layers,
        num_heads=num_heads,
        head_dim=head_dim,
        mlp_dim=mlp_dim,
        **options,
    )


def t5_small() -> T5Config:
    """T5 1.0 small, 60M."""
    return t5_1_0(embed_dim=512, num_layers=6, num_heads=8, head_dim=64, mlp_dim=2048)


def t5_1_1_small() -> T5Config:
    """T5 1.1 small, 77M; Flan-T5 small is this shape."""
    return t5_1_1(embed_dim=512, num_layers=8, num_heads=6, head_dim=64, mlp_dim=1024)


def t5_1_1_base() -> T5Config:
    """T5 1.1 base, 248M."""
    return t5_1_1(embed_dim=768, num_layers=12, num_heads=12, head_dim=64, mlp_dim=2048)


def t5_1_1_large() -> T5Config:
    """T5 1.1 large, 783M."""
    return t5_1_1(embed_dim=1024, num_layers=24, num_heads=16, head_dim=64, mlp_dim=2816)


def t5_1_1_xl() -> T5Config:
    """T5 1.1 XL, 2.85B."""
    return t5_1_1(embed_dim=2048, num_layers=24, num_heads=32, head_dim=64, mlp_dim=5120)


def primer_tiny_t5() -> T5Config:
    """A T5 1.1 of under two million params for the primer mixture."""
    return t5_1_1(vocab_size=1024, embed_dim=128, num_layers=2, num_heads=4, head_dim=32, mlp_dim=256)
