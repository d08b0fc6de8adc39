"""Small random caches with unequal sizes, made once a session."""

import numpy as np
import pytest

from jaxit.data.cache import CacheWriter
from jaxit.data.mixture import MixtureComponent

VOCAB_SIZE = 997


def random_example(rng, *, encoder_decoder, max_inputs=40, max_targets=23):
    """An example as (tokens, boundaries); one in four of a decoder is a conversation with many turns."""
    inputs, targets = rng.integers(1, max_inputs + 1), rng.integers(1, max_targets + 1)
    tokens = rng.integers(1, VOCAB_SIZE, inputs + targets).tolist()
    boundaries = [int(inputs)]
    if not encoder_decoder and targets > 3 and rng.random() < 0.25:
        inner = rng.choice(np.arange(1, targets + 1), rng.integers(1, 4), replace=False)
        boundaries += sorted(int(inputs + i) for i in inner)
    return tokens, boundaries


@pytest.fixture(scope='session')
def make_component(tmp_path_factory):
    """Returns a function that writes a cache of random examples and returns its mixture component."""

    def make(name, num_examples, rate, *, encoder_decoder=False, seed=0, header=None, **limits):
        folder = tmp_path_factory.mktemp('caches') / 'cache'
        rng = np.random.default_rng([seed, num_examples])
        settings = {
            'task': name,
            'split': 'train',
            'vocab_size': VOCAB_SIZE,
            'encoder_decoder': encoder_decoder,
            'tokenizer_sha256': 'ab' * 32,
            'fingerprint': f'cd{seed}',
            'metadata': {},
        }
        with CacheWriter(folder, **(settings | (header or {}))) as out:
            for index in range(num_examples):
                tokens, boundaries = random_example(rng, encoder_decoder=encoder_decoder, **limits)
                out.add(tokens, boundaries, 1000 + 3 * index, index % 5)
        return MixtureComponent(name, folder, rate)

    return make


@pytest.fixture(scope='session')
def decoder_mixture(make_component):
    """Three tasks for a decoder: epochs shorter than, about and much longer than a window."""
    return [make_component('a', 700, 0.5), make_component('b', 1300, 0.3), make_component('c', 5003, 0.2)]


@pytest.fixture(scope='session')
def encoder_decoder_mixture(make_component):
    """Two tasks for an encoder-decoder."""
    return [make_component(n, k, r, encoder_decoder=True) for n, k, r in (('x', 601, 2.0), ('y', 1501, 1.0))]
