"""`tokenizer.json` files of the tokenizers library, and byte-pair vocabularies trained with it."""

import contextlib
import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import tokenizers

from jaxit.core.errors import UserError
from jaxit.core.files import printable
from jaxit.text.base import (
    BOS_PIECES,
    CONFIG_FILE,
    EOS_PIECES,
    PAD_PIECES,
    Tokenizer,
    chosen_ids,
    config_bytes,
    configured,
    first_known,
    is_marker,
    read_config,
    utf8,
)

TOKENIZER_FILE = 'tokenizer.json'
_HIDDEN = '\ufdd0{}'  # begins with a code point that Unicode keeps out of text; `encode` sees to it
_NO_BLANK = {  # by type of a normalizer or pre-tokenizer
    'Prepend': {'prepend': ''},
    'Metaspace': {'prepend_scheme': 'never', 'add_prefix_space': False},
    'ByteLevel': {'add_prefix_space': False},
}


class HuggingFaceTokenizer(Tokenizer):
    """A `tokenizer.json`, read without its post-processor; ids equal the tokenizers library's on plain text.

    Args:
        content: the bytes of the file.
        overrides: control tokens by role in place of the configured ones, `{'eos': '<|im_end|>'}`.
        companions: files which stand beside it and belong to it, `tokenizer_config.json` above all.
        where: its path, for messages.
    """

    def __init__(
        self,
        content: bytes,
        *,
        overrides: Mapping[str, str] | None = None,
        companions: Mapping[str, bytes] | None = None,
        where: str = TOKENIZER_FILE,
    ) -> None:
        self._arguments = (content, dict(overrides or {}), dict(companions or {}), where)
        self._content = content
        self._companions = dict(companions or {})
        spec = _parse(content, where)
        try:
            self._begins_with = _first_special(spec.get('post_processor'))
            hidden, self.specials = _hide_markers(spec)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UserError(f'{where} is not a tokenizer.json: {type(error).__name__} {error}') from None
        self._where = where
        self._tokenizer = _plain(json.dumps(hidden), where)
        self.vocab_size = max(self._tokenizer.get_vocab(with_added_tokens=True).values(), default=-1) + 1
        self._set_ids(read_config(self._companions, where), overrides or {}, where)

    def _set_ids(self, config: Mapping[str, Any], overrides: Mapping[str, str], where: str) -> None:
        names = self.specials
        ids = {role: names.get(configured(config, f'{role}_token') or '') for role in ('pad', 'eos')}
        ids['bos'] = self._bos(config)
        ids |= chosen_ids(overrides, names, where)
        eos = first_known(EOS_PIECES, names) if ids['eos'] is None else ids['eos']
        if eos is None:
            raise UserError(f'{where}: no end-of-sequence token is known; name one with eos=')
        pad = first_known(PAD_PIECES, names) if ids['pad'] is None else ids['pad']
        self.eos_id, self.bos_id, self.pad_id = eos, ids['bos'], eos if pad is None else pad

    def _bos(self, config: Mapping[str, Any]) -> int | None:
        """Returns what the tokenizer itself puts first; a mere bos_token (GPT-2, Qwen) was never trained as one."""
        if config.get('add_bos_token') is not None:
            return self.specials.get(configured(config, 'bos_token') or '') if config['add_bos_token'] else None
        if self._begins_with and self._begins_with in self.specials:
            return self.specials[self._begins_with]
        return None if config else first_known(BOS_PIECES, self.specials)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, self._arguments

    def encode(self, text: str, *, continues: bool = False) -> list[int]:
        """Returns the ids of the text alone."""
        utf8(text)
        library = self._continuing if continues else self._tokenizer
        with _readable(f'{self._where}: a text of {len(text)} characters'):
            return library.encode(text.replace(_HIDDEN[0], '\ufffd'), add_special_tokens=False).ids

    def read(self, text: str) -> list[int]:
        """Returns the ids of a text that holds control tokens by name."""
        return self._whole.encode(text, add_special_tokens=False).ids

    @functools.cached_property
    def _continuing(self) -> tokenizers.Tokenizer:
        spec, _ = _hide_markers(_parse(self._content, self._where))
        parts = ('normalizer', 'pre_tokenizer')
        without = {part: _without_blank(spec.get(part)) for part in parts}
        if without == {part: spec.get(part) for part in parts}:
            return self._tokenizer
        return _plain(json.dumps(spec | without), self._where)

    @functools.cached_property
    def _whole(self) -> tokenizers.Tokenizer:
        return _plain(self._content.decode(), self._where)

    def decode_text(self, ids: Sequence[int]) -> str:
        """Returns the text of ids."""
        return self._tokenizer.decode(list(ids), skip_special_tokens=False)

    def content(self) -> bytes:
        """Returns the `tokenizer.json`."""
        return self._content

    def files(self) -> dict[str, bytes]:
        """Returns the `tokenizer.json`, what stood beside it, and a configuration that says the same."""
        roles = {'eos': self.eos_id, 'pad': self.pad_id, 'bos': self.bos_id}
        config = {'tokenizer_class': 'PreTrainedTokenizerFast'} | read_config(self._companions, TOKENIZER_FILE)
        config |= {f'{role}_token': self.names[i] for role, i in roles.items() if i is not None}
        config['add_bos_token'] = self.bos_id is not None
        return {**self._companions, TOKENIZER_FILE: self._content, CONFIG_FILE: config_bytes(config)}


