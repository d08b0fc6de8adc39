"""Chat formats: golden ids with real vocabularies, loss on replies and their marks alone."""

import dataclasses
import json
import re

import jinja2
import pytest
import sentencepiece
import tokenizers as library

from jaxit.core.errors import UserError
from jaxit.text import chat, tokenizers
from jaxit.text.examples import Example, Part, TokenFormat, prompt_ids, tokenize

LONG = TokenFormat(False, 400, 400)
TALK = (
    {'role': 'system', 'content': 'Be brief.'},
    {'role': 'user', 'content': 'Is it  4?\n'},
    {'role': 'assistant', 'content': 'Yes'},
    {'role': 'user', 'content': 'And 6 × 7 <|im_end|>'},
    {'role': 'assistant', 'content': '42'},
)


def rows(messages, format, tokenizer):
    """Returns (ids of the conversation, its loss-bearing text, ids of its last prompt)."""
    example = Example(chat.to_parts(messages, format))
    done = tokenize(example, tokenizer, LONG)
    assert done is not None
    prompt = Example(chat.prompt_parts(messages[:-1], format))
    ids = prompt_ids(prompt, tokenizer, LONG)
    assert ids == prompt_ids(example, tokenizer, LONG) == done.tokens[: len(ids)].tolist()
    return done.tokens.tolist(), tokenizer.decode(done.tokens[done.loss_mask], keep_specials=True), ids


@pytest.mark.shared_data
def test_chatml_is_what_smollm2s_own_template_makes(shared_data, real):
    folder = shared_data / 'tokenizers' / 'smollm2'
    tokenizer = tokenizers.load(folder, eos='<|im_end|>')
    oracle = library.Tokenizer.from_file(str(folder / 'tokenizer.json'))
    template = jinja2.Template((folder / 'chat_template.jinja').read_text())
    talk = [*TALK[:3], {'role': 'user', 'content': 'And 6 × 7?'}, TALK[4]]
    ids, loss, prompt = rows(talk, 'chatml', tokenizer)
    rendered = template.render(messages=talk)
    assert ids == oracle.encode(rendered.rstrip('\n'), add_special_tokens=False).ids
    assert loss == 'Yes<|im_end|>42<|im_end|>'
    rendered = template.render(messages=talk[:-1], add_generation_prompt=True)
    assert prompt == oracle.encode(rendered, add_special_tokens=False).ids


@pytest.mark.shared_data
def test_chatml_prompts_are_what_qwen3s_own_template_makes(shared_data, real):
    folder = shared_data / 'tokenizers' / 'qwen3'
    oracle = library.Tokenizer.from_file(str(folder / 'tokenizer.json'))
    template = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(
        json.loads((folder / 'tokenizer_config.json').read_text())['chat_template']
    )
    talk = [*TALK[:3], {'role': 'user', 'content': 'And 6 × 7?'}, TALK[4]]
    _, loss, prompt = rows(talk, 'chatml', real('qwen3'))
    rendered = template.render(messages=talk[:-1], add_generation_prompt=True)
    assert prompt == oracle.encode(rendered, add_special_tokens=False).ids
    assert loss == 'Yes<|im_end|>42<|im_end|>'


@pytest.mark.shared_data
def test_gemma(shared_data, real):
    path = shared_data / 'tokenizers' / 'gemma3' / 'tokenizer.model'
    tokenizer, oracle = real('gemma3'), sentencepiece.SentencePieceProcessor(model_file=str(path))
    ids, loss, prompt = rows(TALK, 'gemma', tokenizer)
    golden = (
        '<start_of_turn>user\nBe brief.\n\nIs it  4?<end_of_turn>\n<start_of_turn>model\nYes<end_of_turn>\n'
        '<start_of_turn>user\nAnd 6 × 7 <|im_end|><end_of_turn>\n<start_of_turn>model\n'
    )
    assert prompt == [2, *oracle.encode(golden)]
    assert ids == [2, *oracle.encode(golden), *oracle.encode('42'), 106]
    assert loss == 'Yes<end_of_turn>42<end_of_turn>'
    assert ids.count(2) == 1 and ids.count(106) == 4
    assert chat.stop_ids('gemma', tokenizer) == (1, 106)


