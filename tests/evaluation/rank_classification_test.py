"""Options of a bigram model whose probabilities are written down."""

import dataclasses
import itertools

import jax.numpy as jnp
import numpy as np
import pytest
import tokenizers as library

from jaxit.core.head import Head
from jaxit.evaluation.rank_classification import Ranking, choose, option_ids, rank, reply_ids
from jaxit.text import chat
from jaxit.text.base import ByteTokenizer
from jaxit.text.examples import Example, Part, TokenFormat, ordinary, prompt_ids, tokenize
from jaxit.text.huggingface import HuggingFaceTokenizer, train_bpe

# P(next | token): rows are the tokens 0..3.
TABLE = np.array(
    [[0.25, 0.25, 0.25, 0.25], [0.1, 0.2, 0.3, 0.4], [0.05, 0.9, 0.025, 0.025], [0.1, 0.1, 0.4, 0.4]], np.float32
)


@dataclasses.dataclass(frozen=True)
class Bigram:
    """A decoder whose hidden state is the row of the table that the last token names."""

    encoder_decoder = False

    def hidden(self, params, batch):
        return jnp.log(params['table'])[batch['decoder_input_tokens']]

    def head(self, params):
        return Head(jnp.eye(params['table'].shape[0], dtype=jnp.float32))


def test_options_of_unequal_length_by_hand():
    options = [[[2], [3, 3, 2]], [[3], [2, 1, 2, 1], [1]]]
    first, second = rank(Bigram(), {'table': jnp.asarray(TABLE)}, [[0, 1], [3, 1]], options, batch_size=3)
    np.testing.assert_allclose(first.scores, np.log([0.3, 0.4 * 0.4 * 0.4]), rtol=1e-6)
    np.testing.assert_allclose(second.scores, np.log([0.4, 0.3 * 0.9 * 0.3 * 0.9, 0.2]), rtol=1e-6)
    assert (first.counts, second.counts) == ((1, 3), (1, 4, 1))
    # Sums favour the short option; per token it is 0.3 against 0.4, and 0.4 against (0.0729) ** (1 / 4) = 0.52.
    assert (first.by_sum.index, first.by_token.index) == (0, 1)
    assert (second.by_sum.index, second.by_token.index) == (0, 1)


def test_the_first_of_equal_options_is_chosen_and_the_tie_is_told():
    assert choose([-2.0, -1.0, -1.0]) == (1, True)
    assert choose([-2.0, -1.0, -1.001]) == (1, False)
    assert choose([-1.0 - 1e-6, -1.0]) == (0, True)  # rounding decides nothing
    assert Ranking((-2.0, -1.0), (4, 2)).by_token == (0, True)
    assert Ranking((-2.0, -1.0), (4, 2)).by_sum == (1, False)


@pytest.mark.parametrize('encoder_decoder', [True, False])
@pytest.mark.parametrize('marks', [(), (Part('<unk>', loss=True, special=True),)], ids=['plain', 'chat'])
def test_options_are_tokenised_as_replies_in_training(encoder_decoder, marks):
    tokenizer, format = ByteTokenizer(), TokenFormat(encoder_decoder, 24, 9)
    example = ordinary('Yes or no?', 'no', options=('yes', 'no', 'a long one here'))
    example = dataclasses.replace(example, parts=(*example.parts, *marks))
    for option in example.options:
        whole = dataclasses.replace(example, parts=(example.parts[0], Part(option, loss=True), *marks))
        trained = tokenize(whole, tokenizer, format).tokens.tolist()
        ids = option_ids(example, option, tokenizer, format)
        assert prompt_ids(example, tokenizer, format) + ids == trained
        assert ids[-1] == (2 if marks else 1)
    assert len(option_ids(example, 'a long one here', tokenizer, format)) == 9


@pytest.mark.parametrize('name', chat.FORMATS)
def test_options_are_the_replies_of_every_chat_format(name):
    format, base = TokenFormat(False, 300, 300), train_bpe(['yes or no'] * 3, 270, prefix_space=True)
    content = library.Tokenizer.from_str(base.content().decode())
    content.add_special_tokens([mark for other in chat.FORMATS.values() for mark in other.marks])
    files = {'tokenizer_config.json': base.files()['tokenizer_config.json']}
    tokenizer = HuggingFaceTokenizer(content.to_str().encode(), companions=files)
    for answer, option in itertools.product(('yes', 'no or yes'), repeat=2):
        asked = [{'role': 'user', 'content': 'yes or no?'}]
        talks = ([*asked, {'role': 'assistant', 'content': text}] for text in (answer, option))
        example, whole = (Example(chat.to_parts(talk, name)) for talk in talks)
        ids = option_ids(example, option, tokenizer, format)
        assert prompt_ids(example, tokenizer, format) + ids == tokenize(whole, tokenizer, format).tokens.tolist()
        assert ids == reply_ids(whole, tokenizer, format)


def test_options_of_a_conversation_stand_in_the_last_reply():
    parts = (Part('Hi'), Part('hello', loss=True), Part('Yes or no?'), Part('no', loss=True))
    ids = option_ids(Example(parts), 'yes', ByteTokenizer(), TokenFormat(False, 24, 9))
    assert ids == [*ByteTokenizer().encode('yes'), 1]
