"""Hugging Face folders: configs of published models, strictness, broken files, export."""

import errno
import json
import os
import struct
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxit.checkpoints import huggingface, tensor_files
from jaxit.core import tree
from jaxit.core.errors import DiskFullError, UserError
from jaxit.models import families, registry
from jaxit.models.decoder import DecoderConfig

LLAMA_3_2_1B = {
    'architectures': ['LlamaForCausalLM'],
    'attention_bias': False,
    'attention_dropout': 0.0,
    'bos_token_id': 128000,
    'eos_token_id': 128001,
    'head_dim': 64,
    'hidden_act': 'silu',
    'hidden_size': 2048,
    'initializer_range': 0.02,
    'intermediate_size': 8192,
    'max_position_embeddings': 131072,
    'mlp_bias': False,
    'model_type': 'llama',
    'num_attention_heads': 32,
    'num_hidden_layers': 16,
    'num_key_value_heads': 8,
    'pretraining_tp': 1,
    'rms_norm_eps': 1e-05,
    'rope_scaling': {
        'factor': 32.0,
        'high_freq_factor': 4.0,
        'low_freq_factor': 1.0,
        'original_max_position_embeddings': 8192,
        'rope_type': 'llama3',
    },
    'rope_theta': 500000.0,
    'tie_word_embeddings': True,
    'torch_dtype': 'bfloat16',
    'transformers_version': '4.45.0.dev0',
    'use_cache': True,
    'vocab_size': 128256,
}
GEMMA_3_1B = {
    'architectures': ['Gemma3ForCausalLM'],
    'attention_bias': False,
    'attention_dropout': 0.0,
    'attn_logit_softcapping': None,
    'bos_token_id': 2,
    'cache_implementation': 'hybrid',
    'eos_token_id': [1, 106],
    'final_logit_softcapping': None,
    'head_dim': 256,
    'hidden_activation': 'gelu_pytorch_tanh',
    'hidden_size': 1152,
    'intermediate_size': 6912,
    'max_position_embeddings': 32768,
    'model_type': 'gemma3_text',
    'num_attention_heads': 4,
    'num_hidden_layers': 26,
    'num_key_value_heads': 1,
    'pad_token_id': 0,
    'query_pre_attn_scalar': 256,
    'rms_norm_eps': 1e-06,
    'rope_local_base_freq': 10000,
    'rope_scaling': None,
    'rope_theta': 1000000,
    'sliding_window': 512,
    'sliding_window_pattern': 6,
    'torch_dtype': 'bfloat16',
    'use_cache': True,
    'vocab_size': 262144,
}
T5_SMALL = {
    'architectures': ['T5WithLMHeadModel'],
    'd_ff': 2048,
    'd_kv': 64,
    'd_model': 512,
    'decoder_start_token_id': 0,
    'dropout_rate': 0.0,
    'eos_token_id': 1,
    'initializer_factor': 1.0,
    'is_encoder_decoder': True,
    'layer_norm_epsilon': 1e-06,
    'model_type': 't5',
    'n_positions': 512,
    'num_heads': 8,
    'num_layers': 6,
    'output_past': True,
    'pad_token_id': 0,
    'relative_attention_num_buckets': 32,
    'task_specific_params': {'summarization': {'num_beams': 4}},
    'vocab_size': 32128,
}
FLAN_T5_SMALL = T5_SMALL | {
    'architectures': ['T5ForConditionalGeneration'],
    'd_ff': 1024,
    'feed_forward_proj': 'gated-gelu',
    'num_decoder_layers': 8,
    'num_heads': 6,
    'num_layers': 8,
    'tie_word_embeddings': False,
}

TINY = DecoderConfig(
    vocab_size=19, embed_dim=12, num_layers=3, num_heads=4, num_kv_heads=2, head_dim=6, mlp_dim=14, qkv_bias=False
)


def write_config(folder: Path, content: dict) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / 'config.json').write_text(json.dumps(content))
    return folder


