"""Conversations people bring: every published format against hand-written messages, all the real files, one line for a bad row."""

import functools
import gzip
import itertools
import json
import random
import re
from collections import Counter
from pathlib import Path

import pytest

from jaxit.core.errors import UserError
from jaxit.data.cache import TokenCache
from jaxit.tasks import caching, registry
from jaxit.tasks.conversation_records import ranked_pair
from jaxit.tasks.conversations import FORMATS, Conversations, add_conversations, convert, detect
from jaxit.tasks.fingerprints import fingerprint
from jaxit.tasks.oasst import ranked_replies
from jaxit.tasks.registry import Task
from jaxit.tasks.rendering import examples
from jaxit.tasks.sources import Python
from jaxit.text import chat
from jaxit.text.examples import Example, TokenFormat, tokenize
from jaxit.text.tokenizers import ByteTokenizer

PAGE = Path(__file__).parents[2] / 'docs' / 'conversations.md'
BYTES, LONG = ByteTokenizer(), TokenFormat(False, 1 << 16, 1 << 16)


@pytest.fixture
def tasks(monkeypatch):
    """Forgets the tasks that a test registers."""
    registry.names()
    monkeypatch.setattr(registry, '_TASKS', dict(registry._TASKS))


def said(text: str) -> list[dict]:
    """Returns messages: `u hello / a hi / t 7` in short."""
    roles = {'s': 'system', 'u': 'user', 'a': 'assistant', 't': 'tool'}
    return [{'role': roles[line[0]], 'content': line[2:]} for line in text.split(' / ')]


def gpt(*turns):
    return {'conversations': [{'from': role, 'value': text} for role, text in turns]}


def node(role, text, *replies, rank=None, **fields):
    return {'role': role, 'text': text, 'rank': rank, 'replies': [*replies], **fields}


TREE = node(
    'prompter',
    'q',
    node('assistant', 'second', node('prompter', 'no', node('assistant', 'deep', rank=0)), rank=1),
    node('assistant', 'gone', rank=0, deleted=True),
    node('assistant', 'unranked'),
    node(
        'assistant',
        'first',
        node('prompter', 'unanswered'),
        node('prompter', 'more', node('assistant', 'x', rank=2), node('assistant', 'y', rank=1)),
        rank=0,
    ),
)
CALL = '{"name": "add", "arguments": {"a": 1}}'


@pytest.mark.parametrize(
    ('name', 'record', 'messages'),
    [
        ('sharegpt', gpt(('human', 'h'), ('gpt', 'g')), 'u h / a g'),
        ('sharegpt', gpt(('system', 's'), ('user', 'h'), ('assistant', 'g')), 's s / u h / a g'),
        ('sharegpt', gpt(('system', ' '), ('human', 'h'), ('gpt', 'g')), 'u h / a g'),
        (
            'sharegpt',
            gpt(('human', 'h'), ('function_call', CALL), ('observation', '2'), ('gpt', 'g')) | {'tools': '[{"n": 1}]'},
            f's You may call these tools:\n[{{"n": 1}}] / u h / a {CALL} / t 2 / a g',
        ),
        ('sharegpt', gpt(('human', 'h'), ('gpt', 'g')) | {'tools': '[]', 'system': 's'}, 's s / u h / a g'),
        ('openai', {'messages': said('s x / u h / a g / u i / a j'), 'label': True}, 's x / u h / a g / u i / a j'),
        (
            'openai',
            {
                'messages': [
                    {'role': 'developer', 'content': 'x'},
                    {'role': 'user', 'content': [{'type': 'text', 'text': 'h'}, {'type': 'text', 'value': 'i'}]},
                    {
                        'role': 'assistant',
                        'content': 'Wait.',
                        'tool_calls': [
                            {'id': '1', 'type': 'function', 'function': {'name': 'add', 'arguments': '{"a": 1}'}},
                            {'id': '2', 'type': 'function', 'function': {'name': 'now', 'arguments': {}}},
                        ],
                    },
                    {'role': 'tool', 'tool_call_id': '1', 'content': '2'},
                    {'role': 'tool', 'tool_call_id': '2', 'content': 'noon'},
                    {'role': 'assistant', 'content': 'g'},
                ],
                'tools': [{'name': 'add'}],
            },
            f's x\n\nYou may call these tools:\n[{{"name": "add"}}] / u hi / a Wait.\n{CALL}\n'
            '{"name": "now", "arguments": {}} / t 2 / t noon / a g',
        ),
        (
            'openai',
            {'messages': [*said('u h'), {'role': 'assistant', 'content': None, 'function_call': json.loads(CALL)}]},
            f'u h / a {CALL}',
        ),
        ('alpaca', {'instruction': 'i', 'input': '', 'output': 'o'}, 'u i / a o'),
        ('alpaca', {'instruction': 'i', 'input': None, 'output': 'o', 'text': 'all of it'}, 'u i / a o'),
        (
            'alpaca',
            {'instruction': 'i', 'output': 'o', 'history': [['a', 'b'], ['c', 'd']], 'system': 's'},
            's s / u a / a b / u c / a d / u i / a o',
        ),
        ('dolly', {'instruction': 'i', 'context': '', 'response': 'r', 'category': 'qa'}, 'u i / a r'),
        ('oasst', {'message_tree_id': '1', 'tree_state': 'x', 'prompt': TREE}, 'u q / a first / u more / a y'),
        ('oasst', {'message_id': '1', 'parent_id': None} | TREE, 'u q / a first / u more / a y'),
        (
            'self_instruct_prediction',
            {'prompt': 'p', 'instruction': 'i\n', 'input': '', 'response': '\n\nr ', 'target': 't'},
            'u i / a r',
        ),
        ('prompt_completion', {'prompt': said('s x / u h'), 'completion': said('a g')}, 's x / u h / a g'),
    ],
)
def test_each_format_becomes_messages(name, record, messages):
    before = json.dumps(record)
    assert detect(record) == name
    assert convert()(record)['messages'] == convert(name)(record)['messages'] == said(messages)
    assert json.dumps(record) == before


