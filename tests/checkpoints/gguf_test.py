"""GGUF: files written here with the gguf library, and real quantised weights where they are at hand."""

import dataclasses
import gzip
import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxit.checkpoints import gguf as our_gguf
from jaxit.core.errors import UserError
from jaxit.layers.rope import RopeScaling, frequencies
from jaxit.models import families, registry
from jaxit.models.decoder import DecoderConfig
from jaxit.text import tokenizers

gguf = pytest.importorskip('gguf', reason='needs the extra gguf')

LLAMA = families.llama(
    vocab_size=11,
    embed_dim=64,
    num_layers=3,
    num_heads=4,
    num_kv_heads=2,
    head_dim=8,
    mlp_dim=96,
    norm_eps=3e-6,
    rope_theta=777.0,
    out_bias=True,
    qkv_bias=True,
)
GEMMA = dataclasses.replace(
    families.gemma3(
        vocab_size=13,
        embed_dim=64,
        num_layers=2,
        num_heads=3,
        num_kv_heads=1,
        head_dim=10,
        mlp_dim=32,
        sliding_window=5,
        rope_scaling=RopeScaling('linear', 8.0),
    ),
    norm_eps=2e-5,
)
# llama.cpp's names of what both families have
NAMES = {
    'attn_norm': 'attention_norm/scale',
    'attn_v': 'attention/value/kernel',
    'attn_output': 'attention/out/kernel',
    'ffn_norm': 'mlp_norm/scale',
    'ffn_gate': 'mlp/gate/kernel',
    'ffn_up': 'mlp/up/kernel',
    'ffn_down': 'mlp/down/kernel',
}


def random_params(config: DecoderConfig) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(registry.build(config).init, jax.random.key(0))
    return jax.tree.map(lambda leaf: rng.standard_normal(leaf.shape, np.float32), shapes)


def pick(tree: Any, path: str) -> np.ndarray:
    for name in path.split('/'):
        tree = tree[name]
    return tree


def flat(path: str, kernel: np.ndarray) -> np.ndarray:
    """Returns a kernel as llama.cpp stores it: outputs first, heads flattened."""
    if kernel.ndim == 1:
        return kernel
    split = 2 if path.endswith('out/kernel') else 1
    return kernel.reshape(int(np.prod(kernel.shape[:split])), -1).T


def permuted(weight: np.ndarray, heads: int) -> np.ndarray:
    """Returns rows in the order that llama.cpp's converter gives them for LLaMA."""
    return (
        weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)
    )


def llama_tensors(config: DecoderConfig, params: dict[str, Any]) -> dict[str, np.ndarray]:
    embedding = params['embedding']['embedding']
    tensors = {'token_embd.weight': embedding, 'output_norm.weight': params['final_norm']['scale']}
    tensors['output.weight'] = params['lm_head'].T
    for i in range(config.num_layers):
        layer = jax.tree.map(lambda leaf, i=i: leaf[i], params['layers'])
        tensors |= {f'blk.{i}.{name}.weight': flat(path, pick(layer, path)) for name, path in NAMES.items()}
        attention = layer['attention']
        for name, heads in (('query', config.num_heads), ('key', config.num_kv_heads)):
            weight = flat('', attention[name]['kernel'])
            tensors[f'blk.{i}.attn_{name[0]}.weight'] = permuted(weight, heads)
            tensors[f'blk.{i}.attn_{name[0]}.bias'] = permuted(attention[name]['bias'].reshape(-1), heads)
        tensors[f'blk.{i}.attn_v.bias'] = attention['value']['bias'].reshape(-1)
        tensors[f'blk.{i}.attn_output.bias'] = attention['out']['bias']
    return tensors


def gemma_tensors(config: DecoderConfig, params: dict[str, Any]) -> dict[str, np.ndarray]:
    names = NAMES | {
        'attn_q': 'attention/query/kernel',
        'attn_k': 'attention/key/kernel',
        'attn_q_norm': 'attention/query_norm/scale',
        'attn_k_norm': 'attention/key_norm/scale',
        'post_attention_norm': 'post_attention_norm/scale',
        'post_ffw_norm': 'post_mlp_norm/scale',
    }
    tensors = {'token_embd.weight': params['embedding']['embedding']}
    tensors['output_norm.weight'] = params['final_norm']['scale'] + 1
    for i in range(config.num_layers):
        for name, path in names.items():
            value = flat(path, pick(params['layers'], path)[i])
            tensors[f'blk.{i}.{name}.weight'] = value + 1 if 'norm' in name else value
    return tensors


