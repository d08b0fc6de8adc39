"""Import and export of weights in the layout of Hugging Face transformers: safetensors and config.json, never pickle."""

import dataclasses
import errno
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from jaxit.checkpoints import tensor_files
from jaxit.checkpoints.fields import Fields, strict_json
from jaxit.checkpoints.maps import gemma3, llama, t5, table
from jaxit.core import tree
from jaxit.core.errors import DiskFullError, UserError, unknown_name
from jaxit.core.files import write_atomic, write_json
from jaxit.core.types import Params
from jaxit.layers import lora
from jaxit.models.execution import DTYPES
from jaxit.models.registry import ModelConfig

CONFIG_FILE = 'config.json'
GENERATION_FILE = 'generation_config.json'
MAPS: dict[str, ModuleType] = {'llama': llama, 'gemma3_text': gemma3, 't5': t5, 'mt5': t5}
ARCHITECTURES = {
    'llama': ('LlamaForCausalLM',),
    'gemma3_text': ('Gemma3ForCausalLM',),
    't5': ('T5ForConditionalGeneration', 'T5WithLMHeadModel'),
    'mt5': ('MT5ForConditionalGeneration',),
}
_MODEL_TYPES = {'llama': 'llama', 'gemma3': 'gemma3_text', 't5': 't5', 'mt5': 'mt5'}  # by our family
_MIN_POSITIONS = 2**17  # these models have no table of positions; transformers reads the field all the same
_HARMLESS = (
    r'.*_token_id|.*_token_index|tokenizer_class|_name_or_path|torch_dtype|dtype|transformers.*|unsloth.*|use_cache',
    r'initializer_(range|factor)|max_(position_embeddings|sequence_length|length)|n_positions|pretraining_tp',
    r'output_past|task_specific_params|classifier_dropout|cache_implementation|is_llama_config|gradient_checkpointing',
    r'_?attn_implementation(_internal)?|return_dict|chunk_size_feed_forward|id2label|label2id|problem_type',
)


def read_config(folder: str | os.PathLike[str]) -> ModelConfig:
    """Returns the architecture that a folder's config.json describes.

    Raises:
        UserError: names the field and value of anything that would be computed differently here.
    """
    path = Path(folder) / CONFIG_FILE
    try:
        content = strict_json(path.read_bytes(), str(path))
    except OSError as error:
        raise UserError(f'{path}: {error.strerror or error}') from None
    return _parse(content, str(path))


def load(
    folder: str | os.PathLike[str], *, dtype: str = 'float32', shardings: Any = None, check_finite: bool = True
) -> tuple[ModelConfig, dict[str, Any]]:
    """Reads a model from a folder.

    Args:
        folder: with config.json and safetensors.
        dtype: of the params, 'float32' or 'bfloat16'.
        shardings: a tree of shardings shaped like the params: each device then gets its part straight from the
            files. By default the params are placed where jax puts new arrays.
        check_finite: refuse NaN and infinity.

    Returns:
        (config, params).

    Raises:
        UserError: when config, files and tensors are not whole, or not those of the architecture.
    """
    config = read_config(folder)
    source = tensor_files.TensorFiles(folder)
    rules, sizes = rules_of(config)
    params = table.to_params(rules, sizes, source, dtype=_dtype(dtype), shardings=shardings, check_finite=check_finite)
    return config, params


