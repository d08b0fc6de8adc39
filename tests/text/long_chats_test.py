"""Conversations that are too long for a prompt: the oldest turns go first, and what is cut keeps its format's ids."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxit.core.errors import UserError
from jaxit.text import chat, tokenizers
from jaxit.text.examples import Example, Part, TokenFormat, prompt_ids, tokenize

BYTES = tokenizers.load('bytes')
LONG = TokenFormat(False, 900, 900)
VOCABULARIES = {
    'plain': 'llama2',
    'gemma': 'gemma3',
    'chatml': 'smollm2',
    'llama3': 'llama3',
    'llama2': 'llama2',
    'mistral': 'mistral_v3',
    'zephyr': 'llama2',
    'vicuna': 'llama2',
    'alpaca': 'llama2',
}


def talk_of(*texts, system=None):
    """Returns a conversation of the user and the assistant by turns."""
    first = [] if system is None else [{'role': 'system', 'content': system}]
    roles = ('user', 'assistant') * len(texts)
    return [*first, *({'role': role, 'content': text} for role, text in zip(roles, texts, strict=False))]


def asked(talk, format, tokenizer, token_format, loss='all'):
    """Returns the prompt of the last reply, which is the same with the reply at hand and without, as text too."""
    ids = prompt_ids(Example(chat.to_parts(talk, format, loss=loss)), tokenizer, token_format)
    if loss == 'all':
        assert ids == prompt_ids(Example(chat.prompt_parts(talk[:-1], format)), tokenizer, token_format)
    return ids


HISTORY = talk_of('first?', 'A' * 60, 'second?', 'B' * 60, 'the newest question?', 'Yes.')


@pytest.mark.parametrize(
    ('row', 'left'),
    [
        (159, 'first?\n' + 'A' * 60 + '</s>second?\n' + 'B' * 60 + '</s>the newest question?\n'),
        (158, 'second?\n' + 'B' * 60 + '</s>the newest question?\n'),
        (92, 'second?\n' + 'B' * 60 + '</s>the newest question?\n'),
        (90, 'the newest question?\n'),
        (40, 'the newest question\n'),
    ],
)
def test_a_long_history_loses_its_oldest_turns_and_keeps_the_question(row, left):
    longest = 20 if row == 40 else 21
    format = TokenFormat(False, longest, row - longest)
    assert BYTES.decode(asked(HISTORY, 'plain', BYTES, format), keep_specials=True) == left


@pytest.mark.parametrize('encoder_decoder', [False, True])
@pytest.mark.parametrize(
    ('length', 'left', 'gone'),
    [
        (158, 'first?\n' + 'A' * 60 + '</s>second?\n' + 'B' * 60 + '</s>the newest question?\n', 0),
        (157, 'second?\n' + 'B' * 60 + '</s>the newest question?\n', 68),
        (89, 'the newest question?\n', 137),
        (20, 'the newest question\n', 138),
    ],
)
def test_where_only_the_last_reply_bears_loss_the_oldest_turns_go_and_are_counted(encoder_decoder, length, left, gone):
    format = TokenFormat(encoder_decoder, length + encoder_decoder, 9)
    made = tokenize(Example(chat.to_parts(HISTORY, 'plain', loss='last')), BYTES, format)
    given = made.tokens[: made.boundaries[0]].tolist()
    assert given == asked(HISTORY, 'plain', BYTES, format, 'last')
    assert BYTES.decode(given, keep_specials=True) == left + '</s>' * encoder_decoder
    assert made.cut_inputs == gone
    assert made.tokens[made.loss_mask].tolist() == [*BYTES.encode('Yes.'), 1]


@pytest.mark.parametrize('name', ['bytes', 't5'])
@pytest.mark.parametrize('format', ['plain', 'alpaca', 'vicuna'])
@pytest.mark.parametrize('length', [400, 100, 40])
def test_a_t5_is_asked_what_it_was_trained_on(request, name, format, length):
    tokenizer = BYTES if name == 'bytes' else request.getfixturevalue('real')('t5')
    token_format = TokenFormat(True, length, 20)
    talk = talk_of('Is it 4?', 'Yes', 'And 6?', 'No', 'And 42?', 'Yes', system='Be brief.')
    made = tokenize(Example(chat.to_parts(talk, format, loss='last')), tokenizer, token_format)
    trained = made.tokens[: made.boundaries[0]].tolist()
    assert trained == prompt_ids(Example(chat.prompt_parts(talk[:-1], format)), tokenizer, token_format)
    assert trained == prompt_ids(Example(chat.to_parts(talk, format)), tokenizer, token_format)
    assert trained[-1] == tokenizer.eos_id and len(trained) <= length
    if length == 400:
        assert trained.count(tokenizer.eos_id) == 3  # of two earlier replies, and of the prompt


def test_a_conversation_that_trains_can_be_evaluated():
    talk = talk_of('u' * 10, 'a' * 60, 'v' * 10, 'b' * 60, 'w' * 5, 'c')
    format = TokenFormat(False, 60, 40)
    assert len(tokenize(Example(chat.to_parts(talk, 'plain')), BYTES, format).tokens) == 72
    left = BYTES.decode(asked(talk, 'plain', BYTES, format), keep_specials=True)
    assert left == 'v' * 10 + '\n' + 'b' * 60 + '</s>' + 'w' * 5 + '\n'


def test_calls_of_a_newest_turn_that_is_too_long_are_cut_and_keep_their_ends():
    mine = dataclasses.replace(chat.get('plain'), tool=chat.get('plain').user)
    talk = [*talk_of('old', 'older', 'q', 'call' * 20), {'role': 'tool', 'content': 'found' * 4}]
    parts = chat.prompt_parts(talk, mine)
    ids = prompt_ids(Example(parts), BYTES, TokenFormat(False, 20, 25))
    left = 'q\n' + 'call' * 5 + '</s>' + 'found' * 4 + '\n'
    assert BYTES.decode(ids, keep_specials=True) == left
    talk.append({'role': 'assistant', 'content': 'Yes.'})
    made = tokenize(Example(chat.to_parts(talk, mine, loss='last')), BYTES, TokenFormat(False, 44, 5))
    assert BYTES.decode(made.tokens, keep_specials=True) == f'{left}Yes.</s>'
    assert made.cut_inputs == len('old\nolder') + 1 + len('call' * 15)


lengths = st.integers(1, 12)


@settings(max_examples=150, deadline=None)
@given(
    turns=st.lists(st.tuples(lengths, lengths, st.booleans()), min_size=1, max_size=5),
    system=st.booleans(),
    loss=st.sampled_from(chat.LOSS_TURNS),
    inputs_length=st.integers(20, 60),
    targets_length=st.integers(2, 40),
)
def test_every_history_is_a_shorter_conversation(turns, system, loss, inputs_length, targets_length):
    talk = talk_of(*(c for i, (u, a, _) in enumerate(turns) for c in (f'{i}' * u, 'abcde'[i] * a)))
    for message, marked in zip(talk[1::2], (marked for *_, marked in turns), strict=True):
        message['weight'] = int(marked)
    talk[-1]['weight'] = 1
    first = [{'role': 'system', 'content': 'S'}] if system else []
    format = TokenFormat(False, inputs_length, targets_length)
    example = Example(chat.to_parts([*first, *talk], 'plain', loss=loss))
    ids = prompt_ids(example, BYTES, format)
    shorter = [
        prompt_ids(Example(chat.to_parts([*first, *talk[start:]], 'plain', loss=loss)), BYTES, LONG)
        for start in range(0, len(talk), 2)
    ]
    assert ids in shorter
    assert len(ids) < format.row_length
    if ids != shorter[0]:  # the next longer one has no room
        longer = shorter[shorter.index(ids) - 1]
        assert len(longer) >= format.row_length or len(longer) > inputs_length
    made = tokenize(example, BYTES, format)
    if loss != 'all':
        assert made.tokens[: made.boundaries[0]].tolist() in shorter or loss == 'marked'
    if not made.cut_targets and not made.cut_inputs:
        assert made.tokens[: len(ids)].tolist() == ids


@pytest.mark.shared_data
@pytest.mark.parametrize('format', chat.FORMATS)
@pytest.mark.parametrize('cut', ['end', 'start'])
def test_what_is_cut_keeps_the_ids_of_its_format(real, format, cut):
    tokenizer, words = real(VOCABULARIES[format]), ' '.join(f'word{i}' for i in range(90))
    talk = talk_of(words, 'Yes', system='Be brief.')
    whole = asked(talk, format, tokenizer, LONG)
    parts = chat.prompt_parts(talk[:-1], format)
    place = next(i for i, part in enumerate(parts) if part.text == words)

    def with_kept(n):
        text = words[len(words) - n :] if cut == 'start' else words[:n]
        shorter = (*parts[:place], dataclasses.replace(parts[place], text=text), *parts[place + 1 :])
        return prompt_ids(Example(shorter), tokenizer, LONG)

    for length in (len(whole) - 1, len(whole) - 5, len(whole) // 2):
        token_format = TokenFormat(False, length, 9, cut=cut)
        made = tokenize(Example(chat.to_parts(talk, format)), tokenizer, token_format)
        ids = made.tokens[: made.boundaries[0]].tolist()
        assert ids == asked(talk, format, tokenizer, token_format) and length - 2 <= len(ids) <= length
        assert made.cut_inputs == len(whole) - len(ids)
        kept = max(n for n in range(len(words)) if ids == with_kept(n))
        ends = [n for n, letter in enumerate(words[::-1] if cut == 'start' else words) if letter == ' ' and n > kept]
        assert len(with_kept([*ends, len(words)][0])) > length  # no word more has room


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ('cut', 'left'),
    [('end', '[INST] one two three four five [/INST]'), ('start', '[INST] six seven eight nine ten [/INST]')],
)
def test_a_text_is_cut_between_its_tokens(real, cut, left):
    asked = [{'role': 'user', 'content': 'one two three four five six seven eight nine ten'}]
    parts = chat.prompt_parts(asked, 'llama2')
    ids = prompt_ids(Example(parts), real('llama2'), TokenFormat(False, 13, 9, cut=cut))
    assert real('llama2').decode(ids) == left
    ends = ([518, 25580, 29962], [518, 29914, 25580, 29962])  # both begin with the id of a bracket after a blank
    assert [ids[1:4], ids[-4:]] == [*ends]


@pytest.mark.shared_data
@pytest.mark.parametrize('format', chat.FORMATS)
def test_left_out_turns_leave_the_ids_of_a_shorter_conversation(real, format):
    tokenizer = real(VOCABULARIES[format])
    texts = ('Is it 4?', 'Yes', 'And 6?', 'No', 'Bye!', 'Bye now.')
    prompts = [asked(talk_of(*texts[start:], system='Be brief.'), format, tokenizer, LONG) for start in (0, 2, 4)]
    talk = talk_of(*texts, system='Be brief.')
    for kept, length in ((0, len(prompts[0])), (1, len(prompts[0]) - 1), (2, len(prompts[1]) - 1)):
        once = TokenFormat(False, length, 20)  # one prompt has the inputs' length
        assert asked(talk, format, tokenizer, once, 'last') == prompts[kept]
        row = TokenFormat(False, length - 1, 2)  # a history has the row less one
        assert asked(talk, format, tokenizer, row) == prompts[kept]


def test_a_format_that_has_no_room_is_refused():
    before = tuple(Part('</s>', special=True) for _ in range(6))
    marks = dataclasses.replace(chat.get('plain'), user=chat.Turn(before))
    example = Example(chat.prompt_parts([{'role': 'user', 'content': 'x'}], marks))
    with pytest.raises(UserError, match='5 tokens of inputs are too few for the chat format; raise inputs_length'):
        prompt_ids(example, BYTES, TokenFormat(False, 5, 5))
