"""Reading GGUF files of llama.cpp: config from the metadata, tensors dequantised to float32 one at a time."""

import dataclasses
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxit.checkpoints.fields import Fields, short
from jaxit.checkpoints.maps import gemma3, llama, table
from jaxit.core.errors import UserError, missing_extra, unknown_name
from jaxit.layers.rope import RopeScaling, frequencies
from jaxit.models import families
from jaxit.models.decoder import DecoderConfig

ROPE_FACTORS = 'rope_freqs.weight'  # no weight: the stretch of each rotary frequency (LLaMA 3.1)
_SPLIT = re.compile(r'-(\d{5})-of-(\d{5})\.gguf$')
_MAPS = {'llama': llama, 'gemma3': gemma3}


class TokenizerInfo(NamedTuple):
    """What a GGUF file says of its tokenizer.

    Attributes:
        kind: 'llama' (SentencePiece), 'gpt2' (byte pairs), ...
        pieces: the vocabulary in order of ids.
        bos_id, eos_id, pad_id: control tokens, None where not given.
        add_bos: whether a text begins with BOS, None where not given.
        chat_template: Jinja text, None where not given.
    """

    kind: str
    pieces: Sequence[str]
    bos_id: int | None
    eos_id: int | None
    pad_id: int | None
    add_bos: bool | None
    chat_template: str | None


def load(
    path: str | os.PathLike[str], *, check_finite: bool = True
) -> tuple[DecoderConfig, dict[str, Any], TokenizerInfo]:
    """Reads a model from a GGUF file.

    Args:
        path: the file, or a folder which holds one, its splits (`-00001-of-00004.gguf`), or its
            parts (`.gguf.part00`, pieces of one file that are joined in the order of their names).
        check_finite: refuse NaN and infinity.

    Returns:
        (config, params in float32, what the file says of its tokenizer).

    Raises:
        UserError: for a file that is not GGUF, an unknown architecture, option or tensor.
    """
    with tempfile.TemporaryDirectory(prefix='gguf-') as scratch:
        file = _File(_find(Path(path), Path(scratch)), str(path))
        fields = Fields(file.value, file.metadata, str(path), 'metadata')
        name = fields.text('general.architecture')
        if name not in _MAPS:
            raise unknown_name('GGUF architecture', name, _MAPS, where=str(path))
        config = _config(name, fields, file)
        rules = _MAPS[name].gguf_rules(config)
        params = table.to_params(rules, _MAPS[name].sizes(config), file, check_finite=check_finite)
        return config, params, _tokenizer_info(fields)