def test_what_an_instruction_is_about_is_kept_apart():
    both = [{'role': 'user', 'content': 'i', 'input': 'x'}, {'role': 'assistant', 'content': 'o'}]
    for record in (
        {'instruction': 'i', 'input': 'x', 'output': 'o'},
        {'instruction': 'i', 'context': 'x', 'response': 'o'},
        {'instruction': 'i', 'input': 'x', 'response': 'o', 'target': 't'},
    ):
        assert convert()(record)['messages'] == both
    task = Task('about', Python(lambda split, seed: [{'messages': both}]))
    (made,) = examples(task, 'train', chat_format='alpaca')
    assert made.inputs.endswith('### Instruction:\ni\n\n### Input:\nx\n\n### Response:')
    assert 'paired with an input' in made.inputs


def test_every_instance_of_a_task_is_an_example():
    record = {'instruction': 'i', 'instances': [{'input': 'x', 'output': 'a'}, {'input': '', 'output': 'b'}]}
    made = convert()(record)
    assert detect(record) == 'self_instruct' and [m['messages'][1]['content'] for m in made] == ['a', 'b']
    assert [m['messages'][0].get('input') for m in made] == ['x', None]


def test_texts_stay_as_they_are_and_references_are_kept():
    assert convert()({'prompt': ' p\n', 'completion': ' c', 'id': 3}) == {'inputs': ' p\n', 'targets': ' c'}
    assert convert()({'inputs': 'p', 'targets': 'c'}) == {'inputs': 'p', 'targets': 'c'}
    record = {'instruction': 'i', 'input': '', 'response': 'r', 'target': 't'}
    assert convert()(record)['references'] == ['t']


def test_weights_of_replies_are_kept_and_those_of_users_are_not():
    messages = said('u h / a g / u i / a j')
    for message, weight in zip(messages, (0.0, 1.0, 0.0, 0.0), strict=True):
        message['loss_weight'] = weight
    made = convert()({'messages': messages})['messages']
    assert [message.get('weight') for message in made] == [None, 1.0, None, 0.0]
    task = Task('marked', Python(lambda split, seed: [{'messages': made}]), loss_turns='marked')
    (example,) = examples(task, 'train', chat_format='chatml')
    assert [part.text for part in example.parts if part.loss] == ['g', '<|im_end|>']


