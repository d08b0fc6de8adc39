"""Ids, loss and cuts of examples: hand-computed rows, and properties over random ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxit.core.errors import UserError
from jaxit.text import tokenizers
from jaxit.text.examples import Example, Part, TokenFormat, ordinary, prompt_ids, tokenize

BYTES = tokenizers.load('bytes')
BPE = tokenizers.train_bpe(['the quick brown fox\njumps over the lazy dog'] * 4, 290)
TEXT = st.text(st.characters(codec='utf-8', exclude_characters='\ufdd0'), max_size=30)
WORDS = st.text('the quick\nfx<eos>é', min_size=1, max_size=40)


class PadIsEos(tokenizers.ByteTokenizer):
    """Bytes with one id for padding, beginning and end, as GPT-2's users have it."""

    def __init__(self):
        super().__init__()
        self.pad_id = self.bos_id = self.eos_id


def b(text):
    return [byte + 3 for byte in text.encode()]


@pytest.mark.parametrize(
    ('inputs', 'targets', 'tokens', 'boundary', 'cut'),
    [
        ('ab', 'cd', [*b('ab'), 1, *b('cd'), 1], 3, (0, 0)),
        ('abcde', 'wxyz', [*b('abcde'), 1, *b('wxyz'), 1], 6, (0, 0)),
        ('abcdef', 'vwxyz', [*b('abcde'), 1, *b('vwxy'), 1], 6, (1, 1)),
        ('', 'w', [1, *b('w'), 1], 1, (0, 0)),
    ],
)
def test_t5_rows(inputs, targets, tokens, boundary, cut):
    done = tokenize(ordinary(inputs, targets), BYTES, TokenFormat(True, 6, 5))
    assert done is not None and done.tokens.dtype == np.int32
    assert (done.tokens.tolist(), done.boundaries) == (tokens, (boundary,))
    assert (done.cut_inputs, done.cut_targets) == cut


@pytest.mark.parametrize(
    ('inputs', 'targets', 'options', 'tokens', 'boundary', 'cut'),
    [
        ('ab', 'cd', {}, [2, *b('ab\ncd'), 1], 4, (0, 0)),
        ('ab', 'cd', {'add_bos': False}, [*b('ab\ncd'), 1], 3, (0, 0)),
        ('ab', 'cd', {'separator': ' => '}, [2, *b('ab => cd'), 1], 7, (0, 0)),
        ('ab\n', 'cd', {}, [2, *b('ab\ncd'), 1], 4, (0, 0)),
        ('', 'cd', {}, [2, *b('cd'), 1], 1, (0, 0)),
        ('abcdefgh', 'vwxyz', {}, [2, *b('abcde\nvwxy'), 1], 7, (3, 1)),
        ('abcdefgh', 'vwxyz', {'cut': 'start'}, [2, *b('defgh\nvwxy'), 1], 7, (3, 1)),
        ('abcde', 'vwxyz', {'cut': 'drop'}, [2, *b('abcde\nvwxy'), 1], 7, (0, 1)),
    ],
)
def test_decoder_rows(inputs, targets, options, tokens, boundary, cut):
    tokenizer = tokenizers.load('bytes')
    tokenizer.bos_id = 2
    format = TokenFormat(False, 7, 5, **options)
    done = tokenize(ordinary(inputs, targets), tokenizer, format)
    assert done is not None
    assert (done.tokens.tolist(), done.boundaries) == (tokens, (boundary,))
    assert (done.cut_inputs, done.cut_targets) == cut
    assert done.loss_mask.tolist() == [i >= boundary for i in range(len(tokens))]


def test_too_long_inputs_are_dropped_where_the_format_says_so():
    for encoder_decoder, inputs in ((True, 'abcdef'), (False, 'abcdef')):
        format = TokenFormat(encoder_decoder, 6, 5, cut='drop')
        assert tokenize(ordinary(inputs, 'w'), BYTES, format) is None
        assert tokenize(ordinary(inputs[:5], 'w'), BYTES, format) is not None


def test_the_border_is_exact_where_joint_tokenisation_would_merge_across_it():
    format = TokenFormat(False, 20, 20, separator='')
    example = ordinary('The quick brow', 'n fox')
    done = tokenize(example, BPE, format)
    assert done is not None
    joint = BPE.encode('The quick brown fox')
    assert done.tokens.tolist() != [2, *joint, 1], 'the danger that this test is about is gone'
    assert done.tokens.tolist() == [2, *BPE.encode('The quick brow'), *BPE.encode('n fox'), 1]
    assert done.tokens[: done.boundaries[0]].tolist() == prompt_ids(example, BPE, format)


FORMATS = st.builds(
    TokenFormat,
    encoder_decoder=st.booleans(),
    inputs_length=st.integers(3, 40),
    targets_length=st.integers(2, 30),
    add_bos=st.booleans(),
    separator=st.sampled_from(['\n', '', ' -> ']),
    cut=st.sampled_from(['end', 'start']),
)


