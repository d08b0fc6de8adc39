"""Chat formats as data, and conversations as parts of an example.

The model learns to write each reply and the mark that ends it; everything else is given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxit.core.errors import UserError, unknown_name
from jaxit.text.base import Tokenizer
from jaxit.text.examples import Part

Message = Mapping[str, Any]  # {'role': 'system' | 'user' | 'assistant', 'content': text}
Parts = tuple[Part, ...]


@dataclass(frozen=True)
class Turn:
    """What stands around the content of one role's turn; loss-bearing parts in `after` end a reply."""

    before: Parts = ()
    after: Parts = ()


@dataclass(frozen=True)
class ChatFormat:
    """How a conversation is written.

    Attributes:
        name: what the format is called.
        system: the system prompt's turn; None puts it before the first user's words, with `system_separator` between.
        user: the user's turn.
        assistant: the model's turn. Where `after` has no loss-bearing mark, EOS ends the reply.
        strip: whether blank space around each content is taken away.
        system_separator: see `system`.
    """

    name: str
    user: Turn
    assistant: Turn
    system: Turn | None = None
    strip: bool = False
    system_separator: str = '\n\n'

    @property
    def marks(self) -> tuple[str, ...]:
        """The control tokens it needs, each once."""
        turns = [turn for turn in (self.system, self.user, self.assistant) if turn is not None]
        parts = [part for turn in turns for part in (*turn.before, *turn.after)]
        return tuple(dict.fromkeys(part.text for part in parts if part.special))


def _mark(name: str, *, loss: bool = False) -> Part:
    return Part(name, loss=loss, special=True)


def _gemma_turn(role: str, *, loss: bool = False) -> Turn:
    return Turn((_mark('<start_of_turn>'), Part(f'{role}\n')), (_mark('<end_of_turn>', loss=loss), Part('\n')))


def _chatml_turn(role: str, *, loss: bool = False) -> Turn:
    return Turn((_mark('<|im_start|>'), Part(f'{role}\n')), (_mark('<|im_end|>', loss=loss), Part('\n')))


def _llama3_turn(role: str, *, loss: bool = False) -> Turn:
    header = (_mark('<|start_header_id|>'), Part(role), _mark('<|end_header_id|>'), Part('\n\n'))
    return Turn(header, (_mark('<|eot_id|>', loss=loss),))


FORMATS: Mapping[str, ChatFormat] = {
    format.name: format
    for format in (
        ChatFormat('plain', user=Turn(after=(Part('\n'),)), assistant=Turn(), system=Turn(after=(Part('\n\n'),))),
        ChatFormat('gemma', user=_gemma_turn('user'), assistant=_gemma_turn('model', loss=True), strip=True),
        ChatFormat(
            'chatml',
            system=_chatml_turn('system'),
            user=_chatml_turn('user'),
            assistant=_chatml_turn('assistant', loss=True),
        ),
        ChatFormat(
            'llama3',
            system=_llama3_turn('system'),
            user=_llama3_turn('user'),
            assistant=_llama3_turn('assistant', loss=True),
            strip=True,
        ),
        # Alpaca's own preamble is given as the system prompt.
        ChatFormat(
            'alpaca',
            system=Turn(after=(Part('\n\n'),)),
            user=Turn((Part('### Instruction:\n'),), (Part('\n\n### Response:\n'),)),
            assistant=Turn(after=(Part('\n\n'),)),
        ),
    )
}


def get(name: str) -> ChatFormat:
    """Returns a chat format by name."""
    if name not in FORMATS:
        raise unknown_name('chat format', name, FORMATS)
    return FORMATS[name]


def to_parts(messages: Sequence[Message], format: ChatFormat | str, *, where: str = 'conversation') -> Parts:
    """Returns a conversation as parts, with loss on each reply and its end mark.

    Args:
        messages: an optional system prompt, then user and assistant by turns, the assistant last.
        format: a chat format or its name.
        where: names the conversation in messages.

    Raises:
        UserError: when the roles do not alternate, or a content is not text.
    """
    parts = _render(messages, format, where)
    if messages[-1]['role'] != 'assistant':
        raise UserError(f'{where}: the last message is from the {messages[-1]["role"]}; training wants a reply there')
    last = max(i for i, part in enumerate(parts) if part.loss)
    return parts[: last + 1]


def prompt_parts(messages: Sequence[Message], format: ChatFormat | str, *, where: str = 'conversation') -> Parts:
    """Returns what the model is given to write the next reply: a prefix of the parts that training sees."""
    format = get(format) if isinstance(format, str) else format
    parts = _render(messages, format, where)
    if messages[-1]['role'] != 'user':
        raise UserError(f'{where}: the last message is from the {messages[-1]["role"]}; a prompt ends with the user')
    return (*parts, *format.assistant.before)


def stop_ids(format: ChatFormat | str, tokenizer: Tokenizer) -> tuple[int, ...]:
    """Returns the ids that end a reply: EOS and the format's own mark."""
    format = get(format) if isinstance(format, str) else format
    marks = [tokenizer.special_id(part.text) for part in format.assistant.after if part.loss and part.special]
    return tuple(dict.fromkeys([tokenizer.eos_id, *(i for i in marks if i is not None)]))


def _render(messages: Sequence[Message], format: ChatFormat | str, where: str) -> Parts:
    format = get(format) if isinstance(format, str) else format
    contents = [(role, text.strip() if format.strip else text) for role, text in _checked(messages, where)]
    if contents[0][0] == 'system' and format.system is None:
        (_, system), (_, user), *rest = contents
        contents = [('user', f'{system}{format.system_separator}{user}'), *rest]
    parts: list[Part] = []
    for role, text in contents:
        turn = getattr(format, role)
        parts += [*turn.before, Part(text, loss=role == 'assistant'), *turn.after]
    return tuple(parts)


def _checked(messages: Sequence[Message], where: str) -> list[tuple[str, str]]:
    pairs = []
    for number, message in enumerate(messages, 1):
        role, content = message.get('role'), message.get('content')
        if not isinstance(content, str):
            raise UserError(f'{where}: the content of message {number} is {type(content).__name__}; it must be text')
        wanted = ('system', 'user') if number == 1 else ('user',) if pairs[-1][0] != 'user' else ('assistant',)
        if role not in wanted:
            raise UserError(f'{where}: message {number} is from {role!r}; expected {" or ".join(wanted)}')
        pairs.append((role, content))
    if not pairs or pairs[-1][0] == 'system':
        raise UserError(f'{where}: there is no message from the user')
    return pairs
