"""What conversion must not lose, learn by mistake or stumble over: fields beside the usual ones, bad replies, odd types."""

import json
import re
import sys

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks import conversations, registry
from jaxit.tasks.conversation_records import BESIDE, ranked_pair
from jaxit.tasks.conversations import Conversations, add_conversations, convert
from jaxit.tasks.fingerprints import describe
from jaxit.tasks.hygiene.licences import keep_permissive
from jaxit.tasks.oasst import ranked_replies
from jaxit.tasks.preprocessors import keep, keep_where
from jaxit.tasks.rendering import examples


def said(text):
    """Returns messages: `u hello / a hi` in short."""
    roles = {'s': 'system', 'u': 'user', 'a': 'assistant', 't': 'tool'}
    return [{'role': roles[line[0]], 'content': line[2:]} for line in text.split(' / ')]


def write(path, rows):
    path.write_text(''.join(json.dumps(row) + '\n' for row in rows))
    return path


@pytest.mark.parametrize('reply', ['output', 'response'])
@pytest.mark.parametrize('about', ['input', 'context'])
def test_instructions_are_read_whole_whatever_their_fields_are_called(reply, about):
    record = {'instruction': 'i', about: 'x', reply: 'o', 'system': 's', 'history': [['a', 'b']], 'tools': '[{"n": 1}]'}
    messages = said('s s\n\nYou may call these tools:\n[{"n": 1}] / u a / a b / u i / a o')
    messages[3]['input'] = 'x'
    assert convert()(record) == {'messages': messages}
    assert convert()({'instruction': 'i', 'input': 'x', 'context': ' ', reply: 'o'})['messages'][0]['input'] == 'x'
    with pytest.raises(UserError, match="'input' and 'context' both say what the instruction is about"):
        convert()(record | {'input': 'x', 'context': 'y'})


@pytest.mark.parametrize(
    ('record', 'messages'),
    [
        ({'prompt': 'p', 'completion': 'c'}, 'u p / a c'),
        ({'prompt': said('u p'), 'completion': said('a c')}, 'u p / a c'),
        ({'inputs': 'p', 'targets': 'c'}, 'u p / a c'),
        ({'instruction': 'i', 'response': 'r', 'target': 't'}, 'u i / a r'),
        ({'instruction': 'i', 'instances': [{'input': '', 'output': 'o'}]}, 'u i / a o'),
        ({'conversations': [{'from': 'human', 'value': 'h'}, {'from': 'gpt', 'value': 'g'}]}, 'u h / a g'),
        ({'messages': said('u h / a g')}, 'u h / a g'),
    ],
)
def test_a_system_prompt_and_tools_are_never_lost(record, messages):
    made = convert()(record | {'system': 'be brief', 'tools': None, 'functions': [{'n': 1}]})
    (made,) = made if isinstance(made, list) else [made]
    assert made['messages'] == said(f's be brief\n\nYou may call these tools:\n[{{"n": 1}}] / {messages}')


RECORDS = {
    'sharegpt': {'conversations': [{'from': 'human', 'value': 'h'}, {'from': 'gpt', 'value': 'g'}]},
    'openai': {'messages': said('u h / a g')},
    'alpaca': {'instruction': 'i', 'output': 'o'},
    'dolly': {'instruction': 'i', 'response': 'o'},
    'oasst': {
        'message_tree_id': '1',
        'prompt': {'role': 'prompter', 'text': 'q', 'replies': [{'role': 'assistant', 'text': 'a', 'replies': []}]},
    },
    'self_instruct': {'instruction': 'i', 'instances': [{'input': '', 'output': 'o'}]},
    'self_instruct_prediction': {'instruction': 'i', 'response': 'r', 'target': 't'},
    'prompt_completion': {'prompt': 'p', 'completion': 'c'},
}
BESIDES = {'history': [['a', 'VALUE']], 'tools': [{'VALUE': 1}], 'functions': [{'VALUE': 1}]}
NOT_READ = {
    'sharegpt': {'history', 'input', 'context'},
    'openai': {'history', 'input', 'context'},
    'alpaca': set(),
    'dolly': set(),
    'oasst': {*BESIDE},
    'self_instruct': {'history', 'input', 'context'},
    'self_instruct_prediction': {'history', 'context'},
    'prompt_completion': {'history', 'input', 'context'},
}


