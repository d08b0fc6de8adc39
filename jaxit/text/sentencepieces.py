"""SentencePiece vocabularies: T5, mT5, LLaMA 1 and 2, Mistral, Gemma."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sentencepiece

from jaxit.core.errors import UserError
from jaxit.text.base import (
    CONFIG_FILE,
    Tokenizer,
    chosen_ids,
    config_bytes,
    configured,
    is_marker,
    read_config,
    sentinels,
    utf8,
)

_CONTROL, _USER_DEFINED = 3, 4  # SentencePiece.Type in sentencepiece_model.proto
_NO_BLANK = b'\x1a\x02\x18\x00'  # normalizer_spec { add_dummy_prefix: false }; behind a model it has the last word


class SentencePieceTokenizer(Tokenizer):
    """A SentencePiece model; ids equal seqio.SentencePieceVocabulary's.

    Args:
        model: the bytes of a `.model` file.
        extra_ids: sentinels added behind the vocabulary (T5: 100); None asks the configuration beside the model.
        overrides: control tokens by role in place of the model's own, `{'eos': '<end_of_turn>'}`.
        companions: files which stand beside the model and belong to it.
        name: the model's file name.
        where: its path, for messages.
    """

    def __init__(
        self,
        model: bytes,
        *,
        extra_ids: int | None = None,
        overrides: Mapping[str, str] | None = None,
        companions: Mapping[str, bytes] | None = None,
        name: str = 'tokenizer.model',
        where: str = 'SentencePiece model',
    ) -> None:
        self._arguments = (model, extra_ids, dict(overrides or {}), dict(companions or {}), name, where)
        self._model, self._name = model, name
        self._companions = dict(companions or {})
        config = read_config(self._companions, where)
        self._extra_ids = int(config.get('extra_ids', 0)) if extra_ids is None else extra_ids
        try:
            patched, self.specials = _hide_markers(model)
        except (IndexError, KeyError):
            raise UserError(f'{where} is not a SentencePiece model') from None
        self._patched, self._where = patched, where
        self._processor = _load(patched, where)
        self.vocab_size = self._processor.get_piece_size() + self._extra_ids
        self.specials |= sentinels(self.vocab_size, self._extra_ids)
        self._set_ids(config, overrides or {}, where)

    def _set_ids(self, config: Mapping[str, Any], overrides: Mapping[str, str], where: str) -> None:
        ids = {'pad': self._processor.pad_id(), 'bos': self._processor.bos_id(), 'eos': self._processor.eos_id()}
        for role in ('pad', 'eos'):
            ids[role] = self.specials.get(configured(config, f'{role}_token') or '', ids[role])
        ids |= chosen_ids(overrides, self.specials, where)
        if ids['eos'] < 0:
            raise UserError(f'{where}: the model has no end-of-sequence token; name one with eos=')
        self.eos_id = ids['eos']
        self.bos_id = ids['bos'] if ids['bos'] >= 0 else None
        self.pad_id = ids['pad'] if ids['pad'] >= 0 else ids['eos']

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, self._arguments

    def encode(self, text: str, *, continues: bool = False) -> list[int]:
        """Returns the ids of the text, normalised as the model was trained."""
        utf8(text)
        return (self._continuing if continues else self._processor).encode(text)

    @functools.cached_property
    def _continuing(self) -> sentencepiece.SentencePieceProcessor:
        return _load(self._patched + _NO_BLANK, self._where)

    def decode_text(self, ids: Sequence[int]) -> str:
        """Returns the text of ids."""
        return self._processor.decode(list(ids))

    def content(self) -> bytes:
        """Returns the model file."""
        return self._model

    def files(self) -> dict[str, bytes]:
        """Returns the model, what stood beside it, and a configuration that says the same."""
        roles = {'eos': self.eos_id, 'pad': self.pad_id, 'bos': self.bos_id}
        config = self._class() | read_config(self._companions, self._name) | {'extra_ids': self._extra_ids}
        config |= {f'{role}_token': self.names[i] for role, i in roles.items() if i is not None}
        return {**self._companions, self._name: self._model, CONFIG_FILE: config_bytes(config)}

    def _class(self) -> dict[str, Any]:
        """Returns what Hugging Face must be told where no configuration stood beside the model."""
        family = 'T5' if self.bos_id is None else 'Gemma' if '<start_of_turn>' in self.specials else 'Llama'
        return {'tokenizer_class': f'{family}Tokenizer', 'add_bos_token': self.bos_id is not None}


def _rebuild(
    model: bytes,
    extra_ids: int | None,
    overrides: dict[str, str],
    companions: dict[str, bytes],
    name: str,
    where: str,
) -> SentencePieceTokenizer:
    return SentencePieceTokenizer(
        model, extra_ids=extra_ids, overrides=overrides, companions=companions, name=name, where=where
    )


def _load(model: bytes, where: str) -> sentencepiece.SentencePieceProcessor:
    try:
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    except RuntimeError:
        raise UserError(f'{where} is not a SentencePiece model') from None
    if processor.get_piece_size() == 0:
        raise UserError(f'{where} is not a SentencePiece model: it holds no pieces')
    return processor


def _hide_markers(model: bytes) -> tuple[bytes, dict[str, int]]:
    """Returns the model with its user-defined markers made control pieces, and all control ids by name.

    SentencePiece finds a user-defined piece (Gemma's `<start_of_turn>`) in any text, a control piece in none.
    """
    patched = bytearray(model)
    specials = {}
    for i, (piece, kind, offset) in enumerate(_pieces(model)):
        name = piece.removeprefix('▁')  # mT5 holds its sentinels as '▁<extra_id_0>'
        if kind == _USER_DEFINED and is_marker(name):
            patched[offset] = kind = _CONTROL
        if kind == _CONTROL:
            specials[name] = i
    return bytes(patched), specials


def _pieces(model: bytes) -> Iterator[tuple[str, int, int]]:
    """Yields (piece, type, offset of the byte that holds the type) from the protobuf wire format of a ModelProto."""
    for number, start, end in _fields(model, 0, len(model)):
        if number == 1:
            piece, kind, offset = '', 1, -1
            for inner, low, high in _fields(model, start, end):
                if inner == 1:
                    piece = model[low:high].decode(errors='replace')
                elif inner == 3:
                    kind, offset = model[low], low
            yield piece, kind, offset


def _fields(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yields (field number, start, end) of the fields of a protobuf message."""
    while position < end:
        tag, position = _varint(data, position)
        wire = tag & 7
        if wire == 2:
            length, position = _varint(data, position)
        else:
            length = {0: _varint(data, position)[1] - position, 1: 8, 5: 4}[wire]
        yield tag >> 3, position, position + length
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
