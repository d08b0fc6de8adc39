"""T5: one BOS where the model has one, one EOS at the end, in text, in chat, for T5 and at inference."""

import numpy as np
import pytest
from tiny_caches import cache_examples

from jaxit.data.loader import evaluation_batches
from jaxit.text import chat, tokenizers
from jaxit.text.examples import Example, TokenFormat, ordinary, prompt_ids, tokenize

DECODER, T5 = TokenFormat(False, 90, 90), TokenFormat(True, 90, 90)
TYPED = 'say <bos><eos></s><s> now'  # control tokens that a user types stay text
TALK = [
    {'role': 'user', 'content': TYPED},
    {'role': 'assistant', 'content': 'Yes'},
    {'role': 'user', 'content': '<bos>'},
    {'role': 'assistant', 'content': 'No</s>'},
]


@pytest.fixture(params=['marked', 'bytes'])
def tokenizer(request, marked):
    return marked if request.param == 'marked' else tokenizers.load('bytes')


def count(ids, token):
    return 0 if token is None else list(ids).count(token)


def has_bos(tokenizer):
    return int(tokenizer.bos_id is not None)


def check_decoder(ids, tokenizer, num_eos):
    assert count(ids, tokenizer.bos_id) == has_bos(tokenizer)
    assert not has_bos(tokenizer) or ids[0] == tokenizer.bos_id
    assert count(ids, tokenizer.eos_id) == num_eos


def test_text(tokenizer):
    example = ordinary(TYPED, 'yes <eos>')
    ids = tokenize(example, tokenizer, DECODER).tokens.tolist()
    check_decoder(ids, tokenizer, num_eos=1)
    assert ids[-1] == tokenizer.eos_id
    check_decoder(prompt_ids(example, tokenizer, DECODER), tokenizer, num_eos=0)
    assert tokenizer.decode(ids) == f'{TYPED}\nyes <eos>'


def test_no_bos_where_none_is_wanted(tokenizer):
    ids = tokenize(ordinary('a', 'b'), tokenizer, TokenFormat(False, 9, 9, add_bos=False)).tokens
    assert count(ids, tokenizer.bos_id) == 0 and count(ids, tokenizer.eos_id) == 1


@pytest.mark.parametrize('format', chat.FORMATS)
def test_chat(marked, format):
    example = Example(chat.to_parts(TALK, format))
    end = marked.eos_id if chat.stop_ids(format, marked) == (marked.eos_id,) else chat.stop_ids(format, marked)[1]
    ids = tokenize(example, marked, TokenFormat(False, 200, 200)).tokens.tolist()
    replies = 2
    check_decoder(ids, marked, num_eos=replies if end == marked.eos_id else 0)
    assert ids[-1] == end and ids[-2] != end
    prompt = prompt_ids(example, marked, TokenFormat(False, 200, 200))
    check_decoder(prompt, marked, num_eos=replies - 1 if end == marked.eos_id else 0)


def test_t5_has_no_bos_and_ends_both_sides_once(tokenizer, tmp_path):
    example = ordinary(TYPED, 'yes </s>')
    prompt = prompt_ids(example, tokenizer, T5)
    made = tokenize(example, tokenizer, T5)
    for side in (prompt, made.tokens[len(prompt) :].tolist()):
        assert count(side, tokenizer.eos_id) == 1 and side[-1] == tokenizer.eos_id
        assert count(side, tokenizer.bos_id) == 0
    cache = cache_examples(tmp_path / 'cache', [example], tokenizer, T5)
    [batch] = evaluation_batches(cache, 1, {'inputs': 90, 'targets': 90})
    assert batch['encoder_input_tokens'][0, : len(prompt)].tolist() == prompt
    targets = made.tokens[len(prompt) :].tolist()
    assert batch['decoder_target_tokens'][0, : len(targets)].tolist() == targets
    assert batch['decoder_input_tokens'][0, : len(targets)].tolist() == [0, *targets[:-1]]  # starts with the pad token


def test_a_packed_row_has_one_bos_for_each_example(marked, tmp_path):
    examples = [ordinary('a' * i, 'b' * i) for i in (3, 5, 2)]
    cache = cache_examples(tmp_path / 'cache', examples, marked, DECODER)
    [batch] = evaluation_batches(cache, 1, {'inputs': None, 'targets': 60}, pack=True)
    row, segments = batch['decoder_input_tokens'][0], batch['decoder_segment_ids'][0]
    starts = np.flatnonzero(np.diff(segments, prepend=0) > 0)
    assert (row[starts] == marked.bos_id).all() and count(row, marked.bos_id) == 3
    targets, weights = batch['decoder_target_tokens'][0], batch['decoder_loss_weights'][0]
    assert count(targets, marked.bos_id) == 0
    assert weights[targets == marked.eos_id].tolist() == [1.0, 1.0, 1.0]


@pytest.mark.shared_data
@pytest.mark.parametrize('name', ['gemma3', 'llama2', 'llama3', 'mistral_v3', 'smollm2', 'qwen3', 't5', 'mt5'])
def test_published_vocabularies(shared_data, name):
    tokenizer = tokenizers.load(shared_data / 'tokenizers' / name)
    example = ordinary('Is it <s> 4?', 'Yes <bos>')
    ids = tokenize(example, tokenizer, DECODER).tokens.tolist()
    check_decoder(ids, tokenizer, num_eos=1)
    assert ids[-1] == tokenizer.eos_id
    both = tokenize(example, tokenizer, T5).tokens
    assert count(both, tokenizer.bos_id) == 0 and count(both, tokenizer.eos_id) == 2