def save(
    folder: str | os.PathLike[str],
    config: ModelConfig,
    params: Params,
    *,
    tokenizer_files: Mapping[str, bytes],
    eos_ids: Sequence[int] = (),
    pad_id: int | None = None,
    bos_id: int | None = None,
    dtype: str = 'float32',
    max_shard_bytes: int = 5 * 10**9,
) -> None:
    """Writes a model that transformers can load: whole, or not at all.

    Args:
        folder: must not exist yet, or be empty.
        config: the architecture.
        params: without low-rank updates; merge those first.
        tokenizer_files: what the tokenizer writes beside the weights, by file name.
        eos_ids: tokens that end a generation.
        pad_id: the token that fills rows.
        bos_id: the token that begins a sequence.
        dtype: in the files, 'float32' or 'bfloat16'.
        max_shard_bytes: a file holds no more, unless it holds a single tensor.

    Raises:
        UserError: when the params are not those of the config, or this layout cannot say what the config says.
        DiskFullError: when the disk is full.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f'{folder} is there already; export to another folder')
    content = describe(config)
    leaves = tree.flatten(params)
    if any(lora.is_lora(path) for path in leaves):
        raise UserError('params hold low-rank updates; merge them into the kernels first (layers.lora.merge)')
    rules, sizes = rules_of(config)
    table.check_leaves(rules, sizes, leaves)
    ids = {'bos_token_id': bos_id, 'eos_token_id': _eos(eos_ids), 'pad_token_id': pad_id}
    ids = {name: value for name, value in ids.items() if value is not None}
    start = {'decoder_start_token_id': 0} if 'decoder_start_token_id' in content else {}
    files = _tokenizer_files(tokenizer_files)
    scratch = _scratch(folder)
    try:
        write_json(scratch / CONFIG_FILE, {**content, **ids, 'dtype': dtype})
        write_json(scratch / GENERATION_FILE, {**ids, **start})
        for name, data in files.items():
            write_atomic(scratch / name, data)
        plan = [tensor_files.Planned(n, rule.foreign_shape(sizes)) for rule in rules for n in rule.names(sizes)]
        tensors = table.to_tensors(rules, sizes, params)
        tensor_files.write(scratch, plan, tensors, dtype=_dtype(dtype), max_shard_bytes=max_shard_bytes)
        scratch.chmod(0o755)
        os.replace(scratch, folder)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFullError(f'{folder}: the disk is full; nothing was written') from None
        raise UserError(f'{folder} cannot be written: {error.strerror or error}') from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def describe(config: ModelConfig) -> dict[str, Any]:
    """Returns the config.json of an architecture, without token ids.

    Raises:
        UserError: when reading it back would give another architecture.
    """
    if config.family not in _MODEL_TYPES:
        raise unknown_name('Hugging Face layout', config.family, _MODEL_TYPES)
    model_type = _MODEL_TYPES[config.family]
    content = {
        **MAPS[model_type].write(config),
        'model_type': model_type,
        'architectures': [ARCHITECTURES[model_type][0]],
    }
    if model_type in ('llama', 'gemma3_text'):
        content['max_position_embeddings'] = _MIN_POSITIONS
    again = _parse(content, 'config')
    for field in dataclasses.fields(config):
        got = getattr(again, field.name)
        if got != getattr(config, field.name):
            raise UserError(
                f'the {model_type} layout of Hugging Face cannot say {field.name}={getattr(config, field.name)!r}'
                f' beside the other options (it would be read as {got!r})'
            )
    return content


def rules_of(config: ModelConfig) -> tuple[tuple[table.Rule, ...], dict[str, int]]:
    """Returns the rules of a config's layout and what their letters stand for."""
    entries = MAPS[_MODEL_TYPES[config.family]]
    return entries.rules(config), entries.sizes(config)


def _parse(content: Mapping[str, Any], where: str) -> ModelConfig:
    fields = Fields(content.__getitem__, content, where)
    model_type = fields.text('model_type')
    if model_type not in MAPS:
        raise unknown_name('model_type', model_type, MAPS, where=where)
    for architecture in fields.get('architectures', ()):
        if architecture not in ARCHITECTURES[model_type]:
            raise fields.wrong('architectures', architecture, ' or '.join(ARCHITECTURES[model_type]))
    config = MAPS[model_type].parse(fields)
    fields.refuse_rest(harmless=_HARMLESS)
    return config


def _scratch(folder: Path) -> Path:
    """Returns a new hidden folder beside the one that is to be."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=folder.parent, prefix=f'.{folder.name}.', suffix='.tmp'))
    except OSError as error:
        raise UserError(f'{folder} cannot be written: {error.strerror or error}') from None


def _dtype(name: str) -> np.dtype:
    if name not in DTYPES:
        raise unknown_name('dtype', name, DTYPES)
    return np.dtype(DTYPES[name])


def _eos(ids: Sequence[int]) -> int | list[int] | None:
    """Returns one id as itself: not every reader takes a list."""
    return list(ids) if len(ids) > 1 else (ids[0] if ids else None)


def _tokenizer_files(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    for name in files:
        if Path(name).name != name or name in (CONFIG_FILE, GENERATION_FILE) or name.endswith('.safetensors'):
            raise UserError(f'a tokenizer file cannot be called {name!r}')
    return files