@pytest.mark.parametrize('name', RECORDS)
def test_what_stands_beside_is_learnt_or_refused(name):
    assert set(RECORDS) == set(NOT_READ) == set(conversations.FORMATS)
    for field in BESIDE:
        record = RECORDS[name] | {field: BESIDES.get(field, 'VALUE')}
        if field in NOT_READ[name]:
            with pytest.raises(UserError, match=f'field {field!r} is not read in format {name!r}'):
                convert()(record)
            assert convert()(RECORDS[name] | {field: type(record[field])()})  # a blank one says nothing
        else:
            assert 'VALUE' in str(convert()(record)), field


@pytest.mark.parametrize('name', RECORDS)
@pytest.mark.parametrize('mark', ['label', 'kto_tag'])
def test_a_reply_that_stands_there_as_a_bad_one_is_never_learnt(name, mark):
    assert convert()(RECORDS[name] | {mark: True})
    for format in (None, name):
        with pytest.raises(UserError, match=f'its {mark} is False'):
            convert(format)(RECORDS[name] | {mark: False})


def test_history_and_context_before_a_pair_are_kept():
    pair = {'instruction': 'i', 'context': 'x', 'history': [['a', 'b']], 'chosen': 'good', 'rejected': 'bad'}
    messages = said('u a / a b / u i')
    messages[2]['input'] = 'x'
    assert ranked_pair(pair) == {'messages': messages, 'replies': ['good', 'bad']}


def calling(**fields):
    return {'messages': [*said('u h'), {'role': 'assistant', **fields}]}


CALL = {'function': {'name': 'f', 'arguments': '{"a": 1}'}}


def test_texts_and_calls_in_one_message_are_joined():
    record = calling(content=[{'type': 'text', 'text': 'Wa'}, {'type': 'text', 'text': 'it.'}], tool_calls=[CALL])
    assert convert()(record)['messages'][1]['content'] == 'Wait.\n{"name": "f", "arguments": {"a": 1}}'


@pytest.mark.parametrize(
    ('fields', 'reason'),
    [
        ({'content': 'x', 'tool_calls': 3}, "message 2: 'tool_calls' is int; it must be a list"),
        ({'content': {'text': 'x'}, 'tool_calls': [CALL]}, 'the content of message 2 is dict; it must be text'),
        ({'content': [3], 'tool_calls': [CALL]}, "of type 'int'; only text"),
        ({'content': 'x', 'weight': '1'}, "message 2 has weight '1'; it must be 0 or 1"),
        ({'content': 'x', 'weight': 0.5}, 'message 2 has weight 0.5'),
        ({'content': 'x', 'reasoning_content': 'hm'}, "message 2 has 'reasoning_content', for which there is no place"),
        (
            {'content': '', 'tool_calls': [{'function': {'name': 'f', 'arguments': '[' * 100_000}}]},
            "message 2 calls 'f' with arguments that are not JSON",
        ),
    ],
)
def test_odd_messages_are_refused(fields, reason):
    with pytest.raises(UserError, match=re.escape(reason)):
        convert()(calling(**fields))
    assert convert()(calling(content='x', reasoning_content=' ', weight=1))


def node(role, text, *replies, **fields):
    return {'role': role, 'text': text, 'replies': [*replies], **fields}


@pytest.mark.parametrize(
    ('root', 'reason'),
    [
        (node('prompter', 'q', node('assistant', 'a', rank='x'), node('assistant', 'b', rank=0)), "has rank 'x'"),
        (node('prompter', 'q', node('assistant', 'a', rank=[]), node('assistant', 'b', rank=0)), 'has rank []'),
        (node('prompter', 'q', node('assistant', 'a'), deleted=True), 'the prompt was deleted'),
    ],
)
def test_odd_trees_are_refused(root, reason):
    for read in (convert(), ranked_replies):
        with pytest.raises(UserError, match=re.escape(reason)):
            read({'message_tree_id': '1', 'prompt': root})


