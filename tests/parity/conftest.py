"""Random transformers models with odd options everywhere, each beside what jaxit reads from its files."""

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from jaxit.checkpoints import huggingface
from jaxit.models import registry

torch = pytest.importorskip('torch', reason='parity needs torch: the extra parity')
transformers = pytest.importorskip('transformers', reason='parity needs transformers: the extra parity')

PAD, LENGTH, SOURCE_LENGTH = 0, 13, 11


@dataclasses.dataclass
class Pair:
    """A transformers model, its folder, and our config, model and params read from there."""

    name: str
    reference: Any
    folder: Path
    config: Any
    model: Any
    params: Any

    @property
    def encoder_decoder(self) -> bool:
        """Whether it is a T5."""
        return self.model.encoder_decoder


def t5(**options: Any) -> Any:
    sizes = {'vocab_size': 131, 'd_model': 24, 'd_kv': 10, 'd_ff': 44, 'num_layers': 3, 'num_decoder_layers': 2}
    buckets = {'relative_attention_num_buckets': 12, 'relative_attention_max_distance': 9}
    return {**sizes, **buckets, 'num_heads': 4, 'layer_norm_epsilon': 3e-2, 'dropout_rate': 0.0, **options}


def t5_1_0() -> Any:
    return transformers.T5ForConditionalGeneration(transformers.T5Config(**t5(feed_forward_proj='relu')))


def t5_1_1() -> Any:
    config = transformers.T5Config(**t5(feed_forward_proj='gated-gelu', tie_word_embeddings=False))
    return untied(transformers.T5ForConditionalGeneration(config))


def mt5() -> Any:
    config = transformers.MT5Config(
        **t5(feed_forward_proj='gated-gelu', d_model=28, num_layers=2, num_decoder_layers=1)
    )
    return untied(transformers.MT5ForConditionalGeneration(config))


def untied(model: Any) -> Any:
    """Gives a T5 a head of its own, which transformers 5 ties whatever the config says."""
    model.lm_head.weight = torch.nn.Parameter(torch.empty_like(model.shared.weight))
    return model


def llama2() -> Any:
    config = transformers.LlamaConfig(
        vocab_size=113,
        hidden_size=40,
        intermediate_size=56,
        num_hidden_layers=3,
        num_attention_heads=5,
        num_key_value_heads=5,
        rms_norm_eps=2e-2,
        attention_bias=True,
        rope_parameters={'rope_type': 'linear', 'rope_theta': 300.0, 'factor': 1.7},
        tie_word_embeddings=False,
    )
    return transformers.LlamaForCausalLM(config)


def llama3_2() -> Any:
    config = transformers.LlamaConfig(
        vocab_size=127,
        hidden_size=36,
        intermediate_size=52,
        num_hidden_layers=4,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=10,
        rms_norm_eps=1e-2,
        rope_parameters={
            'rope_type': 'llama3',
            'rope_theta': 2000.0,
            'factor': 5.0,
            'low_freq_factor': 1.5,
            'high_freq_factor': 3.0,
            'original_max_position_embeddings': 64,
        },
        tie_word_embeddings=True,
    )
    return transformers.LlamaForCausalLM(config)


def gemma3() -> Any:
    config = transformers.Gemma3TextConfig(
        vocab_size=109,
        hidden_size=32,
        intermediate_size=60,
        num_hidden_layers=8,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=14,
        rms_norm_eps=1e-2,
        sliding_window=4,
        query_pre_attn_scalar=9,
        final_logit_softcapping=7.0,
        rope_parameters={
            'full_attention': {'rope_type': 'linear', 'rope_theta': 700.0, 'factor': 3.0},
            'sliding_attention': {'rope_type': 'default', 'rope_theta': 50.0},
        },
    )
    return transformers.Gemma3ForCausalLM(config)