def random_params(config: Any) -> dict:
    """Returns params with the leaves that the model itself asks for."""
    rng = np.random.default_rng(3)
    shapes = jax.eval_shape(registry.build(config).init, jax.random.key(0))
    return jax.tree.map(lambda leaf: jnp.asarray(rng.standard_normal(leaf.shape, np.float32)), shapes)


@pytest.fixture(scope='module')
def params() -> dict:
    return random_params(TINY)


@pytest.fixture
def folder(tmp_path, params) -> Path:
    huggingface.save(tmp_path / 'model', TINY, params, tokenizer_files={})
    return tmp_path / 'model'


def rewrite(folder: Path, change) -> None:
    """Applies `change` to the dict of tensors of a folder."""
    tensors = safetensors.numpy.load_file(folder / 'model.safetensors')
    change(tensors)
    safetensors.numpy.save_file(tensors, folder / 'model.safetensors')


@pytest.mark.parametrize(
    ('content', 'expected'),
    [
        (LLAMA_3_2_1B, families.llama3_2_1b()),
        (GEMMA_3_1B, families.gemma3_1b()),
        (T5_SMALL, families.t5_small()),
        (FLAN_T5_SMALL, families.t5_1_1_small()),
    ],
)
def test_published_configs_are_the_size_tables(tmp_path, content, expected):
    assert huggingface.read_config(write_config(tmp_path, content)) == expected
    assert huggingface.read_config(write_config(tmp_path, huggingface.describe(expected))) == expected


def test_rope_parameters_of_transformers_5_say_the_same(tmp_path):
    new = {name: value for name, value in LLAMA_3_2_1B.items() if not name.startswith('rope_')}
    new['rope_parameters'] = {**LLAMA_3_2_1B['rope_scaling'], 'rope_theta': 500000.0}
    assert huggingface.read_config(write_config(tmp_path, new)) == families.llama3_2_1b()


def test_scale_decoder_outputs_outweighs_what_transformers_5_says_of_tying(tmp_path):
    saved = FLAN_T5_SMALL | {'tie_word_embeddings': True, 'scale_decoder_outputs': False}
    assert huggingface.read_config(write_config(tmp_path, saved)) == families.t5_1_1_small()


@pytest.mark.parametrize(
    ('base', 'change', 'named'),
    [
        (LLAMA_3_2_1B, {'hidden_act': 'xielu'}, "hidden_act is 'xielu'"),
        (LLAMA_3_2_1B, {'attention_dropout': 0.1}, 'attention_dropout is 0.1'),
        (LLAMA_3_2_1B, {'mlp_bias': True}, 'mlp_bias is True'),
        (LLAMA_3_2_1B, {'num_local_experts': 8}, 'num_local_experts = 8'),
        (LLAMA_3_2_1B, {'quantization_config': {'bits': 4}}, 'quantization_config'),
        (LLAMA_3_2_1B, {'hidden_size': '2048'}, "hidden_size is '2048'"),
        (LLAMA_3_2_1B, {'vocab_size': -1}, 'vocab_size is -1'),
        (LLAMA_3_2_1B, {'rope_scaling': {'rope_type': 'yarn', 'factor': 4.0}}, "rope_type is 'yarn'"),
        (LLAMA_3_2_1B, {'rope_scaling': {'rope_type': 'linear', 'factor': 2.0, 'mscale': 2}}, 'mscale = 2'),
        (LLAMA_3_2_1B, {'model_type': 'lama'}, 'did you mean llama'),
        (LLAMA_3_2_1B, {'architectures': ['LlamaForSequenceClassification']}, 'LlamaForSequenceClassification'),
        (GEMMA_3_1B, {'use_bidirectional_attention': True}, 'use_bidirectional_attention is True'),
        (GEMMA_3_1B, {'attn_logit_softcapping': 50.0}, 'attn_logit_softcapping is 50.0'),
        (GEMMA_3_1B, {'layer_types': ['full_attention', 'sliding_attention'] * 13}, 'layer_types'),
        (T5_SMALL, {'feed_forward_proj': 'gated-tanh'}, "feed_forward_proj is 'gated-tanh'"),
        (T5_SMALL, {'decoder_start_token_id': 5}, 'decoder_start_token_id is 5'),
        (T5_SMALL, {'dropout_rate': 1.0}, 'dropout_rate is 1.0'),
    ],
)
def test_what_is_not_computed_is_refused_by_name(tmp_path, base, change, named):
    with pytest.raises(UserError, match=r'config\.json') as error:
        huggingface.read_config(write_config(tmp_path, base | change))
    assert named in str(error.value) and '\n' not in str(error.value)


