"""Conversations and instructions as they are published, made into `messages` one record at a time.

Each function here is a preprocessor for one way of writing them down. What it can not use it refuses, saying why.
"""

import json
from collections.abc import Collection, Mapping, Sequence
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

# What may stand beside the fields that a format is known by; each format reads some of them.
BESIDE = ('system', 'tools', 'functions', 'history', 'input', 'context')
THOUGHTS = ('reasoning_content', 'reasoning', 'thinking')  # what a model thought before it replied


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
    return _answered(record, 'output')


def dolly(record: Record) -> Record:
    """Dolly: `instruction`, `context` (may be blank), `response`; else as Alpaca."""
    return _answered(record, 'response')


def prompt_completion(record: Record) -> Record:
    """`prompt` and `completion`, or `inputs` and `targets`: texts, or lists of messages to be joined.

    Texts with a system prompt or tools beside them are a conversation; others stay as they are.
    """
    names = ('prompt', 'completion') if 'completion' in record else ('inputs', 'targets')
    if all(isinstance(record.get(name), list) for name in names):
        return openai({**record, 'messages': [*record[names[0]], *record[names[1]]]})
    inputs, targets = (text_of(record, name) for name in names)
    for name, text in zip(names, (inputs, targets), strict=True):
        if not text.strip():
            raise UserError(f'field {name!r} is empty')
    turns = ask(inputs, targets)
    asked = with_system(turns, record)
    return conversation(asked) if len(asked) > len(turns) else {'inputs': inputs, 'targets': targets}


def ranked_pair(record: Record) -> Record:
    """A prompt with a `chosen` and a `rejected` reply, for preferences: `messages` and `replies`, the better one first."""
    name = next((name for name in ('conversations', 'messages') if name in record), None)
    if name is None:
        turns = _asked(record, 'instruction' if 'instruction' in record else 'prompt')
    else:
        turns = _turns(record, name)
    return ranked(with_system(turns, record), [_reply_of(record.get(name), name) for name in ('chosen', 'rejected')])


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


def with_system(turns: Sequence[Record], record: Mapping[str, Any]) -> list[Record]:
    """Puts the record's own system prompt and the tools it offers before the turns; a blank one is left out."""
    prompts = [optional_text(record, 'system')]
    if turns and turns[0]['role'] == 'system' and isinstance(turns[0]['content'], str):
        prompts.append(turns[0]['content'])
        turns = turns[1:]
    prompts = [text for text in (*prompts, _tools(record)) if text.strip()]
    return [*([{'role': 'system', 'content': '\n\n'.join(prompts)}] if prompts else []), *turns]


def check_used(record: Mapping[str, Any], used: Collection[str], format: str) -> None:
    """Refuses a record that says more than would be learnt, or whose reply stands there as a bad one.

    Args:
        record: as it is in the file.
        used: those of `BESIDE` that its format reads.
        format: its name.
    """
    for name in ('label', 'kto_tag'):
        if record.get(name) is False:
            raise UserError(
                f'its {name} is False: the last reply stands there as a bad one; such rows are for preferences'
            )
    for name in BESIDE:
        if name not in used and not _is_blank(record.get(name)):
            raise UserError(
                f'field {name!r} is not read in format {format!r}, so what it says would be lost; '
                'take it away, or put it where it belongs, with a function in before='
            )


def _answered(record: Record, reply: str) -> Record:
    answer = {'role': 'assistant', 'content': text_of(record, reply)}
    return conversation(with_system([*_asked(record, 'instruction'), answer], record))


def _asked(record: Record, instruction: str) -> list[Record]:
    """Returns the turns up to the instruction, with what it is about."""
    history = record.get('history') or []
    if not isinstance(history, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in history):
        raise UserError("field 'history' must be a list of pairs of what the user and the assistant said")
    turns = [turn for said, answer in history for turn in ask(said, answer)]
    about = [text for name in ('input', 'context') if (text := optional_text(record, name)).strip()]
    if len(about) > 1:
        raise UserError("fields 'input' and 'context' both say what the instruction is about; there is room for one")
    return [*turns, *ask(text_of(record, instruction), '', *about)[:1]]


def _of_messages(record: Record, name: str) -> Record:
    return conversation(with_system(_turns(record, name), record))


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
    for name in THOUGHTS:
        if not _is_blank(turn.get(name)):
            raise UserError(
                f'message {number} has {name!r}, for which there is no place; put it into the content or away'
            )
    content = turn.get('value', turn.get('content'))
    if isinstance(content, list):
        content = ''.join(_piece(piece, number) for piece in content)
    calls = _calls(turn, number)
    if calls and isinstance(content, str | None):  # anything else is refused where contents are checked
        content = '\n'.join([*([content] if content else []), *calls])
    weight = turn.get('weight', turn.get('loss_weight'))
    if role != 'assistant' or weight is None:
        return {'role': role, 'content': content}
    if weight not in (0, 1):
        raise UserError(f'message {number} has weight {weight!r}; it must be 0 or 1')
    return {'role': role, 'content': content, 'weight': weight}


def _piece(piece: Any, number: int) -> str:
    kind = piece.get('type') if isinstance(piece, Mapping) else type(piece).__name__
    text = piece.get('text', piece.get('value')) if kind == 'text' else None
    if not isinstance(text, str):
        raise UserError(f'message {number} holds a piece of type {kind!r}; only text can be used')
    return text


def _calls(turn: Mapping[str, Any], number: int) -> list[str]:
    calls = turn.get('tool_calls') or ([turn['function_call']] if turn.get('function_call') else [])
    if not isinstance(calls, list):
        raise UserError(f"message {number}: 'tool_calls' is {type(calls).__name__}; it must be a list")
    return [_call(call, number) for call in calls]


def _call(call: Any, number: int) -> str:
    """Returns the call of a tool as one line of JSON."""
    function = call.get('function', call) if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get('name'), str):
        raise UserError(f'message {number} calls a tool without a name')
    arguments = function.get('arguments', {})
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            raise UserError(f'message {number} calls {function["name"]!r} with arguments that are not JSON') from None
    return json.dumps({'name': function['name'], 'arguments': arguments}, ensure_ascii=False)


def _tools(record: Mapping[str, Any]) -> str:
    tools = next((record[name] for name in ('tools', 'functions') if not _is_blank(record.get(name))), None)
    text = tools if isinstance(tools, str) else json.dumps(tools, ensure_ascii=False) if tools else ''
    return f'You may call these tools:\n{text}' if text else ''


def _is_blank(value: Any) -> bool:
    return not value or (isinstance(value, str) and value.strip() in ('', '[]'))


def _reply_of(value: Any, name: str) -> str:
    """Returns the text of a reply: text, or one message."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, Mapping):
        value = value.get('value', value.get('content'))
    if not isinstance(value, str) or not value.strip():
        raise UserError(f'field {name!r} must be one reply: a text, or a message that is not empty')
    return value