@settings(deadline=None, max_examples=150)
@given(inputs=TEXT, targets=TEXT.filter(bool), format=FORMATS, tokenizer=st.sampled_from([BYTES, BPE, PadIsEos()]))
def test_every_ordinary_row(inputs, targets, format, tokenizer):
    example = ordinary(inputs, targets)
    done = tokenize(example, tokenizer, format)
    assert done is not None
    tokens, mask = done.tokens.tolist(), done.loss_mask
    loss = done.tokens[mask].tolist()
    assert loss[-1] == tokens[-1] == tokenizer.eos_id
    assert loss[:-1] == tokenizer.encode(targets)[: format.targets_length - 1]
    assert len(loss) + done.cut_targets == len(tokenizer.encode(targets)) + 1
    if not done.cut_targets:
        assert tokenizer.decode(loss) == targets
    assert len(tokens) <= format.row_length and len(tokens) - len(loss) <= format.inputs_length
    bos = [] if format.encoder_decoder or not format.add_bos else [i for i in [tokenizer.bos_id] if i is not None]
    assert tokens[: len(bos)] == bos
    ends = 1 + (1 if format.encoder_decoder else 0)
    special = [i for i in tokens if i in tokenizer.names]
    assert len(special) == len(bos) + ends, 'one BOS, one EOS on each side'
    assert tokens[: done.boundaries[0]] == prompt_ids(example, tokenizer, format)
    assert prompt_ids(Example((Part(inputs),)), tokenizer, format) == prompt_ids(example, tokenizer, format)


def chat(*turns):
    """Returns a conversation of (prompt, reply) pairs in a format with a mark, as `text.chat` builds them."""
    parts = []
    for prompt, reply in turns:
        parts += [Part('<bos>', special=True), Part('u:'), Part(prompt), Part('\n'), Part(reply, loss=True)]
        parts.append(Part('<pad>', loss=True, special=True))
    return Example(tuple(parts), source_row=41, task='talk')


def test_a_conversation_toggles_its_loss_at_each_reply():
    format = TokenFormat(False, 40, 40)
    done = tokenize(chat(('hi', 'Yes'), ('more', '42')), BPE, format)
    assert done is not None
    first, second = [2, *BPE.encode('u:hi\n')], [2, *BPE.encode('u:more\n')]
    replies = [*BPE.encode('Yes'), 0], [*BPE.encode('42'), 0]
    assert done.tokens.tolist() == [2, *first, *replies[0], *second, *replies[1]]
    assert BPE.decode(done.tokens[done.loss_mask], keep_specials=True) == 'Yes<pad>42<pad>'
    lengths = np.cumsum([1 + len(first), len(replies[0]), len(second)])
    assert done.boundaries == tuple(lengths)


def test_replies_without_a_mark_end_with_eos_each():
    parts = (Part('a'), Part('b', loss=True), Part('c'), Part('d', loss=True), Part('never learned'))
    done = tokenize(Example(parts), BYTES, TokenFormat(False, 9, 9))
    assert done is not None
    assert done.tokens.tolist() == [*b('ab'), 1, *b('cd'), 1] and done.boundaries == (1, 3, 4)


def test_replies_with_nothing_between_are_one_stretch_of_loss():
    parts = (Part('a'), Part('b', loss=True), Part(''), Part('d', loss=True))
    done = tokenize(Example(parts), BYTES, TokenFormat(False, 9, 9))
    assert done is not None
    assert done.tokens.tolist() == [*b('ab'), 1, *b('d'), 1] and done.boundaries == (1,)


def test_a_long_conversation_loses_whole_turns_and_they_are_counted():
    example = Example(
        tuple(Part(text, loss=i % 2 == 1) for i, text in enumerate(['aaa', 'bb', 'cccc', 'dd', 'ee', 'f']))
    )
    for row, tokens, boundaries, cut in (
        (19, 17, (3, 6, 10, 13, 15), (0, 0)),
        (16, 13, (3, 6, 10), (2, 2)),
        (12, 6, (3,), (6, 5)),
        (6, 6, (3,), (6, 5)),
        (5, 5, (3,), (6, 6)),
    ):
        done = tokenize(example, BYTES, TokenFormat(False, 3, row - 3))
        assert done is not None
        assert (len(done.tokens), done.boundaries, (done.cut_inputs, done.cut_targets)) == (tokens, boundaries, cut)
        assert done.tokens[-1] == 1


def test_a_chat_prompt_is_cut_inside_its_longest_text():
    example = chat(('x' * 30, 'ok'))
    for cut, kept in (('end', 'abcd'), ('start', 'wxyz')):
        example = Example((Part('<bos>', special=True), Part('u:'), Part('abcd' + '-' * 9 + 'wxyz'), Part('\n'), Part('ok', loss=True)))  # fmt: skip
        format = TokenFormat(False, 9, 5, cut=cut)
        done = tokenize(example, BPE, format)
        assert done is not None and done.cut_inputs == 13
        assert BPE.decode(done.tokens, keep_specials=True) == f'<bos><bos>u:{kept}\nok<eos>'
        assert done.tokens[: done.boundaries[0]].tolist() == prompt_ids(example, BPE, format)
    with pytest.raises(UserError, match='raise inputs_length'):
        tokenize(Example((*[Part('<bos>', special=True)] * 9, Part('ok', loss=True))), BPE, TokenFormat(False, 5, 5))