def test_safetensors_reads_what_is_written(folder, params):
    """The library is the oracle of the format; the layout of each kind of tensor is derived here once more."""
    tensors = safetensors.numpy.load_file(folder / 'model.safetensors')
    layers = params['layers']
    query = np.asarray(layers['attention']['query']['kernel'])  # [L, D, N, H]
    out = np.asarray(layers['attention']['out']['kernel'])  # [L, N, H, D]
    for i in range(3):
        prefix = f'model.layers.{i}'
        np.testing.assert_array_equal(tensors[f'{prefix}.self_attn.q_proj.weight'], query[i].reshape(12, 24).T)
        np.testing.assert_array_equal(tensors[f'{prefix}.self_attn.o_proj.weight'], out[i].reshape(24, 12).T)
        np.testing.assert_array_equal(tensors[f'{prefix}.mlp.down_proj.weight'], layers['mlp']['down']['kernel'][i].T)
    np.testing.assert_array_equal(tensors['lm_head.weight'], params['lm_head'].T)
    assert len(tensors) == 3 + 3 * 9


@pytest.mark.parametrize('max_shard_bytes', [10**9, 3000, 1])
def test_shards_hold_no_more_than_allowed_and_come_back_whole(tmp_path, params, max_shard_bytes):
    huggingface.save(tmp_path / 'out', TINY, params, tokenizer_files={}, max_shard_bytes=max_shard_bytes)
    config, got = huggingface.load(tmp_path / 'out')
    assert config == TINY
    jax.tree.map(np.testing.assert_array_equal, got, params)
    shards = sorted((tmp_path / 'out').glob('*.safetensors'))
    for shard in shards:
        tensors = safetensors.numpy.load_file(shard)
        assert len(tensors) == 1 or sum(t.nbytes for t in tensors.values()) <= max_shard_bytes
    if len(shards) > 1:
        index = json.loads((tmp_path / 'out' / 'model.safetensors.index.json').read_text())
        assert index['metadata']['total_size'] == 4 * tree.num_params(params)
        assert set(index['weight_map'].values()) == {shard.name for shard in shards}


def test_bfloat16_halves_the_file_and_rounds(tmp_path, params):
    huggingface.save(tmp_path / 'half', TINY, params, tokenizer_files={}, dtype='bfloat16')
    _, got = huggingface.load(tmp_path / 'half')
    jax.tree.map(
        lambda a, b: np.testing.assert_array_equal(a, np.asarray(b.astype('bfloat16'), np.float32)), got, params
    )
    assert json.loads((tmp_path / 'half' / 'config.json').read_text())['dtype'] == 'bfloat16'
    size = (tmp_path / 'half' / 'model.safetensors').stat().st_size
    assert size - 2 * tree.num_params(params) < 4096


