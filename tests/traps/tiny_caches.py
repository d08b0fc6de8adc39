"""Caches of documents and of rendered examples, as training reads them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tiny_models import VOCAB, Document

from jaxit.data.cache import CacheWriter, TokenCache
from jaxit.text.base import Tokenizer
from jaxit.text.examples import Example, TokenFormat, tokenize


def writer(folder: Path, *, encoder_decoder: bool, vocab_size: int = VOCAB, name: str = 'a') -> CacheWriter:
    """Starts a cache."""
    return CacheWriter(
        folder,
        task=name,
        split='train',
        vocab_size=vocab_size,
        encoder_decoder=encoder_decoder,
        tokenizer_sha256='ab' * 32,
        fingerprint='cd',
        metadata={},
    )


def cache_documents(folder: Path, kind: str, documents: Sequence[Document], *, name: str = 'a') -> TokenCache:
    """Writes documents of ids and opens the cache."""
    with writer(folder, encoder_decoder=kind == 't5', name=name) as out:
        for row, document in enumerate(documents):
            out.add([*document.inputs, *document.targets], [len(document.inputs)], row, 0)
    return TokenCache.open(folder)


def cache_examples(folder: Path, examples: Iterable[Example], tokenizer: Tokenizer, format: TokenFormat) -> TokenCache:
    """Tokenises examples as caching does, writes and opens the cache."""
    with writer(folder, encoder_decoder=format.encoder_decoder, vocab_size=tokenizer.vocab_size) as out:
        for row, example in enumerate(examples):
            made = tokenize(example, tokenizer, format)
            assert made is not None
            out.add(made.tokens, made.boundaries, row, 0)
    return TokenCache.open(folder)