FLAT = [
    {'message_id': '1', 'parent_id': None, 'role': 'prompter', 'text': 'q'},
    {'message_id': '2', 'parent_id': '1', 'role': 'assistant', 'text': 'a'},
]


@pytest.mark.parametrize(
    'other', [{'foo': 1}, {'message_id': '3', 'role': 'assistant', 'text': 'z'}, {'parent_id': '1', 'text': 'z'}]
)
def test_a_record_of_another_kind_among_flat_messages_is_one_bad_row(tmp_path, other):
    source = Conversations(write(tmp_path / 'flat.jsonl', [FLAT[0], other, FLAT[1]]))
    tree, alone = source.records('train')
    assert convert()(tree)['messages'] == said('u q / a a') and alone == other
    assert source.locate('train', 1).endswith('line 2')
    with pytest.raises(UserError, match='none of the formats known'):
        convert()(alone)


def test_a_whole_tree_among_flat_messages_keeps_its_replies(tmp_path):
    whole = {'message_id': '9', 'parent_id': None} | node('prompter', 'p', node('assistant', 'b'))
    rows = list(Conversations(write(tmp_path / 'flat.jsonl', [*FLAT, whole])).records('train'))
    assert [convert()(row)['messages'] for row in rows] == [said('u q / a a'), said('u p / a b')]


def test_a_deep_tree_is_ranked():
    root = tree = node('prompter', 'q')
    for i in range(3000):
        reply = node(('assistant', 'prompter')[i % 2], f'{i}', rank=0)
        tree['replies'] = [reply, *([node('assistant', 'x', rank=1)] if i == 2998 else [])]
        tree = reply
    (made,) = ranked_replies({'prompt': root})
    assert len(made['messages']) == 2999 and made['replies'] == ['2998', 'x']


def test_a_cache_notices_that_the_conversion_changed(monkeypatch):
    """The text of each module that converts is in what is described, and nothing that differs between processes."""
    before = json.dumps(describe(convert()))
    assert '0x' not in before and json.dumps(describe(convert('alpaca'))) != before
    for name in ('conversations', 'conversation_records', 'oasst', 'self_instruct'):
        module = sys.modules[f'jaxit.tasks.{name}']
        real = describe.__globals__['inspect'].getsource
        with monkeypatch.context() as patch:
            patch.setattr(
                describe.__globals__['inspect'], 'getsource', lambda m, k=module, r=real: r(m) + '#' * (m is k)
            )
            assert json.dumps(describe(convert())) != before, name
    assert json.dumps(describe(convert())) == before


@pytest.fixture
def tasks(monkeypatch):
    registry.names()
    monkeypatch.setattr(registry, '_TASKS', dict(registry._TASKS))


def test_what_comes_before_the_conversion_sees_all_fields(tasks, tmp_path):
    rows = [
        {'instruction': f'{i}', 'output': 'o', 'licence': licence, 'lang': lang, 'score': [1]}
        for i, (licence, lang) in enumerate([('MIT', 'en'), ('CC-BY-NC-4.0', 'en'), ('MIT', 'de'), ('MIT', 'en')])
    ]
    path = write(tmp_path / 'a.jsonl', rows)
    task = add_conversations('mine', path, before=(keep_permissive(), keep_where('lang', ('en',))))
    assert [example.inputs for example in examples(task, 'train')] == ['0\n', '3\n']
    chats = write(tmp_path / 'b.jsonl', [{'messages': said('u h / a g'), 'history': [['a', 'b']]}])
    with pytest.raises(UserError, match="field 'history' is not read in format 'openai'"):
        list(examples(add_conversations('whole', chats), 'train'))
    kept = add_conversations('kept', chats, before=(keep(('messages',)),))
    assert [example.targets for example in examples(kept, 'train')] == ['g']
