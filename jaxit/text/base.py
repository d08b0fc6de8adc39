"""What every tokenizer is, and the one that needs no file."""

import functools
import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jaxit.core.errors import UserError, unknown_name

# Names in angle or square brackets mark structure and are kept away from plain text. HTML tags look alike, but some
# vocabularies (Gemma) hold them as ordinary text.
_MARKER = re.compile(r'<[^<>\s]+>|\[[^\[\]\s]+\]')
_HTML = re.compile(
    r'</?(a|b|bbox|blockquote|body|br|caption|code|div|em|footer|h[1-6]|head|hr|html|i|iframe|img|li|ol|p|pre|s|span'
    r'|strong|sub|sup|table|tbody|td|tfoot|th|thead|tr|u|ul)>'
)

CONFIG_FILE = 'tokenizer_config.json'
EOS_PIECES = ('</s>', '<eos>', '<|end_of_text|>', '<|endoftext|>', '<|im_end|>', '<end_of_turn>', '<|eot_id|>')
BOS_PIECES = ('<s>', '<bos>', '<|begin_of_text|>', '<|startoftext|>')
PAD_PIECES = ('<pad>', '[PAD]', '<|pad|>', '<|finetune_right_pad_id|>')


class Tokenizer(ABC):
    """Turns text into ids and back; what a user types never becomes a control id.

    Attributes:
        pad_id: fills rows; equal to `eos_id` where the vocabulary has no padding of its own.
        bos_id: begins a sequence; None where the model was trained without one.
        eos_id: ends a sequence.
        vocab_size: one more than the largest id.
        specials: control ids by name.
    """

    pad_id: int
    bos_id: int | None
    eos_id: int
    vocab_size: int
    specials: Mapping[str, int]

    @abstractmethod
    def encode(self, text: str, *, continues: bool = False) -> list[int]:
        """Returns the ids of the text alone: no BOS, no EOS, control names as plain characters.

        Args:
            text: the text.
            continues: whether it goes on from another text. Then no blank is put before its first word, as many
                vocabularies (LLaMA 2) do with a text that begins.
        """

    @abstractmethod
    def decode_text(self, ids: Sequence[int]) -> str:
        """Returns the text of ids among which no control id stands."""

    @abstractmethod
    def content(self) -> bytes:
        """Returns the bytes which define the vocabulary."""

    @abstractmethod
    def files(self) -> dict[str, bytes]:
        """Returns the files by name which `load` (and Hugging Face) read this tokenizer from."""

    def decode(self, ids: Iterable[int], *, keep_specials: bool = False) -> str:
        """Returns the text of ids.

        Args:
            ids: any ids, also ones a model with a padded output layer makes up; those are passed over.
            keep_specials: write control ids by name instead of leaving them out.
        """
        names = self.names
        text: list[str] = []
        run: list[int] = []
        for i in map(int, ids):
            if i not in names:
                if 0 <= i < self.vocab_size:
                    run.append(i)
            elif keep_specials:
                text += [self.decode_text(run), names[i]]
                run = []
        return ''.join([*text, self.decode_text(run)])

    def read(self, text: str) -> list[int]:
        """Returns the ids of a text that holds control tokens by name, as transformers reads it with the files of `files`."""
        names = sorted(self.specials, key=len, reverse=True)
        pieces = re.split('(' + '|'.join(map(re.escape, names)) + ')', text)
        found = ([self.specials[p]] if p in self.specials else self.encode(p, continues=True) for p in pieces)
        return [i for ids in found for i in ids]

    def special_id(self, piece: str) -> int | None:
        """Returns the id of a control token by name, None where the vocabulary has no such token."""
        return self.specials.get(piece)

    @functools.cached_property
    def names(self) -> dict[int, str]:
        """Control tokens' names by id."""
        return {i: name for name, i in self.specials.items()}

    @property
    def sha256(self) -> str:
        """The hash of the vocabulary and of the ids that begin, end and pad a row."""
        ids = json.dumps([self.pad_id, self.bos_id, self.eos_id, self.vocab_size])
        return hashlib.sha256(self.content() + ids.encode()).hexdigest()


