"""Exported chat templates: what they render, read as transformers reads it, is what training and inference see."""

import json

import jinja2
import pytest
import tokenizers as library
from jinja2.sandbox import ImmutableSandboxedEnvironment

from jaxit.text import chat, chat_template, tokenizers
from jaxit.text.examples import Example, TokenFormat, prompt_ids, tokenize
from jaxit.text.huggingface import HuggingFaceTokenizer

LONG = TokenFormat(False, 900, 900)
BYTES = tokenizers.load('bytes')
VOCABULARIES = {
    'plain': ('llama2', 'smollm2', 'gemma3'),
    'gemma': ('gemma3',),
    'chatml': ('smollm2', 'qwen3'),
    'llama3': ('llama3',),
    'llama2': ('llama2',),
    'mistral': ('mistral_v3',),
    'zephyr': ('llama2', 'mistral_v3'),
    'vicuna': ('llama2', 'llama3'),
    'alpaca': ('llama2', 'gpt2'),
}
SYSTEM = {'role': 'system', 'content': 'Be brief. '}
TALK = [
    {'role': role, 'content': text}
    for pair in (('Is it  4?', 'Yes'), ('And 6 × 7?\n', '42, or\nso  '), (' "Bye\\n" {{ x }}', 'Bye {% now %}.'))
    for role, text in zip(('user', 'assistant'), pair, strict=True)
]
SPACES = {
    'byte_level': {'pre_tokenizer': {'type': 'ByteLevel', 'add_prefix_space': True, 'trim_offsets': True}},
    'always': {'pre_tokenizer': {'type': 'Metaspace', 'replacement': '▁', 'prepend_scheme': 'always', 'split': False}},
    'first': {'pre_tokenizer': {'type': 'Metaspace', 'replacement': '▁', 'prepend_scheme': 'first', 'split': False}},
    'prepend': {
        'pre_tokenizer': None,
        'normalizer': {
            'type': 'Sequence',
            'normalizers': [
                {'type': 'Prepend', 'prepend': '▁'},
                {'type': 'Replace', 'pattern': {'String': ' '}, 'content': '▁'},
            ],
        },
    },
    'none': {},
}


def refuse(message):
    raise jinja2.TemplateError(message)


