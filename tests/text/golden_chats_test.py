"""A system prompt and three turns in every chat format: the ids that other people's code makes, and what is learnt of them.

golden_chats.json holds ids, who made them, and which stretches are learnt; none were made by jaxit.
"""

import json
import re
from pathlib import Path

import jinja2
import numpy as np
import pytest

from jaxit.text import chat, tokenizers
from jaxit.text.examples import Example, TokenFormat, prompt_ids, tokenize

GOLDEN = json.loads((Path(__file__).parent / 'golden_chats.json').read_text())
BYTES = tokenizers.load('bytes')
LONG = TokenFormat(False, 400, 400)

# Each format as it is published, what bears loss in braces; a blank that the vocabulary itself puts there is left out.
LONGER = (
    {'role': 'system', 'content': 'Be brief.'},
    *(
        {'role': role, 'content': text}
        for pair in (('Is it 4?', 'Yes'), ('And 6 × 7?', '42, or\nso'), ('Bye!', 'Bye now.'))
        for role, text in zip(('user', 'assistant'), pair, strict=True)
    ),
)
PUBLISHED = {
    'plain': 'Be brief.\n\nIs it 4?\n{Yes</s>}And 6 × 7?\n{42, or\nso</s>}Bye!\n{Bye now.</s>}',
    'gemma': '<bos><start_of_turn>user\nBe brief.\n\nIs it 4?<end_of_turn>\n<start_of_turn>model\n{Yes<end_of_turn>}\n'
    '<start_of_turn>user\nAnd 6 × 7?<end_of_turn>\n<start_of_turn>model\n{42, or\nso<end_of_turn>}\n'
    '<start_of_turn>user\nBye!<end_of_turn>\n<start_of_turn>model\n{Bye now.<end_of_turn>}',
    'chatml': '<|im_start|>system\nBe brief.<|im_end|>\n'
    '<|im_start|>user\nIs it 4?<|im_end|>\n<|im_start|>assistant\n{Yes<|im_end|>}\n'
    '<|im_start|>user\nAnd 6 × 7?<|im_end|>\n<|im_start|>assistant\n{42, or\nso<|im_end|>}\n'
    '<|im_start|>user\nBye!<|im_end|>\n<|im_start|>assistant\n{Bye now.<|im_end|>}',
    'llama3': '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>'
    '<|start_header_id|>user<|end_header_id|>\n\nIs it 4?<|eot_id|>'
    '<|start_header_id|>assistant<|end_header_id|>\n\n{Yes<|eot_id|>}'
    '<|start_header_id|>user<|end_header_id|>\n\nAnd 6 × 7?<|eot_id|>'
    '<|start_header_id|>assistant<|end_header_id|>\n\n{42, or\nso<|eot_id|>}'
    '<|start_header_id|>user<|end_header_id|>\n\nBye!<|eot_id|>'
    '<|start_header_id|>assistant<|end_header_id|>\n\n{Bye now.<|eot_id|>}',
    'llama2': '<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nIs it 4? [/INST]{Yes </s>}'
    '<s>[INST] And 6 × 7? [/INST]{42, or\nso </s>}<s>[INST] Bye! [/INST]{Bye now. </s>}',
    'mistral': '<s>[INST]Be brief.\n\nIs it 4?[/INST]{Yes</s>}'
    '[INST]And 6 × 7?[/INST]{42, or\nso</s>}[INST]Bye![/INST]{Bye now.</s>}',
    'zephyr': '<s><|system|>\nBe brief.</s>\n<|user|>\nIs it 4?</s>\n<|assistant|>\n{Yes</s>}\n'
    '<|user|>\nAnd 6 × 7?</s>\n<|assistant|>\n{42, or\nso</s>}\n<|user|>\nBye!</s>\n<|assistant|>\n{Bye now.</s>}',
    'vicuna': '<s>Be brief. USER: Is it 4? ASSISTANT:{Yes</s>}'
    'USER: And 6 × 7? ASSISTANT:{42, or\nso</s>}USER: Bye! ASSISTANT:{Bye now.</s>}',
    'alpaca': '<s>Be brief.\n\n### Instruction:\nIs it 4?\n\n### Response:{Yes</s>}'
    '\n\n### Instruction:\nAnd 6 × 7?\n\n### Response:{42, or\nso</s>}'
    '\n\n### Instruction:\nBye!\n\n### Response:{Bye now.</s>}',
}


def braced(made, tokenizer):
    """Returns an example as text, with what bears loss in braces."""
    stretches = np.split(made.tokens, list(made.boundaries))
    texts = [tokenizer.decode(ids, keep_specials=True) for ids in stretches]
    return ''.join(f'{{{text}}}' if i % 2 else text for i, text in enumerate(texts))


def test_every_format_but_our_own_has_golden_ids():
    assert {*GOLDEN} == {*chat.FORMATS} - {'plain'}
    made = tokenize(Example(chat.to_parts(LONGER, 'plain')), BYTES, LONG)
    assert braced(made, BYTES) == PUBLISHED['plain']


@pytest.mark.shared_data
@pytest.mark.parametrize('format', GOLDEN)
def test_three_turns_and_a_system_prompt_are_the_published_ids(real, format):
    golden = GOLDEN[format]
    tokenizer = real(golden['vocabulary'])
    made = tokenize(Example(chat.to_parts(LONGER, format)), tokenizer, LONG)
    assert made.tokens.tolist() == golden['ids']
    assert [*made.boundaries, len(made.tokens)] == [border for stretch in golden['learnt'] for border in stretch]
    assert braced(made, tokenizer) == PUBLISHED[format]
    for turns, (start, _) in zip((2, 4, 6), golden['learnt'], strict=True):
        prompt = Example(chat.prompt_parts(LONGER[:turns], format))
        assert prompt_ids(prompt, tokenizer, LONG) == golden['ids'][:start]


