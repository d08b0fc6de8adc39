"""Reading and writing tokenizers: bytes, SentencePiece models, `tokenizer.json`, tiktoken ranks."""

import os
from pathlib import Path

from jaxit.core.errors import UserError
from jaxit.core.files import write_atomic
from jaxit.text.base import CONFIG_FILE, ByteTokenizer, Tokenizer, config_bytes, read_config
from jaxit.text.huggingface import TOKENIZER_FILE, HuggingFaceTokenizer, train_bpe
from jaxit.text.sentencepieces import SentencePieceTokenizer
from jaxit.text.tiktoken_ranks import convert

__all__ = [
    'ByteTokenizer',
    'HuggingFaceTokenizer',
    'SentencePieceTokenizer',
    'Tokenizer',
    'load',
    'save',
    'train_bpe',
]

# In this order: T5's spiece.model is the original which its tokenizer.json only approximates, while a tokenizer.json
# beside a tokenizer.model may hold tokens added later.
_MAIN_FILES = ('spiece.model', TOKENIZER_FILE, 'tokenizer.model', 'tokenizer.tiktoken')
_COMPANIONS = (CONFIG_FILE, 'special_tokens_map.json', 'added_tokens.json', 'chat_template.jinja')


def load(
    path_or_name: str | os.PathLike[str],
    *,
    pad: str | None = None,
    bos: str | None = None,
    eos: str | None = None,
    extra_ids: int | None = None,
) -> Tokenizer:
    """Returns the tokenizer of a name ('bytes'), a file, or a folder which holds one.

    Args:
        path_or_name: 'bytes', a `.model`, `.json` or `.tiktoken` file, or a folder.
        pad: the control token that fills rows, by name; found by itself where not given.
        bos: the control token that begins a sequence.
        eos: the control token that ends one.
        extra_ids: sentinels behind a SentencePiece vocabulary (T5: 100); without it the `tokenizer_config.json` beside
            the model decides.

    Raises:
        UserError: when there is no such file or it cannot be read.
    """
    roles = {'pad': pad, 'bos': bos, 'eos': eos}
    overrides = {role: piece for role, piece in roles.items() if piece is not None}
    if path_or_name == 'bytes':
        return _bytes(overrides, 'bytes')
    path = Path(path_or_name)
    if path.is_dir():
        path = _main_file(path)
    if path.name == CONFIG_FILE:
        return _bytes(overrides, str(path))
    content, companions = _read(path), _companions(path)
    if extra_ids is not None and path.suffix != '.model':
        raise UserError(f'{path}: extra_ids is for SentencePiece models')
    if path.suffix == '.model':
        name = path.name if path.name in _MAIN_FILES else 'tokenizer.model'
        return SentencePieceTokenizer(
            content, extra_ids=extra_ids, overrides=overrides, companions=companions, name=name, where=str(path)
        )
    if path.suffix == '.tiktoken':
        content, config = convert(content, str(path))
        companions = {CONFIG_FILE: config_bytes(config)} | companions
    return HuggingFaceTokenizer(content, overrides=overrides, companions=companions, where=str(path))


def save(tokenizer: Tokenizer, folder: str | os.PathLike[str]) -> None:
    """Writes the files of a tokenizer, so that `load(folder)` gives it back."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, content in tokenizer.files().items():
        write_atomic(Path(folder) / name, content)


def _bytes(overrides: dict[str, str], where: str) -> ByteTokenizer:
    if overrides:
        raise UserError(f'{where}: the byte tokenizer has fixed ids; {", ".join(overrides)} cannot be chosen')
    return ByteTokenizer()


def _main_file(folder: Path) -> Path:
    for name in _MAIN_FILES:
        if (folder / name).is_file():
            return folder / name
    config = folder / CONFIG_FILE
    if (
        config.is_file()
        and read_config({CONFIG_FILE: _read(config)}, str(folder)).get('tokenizer_class') == 'ByT5Tokenizer'
    ):
        return config
    raise UserError(f'{folder} holds no tokenizer; looked for {", ".join(_MAIN_FILES)}')


def _companions(path: Path) -> dict[str, bytes]:
    """Returns the files that belong to a tokenizer, none of which a folder would be read from in its place."""
    weaker = _MAIN_FILES[_MAIN_FILES.index(path.name) + 1 :] if path.name in _MAIN_FILES else ()
    return {name: _read(path.parent / name) for name in (*weaker, *_COMPANIONS) if (path.parent / name).is_file()}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f'tokenizer {path}: {error.strerror or error}') from None
