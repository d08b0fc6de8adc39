"""SentencePiece models trained here: marks, sentinels, roles, damage."""

import contextlib
import io
import random

import pytest
import sentencepiece

from jaxit.core.errors import UserError
from jaxit.text import tokenizers
from jaxit.text.sentencepieces import SentencePieceTokenizer

SENTENCES = ['the cat sat on the mat', 'a dog in the fog', 'turn the page <b>now</b>'] * 5


@pytest.fixture(scope='module')
def model():
    return train(model_type='bpe', pad_id=0, eos_id=1, unk_id=2, bos_id=3)


def train(**options):
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_writer=out,
        vocab_size=60,
        hard_vocab_limit=False,
        user_defined_symbols=['<turn>', '<b>', 'cat'],
        control_symbols=['<ctl>'],
        minloglevel=3,
        **options,
    )
    return out.getvalue()


@pytest.mark.parametrize('kind', ['bpe', 'unigram'])
def test_user_defined_marks_are_text_and_other_pieces_are_not_touched(kind):
    model = train(model_type=kind, pad_id=0, eos_id=1, unk_id=2, bos_id=3)
    oracle = sentencepiece.SentencePieceProcessor(model_proto=model)
    tokenizer = SentencePieceTokenizer(model)
    turn = oracle.piece_to_id('<turn>')
    assert turn in oracle.encode('the <turn> dog'), 'the danger that this test is about is gone'
    assert turn not in tokenizer.encode('the <turn> dog')
    assert tokenizer.special_id('<turn>') == turn and tokenizer.special_id('<ctl>') == oracle.piece_to_id('<ctl>')
    for text in ('the cat', 'a <b>dog', '  the page '):
        assert tokenizer.encode(text) == oracle.encode(text)
        assert tokenizer.decode(oracle.encode(text)) == oracle.decode(oracle.encode(text))
    assert set(tokenizer.specials) == {'<pad>', '</s>', '<s>', '<turn>', '<ctl>'}
    assert (tokenizer.pad_id, tokenizer.eos_id, tokenizer.bos_id) == (0, 1, 3)


@pytest.mark.parametrize('kind', ['bpe', 'unigram'])
@pytest.mark.parametrize('blank', [True, False])
def test_a_text_that_goes_on_has_no_blank_before_its_first_word(kind, blank):
    model = train(model_type=kind, pad_id=0, eos_id=1, unk_id=2, bos_id=3, add_dummy_prefix=blank)
    oracle = sentencepiece.SentencePieceProcessor(model_proto=model)
    tokenizer = SentencePieceTokenizer(model)
    for text in ('the cat', 'cat', 'dog <turn>', ''):
        pieces = [oracle.id_to_piece(i) for i in tokenizer.encode(text, continues=True)]
        assert ''.join(pieces) == text.replace(' ', '▁') or '<' in text
        assert tokenizer.special_id('<turn>') not in tokenizer.encode(text, continues=True)
    assert (tokenizer.encode('the cat', continues=True) == oracle.encode('the cat')) == (not blank)


def test_a_rendered_text_is_read_with_its_marks_and_without_blanks_of_its_own():
    roles = {'pad_id': 0, 'eos_id': 1, 'unk_id': 2, 'bos_id': 3}
    tokenizer = SentencePieceTokenizer(train(model_type='bpe', remove_extra_whitespaces=False, **roles))
    turn, the, dog = tokenizer.special_id('<turn>'), tokenizer.encode('the'), tokenizer.encode('dog', continues=True)
    assert tokenizer.read('<s><turn> the<turn>dog</s>') == [3, turn, *the, turn, *dog, 1]


def test_sentinels_count_down_from_the_last_id(model, tmp_path):
    (tmp_path / 'spiece.model').write_bytes(model)
    size = sentencepiece.SentencePieceProcessor(model_proto=model).get_piece_size()
    tokenizer = tokenizers.load(tmp_path, extra_ids=3)
    assert tokenizer.vocab_size == size + 3
    assert [tokenizer.special_id(f'<extra_id_{i}>') for i in range(4)] == [size + 2, size + 1, size, None]
    assert tokenizer.decode([size, *tokenizer.encode('dog'), size + 3, size + 2], keep_specials=True) == (
        '<extra_id_2>dog<extra_id_0>'
    )
    tokenizers.save(tokenizer, tmp_path)
    assert tokenizers.load(tmp_path).sha256 == tokenizer.sha256 != tokenizers.load(tmp_path, extra_ids=0).sha256


def test_roles_can_be_chosen_and_must_exist(model, tmp_path):
    tokenizer = SentencePieceTokenizer(model, overrides={'eos': '<turn>'})
    assert tokenizer.eos_id == tokenizer.special_id('<turn>')
    tokenizers.save(tokenizer, tmp_path)
    assert tokenizers.load(tmp_path).eos_id == tokenizer.eos_id
    with pytest.raises(UserError, match=r"unknown control token 'dog' in x\.model"):
        SentencePieceTokenizer(model, overrides={'eos': 'dog'}, where='x.model')


def test_a_model_without_padding_pads_with_eos_and_one_without_eos_is_refused():
    tokenizer = SentencePieceTokenizer(train(pad_id=-1, eos_id=1, unk_id=0, bos_id=-1))
    assert (tokenizer.pad_id, tokenizer.eos_id, tokenizer.bos_id) == (1, 1, None)
    with pytest.raises(UserError, match='no end-of-sequence token'):
        SentencePieceTokenizer(train(pad_id=-1, eos_id=-1, unk_id=0, bos_id=-1))


def test_a_model_of_any_name_is_saved_under_one_that_a_folder_is_searched_for(model, tmp_path):
    (tmp_path / 'mine.model').write_bytes(model)
    tokenizers.save(tokenizers.load(tmp_path / 'mine.model'), tmp_path / 'out')
    assert tokenizers.load(tmp_path / 'out').content() == model


def test_damaged_models_load_or_say_so(model):
    draw = random.Random(3)
    for _ in range(200):
        damaged = bytearray(model)
        for _ in range(draw.randint(1, 3)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        with contextlib.suppress(UserError):
            SentencePieceTokenizer(bytes(damaged)).encode('the cat')