@pytest.mark.shared_data
def test_llama3(real):
    tokenizer = real('llama3')
    text = tokenizer.encode
    ids, loss, prompt = rows(TALK, 'llama3', tokenizer)
    begin, start, end, eot, blank = 128_000, 128_006, 128_007, 128_009, 271
    system, user, assistant = 9_125, 882, 78_191  # ids of these words in Meta's vocabulary
    assert prompt == [
        *(begin, start, system, end, *text('\n\nBe brief.'), eot),
        *(start, user, end, *text('\n\nIs it  4?'), eot),
        *(start, assistant, end, blank, *text('Yes'), eot),
        *(start, user, end, *text('\n\nAnd 6 × 7 <|im_end|>'), eot),
        *(start, assistant, end, blank),
    ]
    assert ids == [*prompt, *text('42'), eot]
    assert loss == 'Yes<|eot_id|>42<|eot_id|>'
    assert chat.stop_ids('llama3', tokenizer) == (128_001, eot)


def test_plain_and_alpaca_end_replies_with_eos():
    tokenizer = tokenizers.load('bytes')
    ids, loss, _ = rows(TALK, 'plain', tokenizer)
    assert loss == 'Yes</s>42</s>'
    assert tokenizer.decode(ids, keep_specials=True) == (
        'Be brief.\n\nIs it  4?\n\nYes</s>And 6 × 7 <|im_end|>\n42</s>'
    )
    ids, loss, _ = rows(TALK, 'alpaca', tokenizer)
    assert loss == 'Yes</s>42</s>'
    assert tokenizer.decode(ids, keep_specials=True) == (
        'Be brief.\n\n### Instruction:\nIs it  4?\n\n\n### Response:Yes</s>'
        '\n\n### Instruction:\nAnd 6 × 7 <|im_end|>\n\n### Response:42</s>'
    )
    assert chat.stop_ids('plain', tokenizer) == (1,)


def test_one_turn_of_plain_chat_is_an_ordinary_example():
    tokenizer = tokenizers.load('bytes')
    talk = ({'role': 'user', 'content': 'a'}, {'role': 'assistant', 'content': 'b'})
    ids, _, prompt = rows(talk, 'plain', tokenizer)
    assert tokenizer.decode(ids, keep_specials=True) == 'a\nb</s>' and len(prompt) == 2


@pytest.mark.parametrize('format', chat.FORMATS)
def test_prompts_are_prefixes_of_the_parts_that_training_sees(format):
    parts = chat.to_parts(TALK, format)
    assert parts[-1].loss
    for turns in (2, 4):
        prompt = chat.prompt_parts(TALK[:turns], format)
        assert parts[: len(prompt)] == prompt and parts[len(prompt)].loss
        trained = chat.to_parts(TALK[: turns + 1], format)
        assert parts[: len(trained)] == trained
    words = {part.text for part in parts if part.loss and not part.special}
    assert words - {' '} == {'Yes', '42'}


def test_marks_are_listed():
    assert chat.get('gemma').marks == ('<start_of_turn>', '<end_of_turn>')
    assert chat.get('llama3').marks == ('<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>')
    assert chat.get('llama2').marks == ('</s>', '<s>')
    assert chat.get('alpaca').marks == ()


SYSTEM, USER, REPLY, TOOL = ({'role': role, 'content': 'x'} for role in ('system', 'user', 'assistant', 'tool'))


@pytest.mark.parametrize(
    ('messages', 'message'),
    [
        ([], 'here: there is no message from the user'),
        ([SYSTEM], 'here: there is no message from the user'),
        ([REPLY], "here: message 1 is from 'assistant'; expected system or user"),
        ([USER, USER], "message 2 is from 'user'; expected assistant"),
        ([USER, REPLY, REPLY], "message 3 is from 'assistant'; expected user"),
        ([SYSTEM, REPLY], "message 2 is from 'assistant'; expected user"),
        ([USER, SYSTEM], "message 2 is from 'system'"),
        ([USER, {'role': 'tool', 'content': 'x'}], "message 2 is from 'tool'; expected assistant"),
        ([USER, REPLY, TOOL, USER], "message 4 is from 'user'; expected assistant or tool"),
        (
            [USER, REPLY, TOOL, REPLY],
            "message 3 is from a tool, for which chat format 'gemma' has no turn; plain, chatml, llama3 have",
        ),
        ([USER | {'input': 3}, REPLY], 'the input of message 1 is int'),
        ([USER, REPLY, USER], 'the last message is from the user'),
        ([{'role': 'user', 'content': None}], 'the content of message 1 is NoneType'),
        ([{'from': 'human', 'value': 'x'}], 'the content of message 1 is NoneType'),
    ],
)
def test_wrong_conversations_are_refused(messages, message):
    with pytest.raises(UserError) as error:
        chat.to_parts(messages, 'gemma', where='here')
    assert message in str(error.value)


