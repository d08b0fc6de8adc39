"""tiktoken's files of byte-pair ranks (LLaMA 3, GPT-2) as a `tokenizer.json`."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from jaxit.core.errors import UserError


class Layout(NamedTuple):
    """What a file of ranks leaves unsaid.

    Attributes:
        pattern: the regular expression that cuts text into words; None for GPT-2's, which the library has built in.
        specials: control tokens behind the ranks, in order of id.
        config: the roles of the control tokens, as in a tokenizer_config.json.
    """

    pattern: str | None
    specials: tuple[str, ...]
    config: Mapping[str, Any]


_LLAMA3_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r'|\s*[\r\n]+|\s+(?!\S)|\s+'
)
_LLAMA3_SPECIALS = (
    '<|begin_of_text|>',
    '<|end_of_text|>',
    '<|reserved_special_token_0|>',
    '<|reserved_special_token_1|>',
    '<|finetune_right_pad_id|>',
    '<|step_id|>',
    '<|start_header_id|>',
    '<|end_header_id|>',
    '<|eom_id|>',
    '<|eot_id|>',
    '<|python_tag|>',
    *(f'<|reserved_special_token_{i}|>' for i in range(2, 247)),
)
# By number of ranks, which is all that tells the files apart.
LAYOUTS = {
    128_000: Layout(
        _LLAMA3_PATTERN,
        _LLAMA3_SPECIALS,
        {
            'add_bos_token': True,
            'bos_token': '<|begin_of_text|>',
            'eos_token': '<|end_of_text|>',
            'pad_token': '<|finetune_right_pad_id|>',
        },
    ),
    50_256: Layout(None, ('<|endoftext|>',), {'add_bos_token': False, 'eos_token': '<|endoftext|>'}),
}


def convert(content: bytes, where: str) -> tuple[bytes, Mapping[str, Any]]:
    """Returns the `tokenizer.json` of a file of ranks and its configuration; ids are unchanged."""
    ranks = _parse(content, where)
    if len(ranks) not in LAYOUTS:
        raise UserError(f'{where}: {len(ranks)} ranks; known are the files of {sorted(LAYOUTS)} (GPT-2, LLaMA 3)')
    layout = LAYOUTS[len(ranks)]
    names = _byte_names()
    spell = {piece: ''.join(names[byte] for byte in piece) for piece in ranks}
    model = {
        'type': 'BPE',
        'ignore_merges': True,  # tiktoken takes a whole word that has a rank before it looks at pairs
        'vocab': {spell[piece]: rank for piece, rank in ranks.items()},
        'merges': [[spell[left], spell[right]] for left, right in _merges(ranks)],
    }
    spec = {
        'version': '1.0',
        'added_tokens': [_added(len(ranks) + i, name) for i, name in enumerate(layout.specials)],
        'pre_tokenizer': _pre_tokenizer(layout.pattern),
        'post_processor': _begin_with(layout.config.get('bos_token'), len(ranks)),
        'decoder': _byte_level(use_regex=False),
        'model': model,
    }
    return json.dumps(spec, ensure_ascii=False).encode(), layout.config


def _parse(content: bytes, where: str) -> dict[bytes, int]:
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(content.splitlines(), 1):
        try:
            piece, rank = line.split()
            ranks[base64.b64decode(piece, validate=True)] = int(rank)
        except (ValueError, binascii.Error):
            raise UserError(f'{where}: line {number} is not a base64 piece and its rank') from None
    if sorted(ranks.values()) != list(range(len(ranks))):
        raise UserError(f'{where}: the ranks are not 0..{len(ranks) - 1}')
    return ranks


def _merges(ranks: Mapping[bytes, int]) -> list[tuple[bytes, bytes]]:
    """Returns the pairs that make each piece, in order of the piece's rank."""
    merges = []
    for piece in sorted(ranks, key=ranks.__getitem__):
        halves = ((piece[:i], piece[i:]) for i in range(1, len(piece)))
        pairs = [(left, right) for left, right in halves if left in ranks and right in ranks]
        merges += sorted(pairs, key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
    return merges


def _byte_names() -> dict[int, str]:
    """Returns the visible character that stands for each byte in a byte-level vocabulary (GPT-2's table)."""
    visible = [*range(ord('!'), ord('~') + 1), *range(ord('¡'), ord('¬') + 1), *range(ord('®'), ord('ÿ') + 1)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {byte: chr(byte) for byte in visible} | {byte: chr(256 + i) for i, byte in enumerate(hidden)}


def _pre_tokenizer(pattern: str | None) -> dict[str, Any]:
    if pattern is None:
        return _byte_level(use_regex=True)
    split = {'type': 'Split', 'pattern': {'Regex': pattern}, 'behavior': 'Isolated', 'invert': False}
    return {'type': 'Sequence', 'pretokenizers': [split, _byte_level(use_regex=False)]}


def _begin_with(bos: str | None, i: int) -> dict[str, Any] | None:
    """Returns the post-processor by which Hugging Face puts BOS, the first control token, before a text."""
    if bos is None:
        return None
    first, text, second = (
        {'SpecialToken': {'id': bos, 'type_id': 0}},
        *({'Sequence': {'id': s, 'type_id': 0}} for s in 'AB'),
    )
    tokens = {bos: {'id': bos, 'ids': [i], 'tokens': [bos]}}
    return {
        'type': 'TemplateProcessing',
        'single': [first, text],
        'pair': [first, text, second],
        'special_tokens': tokens,
    }


def _byte_level(*, use_regex: bool) -> dict[str, Any]:
    return {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': True, 'use_regex': use_regex}


def _added(i: int, name: str) -> dict[str, Any]:
    flags = dict.fromkeys(('single_word', 'lstrip', 'rstrip', 'normalized'), False)
    return {'id': i, 'content': name, 'special': True, **flags}