class ByteTokenizer(Tokenizer):
    """UTF-8 bytes in ByT5's layout: pad 0, EOS 1, unknown 2, byte b as b + 3, then 125 sentinels."""

    offset = 3
    num_sentinels = 125

    def __init__(self) -> None:
        self.pad_id, self.bos_id, self.eos_id = 0, None, 1
        base = self.offset + 256
        self.vocab_size = base + self.num_sentinels
        self.specials = {'<pad>': 0, '</s>': 1, '<unk>': 2} | sentinels(self.vocab_size, self.num_sentinels)

    def encode(self, text: str, *, continues: bool = False) -> list[int]:
        """Returns the bytes of the text, wherever it stands."""
        return [byte + self.offset for byte in utf8(text)]

    def decode_text(self, ids: Sequence[int]) -> str:
        """Returns the text; bytes that are no UTF-8 are left out."""
        return bytes(i - self.offset for i in ids).decode('utf-8', errors='ignore')

    def content(self) -> bytes:
        """Returns the name of the layout."""
        return b'bytes'

    def files(self) -> dict[str, bytes]:
        """Returns the configuration by which Hugging Face knows a ByT5 tokenizer."""
        return {CONFIG_FILE: config_bytes(BYTE_CONFIG)}


BYTE_CONFIG = {
    'tokenizer_class': 'ByT5Tokenizer',
    'extra_ids': ByteTokenizer.num_sentinels,
    'pad_token': '<pad>',
    'eos_token': '</s>',
    'unk_token': '<unk>',
}


def sentinels(vocab_size: int, count: int) -> dict[str, int]:
    """Returns T5's sentinels by name: `<extra_id_0>` is the last id of the vocabulary."""
    return {f'<extra_id_{i}>': vocab_size - 1 - i for i in range(count)}


def utf8(text: str) -> bytes:
    """Returns the UTF-8 bytes of a text; half of a surrogate pair is an error of the data."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UserError(f'text is not valid Unicode at character {error.start}: half of a surrogate pair') from None


def is_marker(piece: str) -> bool:
    """Returns whether a piece not declared as control looks like one: `<tool_call>`, `[INST]`, but not `<table>`."""
    return bool(_MARKER.fullmatch(piece)) and not _HTML.fullmatch(piece)


def first_known(pieces: Iterable[str], specials: Mapping[str, int]) -> int | None:
    """Returns the id of the first piece that the vocabulary has."""
    return next((specials[piece] for piece in pieces if piece in specials), None)


def read_config(companions: Mapping[str, bytes], where: str) -> dict[str, Any]:
    """Returns the tokenizer_config.json among the files beside a tokenizer; empty where there is none."""
    try:
        config = json.loads(companions.get(CONFIG_FILE, b'{}'))
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise UserError(f'{where}: the {CONFIG_FILE} beside it is not a JSON object')
    return config


def configured(config: Mapping[str, Any], key: str) -> str | None:
    """Returns a token of a Hugging Face tokenizer_config.json, written there as a string or as an object."""
    token = config.get(key)
    token = token.get('content') if isinstance(token, Mapping) else token
    return token if isinstance(token, str) else None


def chosen_ids(overrides: Mapping[str, str], specials: Mapping[str, int], where: str) -> dict[str, int]:
    """Returns the ids of the control tokens that a caller named as pad, bos or eos."""
    for role, piece in overrides.items():
        if piece not in specials:
            raise unknown_name('control token', piece, specials, where=f'{where} (for {role})')
    return {role: specials[piece] for role, piece in overrides.items()}


def config_bytes(config: Mapping[str, Any]) -> bytes:
    """Returns a configuration as a JSON file."""
    return (json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False) + '\n').encode()