def test_a_prompt_ends_with_the_user_and_a_format_has_a_known_name():
    with pytest.raises(UserError, match='a prompt ends with the user'):
        chat.prompt_parts([USER, REPLY], 'gemma')
    with pytest.raises(UserError, match="unknown chat format 'gemma2'; did you mean gemma"):
        chat.to_parts([USER, REPLY], 'gemma2')


@pytest.mark.shared_data
def test_a_tools_answer_in_chatml_is_what_smollm2s_own_template_makes(shared_data, real):
    folder = shared_data / 'tokenizers' / 'smollm2'
    template = jinja2.Template((folder / 'chat_template.jinja').read_text())
    talk = [*TALK[:2], {'role': 'assistant', 'content': '{"name": "add"}'}, {'role': 'tool', 'content': '4'}, TALK[2]]
    oracle = library.Tokenizer.from_file(str(folder / 'tokenizer.json'))
    ids, loss, _ = rows(talk, 'chatml', real('smollm2'))
    assert ids == oracle.encode(template.render(messages=talk).rstrip('\n'), add_special_tokens=False).ids
    assert loss == '{"name": "add"}<|im_end|>Yes<|im_end|>'


def test_a_tools_answer_in_llama3_is_ipythons():
    parts = chat.to_parts([USER, REPLY, TOOL, TOOL, REPLY], 'llama3')
    turns = ''.join(part.text for part in parts).split('<|eot_id|>')
    assert turns[2] == turns[3] == '<|start_header_id|>ipython<|end_header_id|>\n\nx'
    assert [part.text for part in parts if part.loss] == ['x', '<|eot_id|>'] * 2
    prompt = chat.prompt_parts([USER, REPLY, TOOL, TOOL], 'llama3')
    assert parts[: len(prompt)] == prompt


def test_alpacas_preambles_say_whether_there_is_an_input():
    tokenizer = tokenizers.load('bytes')
    asked = {'role': 'user', 'content': 'Sort.'}
    ids, loss, _ = rows([asked, REPLY], 'alpaca', tokenizer)
    assert tokenizer.decode(ids) == (
        'Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n'
        '### Instruction:\nSort.\n\n### Response:x'
    )
    ids, again, _ = rows([asked | {'input': '3, 1'}, REPLY], 'alpaca', tokenizer)
    assert tokenizer.decode(ids) == (
        'Below is an instruction that describes a task, paired with an input that provides further context. '
        'Write a response that appropriately completes the request.\n\n'
        '### Instruction:\nSort.\n\n### Input:\n3, 1\n\n### Response:x'
    )
    assert loss == again == 'x</s>'
    ids, _, _ = rows([asked | {'input': '3, 1'}, REPLY], 'plain', tokenizer)
    assert tokenizer.decode(ids) == 'Sort.\n\n3, 1\nx'


def test_vicuna_says_who_is_talking_where_nobody_else_does():
    text = ''.join(part.text for part in chat.to_parts([USER, REPLY], 'vicuna'))
    assert text == (
        'A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, '
        "and polite answers to the user's questions. USER: x ASSISTANT:x"
    )


def test_what_llama2_is_written_with_may_not_be_typed():
    for tag in ('[INST]', '[/INST]', '<<SYS>>', '<</SYS>>'):
        with pytest.raises(UserError, match=r"conversation: message 1 holds '.*', which chat format 'llama2' itself"):
            chat.to_parts([{'role': 'user', 'content': f'so {tag} then'}, REPLY], 'llama2')


