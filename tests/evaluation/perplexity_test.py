"""Plain text under a model that gives every token the same probability, and bytes that are really counted."""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
import pytest

from jaxit.core.head import Head
from jaxit.evaluation.perplexity import text_likelihoods
from jaxit.text.base import ByteTokenizer

VOCAB = 384


@dataclasses.dataclass(frozen=True)
class Uniform:
    """A model that knows nothing."""

    encoder_decoder: bool

    def hidden(self, params, batch):
        return jnp.zeros((*batch['decoder_input_tokens'].shape, 1))

    def head(self, params):
        return Head(jnp.zeros((1, VOCAB)))


TEXTS = ['abcdefghij', 'äöü', 'x']


@pytest.mark.parametrize(
    ('encoder_decoder', 'bos_id', 'tokens', 'num_bytes'),
    [
        (False, 2, [10, 6, 1], [10, 6, 1]),
        (False, None, [9, 5, 0], [9, 6, 0]),  # the first byte of 'ä' says nothing without the second
        (True, None, [5, 3, 0], [5, 4, 0]),
    ],
)
def test_tokens_and_bytes_of_what_is_predicted(encoder_decoder, bos_id, tokens, num_bytes):
    model = Uniform(encoder_decoder)
    got = text_likelihoods(model, {}, ByteTokenizer(), TEXTS, window=6, bos_id=bos_id, batch_size=2)
    np.testing.assert_allclose(got.nats, math.log(VOCAB) * np.array(tokens), rtol=1e-6)
    assert got.tokens.tolist() == tokens
    assert got.num_bytes.tolist() == num_bytes


def test_metrics_of_a_model_that_knows_nothing():
    values = text_likelihoods(Uniform(False), {}, ByteTokenizer(), TEXTS, window=4, bos_id=2).values()
    assert math.exp(values['perplexity'].sums.sum() / values['perplexity'].weights.sum()) == pytest.approx(VOCAB)
    bits = values['bits_per_byte']
    assert bits.sums.sum() / bits.weights.sum() == pytest.approx(math.log2(VOCAB))
