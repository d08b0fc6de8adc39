"""Conversations as parts of an example, written in a chat format.

The model learns to write each reply and the mark that ends it; everything else is given.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jaxit.core.errors import UserError
from jaxit.text.base import Tokenizer
from jaxit.text.chat_formats import FORMATS, ChatFormat, Parts, Turn, get
from jaxit.text.examples import Example, Part, without_loss

__all__ = [
    'FORMATS',
    'LOSS_TURNS',
    'ChatFormat',
    'Conversation',
    'LossTurns',
    'Message',
    'Turn',
    'check',
    'get',
    'prompt_parts',
    'split',
    'stop_ids',
    'to_parts',
    'write',
]

# {'role': 'system' | 'user' | 'assistant' | 'tool', 'content': text}; a user's message may have an 'input', which its
# content is about, a reply a 'weight' of 0 or 1.
Message = Mapping[str, Any]
LossTurns = Literal['all', 'last', 'marked']
LOSS_TURNS = ('all', 'last', 'marked')

FOLLOWERS = {
    None: ('system', 'user'),
    'system': ('user',),
    'user': ('assistant',),
    'assistant': ('user', 'tool'),
    'tool': ('assistant', 'tool'),
}


@dataclass(frozen=True)
class Conversation(Example):
    """An example that is a conversation, with what it was written from, so that it can be written again in pieces.

    Attributes:
        messages: the conversation.
        format: name of the chat format.
        loss: which replies bear loss.
    """

    messages: tuple[Message, ...] = ()
    format: str = 'plain'
    loss: LossTurns = 'all'


def write(messages: Sequence[Message], format: str, *, loss: LossTurns = 'all', **fields: Any) -> Conversation:
    """Returns a conversation as an example; `fields` are Example's."""
    parts = to_parts(messages, format, loss=loss)
    return Conversation(parts, messages=tuple(messages), format=format, loss=loss, **fields)


def to_parts(
    messages: Sequence[Message],
    format: ChatFormat | str,
    *,
    loss: LossTurns = 'all',
    where: str = 'conversation',
) -> Parts:
    """Returns a conversation as parts, with loss on replies and their end marks.

    Args:
        messages: an optional system prompt, then user and assistant by turns, the assistant last. Between two of the
            assistant's turns may stand answers of tools.
        format: a chat format or its name.
        loss: which replies bear loss: 'all', the 'last', or those 'marked' with a weight of 1 (as are those without a weight).
        where: names the conversation in messages.

    Raises:
        UserError: when roles are out of order or unknown to the format, a content is not text, or nothing bears loss.
    """
    parts = _render(messages, format, _weights(messages, loss, where), where)
    if messages[-1]['role'] != 'assistant':
        raise UserError(f'{where}: the last message is from the {messages[-1]["role"]}; training wants a reply there')
    last = max((i for i, part in enumerate(parts) if part.loss), default=None)
    if last is None:
        raise UserError(f'{where}: every reply has weight 0, so none bears loss')
    return parts[: last + 1]


def prompt_parts(messages: Sequence[Message], format: ChatFormat | str, *, where: str = 'conversation') -> Parts:
    """Returns what the model is given to write the next reply: a prefix of the parts that training sees."""
    format = get(format) if isinstance(format, str) else format
    parts = _render(messages, format, [True] * len(messages), where)
    if messages[-1]['role'] not in ('user', 'tool'):
        raise UserError(f'{where}: the last message is from the {messages[-1]["role"]}; a prompt ends with the user')
    return (*parts, *_of_turn(format.assistant.before, parts[-1].turn))


def stop_ids(format: ChatFormat | str, tokenizer: Tokenizer) -> tuple[int, ...]:
    """Returns the ids that end a reply: EOS and the format's own mark."""
    format = get(format) if isinstance(format, str) else format
    marks = [tokenizer.special_id(part.text) for part in format.assistant.after if part.loss and part.special]
    return tuple(dict.fromkeys([tokenizer.eos_id, *(i for i in marks if i is not None)]))


def split(conversation: Conversation, fits: Callable[[Example], bool]) -> list[Conversation]:
    """Returns a conversation in pieces that fit, each as long as it can be.

    A piece begins with a user's turn, the system prompt before it, and knows nothing of the turns before. What bears loss
    in the whole does so in its piece; a piece in which nothing would is left out. A turn that does not fit by itself is
    a piece of its own, or part of one that does: one reply alone has a limit of its own.
    """
    weights = _weights(conversation.messages, conversation.loss, 'conversation')
    messages = [
        {**message, 'weight': int(weight)} for message, weight in zip(conversation.messages, weights, strict=True)
    ]
    system, turns = _turns(messages)
    if len(turns) == 1:
        return [conversation]

    def piece(first: int, last: int) -> Conversation:
        chosen = (*system, *(message for turn in turns[first:last] for message in turn))
        # A piece in which nothing bears loss is only measured, so its last reply may as well.
        loss = 'marked' if _learns(turns[first:last]) else 'last'
        parts = to_parts(chosen, conversation.format, loss=loss)
        return dataclasses.replace(conversation, parts=parts, messages=chosen, loss=loss)

    pieces, first = [], 0
    while first < len(turns):
        last = first + 1
        while last < len(turns) and fits(piece(first, last + 1)):
            last += 1
        if _learns(turns[first:last]):
            pieces.append(piece(first, last))
        first = last
    return pieces