def test_devices_read_their_own_parts(folder, params):
    mesh = Mesh(np.array(jax.devices()[:6]).reshape(3, 2), ('a', 'b'), axis_types=(jax.sharding.AxisType.Auto,) * 2)

    def place(leaf):
        spec = PartitionSpec('a', 'b') if leaf.ndim > 1 and leaf.shape[0] == 3 else PartitionSpec()
        return NamedSharding(mesh, spec)

    shardings = jax.tree.map(place, params)
    _, got = huggingface.load(folder, shardings=shardings)
    jax.tree.map(np.testing.assert_array_equal, got, params)
    jax.tree.map(lambda leaf, sharding: leaf.sharding == sharding or pytest.fail(str(leaf.sharding)), got, shardings)


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        (lambda t: t.pop('model.norm.weight'), "'model.norm.weight' is missing"),
        (lambda t: t.update({'model.layers.3.mlp.up_proj.weight': np.zeros((14, 12), np.float32)}), 'layers.3.mlp'),
        (lambda t: t.update({'model.layers.0.self_attn.q_proj.bias': np.zeros(24, np.float32)}), 'q_proj.bias'),
        (lambda t: t.update({'model.norm.weight': np.zeros(13, np.float32)}), '(13,)'),
        (lambda t: t.update({'model.norm.weight': np.full(12, np.nan, np.float32)}), 'not finite'),
        (lambda t: t.update({'model.norm.weight': np.zeros(12, np.int8)}), 'I8'),
    ],
)
def test_tensors_that_do_not_fit_are_named(folder, change, named):
    rewrite(folder, change)
    with pytest.raises(UserError) as error:
        huggingface.load(folder)
    assert named in str(error.value) and str(folder) in str(error.value) and '\n' not in str(error.value)


def test_values_that_are_not_finite_are_read_when_asked_for(folder):
    rewrite(folder, lambda t: t.update({'model.norm.weight': np.full(12, np.inf, np.float32)}))
    _, params = huggingface.load(folder, check_finite=False)
    assert np.isinf(params['final_norm']['scale']).all()


def test_a_second_copy_of_a_tied_head_must_be_equal(tmp_path):
    tied = families.llama(
        vocab_size=7, embed_dim=4, num_layers=1, num_heads=2, num_kv_heads=1, mlp_dim=6, tied_head=True
    )
    huggingface.save(tmp_path / 'm', tied, random_params(tied), tokenizer_files={})
    rewrite(tmp_path / 'm', lambda t: t.update({'lm_head.weight': t['model.embed_tokens.weight']}))
    huggingface.load(tmp_path / 'm')
    rewrite(tmp_path / 'm', lambda t: t.update({'lm_head.weight': t['model.embed_tokens.weight'] + 1}))
    with pytest.raises(UserError, match='differs'):
        huggingface.load(tmp_path / 'm')


@pytest.mark.parametrize('keep', [0, 5, 40, -1, -300])
def test_cut_files_are_named(folder, keep):
    path = folder / 'model.safetensors'
    content = path.read_bytes()
    path.write_bytes(content[:keep])
    with pytest.raises(UserError, match=r'model\.safetensors'):
        huggingface.load(folder)


@pytest.mark.parametrize(
    'header',
    [
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1e999]}}',
        b'{"a":[]}',
        b'[]',
        b'{',
    ],
)
def test_bad_headers_are_refused(folder, header):
    (folder / 'model.safetensors').write_bytes(struct.pack('<Q', len(header)) + header + b'\0' * 4)
    with pytest.raises(UserError, match=r'model\.safetensors'):
        huggingface.load(folder)


@pytest.mark.parametrize('name', ['../model.safetensors', '/etc/passwd', 'sub/model.safetensors', 'model.bin', 3])
def test_an_index_names_only_files_of_its_folder(folder, name):
    (folder / 'model.safetensors.index.json').write_text(json.dumps({'weight_map': {'model.norm.weight': name}}))
    with pytest.raises(UserError, match=r'plain \*\.safetensors names'):
        huggingface.load(folder)


def test_an_index_must_agree_with_its_files(folder):
    index = {'weight_map': {'model.norm.weight': 'model.safetensors'}}
    (folder / 'model.safetensors.index.json').write_text(json.dumps(index))
    with pytest.raises(UserError, match='do not agree'):
        huggingface.load(folder)


def test_pickles_are_refused(folder):
    (folder / 'model.safetensors').rename(folder / 'pytorch_model.bin')
    with pytest.raises(UserError, match=r'pytorch_model\.bin is a pickle.*safetensors'):
        huggingface.load(folder)


def test_low_rank_updates_must_be_merged_first(tmp_path, params):
    update = {
        'layers/attention/query/lora_a': jnp.zeros((3, 12, 2)),
        'layers/attention/query/lora_b': jnp.zeros((3, 2, 4, 6)),
    }
    with pytest.raises(UserError, match='merge'):
        huggingface.save(tmp_path / 'm', TINY, tree.combine(params, tree.unflatten(update)), tokenizer_files={})


