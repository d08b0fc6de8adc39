"""T2: what bears loss is the replies and the marks that end them; nothing else, and never nothing."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_caches import cache_examples, writer
from tiny_runs import mesh_of

from jaxit.core.errors import UserError
from jaxit.data.mixture import MixtureComponent
from jaxit.data.reader import RowReader
from jaxit.sharding.apply import put_batch
from jaxit.sharding.rules import DEFAULT_RULES
from jaxit.text import chat, tokenizers
from jaxit.text.examples import Example, Part, TokenFormat, ordinary, tokenize

LONG = TokenFormat(False, 300, 300)
TALK = [
    {'role': 'system', 'content': 'Be brief.'},
    {'role': 'user', 'content': 'Is it 4?'},
    {'role': 'assistant', 'content': 'Yes'},
    {'role': 'user', 'content': 'And 6 x 7?'},
    {'role': 'assistant', 'content': '42'},
]
GOLDEN = {  # by chat format: the whole conversation, with [what bears loss] in brackets
    'plain': 'Be brief.\n\nIs it 4?\n[Yes<eos>]And 6 x 7?\n[42<eos>]',
    'alpaca': 'Be brief.\n\n### Instruction:\nIs it 4?\n\n### Response:[Yes<eos>]\n\n'
    '### Instruction:\nAnd 6 x 7?\n\n### Response:[42<eos>]',
    'vicuna': 'Be brief. USER: Is it 4? ASSISTANT:[Yes<eos>]USER: And 6 x 7? ASSISTANT:[42<eos>]',
    'zephyr': '<|system|>\nBe brief.</s>\n<|user|>\nIs it 4?</s>\n<|assistant|>\n[Yes</s>]\n'
    '<|user|>\nAnd 6 x 7?</s>\n<|assistant|>\n[42</s>]',
    'llama2': '[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nIs it 4? [/INST][Yes </s>]<s>[INST] And 6 x 7? [/INST][42 </s>]',
    'mistral': '[INST]Be brief.\n\nIs it 4?[/INST][Yes<eos>][INST]And 6 x 7?[/INST][42<eos>]',
    'gemma': '<start_of_turn>user\nBe brief.\n\nIs it 4?<end_of_turn>\n<start_of_turn>model\n[Yes<end_of_turn>]\n'
    '<start_of_turn>user\nAnd 6 x 7?<end_of_turn>\n<start_of_turn>model\n[42<end_of_turn>]',
    'chatml': '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nIs it 4?<|im_end|>\n<|im_start|>assistant\n'
    '[Yes<|im_end|>]\n<|im_start|>user\nAnd 6 x 7?<|im_end|>\n<|im_start|>assistant\n[42<|im_end|>]',
    'llama3': '<|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>'
    '<|start_header_id|>user<|end_header_id|>\n\nIs it 4?<|eot_id|>'
    '<|start_header_id|>assistant<|end_header_id|>\n\n[Yes<|eot_id|>]'
    '<|start_header_id|>user<|end_header_id|>\n\nAnd 6 x 7?<|eot_id|>'
    '<|start_header_id|>assistant<|end_header_id|>\n\n[42<|eot_id|>]',
}


def bracketed(tokens, loss, tokenizer):
    """Returns the text with what bears loss in brackets."""
    text, on = '', False
    for token, bears in zip(tokens, loss, strict=True):
        text += '' if bears == on else '[' if bears else ']'
        text, on = text + tokenizer.decode([token], keep_specials=True), bears
    return text + (']' if on else '')


@pytest.mark.parametrize('name', chat.FORMATS)
def test_golden_masks(marked, name):
    made = tokenize(Example(chat.to_parts(TALK, name)), marked, LONG)
    assert bracketed(made.tokens, made.loss_mask, marked) == '<bos>' + GOLDEN[name]


texts = st.text(st.characters(exclude_categories=('Cs',)), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=4), st.sampled_from(['plain', 'alpaca']))
def test_loss_bytes_are_the_replies_and_their_ends(turns, format):
    """Counted by offsets into the text, a way of its own: one id is one byte here."""
    tokenizer = tokenizers.load('bytes')
    talk = [m for u, a in turns for m in ({'role': 'user', 'content': u}, {'role': 'assistant', 'content': a})]
    made = tokenize(Example(chat.to_parts(talk, format)), tokenizer, LONG)
    ends = chat.FORMATS[format].user.after[0].text
    starts = ''.join(part.text for part in chat.FORMATS[format].user.before)
    system = chat.FORMATS[format].default_system
    first = f'{system}{chat.FORMATS[format].system.after[0].text}' if system else ''
    after = ''.join(part.text for part in chat.FORMATS[format].assistant.after)
    want = []
    for number, (user, assistant) in enumerate(turns):
        given = starts + user + ends if number else first + starts + user + ends
        want += [False] * len(given.encode()) + [True] * (len(assistant.encode()) + 1)
        want += [False] * (len(after.encode()) if number < len(turns) - 1 else 0)
    assert made.loss_mask.tolist() == want
    learned = bytes(i - 3 for i in made.tokens[made.loss_mask] if i != tokenizer.eos_id)
    assert learned == ''.join(assistant for _, assistant in turns).encode()


def examples():
    """Ordinary examples and conversations of very unequal lengths."""
    rng = np.random.default_rng(0)
    for i in range(60):
        if i % 3:
            yield ordinary('q' * int(rng.integers(1, 30)), f'{i};' * int(rng.integers(1, 9)))
        else:
            turns = [f'u{i}' * int(rng.integers(1, 4)) + f'|a{i}.{k}' for k in range(int(rng.integers(1, 4)))]
            roles = ('user', 'assistant')
            talk = [dict(role=r, content=c) for turn in turns for r, c in zip(roles, turn.split('|'), strict=True)]
            yield Example(chat.to_parts(talk, 'alpaca'))


def learned_of(batch, tokenizer):
    """Returns the loss-bearing text of each example in a batch."""
    arrays = {name: np.asarray(batch[name]) for name in batch}
    found = []
    for row in range(arrays['decoder_segment_ids'].shape[0]):
        for segment in range(1, arrays['decoder_segment_ids'][row].max(initial=0) + 1):
            here = (arrays['decoder_segment_ids'][row] == segment) & (arrays['decoder_loss_weights'][row] > 0)
            found.append(tokenizer.decode(arrays['decoder_target_tokens'][row][here], keep_specials=True))
    return found


@pytest.mark.parametrize('pack', [False, True])
def test_masks_survive_caching_packing_sharding_and_resuming(tmp_path, pack):
    tokenizer = tokenizers.load('bytes')
    cache_examples(tmp_path / 'cache', examples(), tokenizer, LONG)
    components = [MixtureComponent('a', tmp_path / 'cache', 1.0)]
    options = {'seed': 3, 'lengths': {'inputs': None, 'targets': 260}, 'encoder_decoder': False, 'pack': pack}
    reader = RowReader(components, **options)
    num_rows, mesh, seen = len(reader.plan(0)), mesh_of(4, 2), Counter()
    for start in range(0, num_rows, 512):
        reader = RowReader(components, **options, position=json.loads(json.dumps(reader.position)))
        rows = reader.next_rows(min(512, num_rows - start)).pad(512)
        seen.update(learned_of(put_batch(reader.materialise(rows), mesh, DEFAULT_RULES), tokenizer))
    want = {''.join(part.text + '</s>' for part in example.parts if part.loss) for example in examples()}
    assert set(seen) == want and len(want) == 60
    assert seen.total() == 4096 and set(seen.values()) == {4096 // 60, 4096 // 60 + 1}


def test_truncation_keeps_masks_on_replies():
    tokenizer = tokenizers.load('bytes')
    for cut in ('end', 'start'):
        made = tokenize(ordinary('q' * 50, 'a' * 40), tokenizer, TokenFormat(False, 12, 9, cut=cut))
        assert bracketed(made.tokens, made.loss_mask, tokenizer) == 'q' * 11 + '\n[' + 'a' * 8 + '</s>]'
        assert (made.cut_inputs, made.cut_targets) == (39, 32)


@pytest.mark.parametrize('encoder_decoder', [False, True])
def test_an_example_without_loss_is_an_error(tmp_path, encoder_decoder):
    tokenizer, format = tokenizers.load('bytes'), TokenFormat(encoder_decoder, 20, 20)
    for parts in [(Part('a'), Part('', loss=True)), (Part('a'), Part('<pad>', loss=True, special=True))]:
        with pytest.raises(UserError, match='no token bears loss'):
            tokenize(Example(parts), tokenizer, format)
    with (
        pytest.raises(UserError, match='no token bears loss'),
        writer(tmp_path / 'cache', encoder_decoder=encoder_decoder) as out,
    ):
        out.add([5, 6, 7], [3], 0, 0)