@pytest.mark.parametrize(
    ('record', 'reason'),
    [
        (gpt(('gpt', 'g'), ('human', 'h')), "message 1 is from 'assistant'; expected system or user"),
        (gpt(('human', 'h'), ('human', 'h')), "message 2 is from 'user'; expected assistant"),
        (gpt(('human', 'h'), ('gpt', 'g'), ('gpt', 'g')), "message 3 is from 'assistant'; expected user or tool"),
        (gpt(('human', 'h'), ('gpt', 'g'), ('human', 'h')), 'the last message is from the user; there is no reply'),
        (gpt(('human', 'h'), ('gpt', ' \n')), 'message 2, from the assistant, is empty'),
        (gpt(('human', ''), ('gpt', 'g')), 'message 1, from the user, is empty'),
        (gpt(('human', 'h'), ('narrator', 'g')), "message 2 is from 'narrator'; known are system"),
        (gpt(('human', 'h'), ('gpt', None)), 'the content of message 2 is NoneType; it must be text'),
        (gpt(('human', 'h'), ('gpt', 'g'), ('system', 's')), "message 3 is from 'system'"),
        (gpt(), 'there is no message from the user'),
        (gpt(('system', 's')), 'there is no message from the user'),
        (gpt(('human', 'h'), (['gpt'], 'g')), "message 2 is from ['gpt']"),
        ({'conversations': 'hello'}, "field 'conversations' must be a list of objects"),
        ({'conversations': [3]}, "field 'conversations' must be a list of objects"),
        ({'messages': said('u h / a g'), 'label': False}, 'its label is False'),
        ({'messages': [{'role': 'user', 'content': [{'type': 'image_url'}]}]}, "of type 'image_url'; only text"),
        ({'messages': [{'role': 'user', 'content': ['h']}]}, "of type 'str'; only text"),
        ({'messages': [*said('u h'), {'role': 'assistant', 'tool_calls': [{}]}]}, 'calls a tool without a name'),
        (
            {
                'messages': [
                    *said('u h'),
                    {'role': 'assistant', 'tool_calls': [{'function': {'name': 'f', 'arguments': '{'}}]},
                ]
            },
            "message 2 calls 'f' with arguments that are not JSON",
        ),
        ({'instruction': 'i', 'output': ''}, 'message 2, from the assistant, is empty'),
        ({'instruction': 'i', 'output': 3}, "field 'output' is int; it must be text"),
        ({'instruction': 'i', 'output': 'o', 'history': ['a']}, "field 'history' must be a list of pairs"),
        ({'instruction': 'i', 'output': 'o', 'history': [['a', None]]}, 'the content of message 2 is NoneType'),
        ({'instruction': 'i', 'context': 3, 'response': 'r'}, "field 'context' is int; it must be text"),
        ({'instruction': 'i', 'instances': []}, "field 'instances' must be a list of objects"),
        ({'instruction': 'i', 'instances': [{'input': ''}]}, "no field 'output'; the record has input"),
        ({'prompt': 'p', 'completion': ' '}, "field 'completion' is empty"),
        ({'prompt': 'p', 'completion': ['c']}, "field 'completion' is list; it must be text"),
        ({'message_tree_id': '1', 'prompt': node('prompter', 'q')}, 'nobody replied to the prompt'),
        ({'message_tree_id': '1', 'prompt': node('assistant', 'a')}, "message 1 is from 'assistant'"),
        ({'message_tree_id': '1', 'prompt': node('robot', 'a')}, "a message is from 'robot'; expected prompter"),
        ({'message_id': '2', 'parent_id': '1'} | node('assistant', 'a'), "it replies to, '1', is in no tree"),
        ({'conversations': [], 'chosen': {}, 'rejected': {}}, 'which one is better, not what to say'),
        ({'turns': ['q'], 'category': 'x'}, 'the record has category, turns, which is none of the formats known'),
        ({}, 'the record has no field, which is none'),
    ],
)
def test_what_can_not_be_used_is_refused(record, reason):
    with pytest.raises(UserError, match=re.escape(reason)) as caught:
        convert()(record)
    assert '\n' not in str(caught.value)


def test_an_unknown_format_is_refused_at_once():
    with pytest.raises(UserError, match="unknown format of conversations 'alpacca'; did you mean alpaca"):
        convert('alpacca')
    with pytest.raises(UserError, match="no field 'output'; the record has instruction"):
        convert('alpaca')({'instruction': 'i'})


def test_ranked_replies_of_every_prompt():
    made = ranked_replies({'message_tree_id': '1', 'prompt': TREE})
    assert [(m['messages'], m['replies']) for m in made] == [
        (said('u q'), ['first', 'second']),
        (said('u q / a first / u more'), ['y', 'x']),
    ]


