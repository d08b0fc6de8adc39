"""Weights from wherever they are: a Hugging Face folder, a GGUF file, or a folder of ours.

A folder of ours (a run, or what `jaxit import` writes) holds `model.json`, `tokenizer/` and
`checkpoints/<step>`.
"""

import os
from pathlib import Path
from typing import Any, NamedTuple

from jaxit.checkpoints import gguf, huggingface
from jaxit.checkpoints.loading import load_params
from jaxit.checkpoints.manager import CheckpointManager
from jaxit.core import tree
from jaxit.core.errors import UserError
from jaxit.core.files import read_json, write_json
from jaxit.core.types import Params
from jaxit.layers import lora
from jaxit.models import described
from jaxit.models.decoder import DecoderConfig
from jaxit.models.t5 import T5Config

MODEL_FILE = 'model.json'
TOKENIZER_FOLDER = 'tokenizer'
CHECKPOINTS_FOLDER = 'checkpoints'
_TOKENIZER_FILES = ('tokenizer.json', 'tokenizer.model', 'spiece.model', 'tokenizer_config.json')


class Weights(NamedTuple):
    """A model at rest.

    Attributes:
        config: the architecture.
        params: float32, low-rank updates merged.
        tokenizer: where its tokenizer is, None where none came with it.
        tokenizer_sha256: of the tokenizer it was trained with, where that was noted.
    """

    config: DecoderConfig | T5Config
    params: Params
    tokenizer: Path | None
    tokenizer_sha256: str | None


def load(path: str | os.PathLike[str], step: int | None = None) -> Weights:
    """Returns the weights at a path.

    Args:
        path: a Hugging Face folder, a GGUF file or folder, a run, its checkpoints, or one step.
        step: of a run; None for the newest.

    Raises:
        UserError: when there is nothing to load, or it cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f'{path}: no such file or folder to load weights from')
    home = home_of(path.absolute())
    if home is not None:
        return _ours(home, path.absolute(), step)
    if (path / 'config.json').is_file():
        config, params = huggingface.load(path)
        has_tokenizer = any((path / name).is_file() for name in _TOKENIZER_FILES)
        return Weights(config, params, path if has_tokenizer else None, None)
    if path.is_file() or any('.gguf' in entry.name for entry in path.iterdir()):
        config, params, _ = gguf.load(path)
        return Weights(config, params, None, None)
    raise UserError(
        f'{path}: holds no weights: no config.json with safetensors, no .gguf, no {MODEL_FILE} with {CHECKPOINTS_FOLDER}/'
    )


def config_of(path: str | os.PathLike[str]) -> DecoderConfig | T5Config:
    """Returns the architecture alone, without reading tensors where the format allows."""
    path = Path(path)
    home = home_of(path.absolute())
    if home is not None:
        return described.from_json(read_json(home / MODEL_FILE)['model'], where=str(home / MODEL_FILE))
    if (path / 'config.json').is_file():
        return huggingface.read_config(path)
    return load(path).config


def home_of(path: Path) -> Path | None:
    """Returns the folder with `model.json` of a run, its checkpoints folder, or one of its steps."""
    above = {path.name: path.parent, path.parent.name: path.parent.parent}.get(CHECKPOINTS_FOLDER)
    return next((p for p in (path, above) if p is not None and (p / MODEL_FILE).is_file()), None)


def describe(folder: Path, config: DecoderConfig | T5Config, *, lora_alpha: float, tokenizer_sha256: str) -> None:
    """Writes `model.json`."""
    facts = {'model': described.to_json(config), 'lora_alpha': lora_alpha, 'tokenizer_sha256': tokenizer_sha256}
    write_json(folder / MODEL_FILE, facts)


def save(
    folder: Path, config: DecoderConfig | T5Config, params: Params, *, tokenizer_sha256: str, step: int = 0
) -> None:
    """Writes weights as a folder of ours; the caller writes the tokenizer's files."""
    manager = CheckpointManager(folder / CHECKPOINTS_FOLDER, save_period=1)
    try:
        manager.save(step, {'params': params}, data_position={}, metadata={})
    finally:
        manager.close()
    describe(folder, config, lora_alpha=1.0, tokenizer_sha256=tokenizer_sha256)


def _ours(home: Path, path: Path, step: int | None) -> Weights:
    facts: dict[str, Any] = read_json(home / MODEL_FILE)
    config = described.from_json(facts['model'], where=str(home / MODEL_FILE))
    params = load_params(home / CHECKPOINTS_FOLDER if path == home else path, step)
    if any(lora.is_lora(name) for name in tree.flatten(params)):
        params = lora.merge(params, facts['lora_alpha'])
    tokenizer = home / TOKENIZER_FOLDER
    return Weights(config, params, tokenizer if tokenizer.is_dir() else None, facts['tokenizer_sha256'])