def _rebuild(
    content: bytes, overrides: dict[str, str], companions: dict[str, bytes], where: str
) -> HuggingFaceTokenizer:
    return HuggingFaceTokenizer(content, overrides=overrides, companions=companions, where=where)


def train_bpe(texts: Iterable[str], vocab_size: int, *, prefix_space: bool = False) -> HuggingFaceTokenizer:
    """Trains a byte-level byte-pair vocabulary with `<pad>` 0, `<eos>` 1, `<bos>` 2; the same texts give the same ids.

    Args:
        texts: what to train on.
        vocab_size: at least 259, for the three control tokens and the 256 bytes; fewer ids come out of few texts.
        prefix_space: reads every text as if it began with a space, and leaves it out when writing. A word is
            then the same tokens at the start of a text as inside one, which a small model learns sooner.
    """
    names = ['<pad>', '<eos>', '<bos>']
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    if vocab_size < len(names) + len(alphabet):
        raise UserError(
            f'vocab_size {vocab_size} is too small for bytes; it must be {len(names) + len(alphabet)} or more'
        )
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    decoders = [tokenizers.decoders.ByteLevel(), tokenizers.decoders.Strip(content=' ', left=1, right=0)]
    tokenizer.decoder = tokenizers.decoders.Sequence(decoders) if prefix_space else decoders[0]
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=names, initial_alphabet=sorted(alphabet), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(  # so that Hugging Face puts BOS first as well
        single='<bos> $A', pair='<bos> $A $B', special_tokens=[('<bos>', names.index('<bos>'))]
    )
    config = {'add_bos_token': True, 'bos_token': '<bos>', 'eos_token': '<eos>', 'pad_token': '<pad>'}
    return HuggingFaceTokenizer(tokenizer.to_str().encode(), companions={CONFIG_FILE: config_bytes(config)})


def _parse(content: bytes, where: str) -> dict[str, Any]:
    try:
        spec = json.loads(content)
    except (ValueError, RecursionError):
        raise UserError(f'{where} is not a tokenizer.json: it is not JSON') from None
    if not isinstance(spec, dict) or not isinstance(spec.get('model'), dict):
        raise UserError(f'{where} is not a tokenizer.json: it holds no model')
    return spec


def _plain(text: str, where: str) -> tokenizers.Tokenizer:
    """Returns the library's tokenizer, told to cut and pad nothing."""
    with _readable(where):
        tokenizer = tokenizers.Tokenizer.from_str(text)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@contextlib.contextmanager
def _readable(what: str) -> Iterator[None]:
    """Turns the library's errors into the user's; a panic of its Rust code is no Exception."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != 'PanicException':
            raise
        raise UserError(f'{what} cannot be read by the tokenizers library: {printable(str(error))[:200]}') from None


def _first_special(processor: Any) -> str | None:
    """Returns the special token which a post-processor puts before a single text."""
    if not isinstance(processor, dict):
        return None
    if processor.get('type') == 'Sequence':
        found = (_first_special(inner) for inner in processor.get('processors', ()))
        return next((token for token in found if token), None)
    first = next(iter(processor.get('single') or ()), None)
    return first['SpecialToken']['id'] if isinstance(first, dict) and 'SpecialToken' in first else None


def _hide_markers(spec: dict[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """Returns the specification with its control tokens under names that no text holds, and their ids by true name.

    The library's `encode_special_tokens` is not enough: it leaves out tokens not declared special (Qwen's `<think>`), and a
    unigram model finds `</s>` in its own vocabulary.
    """
    added = [token for token in spec.get('added_tokens') or () if token['special'] or is_marker(token['content'])]
    specials = {token['content']: token['id'] for token in added}
    hide = {name: _HIDDEN.format(i) for name, i in specials.items()}
    model = dict(spec['model'])
    vocab = model.get('vocab')
    if isinstance(vocab, dict):
        model['vocab'] = {hide.get(piece, piece): i for piece, i in vocab.items()}
    elif isinstance(vocab, list):
        model['vocab'] = [[hide.get(piece, piece), score] for piece, score in vocab]
    if model.get('merges'):
        model['merges'] = [pair for pair in model['merges'] if _merged(pair) not in hide]
    model['unk_token'] = hide.get(model.get('unk_token'), model.get('unk_token'))
    tokens = [
        token | {'content': hide[token['content']]} if token in added else token
        for token in spec.get('added_tokens') or ()
    ]
    return spec | {'model': model, 'added_tokens': tokens, 'post_processor': None}, specials


def _without_blank(node: Any) -> Any:
    """Returns a normalizer or pre-tokenizer that puts no blank before a text's first word."""
    if isinstance(node, list):
        return [_without_blank(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    return {key: _without_blank(value) for key, value in node.items()} | _NO_BLANK.get(node.get('type', ''), {})


def _merged(pair: str | list[str]) -> str:
    return ''.join(pair) if isinstance(pair, list) else pair.replace(' ', '', 1)