BUILDERS: dict[str, Callable[[], Any]] = {
    't5_1_0': t5_1_0,
    't5_1_1': t5_1_1,
    'mt5': mt5,
    'llama2': llama2,
    'llama3_2': llama3_2,
    'gemma3': gemma3,
}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Leaves the warnings of torch and transformers out: only ours are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        yield


def randomise(model: Any, seed: int) -> None:
    """Draws every weight so that each changes the logits: norms and biases too."""
    generator = torch.Generator().manual_seed(seed)
    gemma = 'Gemma' in type(model).__name__  # stores the scale of a norm minus one, and multiplies embeddings
    table = 0.1 if gemma else 0.6
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            if value.ndim == 1:
                center = 1.0 if 'norm' in name and not gemma else 0.0
                value.copy_(center + 0.3 * noise)
            else:
                gain = 0.5 if name.endswith('.q.weight') else 2.0  # T5 does not scale its attention logits
                value.copy_(noise * (table if 'shared' in name or 'embed' in name else gain * value.shape[1] ** -0.5))


@pytest.fixture(scope='session', params=list(BUILDERS))
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """One model of each family, in both libraries."""
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    folder = tmp_path_factory.mktemp(request.param)
    with quiet():
        reference = BUILDERS[request.param]().eval()
        randomise(reference, seed=sum(request.param.encode()))
        reference.save_pretrained(folder)
    config, params = huggingface.load(folder)
    return Pair(request.param, reference, folder, config, registry.build(config), params)


@pytest.fixture
def batch(pair: Pair) -> dict[str, np.ndarray]:
    """Three rows of different lengths, padded on the right, with loss on the later tokens only."""
    rng = np.random.default_rng(5)
    lengths = np.array([LENGTH, 9, 10])
    tokens = padded(rng, pair.config.vocab_size, lengths, LENGTH + 1)
    keep = (np.arange(LENGTH) < lengths[:, None]).astype(np.int32)
    made = {
        'decoder_input_tokens': tokens[:, :-1] * keep,
        'decoder_target_tokens': tokens[:, 1:] * keep,
        'decoder_loss_weights': (keep * (np.arange(LENGTH) >= np.array([[4], [2], [5]]))).astype(np.float32),
        'decoder_segment_ids': keep,
        'decoder_positions': np.broadcast_to(np.arange(LENGTH, dtype=np.int32), keep.shape),
    }
    if pair.encoder_decoder:
        source = padded(rng, pair.config.vocab_size, np.array([7, SOURCE_LENGTH, 4]), SOURCE_LENGTH)
        made['encoder_input_tokens'] = source
        made['encoder_segment_ids'] = (source != PAD).astype(np.int32)
    return made


def padded(rng: np.random.Generator, vocab_size: int, lengths: np.ndarray, width: int) -> np.ndarray:
    tokens = rng.integers(1, vocab_size, (len(lengths), width), dtype=np.int32)
    return np.where(np.arange(width) < lengths[:, None], tokens, PAD).astype(np.int32)


@pytest.fixture
def reference_logits(pair: Pair) -> Callable[..., Any]:
    """Returns a function from (model, batch) to transformers' logits as a torch tensor [B, T, V]."""

    def run(model: Any, batch: dict[str, np.ndarray]) -> Any:
        arrays = {name: torch.from_numpy(np.array(value)).long() for name, value in batch.items()}
        mask = arrays['decoder_segment_ids']
        if not pair.encoder_decoder:
            return model(input_ids=arrays['decoder_input_tokens'], attention_mask=mask, use_cache=False).logits
        return model(
            input_ids=arrays['encoder_input_tokens'],
            attention_mask=arrays['encoder_segment_ids'],
            decoder_input_ids=arrays['decoder_input_tokens'],
            decoder_attention_mask=mask,
            use_cache=False,
        ).logits

    return run


@pytest.fixture
def our_logits(pair: Pair) -> Callable[..., np.ndarray]:
    """Returns a function from (params, batch) to our logits."""
    apply = jax.jit(pair.model.apply)
    return lambda params, batch: np.asarray(apply(params, batch))