def test_what_follows_the_last_marked_reply_is_left_out():
    talk = [USER, REPLY, USER, REPLY | {'content': 'y', 'weight': 0}]
    parts = chat.to_parts(talk, 'chatml', loss='marked')
    assert parts == chat.to_parts(talk[:2], 'chatml')


@pytest.mark.parametrize(
    ('messages', 'loss', 'message'),
    [
        ([USER, REPLY | {'weight': 0.5}], 'marked', 'message 2 has weight 0.5; it must be 0 or 1'),
        ([USER, REPLY | {'weight': None}], 'marked', 'message 2 has weight None'),
        ([USER, REPLY | {'weight': 0}], 'marked', 'every reply has weight 0, so none bears loss'),
        ([USER, REPLY], 'first', "loss_turns is 'first'; it must be one of all, last, marked"),
    ],
)
def test_marks_that_say_nothing_are_refused(messages, loss, message):
    with pytest.raises(UserError, match=re.escape(message)):
        chat.to_parts(messages, 'plain', loss=loss)


def test_t5_takes_a_conversation_of_which_one_reply_bears_loss():
    tokenizer, format = tokenizers.load('bytes'), TokenFormat(True, 60, 20)
    with pytest.raises(UserError, match='an encoder-decoder takes one reply per example, not 2'):
        tokenize(Example(chat.to_parts(TALK, 'plain')), tokenizer, format)
    made = tokenize(Example(chat.to_parts(TALK, 'plain', loss='last')), tokenizer, format)
    assert tokenizer.decode(made.tokens[made.loss_mask], keep_specials=True) == '42</s>'


def talk_of(*lengths, system=True, **marks):
    """Returns a conversation with turns of so many letters on both sides."""
    talk = [{'role': 'system', 'content': 'S'}] if system else []
    for i, length in enumerate(lengths):
        talk += [{'role': 'user', 'content': f'{i}' * length}, {'role': 'assistant', 'content': 'abcdef'[i] * length}]
    return talk


def pieces_of(talk, longest, loss='all'):
    """Returns the pieces of a conversation as text, cut where one is longer than so many bytes."""
    whole = chat.write(talk, 'plain', loss=loss, source_row=7, task='t')

    def fits(example):
        return sum(len(part.text) for part in example.parts) <= longest

    made = chat.split(whole, fits)
    assert all((piece.source_row, piece.task) == (7, 't') for piece in made)
    return [''.join(f'[{part.text}]' if part.loss else part.text for part in piece.parts) for piece in made]


def test_a_conversation_is_split_between_turns_and_each_piece_has_the_system_prompt():
    assert pieces_of(talk_of(2, 1, 3, 9, 1), 13) == [
        'S\n\n00\n[aa]1\n[b]',
        'S\n\n222\n[ccc]',
        'S\n\n333333333\n[ddddddddd]',  # too long by itself
        'S\n\n4\n[e]',
    ]
    assert pieces_of(talk_of(1, 1, system=False), 3) == ['0\n[a]', '1\n[b]']
    alone = chat.write(talk_of(5), 'plain')
    assert chat.split(alone, lambda example: False) == [alone]


def test_a_split_conversation_learns_what_the_whole_would():
    assert pieces_of(talk_of(1, 1, 1, 1, 1), 9, 'last') == ['S\n\n4\n[e]']
    talk = talk_of(1, 1, 1, 1)
    talk[2]['weight'] = talk[6]['weight'] = talk[8]['weight'] = 0
    assert pieces_of(talk, 9, 'marked') == ['S\n\n0\na1\n[b]']
    assert pieces_of(talk, 6, 'marked') == ['S\n\n1\n[b]']


def test_a_tools_answer_stays_with_its_turn():
    talk = [USER, REPLY, TOOL, REPLY, USER, REPLY]
    made = chat.split(chat.write(talk, 'chatml'), lambda example: False)
    assert [[message['role'] for message in piece.messages] for piece in made] == [
        ['user', 'assistant', 'tool', 'assistant'],
        ['user', 'assistant'],
    ]


def test_a_format_may_be_ones_own():
    mine = dataclasses.replace(chat.get('plain'), name='mine', tool=chat.Turn((Part('tool: '),), (Part('\n'),)))
    assert ''.join(part.text for part in chat.to_parts([USER, REPLY, TOOL, REPLY], mine)) == 'x\nxtool: x\nx'