@pytest.mark.parametrize(
    ('record', 'messages'),
    [
        (gpt(('system', 's'), ('human', 'h')), 's s / u h'),
        ({'messages': said('u h / a g / u i')}, 'u h / a g / u i'),
        ({'instruction': 'h', 'input': ''}, 'u h'),
        ({'prompt': 'h'}, 'u h'),
    ],
)
@pytest.mark.parametrize('wrap', [str, lambda t: {'from': 'gpt', 'value': t}, lambda t: [{'content': t}]])
def test_pairs_are_ranked(record, messages, wrap):
    pair = record | {'chosen': wrap('good'), 'rejected': wrap('bad')}
    assert ranked_pair(pair) == {'messages': said(messages), 'replies': ['good', 'bad']}


def test_a_pair_without_a_prompt_or_a_reply_is_refused():
    with pytest.raises(UserError, match='the last message is from the assistant; there is nothing to reply to'):
        ranked_pair(gpt(('human', 'h'), ('gpt', 'g')) | {'chosen': 'a', 'rejected': 'b'})
    with pytest.raises(UserError, match="field 'rejected' must be one reply"):
        ranked_pair({'prompt': 'h', 'chosen': 'a', 'rejected': ' '})


def write(path, rows, *, lines=True):
    text = ''.join(json.dumps(row) + '\n' for row in rows) if lines else json.dumps(rows, indent=1)
    opener = gzip.open if path.suffix == '.gz' else open
    with opener(path, 'wt', encoding='utf-8') as f:
        f.write(text)
    return path


GOOD, BAD = gpt(('human', 'h'), ('gpt', 'g')), gpt(('human', 'h'))


@pytest.mark.parametrize('name', ['a.json', 'a.json.gz', 'a.jsonl', 'a.jsonl.gz', 'lines.json'])
def test_bad_rows_are_named_with_file_and_line_or_left_out_and_counted(tasks, tmp_path, caplog, name):
    lines = 'a.json' not in name or 'jsonl' in name
    first = write(tmp_path / f'first_{name}', [GOOD], lines=lines)
    second = write(tmp_path / name, [GOOD, BAD, GOOD, BAD], lines=lines)
    task = add_conversations('mine', [first, second], cluster='chat')
    assert task.source.num_examples('train') == 5 and registry.get_task('mine') is task
    build = functools.partial(caching.build, task, 'train', BYTES, LONG, tmp_path / 'caches')
    place = f'{second}: {"line" if lines else "record"}'
    with pytest.raises(UserError) as caught:
        build()
    assert (
        str(caught.value)
        == f"task 'mine', {place} 2: the last message is from the user; there is no reply to learn from it"
    )
    cache = TokenCache.open(build(on_bad_row='skip'))
    assert cache.provenance[:, 0].tolist() == [0, 1, 3] and cache.manifest['counts']['bad_rows'] == 2
    assert f'{place} 2' in caplog.text and f'{place} 4' in caplog.text


def test_further_preprocessors_come_after_the_conversion(tasks, tmp_path):
    def shout(record):
        return {'messages': [m | {'content': m['content'].upper()} for m in record['messages']]}

    path = write(tmp_path / 'a.json', [GOOD], lines=False)
    task = add_conversations('mine', path, format='sharegpt', preprocessors=(shout,), licence='mit')
    assert [e.targets for e in examples(task, 'train')] == ['G'] and task.licence == 'mit'


def test_a_file_that_is_no_list_of_records_is_refused(tmp_path):
    for content, message in (
        ('[{}, 3]', 'record 2 is a JSON int; every record must be an object'),
        ('[{},\n{]', 'line 2 is not JSON'),
        ('{"a":\n1}', 'line 1 is not JSON'),
        ('[\xff]', 'is not JSON in UTF-8'),
    ):
        (tmp_path / 'a.json').write_bytes(content.encode('latin-1'))
        with pytest.raises(UserError, match=re.escape(f'{tmp_path / "a.json"}') + '.*' + re.escape(message)):
            list(Conversations(tmp_path / 'a.json').records('train'))
    (tmp_path / 'a.json.gz').write_bytes(b'\x1f\x8b broken')
    for path in ('a.json.gz', 'none.json'):
        with pytest.raises(UserError, match=re.escape(str(tmp_path / path))):
            list(Conversations(tmp_path / path).records('train'))
    (tmp_path / 'empty.json').write_text('\n')
    assert list(Conversations(tmp_path / 'empty.json').records('train')) == []


