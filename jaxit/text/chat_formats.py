"""Chat formats as data: what stands around each turn of a conversation.

They are what their models were trained with: Gemma, ChatML, Llama 3 and 2, Mistral's v3 vocabulary, Zephyr, Vicuna 1.1
and Alpaca. `plain` is ours, for models that know none.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxit.core.errors import unknown_name
from jaxit.text.examples import Part

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
        system: the system prompt's turn; None puts it into the first user's turn, inside `system_wrap`.
        user: the user's turn.
        assistant: the model's turn. Where `after` has no loss-bearing mark, EOS ends the reply.
        tool: the turn of a tool's answer; None where the format knows no tools.
        strip: whether blank space around each content is taken away.
        system_wrap: what stands before and after a system prompt in the user's turn; see `system`.
        default_system: the system prompt of a conversation that has none; '' for no system prompt.
        default_system_with_input: the same where the first user's turn brings an input.
        input_separator: text between a user's words and the input that they are about.
        reply_continues: whether a reply's first word has no blank of the vocabulary's own before it, as where prompt and
            reply are tokenised as one text.
        reply_rstrip: characters that are taken away from the end of a reply.
        reserved: plain texts that the format itself is written with; a content that holds one is refused.
    """

    name: str
    user: Turn
    assistant: Turn
    system: Turn | None = None
    tool: Turn | None = None
    strip: bool = False
    system_wrap: tuple[str, str] = ('', '\n\n')
    default_system: str = ''
    default_system_with_input: str = ''
    input_separator: str = '\n\n'
    reply_continues: bool = False
    reply_rstrip: str = ''
    reserved: tuple[str, ...] = ()

    @property
    def marks(self) -> tuple[str, ...]:
        """The control tokens it needs, each once."""
        turns = [turn for turn in (self.system, self.user, self.assistant, self.tool) if turn is not None]
        parts = [part for turn in turns for part in (*turn.before, *turn.after)]
        return tuple(dict.fromkeys(part.text for part in parts if part.special))


def get(name: str) -> ChatFormat:
    """Returns a chat format by name."""
    if name not in FORMATS:
        raise unknown_name('chat format', name, FORMATS)
    return FORMATS[name]


def _mark(name: str, *, loss: bool = False) -> Part:
    return Part(name, loss=loss, special=True)


def _gemma_turn(role: str, *, loss: bool = False) -> Turn:
    return Turn((_mark('<start_of_turn>'), Part(f'{role}\n')), (_mark('<end_of_turn>', loss=loss), Part('\n')))


def _chatml_turn(role: str, *, loss: bool = False) -> Turn:
    return Turn((_mark('<|im_start|>'), Part(f'{role}\n')), (_mark('<|im_end|>', loss=loss), Part('\n')))


def _llama3_turn(role: str, *, loss: bool = False) -> Turn:
    header = (_mark('<|start_header_id|>'), Part(role), _mark('<|end_header_id|>'), Part('\n\n'))
    return Turn(header, (_mark('<|eot_id|>', loss=loss),))


def _zephyr_turn(role: str, *, loss: bool = False) -> Turn:
    return Turn((Part(f'<|{role}|>\n'),), (_mark('</s>', loss=loss), Part('\n')))


_ALPACA = 'Below is an instruction that describes a task{}. Write a response that appropriately completes the request.'
_VICUNA = (
    'A chat between a curious user and an artificial intelligence assistant. '
    "The assistant gives helpful, detailed, and polite answers to the user's questions."
)

FORMATS: Mapping[str, ChatFormat] = {
    format.name: format
    for format in (
        ChatFormat(
            'plain',
            user=Turn(after=(Part('\n'),)),
            assistant=Turn(),
            system=Turn(after=(Part('\n\n'),)),
            tool=Turn(after=(Part('\n'),)),
        ),
        ChatFormat('gemma', user=_gemma_turn('user'), assistant=_gemma_turn('model', loss=True), strip=True),
        ChatFormat(
            'chatml',
            system=_chatml_turn('system'),
            user=_chatml_turn('user'),
            assistant=_chatml_turn('assistant', loss=True),
            tool=_chatml_turn('tool'),
        ),
        ChatFormat(
            'llama3',
            system=_llama3_turn('system'),
            user=_llama3_turn('user'),
            assistant=_llama3_turn('assistant', loss=True),
            tool=_llama3_turn('ipython'),
            strip=True,
        ),
        # Every pair of turns begins with BOS; the row's own stands before the first.
        ChatFormat(
            'llama2',
            user=Turn((Part('[INST] '),), (Part(' [/INST]'),)),
            assistant=Turn(after=(Part(' ', loss=True), _mark('</s>', loss=True), _mark('<s>'))),
            strip=True,
            system_wrap=('<<SYS>>\n', '\n<</SYS>>\n\n'),
            reserved=('[INST]', '[/INST]', '<<SYS>>', '<</SYS>>'),
        ),
        # Mistral's own library moves the system prompt on to the newest user's turn (v2 and v3). Here it stays with the
        # first (v1), since a conversation must only ever grow: else no reply but the last would be learnt under it.
        ChatFormat('mistral', user=Turn((_mark('[INST]'),), (_mark('[/INST]'),)), assistant=Turn(), reply_rstrip=' '),
        ChatFormat(
            'zephyr',
            system=_zephyr_turn('system'),
            user=_zephyr_turn('user'),
            assistant=_zephyr_turn('assistant', loss=True),
            reply_continues=True,
        ),
        ChatFormat(
            'vicuna',
            system=Turn(after=(Part(' '),)),
            user=Turn((Part('USER: '),), (Part(' '),)),
            assistant=Turn((Part('ASSISTANT:'),)),
            default_system=_VICUNA,
        ),
        ChatFormat(
            'alpaca',
            system=Turn(after=(Part('\n\n'),)),
            user=Turn((Part('### Instruction:\n'),), (Part('\n\n### Response:'),)),
            assistant=Turn(after=(Part('\n\n'),)),
            default_system=_ALPACA.format(''),
            default_system_with_input=_ALPACA.format(', paired with an input that provides further context'),
            input_separator='\n\n### Input:\n',
            reply_continues=True,
        ),
    )
}