@pytest.mark.shared_data
@pytest.mark.parametrize('format', chat.FORMATS)
def test_a_reply_comes_back_as_it_was_written(real, format):
    tokenizer = real(GOLDEN[format]['vocabulary']) if format in GOLDEN else BYTES
    for text in ('Yes', '42, or\nso', '漢字', '<b>'):
        talk = [{'role': 'user', 'content': 'x'}, {'role': 'assistant', 'content': text}]
        made = tokenize(Example(chat.to_parts(talk, format)), tokenizer, LONG)
        assert tokenizer.decode(made.tokens[made.boundaries[0] :]).removesuffix(' ') == text


@pytest.mark.shared_data
def test_mistral_takes_away_trailing_blanks_of_replies_alone(real):
    def row(user, reply):
        talk = [{'role': 'user', 'content': user}, {'role': 'assistant', 'content': reply}]
        return tokenize(Example(chat.to_parts(talk, 'mistral')), real('mistral_v3'), LONG).tokens.tolist()

    assert row('Is it 4?', 'Yes  ') == row('Is it 4?', 'Yes') == [1, 3, 2459, 1146, 29473, 29549, 29572, 4, 6360, 2]
    assert row('Is it 4? ', 'Yes\n') == [1, 3, 2459, 1146, 29473, 29549, 29572, 29473, 4, 6360, 781, 2]


MARKED = [dict(message) for message in LONGER]
MARKED[2]['weight'], MARKED[4]['weight'] = 0, 1.0


@pytest.mark.shared_data
@pytest.mark.parametrize('format', chat.FORMATS)
@pytest.mark.parametrize(('loss', 'learnt'), [('all', (0, 1, 2)), ('last', (2,)), ('marked', (1, 2))])
def test_which_turns_bear_loss_changes_no_id(real, format, loss, learnt):
    tokenizer = real(GOLDEN[format]['vocabulary']) if format in GOLDEN else BYTES
    whole = tokenize(Example(chat.to_parts(MARKED, format)), tokenizer, LONG)
    example = Example(chat.to_parts(MARKED, format, loss=loss))
    made = tokenize(example, tokenizer, LONG)
    assert made.tokens.tolist() == whole.tokens.tolist()
    end = re.search(r'Yes(.*?)}', PUBLISHED[format])[1]
    replies = [message['content'] + end for message in MARKED if message['role'] == 'assistant']
    written = tokenizer.decode(made.tokens[made.loss_mask], keep_specials=True)
    assert written == ''.join(replies[i] for i in learnt)
    asked = prompt_ids(Example(chat.prompt_parts(MARKED[:-1], format)), tokenizer, LONG)
    assert asked == prompt_ids(example, tokenizer, LONG) == made.tokens[: len(asked)].tolist()


def test_zephyr_is_what_its_own_template_makes():
    template = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(
        '{% for message in messages %}\n'
        "{{ '<|' + message['role'] + '|>\\n' + message['content'] + eos_token }}\n"
        "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}"
    )
    ids = tokenize(Example(chat.to_parts(LONGER, 'zephyr')), BYTES, LONG).tokens
    prompt = prompt_ids(Example(chat.prompt_parts(LONGER[:-1], 'zephyr')), BYTES, LONG)
    assert BYTES.decode(ids, keep_specials=True) == template.render(messages=LONGER, eos_token='</s>').rstrip('\n')
    asked = template.render(messages=LONGER[:-1], eos_token='</s>', add_generation_prompt=True)
    assert BYTES.decode(prompt, keep_specials=True) == asked


@pytest.mark.shared_data
def test_smollm2_has_a_system_prompt_of_its_own_where_chatml_has_none(shared_data, real):
    template = jinja2.Template((shared_data / 'tokenizers' / 'smollm2' / 'chat_template.jinja').read_text())
    tokenizer, asked = real('smollm2'), LONGER[1:2]
    theirs = tokenizer.read(template.render(messages=asked, add_generation_prompt=True))
    said = {'role': 'system', 'content': 'You are a helpful AI assistant named SmolLM, trained by Hugging Face'}
    assert theirs == prompt_ids(Example(chat.prompt_parts([said, *asked], 'chatml')), tokenizer, LONG)
    assert theirs != prompt_ids(Example(chat.prompt_parts(asked, 'chatml')), tokenizer, LONG)


@pytest.mark.shared_data
def test_qwen3_writes_tools_and_thoughts_in_a_way_of_its_own(shared_data):
    config = json.loads((shared_data / 'tokenizers' / 'qwen3' / 'tokenizer_config.json').read_text())
    template = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(config['chat_template'])
    talk = [LONGER[1], {'role': 'assistant', 'content': 'call'}, {'role': 'tool', 'content': '4'}, LONGER[2]]
    theirs = template.render(messages=talk).removesuffix('\n')
    ours = ''.join(part.text for part in chat.to_parts(talk, 'chatml'))
    tool = ('<|im_start|>tool\n4<|im_end|>', '<|im_start|>user\n<tool_response>\n4\n</tool_response><|im_end|>')
    assert ours.replace(*tool).replace('\nYes', '\n<think>\n\n</think>\n\nYes') == theirs != ours