def flat(tree, parent=None, counter=None):
    """Yields the messages of a tree, each a record of its own, as the flat files of OpenAssistant have them."""
    counter = iter(range(1000)) if counter is None else counter
    name = tree.get('message_id') or f'm{next(counter)}'
    yield {**{k: v for k, v in tree.items() if k != 'replies'}, 'message_id': name, 'parent_id': parent}
    for reply in tree['replies']:
        yield from flat(reply, name, counter)


def test_flat_messages_become_trees_again(tmp_path):
    rows = list(flat(TREE))
    alone = {'message_id': 'z', 'parent_id': 'nowhere', 'role': 'assistant', 'text': 'lost'}
    circle = [{'message_id': a, 'parent_id': b, 'role': 'prompter', 'text': 'o'} for a, b in ('xy', 'yx')]
    for order in (rows, rows[::-1]):
        source = Conversations(write(tmp_path / 'flat.jsonl', [*order, alone, *circle]))
        good, *bad = list(source.records('train'))
        assert convert()(good)['messages'] == said('u q / a first / u more / a y')
        for record in bad:
            with pytest.raises(UserError, match='is in no tree of the file'):
                convert()(record)
        assert len(bad) == 3 and source.locate('train', 1) == f'{tmp_path / "flat.jsonl"}: line {len(rows) + 1}'
        assert source.locate('train', 0).endswith(f'line {order.index(rows[0]) + 1}')


@pytest.mark.shared_data
def test_real_trees_are_the_same_whole_and_flat(shared_data, tmp_path):
    trees = list(Conversations(shared_data / 'oasst' / 'en_100_tree.jsonl.gz').records('train'))
    lines = [message for tree in trees for message in flat(tree['prompt'] | {'message_id': tree['message_tree_id']})]
    assert len(lines) == 1167
    again = list(Conversations(write(tmp_path / 'flat.jsonl.gz', lines)).records('train'))
    messages = list(Conversations(shared_data / 'oasst' / 'en_100_message.jsonl.gz').records('train'))
    assert len(trees) == len(again) == len(messages) == 100
    for tree, one, other in zip(trees, again, messages, strict=True):
        assert convert()(tree) == convert()(one) == convert()(other)
        assert ranked_replies(tree) == ranked_replies(one) == ranked_replies(other)
    pairs = [made for tree in trees for made in ranked_replies(tree)]
    # Counted by hand in the file: prompts with two ranked replies or more, none of them deleted.
    assert len(pairs) == 212 and Counter(len(made['replies']) for made in pairs)[3] == 117


# For each file: how many records become conversations, and how many are refused for which reason.
REAL = {
    'llamafactory/alpaca_en_demo.json.gz': {'alpaca': 999},
    'llamafactory/alpaca_zh_demo.json.gz': {'alpaca': 1000},
    'llamafactory/identity.json.gz': {'alpaca': 91},
    'llamafactory/glaive_toolcall_en_demo.json.gz': {'sharegpt': 300},
    'llamafactory/glaive_toolcall_zh_demo.json.gz': {'sharegpt': 300},
    'llamafactory/v1_sft_demo.jsonl.gz': {'openai': 500},
    'llamafactory/kto_en_demo.json.gz': {'openai': 150, 'its label is False': 150},
    'llamafactory/dpo_en_demo.json.gz': {'a chosen and a rejected reply': 300},
    'llamafactory/dpo_zh_demo.json.gz': {'a chosen and a rejected reply': 300},
    'llamafactory/c4_demo.jsonl.gz': {'the record has text': 300},
    'oasst/en_100_tree.jsonl.gz': {'oasst': 100},
    'oasst/en_100_message.jsonl.gz': {'oasst': 100},
    'chat_fastchat/dummy_conversation.json.gz': {'sharegpt': 500},
    'chat_fastchat/mt_bench_question.jsonl': {'the record has category': 80},
    'chat_fastchat/vicuna_bench_question.jsonl': {'the record has category': 80},
    'self_instruct/seed_tasks.jsonl': {'self_instruct': 175},
    'self_instruct/user_oriented_instructions.jsonl': {'self_instruct': 252},
    'self_instruct/text-davinci-003_predictions.jsonl.gz': {'self_instruct_prediction': 252},
    'self_instruct/text-davinci-001_predictions.jsonl.gz': {'self_instruct_prediction': 252},
    'self_instruct/davinci-self-instruct_predictions.jsonl.gz': {'self_instruct_prediction': 252},
    'self_instruct/davinci-t0-ft_predictions.jsonl.gz': {
        'self_instruct_prediction': 204,
        'message 2, from the assistant, is empty': 48,
    },
}