def write(
    path: Path,
    name: str,
    config: DecoderConfig,
    tensors: dict[str, np.ndarray],
    metadata: dict[str, Any] | None = None,
    quantise: dict[str, Any] | None = None,
) -> Path:
    writer = gguf.GGUFWriter(path, name)
    writer.add_embedding_length(config.embed_dim)
    writer.add_block_count(config.num_layers)
    writer.add_feed_forward_length(config.mlp_dim)
    writer.add_head_count(config.num_heads)
    writer.add_head_count_kv(config.num_kv_heads)
    writer.add_key_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.norm_eps)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_tokenizer_model('llama')
    writer.add_token_list([f'<{i}>' for i in range(config.vocab_size)])
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(1)
    if name == 'gemma3':
        writer.add_sliding_window(config.sliding_window)
    for key, value in (metadata or {}).items():
        kind = {str: writer.add_string, float: writer.add_float32, int: writer.add_uint32}[type(value)]
        kind(key, value)
    for tensor, value in tensors.items():
        kind = (quantise or {}).get(tensor)
        data = np.ascontiguousarray(value) if kind is None else gguf.quantize(np.ascontiguousarray(value), kind)
        writer.add_tensor(tensor, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope='module')
def llama_params() -> dict[str, Any]:
    return random_params(LLAMA)


@pytest.fixture
def llama_file(tmp_path, llama_params) -> Path:
    return write(tmp_path / 'm.gguf', 'llama', LLAMA, llama_tensors(LLAMA, llama_params))


LINEAR = {'gemma3.rope.scaling.type': 'linear', 'gemma3.rope.scaling.factor': 8.0}


def test_llama_comes_back_with_its_rows_in_our_order(llama_file, llama_params):
    config, params, info = our_gguf.load(llama_file)
    assert config == LLAMA
    jax.tree.map(np.testing.assert_array_equal, params, llama_params)
    assert (info.kind, len(info.pieces), info.bos_id, info.eos_id, info.pad_id) == ('llama', 11, 2, 1, None)


def test_gemma_norms_are_stored_whole(tmp_path):
    wanted = random_params(GEMMA)
    path = write(tmp_path / 'm.gguf', 'gemma3', GEMMA, gemma_tensors(GEMMA, wanted), LINEAR)
    config, params, _ = our_gguf.load(path)
    assert config == GEMMA
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-7), params, wanted)


def test_quantised_tensors_are_within_half_a_step(tmp_path, llama_params):
    name, kind = 'blk.1.ffn_down.weight', gguf.GGMLQuantizationType.Q8_0
    tensors = llama_tensors(LLAMA, llama_params)
    _, params, _ = our_gguf.load(write(tmp_path / 'm.gguf', 'llama', LLAMA, tensors, quantise={name: kind}))
    got, exact = params['layers']['mlp']['down']['kernel'], llama_params['layers']['mlp']['down']['kernel']
    np.testing.assert_array_equal(got[0], exact[0])
    error = np.abs(got[1] - exact[1]).max()
    assert 0 < error <= np.abs(exact[1]).max() / 127 * 0.51


def test_stretched_rotary_frequencies_are_recognised(tmp_path, llama_params):
    scaling = RopeScaling('llama3', 32.0, 1.0, 4.0, 8192)
    config = dataclasses.replace(LLAMA, rope_theta=500_000.0, rope_scaling=scaling)
    factors = frequencies(8, 500_000.0) / frequencies(8, 500_000.0, scaling)
    tensors = llama_tensors(config, llama_params) | {'rope_freqs.weight': np.asarray(factors)}
    assert our_gguf.load(write(tmp_path / 'm.gguf', 'llama', config, tensors))[0] == config
    tensors['rope_freqs.weight'] = np.asarray(factors) * np.array([1, 1, 1.5, 1], np.float32)
    with pytest.raises(UserError, match=r'rope_freqs\.weight'):
        our_gguf.load(write(tmp_path / 'n.gguf', 'llama', config, tensors))


def test_pieces_of_a_file_are_joined_in_order(tmp_path, llama_file, llama_params):
    content, folder = llama_file.read_bytes(), tmp_path / 'parts'
    folder.mkdir()
    third = len(content) // 3
    for i, piece in enumerate((content[:third], content[third : 2 * third], content[2 * third :])):
        (folder / f'm.gguf.part{i:02}').write_bytes(piece)
    jax.tree.map(np.testing.assert_array_equal, our_gguf.load(folder)[1], llama_params)
    (folder / 'm.gguf.part01').unlink()
    with pytest.raises(UserError, match='not a whole GGUF file'):
        our_gguf.load(folder)


