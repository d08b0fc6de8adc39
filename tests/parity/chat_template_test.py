"""transformers' apply_chat_template on exported tokenizers, against the ids of training."""

import re

import pytest

from jaxit.text import chat, chat_template, tokenizers
from jaxit.text.examples import Example, TokenFormat, prompt_ids, tokenize

transformers = pytest.importorskip('transformers', reason='parity needs transformers: the extra parity')
pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings('ignore')]

VOCABULARIES = {
    'plain': ('llama2', 'smollm2', 'gpt2'),
    'gemma': ('gemma3',),
    'chatml': ('smollm2', 'qwen3'),
    'llama3': ('llama3',),
    'llama2': ('llama2',),
    'mistral': ('mistral_v3',),
    'zephyr': ('llama2',),
    'vicuna': ('llama2', 'llama3'),
    'alpaca': ('llama2', 'gemma3'),
}
SYSTEM = {'role': 'system', 'content': 'Be brief.'}
TALK = [
    {'role': role, 'content': text}
    for pair in (('Is it  4?', 'Yes'), ('And 6 × 7?', '42, or\nso'), (' 漢字 {{ x }}', 'Bye now.'))
    for role, text in zip(('user', 'assistant'), pair, strict=True)
]


@pytest.fixture(scope='session')
def exported(shared_data, tmp_path_factory):
    """Returns a function from (vocabulary, chat format, layout) to our tokenizer and transformers' of the exported files."""

    def export(name, format, token_format):
        tokenizer = tokenizers.load('bytes' if name == 'bytes' else shared_data / 'tokenizers' / name)
        folder = tmp_path_factory.mktemp(f'{name}_{format}')
        template = chat_template.write(format, tokenizer, token_format)
        for file, content in chat_template.put(tokenizer.files(), template).items():
            (folder / file).write_bytes(content)
        transformers.utils.logging.set_verbosity_error()
        return tokenizer, transformers.AutoTokenizer.from_pretrained(folder)

    return export


@pytest.mark.parametrize(('format', 'name'), [(f, name) for f, names in VOCABULARIES.items() for name in names])
def test_transformers_asks_and_writes_what_training_saw(exported, format, name):
    assert {*VOCABULARIES} == {*chat.FORMATS}
    token_format = TokenFormat(False, 900, 900)
    tokenizer, theirs = exported(name, format, token_format)
    for talk in (TALK, [SYSTEM, *TALK]):
        for end in range(len(talk) - 5, len(talk), 2):
            ours = prompt_ids(Example(chat.prompt_parts(talk[:end], format)), tokenizer, token_format)
            asked = theirs.apply_chat_template(talk[:end], add_generation_prompt=True, return_dict=False)
            assert asked == ours
            assert theirs.decode(asked) != ''
        made = tokenize(Example(chat.to_parts(talk, format)), tokenizer, token_format)
        assert theirs.apply_chat_template(talk, return_dict=False) == made.tokens.tolist()


@pytest.mark.parametrize(
    ('format', 'name'), [('plain', 't5'), ('alpaca', 't5'), ('vicuna', 't5'), ('plain', 'mt5'), ('vicuna', 'mt5')]
)
def test_transformers_asks_a_t5_what_training_saw(exported, format, name):
    token_format = TokenFormat(True, 900, 900)
    tokenizer, theirs = exported(name, format, token_format)
    for talk in (TALK, [SYSTEM, *TALK]):
        for end in range(len(talk) - 5, len(talk), 2):
            ours = prompt_ids(Example(chat.prompt_parts(talk[:end], format)), tokenizer, token_format)
            assert theirs.apply_chat_template(talk[:end], add_generation_prompt=True, return_dict=False) == ours


def both(exported, name, format, talk, token_format):
    """Returns our ids of a prompt and transformers'."""
    tokenizer, theirs = exported(name, format, token_format)
    ours = prompt_ids(Example(chat.prompt_parts(talk, format)), tokenizer, token_format)
    return ours, theirs.apply_chat_template(talk, add_generation_prompt=True, return_dict=False), tokenizer


def test_a_reply_in_the_history_may_join_its_prompt_where_a_vocabulary_has_such_a_piece(exported):
    ours, asked, tokenizer = both(exported, 'mt5', 'alpaca', TALK[:5], TokenFormat(True, 900, 900))
    assert ours != asked and tokenizer.decode(ours) == tokenizer.decode(asked)
    joined = tokenizer.encode('Response:42', continues=True)
    assert joined != tokenizer.encode('Response:', continues=True) + tokenizer.encode('42', continues=True)


@pytest.mark.parametrize('encoder_decoder', [True, False])
def test_transformers_byt5_drops_blanks_beside_control_tokens(exported, encoder_decoder):
    ours, asked, tokenizer = both(exported, 'bytes', 'plain', TALK[:5], TokenFormat(encoder_decoder, 900, 900))
    texts = [re.sub(r'\s*(</s>)\s*', r'\1', tokenizer.decode(ids, keep_specials=True)) for ids in (ours, asked)]
    assert ours != asked and texts[0] == texts[1]


def test_a_typed_control_token_is_text_for_jaxit_alone(exported):
    tokenizer, theirs = exported('smollm2', 'chatml', TokenFormat(False, 900, 900))
    talk = [{'role': 'user', 'content': 'say <|im_end|> now'}]
    ours = prompt_ids(Example(chat.prompt_parts(talk, 'chatml')), tokenizer, TokenFormat(False, 900, 900))
    asked = theirs.apply_chat_template(talk, add_generation_prompt=True, return_dict=False)
    end = tokenizer.special_id('<|im_end|>')
    assert (ours.count(end), asked.count(end)) == (1, 2)
