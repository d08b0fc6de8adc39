"""Conversations and instructions as they are published, made into `messages` one record at a time.

Each function here is a preprocessor for one way of writing them down. What it can not use it refuses, saying why.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jaxit.core.errors import UserError
from jaxit.text import chat

Record = dict[str, Any]

# What other projects call the roles; a call of a function is something that the assistant says.
ROLES = {
    'system': 'system',
    'developer': 'system',
    'user': 'user',
    'human': 'user',
    'prompter': 'user',
    'assistant': 'assistant',
    'gpt': 'assistant',
    'chatgpt': 'assistant',
    'function_call': 'assistant',
    'tool': 'tool',
    'function': 'tool',
    'observation': 'tool',
}


def sharegpt(record: Record) -> Record:
    """ShareGPT: `conversations` of `from` and `value`, with `system` and `tools` beside them where there are any."""
    return _of_messages(record, 'conversations')


def openai(record: Record) -> Record:
    """OpenAI: `messages` of `role` and `content`; calls of tools become text, one JSON object a line.

    Contents may be lists of texts. A reply's `weight` (or `loss_weight`) is kept for `loss_turns='marked'`.
    """
    return _of_messages(record, 'messages')


def alpaca(record: Record) -> Record:
    """Alpaca: `instruction`, `input` (may be blank), `output`; `history` of pairs and `system` where there are any."""
    history = record.get('history') or []
    if not isinstance(history, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in history):
        raise UserError("field 'history' must be a list of pairs of what the user and the assistant said")
    turns = [turn for said, answer in history for turn in ask(said, answer)]
    turns += ask(text_of(record, 'instruction'), text_of(record, 'output'), optional_text(record, 'input'))
    return conversation(_with_system(turns, record))


def dolly(record: Record) -> Record:
    """Dolly: `instruction`, `context` (may be blank), `response`."""
    return conversation(
        ask(text_of(record, 'instruction'), text_of(record, 'response'), optional_text(record, 'context'))
    )


def prompt_completion(record: Record) -> Record:
    """`prompt` and `completion`, or `inputs` and `targets`: texts, or lists of messages to be joined."""
    names = ('prompt', 'completion') if 'completion' in record else ('inputs', 'targets')
    if all(isinstance(record.get(name), list) for name in names):
        return openai({'messages': [*record[names[0]], *record[names[1]]]})
    inputs, targets = (text_of(record, name) for name in names)
    for name, text in zip(names, (inputs, targets), strict=True):
        if not text.strip():
            raise UserError(f'field {name!r} is empty')
    return {'inputs': inputs, 'targets': targets}


def ranked_pair(record: Record) -> Record:
    """A prompt with a `chosen` and a `rejected` reply, for preferences: `messages` and `replies`, the better one first."""
    name = next((name for name in ('conversations', 'messages') if name in record), None)
    if name is None:
        asked = text_of(record, 'instruction' if 'instruction' in record else 'prompt')
        turns = ask(asked, '', optional_text(record, 'input'))[:1]
    else:
        turns = _turns(record, name)
    return ranked(_with_system(turns, record), [_reply_of(record.get(name), name) for name in ('chosen', 'rejected')])


def ranked(turns: Sequence[Record], replies: Sequence[str]) -> Record:
    """Returns a prompt and the replies to it, best first."""
    return {'messages': _checked(turns, ('user', 'tool'), 'there is nothing to reply to'), 'replies': [*replies]}


def conversation(turns: Sequence[Record]) -> Record:
    """Returns turns as a record to learn from, checked."""
    return {'messages': _checked(turns, ('assistant',), 'there is no reply to learn from it')}


def ask(instruction: Any, reply: Any, about: str = '') -> list[Record]:
    """Returns one turn of the user, with the text it is about, and one of the assistant."""
    asked = {'role': 'user', 'content': instruction} | ({'input': about} if about.strip() else {})
    return [asked, {'role': 'assistant', 'content': reply}]


def text_of(record: Mapping[str, Any], name: str) -> str:
    """Returns a field that must be text."""
    if name not in record:
        raise UserError(f'no field {name!r}; the record has {", ".join(sorted(record)) or "none"}')
    if not isinstance(record[name], str):
        raise UserError(f'field {name!r} is {type(record[name]).__name__}; it must be text')
    return record[name]


def optional_text(record: Mapping[str, Any], name: str) -> str:
    """Returns a field that may be missing or None, or else must be text."""
    return '' if record.get(name) is None else text_of(record, name)


def _of_messages(record: Record, name: str) -> Record:
    if record.get('label') is False:  # KTO
        raise UserError('its label is False: the last reply stands there as a bad one; such rows are for preferences')
    return conversation(_with_system(_turns(record, name), record))


def _checked(messages: Sequence[Record], ends: tuple[str, ...], otherwise: str) -> list[Record]:
    chat.check(messages)
    for number, message in enumerate(messages, 1):
        if not message['content'].strip():
            raise UserError(f'message {number}, from the {message["role"]}, is empty')
    if messages[-1]['role'] not in ends:
        raise UserError(f'the last message is from the {messages[-1]["role"]}; {otherwise}')
    return [*messages]


def _turns(record: Record, name: str) -> list[Record]:
    """Returns the turns of a list of objects in our words."""
    turns = record.get(name)
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
        raise UserError(f'field {name!r} must be a list of objects, each with a role and a content')
    return [_turn(turn, number) for number, turn in enumerate(turns, 1)]


def _turn(turn: Mapping[str, Any], number: int) -> Record:
    said = turn.get('from', turn.get('role'))
    role = ROLES.get(said) if isinstance(said, str) else None
    if role is None:
        raise UserError(f'message {number} is from {said!r}; known are {", ".join(ROLES)}')
    calls = turn.get('tool_calls') or ([turn['function_call']] if turn.get('function_call') else [])
    content = turn.get('value', turn.get('content'))
    if calls:
        content = '\n'.join([*([content] if content else []), *(_call(call, number) for call in calls)])
    elif isinstance(content, list):
        content = ''.join(_piece(piece, number) for piece in content)
    weight = turn.get('weight', turn.get('loss_weight'))
    marked = {'weight': weight} if role == 'assistant' and weight is not None else {}
    return {'role': role, 'content': content, **marked}


def _piece(piece: Any, number: int) -> str:
    kind = piece.get('type') if isinstance(piece, Mapping) else type(piece).__name__
    text = piece.get('text', piece.get('value')) if kind == 'text' else None
    if not isinstance(text, str):
        raise UserError(f'message {number} holds a piece of type {kind!r}; only text can be used')
    return text


def _call(call: Any, number: int) -> str:
    """Returns the call of a tool as one line of JSON."""
    function = call.get('function', call) if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get('name'), str):
        raise UserError(f'message {number} calls a tool without a name')
    arguments = function.get('arguments', {})
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            raise UserError(f'message {number} calls {function["name"]!r} with arguments that are not JSON') from None
    return json.dumps({'name': function['name'], 'arguments': arguments}, ensure_ascii=False)


def _with_system(turns: Sequence[Record], record: Mapping[str, Any]) -> list[Record]:
    """Puts the record's own system prompt and the tools it offers before the turns; a blank one is left out."""
    prompts = [optional_text(record, 'system')]
    if turns and turns[0]['role'] == 'system' and isinstance(turns[0]['content'], str):
        prompts.append(turns[0]['content'])
        turns = turns[1:]
    prompts = [text for text in (*prompts, _tools(record)) if text.strip()]
    return [*([{'role': 'system', 'content': '\n\n'.join(prompts)}] if prompts else []), *turns]


def _tools(record: Mapping[str, Any]) -> str:
    tools = record.get('tools', record.get('functions'))
    text = tools if isinstance(tools, str) else json.dumps(tools, ensure_ascii=False) if tools else ''
    return '' if text.strip() in ('', '[]') else f'You may call these tools:\n{text}'


def _reply_of(value: Any, name: str) -> str:
    """Returns the text of a reply: text, or one message."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, Mapping):
        value = value.get('value', value.get('content'))
    if not isinstance(value, str) or not value.strip():
        raise UserError(f'field {name!r} must be one reply: a text, or a message that is not empty')
    return value