@pytest.mark.shared_data
@pytest.mark.parametrize('name', REAL)
def test_every_record_of_a_real_file_becomes_a_conversation_or_is_refused(shared_data, name):
    """What bears loss is what the assistant says and an end after each, counted in bytes from the messages themselves."""
    found = Counter()
    for record in Conversations(shared_data / name).records('train'):
        try:
            made = convert()(record)
        except UserError as error:
            found[re.split('[,:;] ', str(error))[0] if 'is empty' not in str(error) else str(error)] += 1
            continue
        found[detect(record)] += 1
        for item in made if isinstance(made, list) else [made]:
            messages = item['messages']
            if any(message['role'] == 'tool' for message in messages):
                with pytest.raises(UserError, match='is from a tool, for which chat format'):
                    chat.to_parts(messages, 'gemma')
                learnt = [part.text for part in chat.to_parts(messages, 'llama3') if part.loss and not part.special]
                assert learnt == [m['content'].strip() for m in messages if m['role'] == 'assistant']
            done = tokenize(Example(chat.to_parts(messages, 'plain')), BYTES, LONG)
            text = BYTES.decode(done.tokens[done.loss_mask], keep_specials=True)
            assert text == ''.join(m['content'] + '</s>' for m in messages if m['role'] == 'assistant')
    assert found == REAL[name]


@pytest.mark.shared_data
@pytest.mark.parametrize('name', ['llamafactory/wiki_demo.txt.gz', 'llamafactory/dataset_info.json'])
def test_files_of_something_else_are_refused(shared_data, name):
    with pytest.raises(UserError, match=f'{name}: line 1 is not JSON'):
        list(Conversations(shared_data / name).records('train'))


@pytest.mark.shared_data
def test_the_pairs_of_a_real_file_are_ranked(shared_data):
    for record in Conversations(shared_data / 'llamafactory' / 'dpo_en_demo.json.gz').records('train'):
        made = ranked_pair(record)
        assert made['replies'] == [record['chosen']['value'], record['rejected']['value']]
        assert made['messages'][-1] == {'role': 'user', 'content': record['conversations'][-1]['value']}


def talks(split, seed):
    """A short conversation and a long one."""
    return [
        {'messages': said('s S / u 11 / a aa / u 22 / a bb')},
        {'messages': said(' / '.join(['s S', *(f'u {i}{i} / a {c}{c}' for i, c in enumerate('abcdef'))]))},
        {'inputs': 'x' * 40, 'targets': 'y'},
    ]


def build(tmp_path, **fields):
    """Returns the examples of a cache as text, what bears loss in brackets, and its counts."""
    task = Task('talks', Python(talks), **fields)
    cache = TokenCache.open(caching.build(task, 'train', BYTES, TokenFormat(False, 20, 9), tmp_path))
    made = []
    for i in range(cache.num_examples):
        tokens, boundaries = cache.example(i)
        ends = [0, *boundaries, len(tokens)]
        spans = [BYTES.decode(tokens[a:b], keep_specials=True) for a, b in itertools.pairwise(ends)]
        made.append(''.join(f'[{span}]' if k % 2 else span for k, span in enumerate(spans) if span))
    return made, {name: n for name, n in cache.manifest['counts'].items() if n}, cache.provenance[:, 0].tolist()


SHORT, ORDINARY = 'S\n\n11\n[aa</s>]22\n[bb</s>]', f'{"x" * 19}\n[y</s>]'