@settings(deadline=None, max_examples=100)
@given(
    turns=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=4),
    inputs_length=st.integers(8, 60),
    targets_length=st.integers(2, 60),
)
def test_every_conversation(turns, inputs_length, targets_length):
    example = chat(*turns)
    format = TokenFormat(False, inputs_length, targets_length)
    done = tokenize(example, BPE, format)
    assert done is not None
    assert len(done.tokens) <= format.row_length and done.tokens[-1] == 0
    replies = BPE.decode(done.tokens[done.loss_mask], keep_specials=True).split('<pad>')[:-1]
    kept = len(replies)
    assert replies[1:] == [reply for _, reply in turns][1:kept]
    assert (replies[0] == turns[0][1]) or kept == 1
    whole = sum(len(BPE.encode(reply)) + 1 for _, reply in turns)
    assert done.loss_mask.sum() + done.cut_targets == whole
    starts = done.boundaries[::2]
    for number in range(kept):
        so_far = Example(example.parts[: 6 * number + 4])
        assert done.tokens[: starts[number]].tolist() == prompt_ids(so_far, BPE, format)


def test_a_long_history_is_cut_to_the_row():
    example = Example((Part('aaa'), Part('bb', loss=True), Part('c' * 20)))
    assert prompt_ids(example, BYTES, TokenFormat(False, 5, 6)) == [*b('aaabb'), 1, *b('cccc')]


@pytest.mark.parametrize('parts', [(Part('a'),), (Part('a'), Part('', loss=True)), ()])
def test_an_example_without_loss_is_named(parts):
    with pytest.raises(UserError, match="task 'sums', source row 17: no token bears loss"):
        tokenize(Example(parts, task='sums', source_row=17), BYTES, TokenFormat(False, 9, 9))


def test_what_a_model_cannot_take_is_refused():
    with pytest.raises(UserError, match="task 'talk', source row 41: an encoder-decoder takes one reply"):
        tokenize(chat(('a', 'b'), ('c', 'd')), BPE, TokenFormat(True, 30, 30))
    with pytest.raises(UserError, match="source row 41: the vocabulary has no control token '<bos>'"):
        tokenize(chat(('a', 'b')), BYTES, TokenFormat(False, 30, 30))
    with pytest.raises(UserError, match="cut is 'middle'; it must be one of end, start, drop"):
        TokenFormat(False, 9, 9, cut='middle')
    with pytest.raises(UserError, match='targets_length is 1'):
        TokenFormat(False, 9, 1)


def test_inputs_and_targets_of_examples():
    assert (ordinary('in', 'out').inputs, ordinary('in', 'out').targets) == ('in', 'out')
    talk = chat(('a', 'b'), ('c', 'd'))
    assert (talk.inputs, talk.targets) == ('<bos>u:a\nb<pad><bos>u:c\n', 'd')
    assert (Example((Part('in'),)).inputs, Example((Part('in'),)).targets) == ('in', '')


@pytest.mark.parametrize('encoder_decoder', [True, False])
def test_optional_parts_are_kept_as_long_as_they_fit(encoder_decoder):
    shown = tuple(Part(text, optional=True) for text in ('one.', 'two..', 'three...'))
    example = Example((*shown, Part('ask'), Part('so', loss=True)))
    border = '' if encoder_decoder else '\n'
    for length, kept in (
        (5, ''),
        (7, ''),
        (8, 'one.'),
        (12, 'one.'),
        (13, 'one.two..'),
        (20, 'one.two..'),
        (21, 'one.two..three...'),
    ):
        format = TokenFormat(encoder_decoder, length, 9, add_bos=False)
        done = tokenize(example, BYTES, format)
        assert done is not None and done.cut_inputs == 0
        prompt = done.tokens[: done.boundaries[0]].tolist()
        assert prompt == prompt_ids(example, BYTES, format)
        assert BYTES.decode(prompt) == f'{kept}ask{border}', length


@pytest.mark.parametrize('encoder_decoder', [True, False])
def test_optional_parts_keep_their_place(encoder_decoder):
    head, one, two, ask = Part('head.'), Part('one.', optional=True), Part('two..', optional=True), Part('ask')
    example = Example((head, one, two, ask, Part('?'), Part('so', loss=True)))
    for length, kept in ((9, 'head.ask?'), (12, 'head.ask?'), (13, 'head.one.ask?'), (18, 'head.one.two..ask?')):
        format = TokenFormat(encoder_decoder, length + encoder_decoder, 9, add_bos=False)
        done = tokenize(example, BYTES, format)
        assert done is not None and done.cut_inputs == 0
        assert BYTES.decode(done.tokens[: done.boundaries[0]].tolist()) == kept, length