def test_an_export_is_whole_or_absent(tmp_path, params):
    broken = tree.unflatten({path: leaf for path, leaf in tree.flatten(params).items() if path != 'final_norm/scale'})
    with pytest.raises(UserError, match='final_norm/scale'):
        huggingface.save(tmp_path / 'm', TINY, broken, tokenizer_files={})
    gone = jax.tree.map(jnp.array, params)
    gone['lm_head'].delete()
    with pytest.raises(RuntimeError, match='deleted'):
        huggingface.save(tmp_path / 'm', TINY, gone, tokenizer_files={})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(('number', 'kind'), [(errno.ENOSPC, DiskFullError), (errno.EIO, UserError)])
def test_an_export_that_fails_leaves_nothing(tmp_path, params, monkeypatch, number, kind):
    def fail(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tensor_files.os, 'fsync', fail)
    with pytest.raises(kind, match=str(tmp_path / 'm')):
        huggingface.save(tmp_path / 'm', TINY, params, tokenizer_files={})
    assert list(tmp_path.iterdir()) == []


def test_an_export_overwrites_nothing(folder, params):
    with pytest.raises(UserError, match='there already'):
        huggingface.save(folder, TINY, params, tokenizer_files={})


def test_tokenizer_files_and_ids_stand_beside_the_weights(tmp_path, params):
    files = {'tokenizer.json': b'{}'}
    huggingface.save(tmp_path / 'm', TINY, params, tokenizer_files=files, eos_ids=[4, 9], pad_id=2, bos_id=1)
    assert (tmp_path / 'm' / 'tokenizer.json').read_bytes() == b'{}'
    generation = json.loads((tmp_path / 'm' / 'generation_config.json').read_text())
    assert generation == {'bos_token_id': 1, 'eos_token_id': [4, 9], 'pad_token_id': 2}
    with pytest.raises(UserError, match=r'config\.json'):
        huggingface.save(tmp_path / 'n', TINY, params, tokenizer_files={'config.json': b''})


@pytest.mark.parametrize(
    'options', [{'prefix_lm': True}, {'out_bias': True}, {'qk_norm': True}, {'logit_soft_cap': 5.0}]
)
def test_what_the_layout_cannot_say_is_not_exported(options):
    config = families.llama(vocab_size=7, embed_dim=4, num_layers=1, num_heads=2, num_kv_heads=1, mlp_dim=6, **options)
    with pytest.raises(UserError, match='cannot say'):
        huggingface.describe(config)


@pytest.mark.shared_data
def test_real_llama_weights_read_simple_stories(shared_data):
    """The perplexity per token of stories260k on stories is known to be low: a wrong layout gives hundreds."""
    config, params = huggingface.load(shared_data / 'stories260k')
    assert isinstance(config, DecoderConfig)
    assert (config.num_heads, config.num_kv_heads, config.vocab_size) == (8, 4, 512)
    sentencepiece = pytest.importorskip('sentencepiece')
    tokenizer = sentencepiece.SentencePieceProcessor(str(shared_data / 'stories260k' / 'tokenizer.model'))
    story = 'Once upon a time, there was a little girl named Lily. She loved to play outside in the sunshine.'
    ids = np.array([[tokenizer.bos_id(), *tokenizer.encode(story)]], np.int32)
    inputs, targets = ids[:, :-1], ids[:, 1:]
    positions = np.arange(inputs.shape[1], dtype=np.int32)[None]
    segments = np.ones_like(inputs)
    batch = {'decoder_input_tokens': inputs, 'decoder_segment_ids': segments, 'decoder_positions': positions}
    log_probs = np.asarray(jax.nn.log_softmax(jax.jit(registry.build(config).apply)(params, batch)))
    perplexity = np.exp(-np.take_along_axis(log_probs, targets[..., None], axis=-1).mean())
    assert perplexity < 6.0