def check(messages: Sequence[Message], *, where: str = 'conversation') -> None:
    """Raises the error for messages out of order or whose contents are no text."""
    before = None
    for number, message in enumerate(messages, 1):
        role = message.get('role')
        for field in ('content', 'input'):
            text = message.get(field, '' if field == 'input' else None)
            if not isinstance(text, str):
                raise UserError(f'{where}: the {field} of message {number} is {type(text).__name__}; it must be text')
        if role not in FOLLOWERS[before]:
            raise UserError(f'{where}: message {number} is from {role!r}; expected {" or ".join(FOLLOWERS[before])}')
        before = role
    if before in (None, 'system'):
        raise UserError(f'{where}: there is no message from the user')


def _weights(messages: Sequence[Message], loss: LossTurns, where: str) -> list[bool]:
    """Returns for each message whether it bears loss, were it a reply."""
    if loss not in LOSS_TURNS:
        raise UserError(f'loss_turns is {loss!r}; it must be one of {", ".join(LOSS_TURNS)}')
    if loss != 'marked':
        return [loss == 'all' or number == len(messages) for number in range(1, len(messages) + 1)]
    weights = [message.get('weight', 1) for message in messages]
    for number, weight in enumerate(weights, 1):
        if weight not in (0, 1):
            raise UserError(f'{where}: message {number} has weight {weight!r}; it must be 0 or 1')
    return [weight == 1 for weight in weights]


def _render(messages: Sequence[Message], format: ChatFormat | str, weights: Sequence[bool], where: str) -> Parts:
    format = get(format) if isinstance(format, str) else format
    check(messages, where=where)
    contents = [
        (message['role'], _content(message, format, f'{where}: message {number}'), weight)
        for number, (message, weight) in enumerate(zip(messages, weights, strict=True), 1)
    ]
    if default := _default_system(messages[0], format):
        contents = [('system', default, False), *contents]
    parts, number, opened = list[Part](), 0, False
    for role, text, weight in contents:
        if role == 'system' and format.system is None:
            before, after = format.system_wrap
            parts += [*format.user.before, *(Part(piece) for piece in (before, text, after) if piece)]
            opened = True
            continue
        turn = getattr(format, role)
        parts += _of_turn(() if opened else turn.before, number)
        # What stands before a user's words stays if only this turn goes: so a turn reaches to the words of the next.
        number, opened = number + (role == 'user'), False
        written = _reply(text, format, weight) if role == 'assistant' else (Part(text), *turn.after)
        parts += _of_turn(written, number)
    return tuple(parts)


def _default_system(first: Message, format: ChatFormat) -> str:
    if first['role'] == 'system':
        return ''
    return (format.default_system_with_input if first.get('input') else '') or format.default_system


def _of_turn(parts: Parts, number: int) -> Parts:
    return tuple(dataclasses.replace(part, turn=number) for part in parts)


def _content(message: Message, format: ChatFormat, where: str) -> str:
    if message['role'] == 'tool' and format.tool is None:
        known = ', '.join(name for name, other in FORMATS.items() if other.tool is not None)
        raise UserError(f'{where} is from a tool, for which chat format {format.name!r} has no turn; {known} have one')
    text = message['content']
    if message.get('input'):
        text = f'{text}{format.input_separator}{message["input"]}'
    for tag in format.reserved:
        if tag in text:
            raise UserError(f'{where} holds {tag!r}, which chat format {format.name!r} itself is written with')
    text = text.strip() if format.strip else text
    return text.rstrip(format.reply_rstrip) if message['role'] == 'assistant' else text


def _reply(text: str, format: ChatFormat, weight: bool) -> Parts:
    """Returns a reply and what follows it; without loss, the same ids as with it."""
    parts = (Part(text, loss=True, continues=format.reply_continues), *format.assistant.after)
    return parts if weight else without_loss(parts)


def _turns(messages: Sequence[Message]) -> tuple[list[Message], list[list[Message]]]:
    """Returns the system prompt, if any, and the rest in stretches that each begin with the user."""
    system = [message for message in messages[:1] if message['role'] == 'system']
    turns: list[list[Message]] = []
    for message in messages[len(system) :]:
        if message['role'] == 'user':
            turns.append([])
        turns[-1].append(message)
    return system, turns


def _learns(turns: Sequence[Sequence[Message]]) -> bool:
    return any(message['role'] == 'assistant' and message['weight'] for turn in turns for message in turn)