@pytest.mark.parametrize('keep', [0, 3, 60, 700, -1])
def test_cut_files_are_named(llama_file, keep):
    llama_file.write_bytes(llama_file.read_bytes()[:keep])
    with pytest.raises(UserError, match=r'm\.gguf') as error:
        our_gguf.load(llama_file)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('name', 'metadata', 'extra', 'named'),
    [
        ('mamba', {}, {}, "'mamba'"),
        ('llama', {'llama.expert_count': 8}, {}, 'llama.expert_count is 8'),
        ('llama', {'llama.rope.scaling.type': 'yarn'}, {}, 'llama.rope.scaling.type'),
        ('llama', {'llama.rope.dimension_count': 4}, {}, 'llama.rope.dimension_count is 4'),
        ('llama', {'llama.residual_scale': 0.5}, {}, 'llama.residual_scale'),
        ('llama', {}, {'blk.0.ffn_gate_exps.weight': np.zeros((2, 3), np.float32)}, 'ffn_gate_exps'),
    ],
)
def test_what_is_not_computed_is_refused_by_name(tmp_path, llama_params, name, metadata, extra, named):
    path = write(tmp_path / 'm.gguf', name, LLAMA, llama_tensors(LLAMA, llama_params) | extra, metadata)
    with pytest.raises(UserError) as error:
        our_gguf.load(path)
    assert named in str(error.value) and str(path) in str(error.value)


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(UserError, match=r'holds no \.gguf'):
        our_gguf.load(tmp_path)
    with pytest.raises(UserError, match='no such file'):
        our_gguf.load(tmp_path / 'none.gguf')


class Real:
    """Pretrained weights with their tokenizer."""

    def __init__(self, folder: Path, tokenizer: Path) -> None:
        self.config, self.params, self.info = our_gguf.load(folder)
        self.tokenizer = tokenizers.load(tokenizer)
        self.model = registry.build(self.config)
        self._log_probs = jax.jit(self._log_probs_of)

    def _log_probs_of(self, params: Any, batch: Any, targets: jax.Array) -> jax.Array:
        log_probs = jax.nn.log_softmax(self.model.apply(params, batch))
        return jnp.take_along_axis(log_probs, targets[..., None], axis=-1)[..., 0]

    def bits(self, ids: list[int]) -> float:
        """Returns the bits of ids after BOS."""
        tokens = np.array([[self.info.bos_id, *ids]], np.int32)
        inputs = tokens[:, :-1]
        batch = {
            'decoder_input_tokens': inputs,
            'decoder_segment_ids': np.ones_like(inputs),
            'decoder_positions': np.arange(inputs.shape[1], dtype=np.int32)[None],
        }
        return -float(self._log_probs(self.params, batch, tokens[:, 1:]).sum()) / np.log(2)

    def greedy(self, prompt: list[int], steps: int) -> list[int]:
        """Returns what follows a prompt."""
        tokens = np.array([prompt], np.int32)
        cache = self.model.init_cache(1, len(prompt) + steps)
        batch = {'decoder_input_tokens': tokens, 'prompt_lengths': np.array([len(prompt)], np.int32)}
        logits, cache = jax.jit(self.model.prefill)(self.params, cache, batch)
        step, made = jax.jit(self.model.decode_step), []
        for _ in range(steps):
            made.append(int(jnp.argmax(logits[0])))
            logits, cache = step(self.params, cache, jnp.array(made[-1:], jnp.int32))
        return made


def real(name: str, tokenizer: Path) -> Real:
    folder = Path(os.environ.get('JAXIT_WEIGHTS', ''), name)
    if 'JAXIT_WEIGHTS' not in os.environ or not folder.is_dir():
        pytest.skip(f'JAXIT_WEIGHTS names no folder with {name}/ (docs/checkpoints.md says how to fetch it)')
    return Real(folder, tokenizer)


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.parametrize(
    ('name', 'tokenizer', 'config', 'bits_per_char', 'prompt', 'answer'),
    [
        (
            'gemma3_270m',
            'gemma3',
            families.gemma3_270m(),
            1.0547,
            'The capital of France is',
            ' the capital of the country of France.',
        ),
        ('smollm2', 'smollm2', families.smollm2_135m(), 1.2256, 'The capital of France is', ' Paris.'),
    ],
)
def test_real_weights_read_wikitext(shared_data, name, tokenizer, config, bits_per_char, prompt, answer):
    """Two windows of 512 tokens, each after BOS: the head of the test split."""
    it = real(name, shared_data / 'tokenizers' / tokenizer)
    assert it.config == config
    assert len(it.info.pieces) == config.vocab_size
    text = gzip.decompress((shared_data / 'wikitext2' / 'test.txt.gz').read_bytes()).decode()
    ids = it.tokenizer.encode(text[:20_000])[:1024]
    bits = it.bits(ids[:512]) + it.bits(ids[512:])
    assert bits / len(it.tokenizer.decode(ids)) == pytest.approx(bits_per_char, abs=2e-3)
    assert it.info.bos_id is not None
    made = it.greedy([it.info.bos_id, *it.tokenizer.encode(prompt)], 12)
    assert it.tokenizer.decode(made).startswith(answer)