def test_a_conversation_longer_than_a_row_is_cut_split_or_left_out(tmp_path):
    made, counts, rows = build(tmp_path)
    cut = 'S\n\n00\n[aa</s>]11\n[bb</s>]22\n[cc</s>]33\n[dd</s>]'
    assert made == [SHORT, cut, ORDINARY] and rows == [0, 1, 2]
    assert counts == {'cut_inputs': 2, 'cut_targets': 1}
    made, counts, rows = build(tmp_path, long_conversations='split')
    assert made == [SHORT, cut, 'S\n\n44\n[ee</s>]55\n[ff</s>]', ORDINARY] and rows == [0, 1, 1, 2]
    assert counts == {'split_conversations': 1, 'cut_inputs': 1}
    made, counts, rows = build(tmp_path, long_conversations='drop')
    assert made == [SHORT, ORDINARY] and rows == [0, 2]
    assert counts == {'dropped': 1, 'cut_inputs': 1}


def lengths(split, seed):
    """Conversations of all small lengths, many of them just as long as a row."""
    draw = random.Random(0)
    for i in range(1200):
        turns = [(draw.randint(1, 18), draw.randint(1, 10)) for _ in range(i % 4 + 1)]
        yield {'messages': said(' / '.join(f'u {"x" * user} / a {"y" * reply}' for user, reply in turns))}


@pytest.mark.parametrize('loss', ['all', 'last'])
def test_what_is_left_out_is_what_would_be_cut(tmp_path, loss):
    task = Task('lengths', Python(lengths), loss_turns=loss, long_conversations='drop')
    format = TokenFormat(False, 18, 8)
    done = [tokenize(example, BYTES, format) for example in examples(task, 'train')]
    whole = [row for row, made in enumerate(done) if not made.cut_inputs and not made.cut_targets]
    cache = TokenCache.open(caching.build(task, 'train', BYTES, format, tmp_path))
    assert cache.provenance[:, 0].tolist() == whole and cache.manifest['counts']['dropped'] == 1200 - len(whole)


def test_loss_turns_of_a_task(tmp_path):
    made, counts, _ = build(tmp_path, loss_turns='last', long_conversations='split')
    assert made[:2] == ['S\n\n11\naa</s>22\n[bb</s>]', 'S\n\n33\ndd</s>44\nee</s>55\n[ff</s>]']
    assert counts == {'split_conversations': 1, 'cut_inputs': 1}


def test_they_change_the_fingerprint_where_they_are_not_the_usual():
    def key(chat_format=None, **fields):
        return fingerprint(
            Task('talks', Python(talks), **fields), 'train', BYTES, LONG, seed=0, chat_format=chat_format
        )

    keys = [
        key(),
        key(loss_turns='last'),
        key(loss_turns='marked'),
        key(long_conversations='split'),
        key(long_conversations='drop'),
        key('alpaca'),
        key('vicuna'),
        key(preprocessors=(convert(),)),
        key(preprocessors=(convert('alpaca'),)),
    ]
    assert len(set(keys)) == len(keys)
    assert key(loss_turns='all', long_conversations='cut') == key()


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'loss_turns': 'first'}, "task 'talks': loss_turns is 'first'; it must be one of all, last, marked"),
        ({'long_conversations': 'wrap'}, "long_conversations is 'wrap'; it must be one of cut, split, drop"),
        ({'long_conversations': 'split', 'shots': 1}, 'a conversation with exemplars before it can not be split'),
    ],
)
def test_a_task_says_what_it_can(tasks, fields, message):
    with pytest.raises(UserError, match=re.escape(message)):
        registry.add_task('talks', Python(talks), **fields)


def test_the_page_shows_a_record_of_each_format():
    text = PAGE.read_text(encoding='utf-8')
    shown = dict(re.findall(r'### (\w+)\n(?:(?!###).)*?```json\n(.*?)```', text, re.DOTALL))
    assert set(shown) == set(FORMATS)
    for name, block in shown.items():
        assert len(block.splitlines()) <= 10 and detect(json.loads(block)) == name
        assert convert()(json.loads(block))
    for name in chat.FORMATS:
        assert f'`{name}`' in text


def test_the_page_registers_a_task(tasks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(Path('train.json'), [GOOD], lines=False)
    write(Path('held_out.jsonl.gz'), [GOOD, GOOD])
    write(Path('chats.json'), [GOOD], lines=False)
    blocks = re.findall(r'```python\n(.*?)```', PAGE.read_text(encoding='utf-8'), re.DOTALL)
    exec('\n'.join(blocks), {})
    assert len(blocks[0].strip().splitlines()) <= 3
    assert len(list(examples(registry.get_task('my_chats'), 'validation'))) == 2
    assert registry.get_task('last_turns').loss_turns == 'last'
    assert registry.get_task('long_chats').long_conversations == 'split'
