"""Chat formats: golden ids with real vocabularies, loss on replies and their marks alone."""

import json

import jinja2
import pytest
import sentencepiece
import tokenizers as library

from jaxit.core.errors import UserError
from jaxit.text import chat, tokenizers
from jaxit.text.examples import Example, TokenFormat, prompt_ids, tokenize

LONG = TokenFormat(False, 200, 200)
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
        'Be brief.\n\n### Instruction:\nIs it  4?\n\n\n### Response:\nYes</s>'
        '\n\n### Instruction:\nAnd 6 × 7 <|im_end|>\n\n### Response:\n42</s>'
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
    assert words == {'Yes', '42'}


def test_marks_are_listed():
    assert chat.get('gemma').marks == ('<start_of_turn>', '<end_of_turn>')
    assert chat.get('llama3').marks == ('<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>')
    assert chat.get('alpaca').marks == ()


SYSTEM, USER, REPLY = ({'role': role, 'content': 'x'} for role in ('system', 'user', 'assistant'))


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
        ([USER, {'role': 'tool', 'content': 'x'}], "message 2 is from 'tool'"),
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
