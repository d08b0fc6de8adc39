"""Real vocabularies, each loaded once: the big ones take seconds, and no test changes one."""

import functools

import pytest

from jaxit.text import tokenizers


@pytest.fixture(scope='session')
def real(shared_data):
    """Loads a tokenizer of the shared data by its path there."""
    return functools.cache(lambda name: tokenizers.load(shared_data / 'tokenizers' / name))