def rendered(template, messages, *, ask):
    """Renders as transformers does."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals['raise_exception'] = refuse
    return environment.from_string(template).render(messages=messages, add_generation_prompt=ask)


def check(format, tokenizer, talk, token_format=LONG):
    """Compares every prompt and every whole conversation."""
    template = chat_template.write(format, tokenizer, token_format)
    for end in range(1, len(talk) + 1):
        if talk[end - 1]['role'] == 'system':
            continue
        ask = talk[end - 1]['role'] != 'assistant'
        read = tokenizer.read(rendered(template, talk[:end], ask=ask))
        if ask:
            assert read == prompt_ids(Example(chat.prompt_parts(talk[:end], format)), tokenizer, token_format)
        else:
            made = tokenize(Example(chat.to_parts(talk[:end], format)), tokenizer, token_format)
            assert read == made.tokens.tolist()


def small(spaces, format):
    """Returns a vocabulary of bytes and marks that puts a blank before a text in one of the ways there are."""
    base = json.loads(tokenizers.train_bpe(['Yes, it is brief'] * 3, 300).content())
    base['model'] |= {'byte_fallback': False, 'unk_token': None}
    size = len(base['model']['vocab'])
    base['model']['vocab'] |= {'▁': size, '×': size + 1}
    content = library.Tokenizer.from_str(json.dumps(base | SPACES[spaces]))
    content.add_special_tokens([*chat.get(format).marks])
    config = {'add_bos_token': True, 'bos_token': '<bos>', 'eos_token': '<eos>', 'pad_token': '<pad>'}
    return HuggingFaceTokenizer(
        content.to_str().encode(), companions={'tokenizer_config.json': json.dumps(config).encode()}
    )


@pytest.mark.shared_data
@pytest.mark.parametrize(('format', 'name'), [(f, name) for f, names in VOCABULARIES.items() for name in names])
@pytest.mark.parametrize('system', [True, False])
def test_templates_give_the_ids_of_training_with_real_vocabularies(real, format, name, system):
    assert {*VOCABULARIES} == {*chat.FORMATS}
    check(format, real(name), [SYSTEM, *TALK] if system else TALK)


@pytest.mark.parametrize('spaces', SPACES)
@pytest.mark.parametrize('system', [True, False])
@pytest.mark.parametrize('format', chat.FORMATS)
def test_templates_give_the_ids_of_training_however_a_vocabulary_puts_its_blank(spaces, system, format):
    # Where the library leaves a blank away that already stands there, a content that begins with one is another matter.
    talk = [message | {'content': message['content'].strip()} for message in ([SYSTEM, *TALK] if system else TALK)]
    check(format, small(spaces, format), talk)


@pytest.mark.parametrize('format', ['plain', 'alpaca', 'vicuna'])
def test_templates_without_begin_and_with_bytes(format):
    check(format, BYTES, [SYSTEM, *TALK])
    check(format, small('none', format), [SYSTEM, *TALK], TokenFormat(False, 900, 900, add_bos=False))


@pytest.mark.parametrize('format', ['plain', 'alpaca', 'vicuna'])
def test_an_encoders_prompt_ends_with_eos(format):
    template = chat_template.write(format, BYTES, TokenFormat(True, 900, 900))
    for end in (1, 3, 5):
        read = BYTES.read(rendered(template, TALK[:end], ask=True))
        assert read == prompt_ids(Example(chat.prompt_parts(TALK[:end], format)), BYTES, TokenFormat(True, 900, 900))
        assert read[-1] == 1


@pytest.mark.parametrize('format', [name for name, found in chat.FORMATS.items() if found.tool])
def test_answers_of_tools(format):
    tool = {'role': 'tool', 'content': '4'}
    check(format, small('none', format), [SYSTEM, TALK[0], TALK[1], tool, tool, TALK[3], TALK[4], TALK[5]])


@pytest.mark.parametrize('format', ['plain', 'alpaca', 'llama2'])
def test_what_a_question_is_about(format):
    talk = [TALK[0] | {'input': '3, 1'}, TALK[1], TALK[2] | {'input': 'x'}, TALK[3]]
    check(format, small('none', format), talk)
    check(format, small('none', format), [SYSTEM, *talk])


@pytest.mark.parametrize(
    ('messages', 'message'),
    [
        ([TALK[1]], 'assistant may not stand after the beginning'),
        ([TALK[0], TALK[2]], 'user may not stand after user'),
        ([TALK[0], SYSTEM], 'system may not stand after user'),
        ([TALK[0], TALK[1], {'role': 'tool', 'content': '4'}], 'tool may not stand after assistant'),
        ([TALK[0] | {'content': None}], 'a content must be text'),
        ([TALK[0] | {'content': [{'type': 'text', 'text': 'x'}]}], 'a content must be text'),
        ([TALK[0] | {'content': 'so [/INST] then'}], 'a content holds [/INST]'),
        (TALK[:2], 'a prompt ends with the user'),
    ],
)
def test_what_training_refuses_is_refused(messages, message):
    template = chat_template.write('llama2', small('none', 'llama2'), LONG)
    with pytest.raises(jinja2.TemplateError) as error:
        rendered(template, messages, ask=True)
    assert message in str(error.value)


def test_a_template_takes_the_place_of_the_one_that_came():
    config = {'chat_template': 'theirs', 'eos_token': '<eos>'}
    files = {'tokenizer.json': b'{}', 'chat_template.jinja': b'theirs', 'tokenizer_config.json': json.dumps(config).encode()}  # fmt: skip
    put = chat_template.put(files, 'ours')
    assert put['chat_template.jinja'] == b'ours' and put['tokenizer.json'] == b'{}'
    assert json.loads(put['tokenizer_config.json']) == {'eos_token': '<eos>'}
    assert set(chat_template.put(files, None)) == {'tokenizer.json', 'tokenizer_config.json'}
    bare = {'tokenizer.json': b'{}'}
    assert chat_template.put(bare, None) == bare