class _File:
    """The tensors and metadata of one GGUF file, or of its splits; a `TensorSource`."""

    def __init__(self, paths: Sequence[Path], where: str) -> None:
        try:
            import gguf
        except ImportError:
            raise missing_extra('gguf', 'gguf') from None
        self.where = where
        self._dequantize = gguf.dequantize
        self.metadata: dict[str, Any] = {}
        self._tensors: dict[str, Any] = {}
        for path in paths:
            try:
                reader = gguf.GGUFReader(path)
            except Exception as error:  # the reader fails in any way on a broken file
                raise UserError(f'{path.name} in {where}: not a whole GGUF file: {error}') from None
            self.metadata = dict(reader.fields) | self.metadata
            self._tensors |= {tensor.name: tensor for tensor in reader.tensors}

    def value(self, key: str) -> Any:
        """Returns the metadata of a key."""
        return self.metadata[key].contents()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns the shape of each tensor by name, without those that are no weights."""
        tensors = {name: tensor for name, tensor in self._tensors.items() if name != ROPE_FACTORS}
        return {name: tuple(int(n) for n in reversed(tensor.shape)) for name, tensor in tensors.items()}

    def read(self, name: str) -> np.ndarray:
        """Returns a tensor in float32."""
        tensor = self._tensors[name]
        try:
            return self._dequantize(tensor.data, tensor.tensor_type).reshape(tuple(reversed(tensor.shape.tolist())))
        except (NotImplementedError, ValueError) as error:
            raise UserError(f'{self.where}: tensor {name!r} of type {tensor.tensor_type.name}: {error}') from None

    def rope_factors(self) -> np.ndarray | None:
        """Returns what each rotary frequency is divided by, None where the file does not say."""
        return self.read(ROPE_FACTORS) if ROPE_FACTORS in self._tensors else None


def _find(path: Path, scratch: Path) -> list[Path]:
    """Returns the GGUF files of a path; pieces are joined in the scratch folder."""
    if not path.is_dir():
        if not path.is_file():
            raise UserError(f'{path}: no such file')
        return [path]
    files = sorted(path.glob('*.gguf'))
    splits = [match for file in files if (match := _SPLIT.search(file.name))]
    if len(files) == 1 and not splits:
        return files
    if files:
        if [m[1] for m in splits] != [f'{i:05}' for i in range(1, len(files) + 1)] or int(splits[0][2]) != len(files):
            raise UserError(f'{path} holds {[f.name for f in files]}; give one file, or all the splits of one')
        return files
    pieces = sorted(path.glob('*.gguf.part*'))
    if not pieces:
        raise UserError(f'{path} holds no .gguf file')
    joined = scratch / pieces[0].name.partition('.part')[0]
    with open(joined, 'wb') as out:
        for piece in pieces:
            with open(piece, 'rb') as f:
                shutil.copyfileobj(f, out)
    return [joined]


def _config(name: str, fields: Fields, file: _File) -> DecoderConfig:
    shapes = file.shapes()
    embed_dim, num_heads = fields.whole(f'{name}.embedding_length'), fields.whole(f'{name}.attention.head_count')
    head_dim = fields.whole(f'{name}.attention.key_length', embed_dim // num_heads)
    options: dict[str, Any] = {
        'vocab_size': shapes.get('token_embd.weight', (0,))[0],
        'embed_dim': embed_dim,
        'num_layers': fields.whole(f'{name}.block_count'),
        'num_heads': num_heads,
        'num_kv_heads': fields.whole(f'{name}.attention.head_count_kv', num_heads),
        'head_dim': head_dim,
        'mlp_dim': fields.whole(f'{name}.feed_forward_length'),
        'norm_eps': short(fields.real(f'{name}.attention.layer_norm_rms_epsilon')),
    }
    for key in ('attention.value_length', 'rope.dimension_count'):
        fields.only(f'{name}.{key}', head_dim)
    fields.only(f'{name}.vocab_size', options['vocab_size'])
    fields.only(f'{name}.expert_count', 0)
    fields.only(f'{name}.expert_used_count', 0)
    fields.get(f'{name}.context_length')
    config = (_gemma3 if name == 'gemma3' else _llama)(options, fields, file)
    fields.refuse_rest(f'{name}.')
    return config


def _llama(options: dict[str, Any], fields: Fields, file: _File) -> DecoderConfig:
    theta = short(fields.real('llama.rope.freq_base', 10_000.0))
    scaling = _linear_scaling('llama', fields)
    factors = file.rope_factors()
    if factors is not None:
        scaling = _llama3_scaling(factors, options['head_dim'], theta, file.where)
    shapes = file.shapes()
    return families.llama(
        **options,
        rope_theta=theta,
        rope_scaling=scaling,
        qkv_bias='blk.0.attn_q.bias' in shapes,
        out_bias='blk.0.attn_output.bias' in shapes,
        tied_head='output.weight' not in shapes,
    )


def _gemma3(options: dict[str, Any], fields: Fields, file: _File) -> DecoderConfig:
    # llama.cpp tells the 27B, whose scale follows the width of the model, by its number of layers.
    scale = (
        options['embed_dim'] // options['num_heads'] if options['num_layers'] == 62 else options['head_dim']
    ) ** -0.5
    fields.only('gemma3.attn_logit_softcapping', 0.0)
    fields.only('gemma3.attention.sliding_window_pattern', 6)
    cap = fields.get('gemma3.final_logit_softcapping')
    eps = options.pop('norm_eps')
    config = families.gemma3(
        **options,
        attention_scale=scale,
        sliding_window=fields.whole('gemma3.attention.sliding_window'),
        rope_theta=short(fields.real('gemma3.rope.freq_base', 1_000_000.0)),
        local_rope_theta=short(fields.real('gemma3.rope.freq_base_swa', 10_000.0)),
        rope_scaling=_linear_scaling('gemma3', fields),
        logit_soft_cap=cap or None,
    )
    return dataclasses.replace(config, norm_eps=eps)


def _linear_scaling(name: str, fields: Fields) -> RopeScaling | None:
    fields.only(f'{name}.rope.scaling.type', 'linear', 'none')
    fields.get(f'{name}.rope.scaling.original_context_length')
    if fields.get(f'{name}.rope.scaling.type') != 'linear':
        fields.get(f'{name}.rope.scaling.factor')
        return None
    return RopeScaling('linear', short(fields.real(f'{name}.rope.scaling.factor')))


def _llama3_scaling(factors: np.ndarray, head_dim: int, theta: float, where: str) -> RopeScaling:
    """Returns the LLaMA 3 stretch whose factors the file stores one by one."""
    plain = np.asarray(frequencies(head_dim, theta))
    for original in (8192, 4096, 16_384, 32_768):
        scaling = RopeScaling('llama3', float(np.max(factors)), 1.0, 4.0, original)
        expected = plain / np.asarray(frequencies(head_dim, theta, scaling))
        if factors.shape == expected.shape and np.allclose(factors, expected, rtol=1e-4):
            return scaling
    raise UserError(
        f'{where}: {ROPE_FACTORS} holds a stretch that is not that of LLaMA 3.1 (up to {np.max(factors):g})'
    )


def _tokenizer_info(fields: Fields) -> TokenizerInfo:
    prefix = 'tokenizer.ggml'
    return TokenizerInfo(
        kind=fields.get(f'{prefix}.model', ''),
        pieces=fields.get(f'{prefix}.tokens', []),
        bos_id=fields.get(f'{prefix}.bos_token_id'),
        eos_id=fields.get(f'{prefix}.eos_token_id'),
        pad_id=fields.get(f'{prefix}.padding_token_id'),
        add_bos=fields.get(f'{prefix}.add_bos_token'),
        chat_template=fields.get('tokenizer.chat_template'),
    )
