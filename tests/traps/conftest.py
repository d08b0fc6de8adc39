"""Lets these tests import the tiny models, their runs and caches; one vocabulary with every chat format's marks."""

import json
import sys
from pathlib import Path

import pytest
import tokenizers as library

from jaxit.text import chat, tokenizers
from jaxit.text.base import Tokenizer

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / folder) for folder in ('models', 'training', 'traps')]

from quick import quick_compilation  # noqa: E402, F401

MARKS = tuple(dict.fromkeys(mark for format in chat.FORMATS.values() for mark in format.marks))


@pytest.fixture(scope='session')
def marked(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """Byte-pair pieces with BOS and EOS in which the chat marks were added later, beside the old vocabulary."""
    base = tokenizers.train_bpe(['the quick brown fox jumps over the lazy dog', 'brown foxes'] * 3, 300)
    folder = tmp_path_factory.mktemp('tokenizer')
    content = library.Tokenizer.from_str(base.files()['tokenizer.json'].decode())
    content.add_special_tokens(list(MARKS))
    (folder / 'tokenizer.json').write_text(content.to_str())
    (folder / 'tokenizer_config.json').write_text(json.dumps(json.loads(base.files()['tokenizer_config.json'])))
    return tokenizers.load(folder)
