"""Rendered examples, and the one place where they become ids.

Neighbouring parts with the same loss are tokenised as one text, parts with different loss apart: so the border between
prompt and reply is exact, and the prompt's ids in training are those that inference sees.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jaxit.core.errors import UserError
from jaxit.text.base import Tokenizer

CUTS = ('end', 'start', 'drop')


@dataclass(frozen=True)
class Part:
    """A stretch of an example.

    Attributes:
        text: plain text, or the name of a control token.
        loss: whether the model learns to write it.
        special: whether `text` names a control token; plain text never becomes one.
        optional: whether it may be left out of a prompt that is too long (few-shot exemplars; the last one first).
        reply: whether it belongs to an earlier reply that bears no loss; its ids are those it would have with loss.
    """

    text: str
    loss: bool = False
    special: bool = False
    optional: bool = False
    reply: bool = False


@dataclass(frozen=True)
class Example:
    """What a task yields and a suite holds.

    Attributes:
        parts: inputs and targets, or the turns of a conversation.
        source_row: the record it was made of.
        template: index of the template it was rendered with.
        options: the answers to choose from, if the task has them.
        task: the task's name.
        references: right answers, where there are more than the targets.
        group: what is asked in several examples that are judged together, such as a question with several answers.
        gold_number: the number that an answer is correlated with, where the targets hold a rounded one.
    """

    parts: tuple[Part, ...]
    source_row: int = 0
    template: int = 0
    options: tuple[str, ...] = ()
    task: str = ''
    references: tuple[str, ...] = ()
    group: str = ''
    gold_number: float | None = None

    @property
    def inputs(self) -> str:
        """The text before the last reply; control tokens by name."""
        return ''.join(part.text for part in _split(self.parts)[0])

    @property
    def targets(self) -> str:
        """The text of the last reply, without control tokens."""
        return ''.join(part.text for part in _split(self.parts)[1] if not part.special)


@dataclass(frozen=True)
class TokenFormat:
    """How examples are laid out for a model.

    Attributes:
        encoder_decoder: True for T5: inputs and targets each end with EOS. A decoder reads both as one row.
        inputs_length: most tokens of the inputs, BOS or the encoder's EOS counted.
        targets_length: most tokens of the targets, EOS counted. A decoder's row holds both lengths together.
        add_bos: whether a decoder's row begins with BOS, if the vocabulary has one.
        separator: text between inputs and targets of a decoder's ordinary example; it belongs to the inputs.
        cut: what goes when inputs are too long: their 'end', their 'start', or the whole example ('drop').
    """

    encoder_decoder: bool
    inputs_length: int
    targets_length: int
    add_bos: bool = True
    separator: str = '\n'
    cut: str = 'end'

    def __post_init__(self) -> None:
        if self.cut not in CUTS:
            raise UserError(f'TokenFormat.cut is {self.cut!r}; it must be one of {", ".join(CUTS)}')
        for name in ('inputs_length', 'targets_length'):
            if getattr(self, name) < 2:
                raise UserError(f'TokenFormat.{name} is {getattr(self, name)}; it must be 2 or more')

    @property
    def row_length(self) -> int:
        """The most tokens of inputs and targets together."""
        return self.inputs_length + self.targets_length


@dataclass(frozen=True)
class TokenizedExample:
    """An example as ids.

    Attributes:
        tokens: [n] int32.
        boundaries: loss is off at the start and toggles at each of these positions.
        cut_inputs: tokens without loss that did not fit.
        cut_targets: tokens with loss that did not fit.
        num_exemplars: optional parts that did fit.
    """

    tokens: np.ndarray
    boundaries: tuple[int, ...]
    cut_inputs: int = 0
    cut_targets: int = 0
    num_exemplars: int = 0

    @property
    def loss_mask(self) -> np.ndarray:
        """[n] bool, True where a token bears loss."""
        toggles = np.zeros(len(self.tokens) + 1, np.int64)
        toggles[list(self.boundaries)] = 1
        return np.cumsum(toggles)[:-1] % 2 == 1


def ordinary(inputs: str, targets: str, **fields) -> Example:
    """Returns the example of one text in and one text out; `fields` are Example's."""
    return Example((Part(inputs), Part(targets, loss=True)), **fields)


def tokenize(example: Example, tokenizer: Tokenizer, format: TokenFormat) -> TokenizedExample | None:
    """Returns the ids of an example, or None when its inputs are too long and the format drops such examples.

    An example with one reply keeps to `inputs_length` and `targets_length`. A conversation keeps its first prompt to
    `inputs_length` and the whole to the row: a first reply that does not fit is cut, further turns are left out whole.
    A cut reply ends like a whole one, with EOS or the chat format's mark.

    Raises:
        UserError: when no token would bear loss, or a control token is not in the vocabulary.
    """
    writer = _Writer(example, tokenizer, format)
    parts = writer.parts()
    turns = _turns(parts)
    replies = [writer.run(reply) for _, reply in turns]
    if all(len(ids) == _num_marks(reply) for ids, (_, reply) in zip(replies, turns, strict=True)):
        raise UserError(f'{writer.where}: no token bears loss; its targets are empty')
    if format.encoder_decoder and len(turns) > 1:
        raise UserError(f'{writer.where}: an encoder-decoder takes one reply per example, not {len(turns)}')
    prompt, cut_inputs = writer.prompt(turns[0][0])
    if cut_inputs and format.cut == 'drop':
        return None
    limit = format.targets_length if len(turns) == 1 else format.row_length - len(prompt)
    tokens = prompt + _shorten(replies[0], limit)
    boundaries = [len(prompt)]
    cut_targets = max(len(replies[0]) - limit, 0)
    for number in range(1, len(turns)):
        between, reply = writer.run(turns[number][0]), replies[number]
        if cut_targets or len(tokens) + len(between) + len(reply) > format.row_length:
            cut_inputs += sum(len(writer.run(parts)) for parts, _ in turns[number:])
            cut_targets += sum(map(len, replies[number:]))
            break
        if between:  # two replies with nothing between them are one stretch of loss
            boundaries += [len(tokens), len(tokens) + len(between)]
        tokens = [*tokens, *between, *reply]
    num_exemplars = sum(part.optional for part in parts)
    return TokenizedExample(np.asarray(tokens, np.int32), tuple(boundaries), cut_inputs, cut_targets, num_exemplars)


def prompt_ids(example: Example, tokenizer: Tokenizer, format: TokenFormat) -> list[int]:
    """Returns the ids that a model is given to write the last reply; a prefix of `tokenize`'s where that keeps it.

    The prompt of a first reply keeps to `inputs_length`, also when the format drops such examples: then its end is cut.
    A longer conversation keeps to the row less one token.
    """
    writer = _Writer(example, tokenizer, format)
    turns = _turns((*_split(writer.parts())[0], Part('', loss=True)))
    ids, _ = writer.prompt(turns[0][0])
    if len(turns) == 1:
        return ids
    for (_, reply), (between, _) in itertools.pairwise(turns):
        ids = [*ids, *writer.run(reply), *writer.run(between)]
    if len(ids) < format.row_length:
        return ids
    return writer.prompt([part for prompt, reply in turns for part in (*prompt, *reply)][:-1], format.row_length - 1)[0]


@dataclass(frozen=True)
class _Writer:
    """Encodes the parts of one example."""

    example: Example
    tokenizer: Tokenizer
    format: TokenFormat

    @property
    def where(self) -> str:
        return f'task {self.example.task!r}, source row {self.example.source_row}'

    def parts(self) -> tuple[Part, ...]:
        """Returns the parts of the example, less the optional ones that do not fit the inputs, with its separator."""
        parts = self.example.parts
        optional = [i for i, part in enumerate(parts) if part.optional]
        for number in range(len(optional), -1, -1):
            left_out = set(optional[number:])
            kept = _with_separator(tuple(part for i, part in enumerate(parts) if i not in left_out), self.format)
            if number == 0 or not self.prompt(_turns((*kept, Part('', loss=True)))[0][0])[1]:
                return kept
        raise AssertionError(self.where)

    def prompt(self, parts: Sequence[Part], limit: int | None = None) -> tuple[list[int], int]:
        """Returns the ids of a prompt with what stands around it, and how many were cut."""
        bos = self.tokenizer.bos_id
        before = [bos] if bos is not None and self.format.add_bos and not self.format.encoder_decoder else []
        after = [self.tokenizer.eos_id] if self.format.encoder_decoder else []
        ids, cut = self._fit(parts, (limit or self.format.inputs_length) - len(before) - len(after))
        return [*before, *ids, *after], cut

    def run(self, parts: Sequence[Part]) -> list[int]:
        """Returns the ids of parts; a run of loss-bearing ones, or a reply, ends with EOS unless it names its own end."""
        ids = []
        for same in _runs(parts):
            for special, group in itertools.groupby(same, key=lambda part: part.special):
                if special:
                    ids += [self._special_id(part.text) for part in group]
                else:
                    ids += self.tokenizer.encode(''.join(part.text for part in group))
            if same[0].loss or same[0].reply:
                ids += [self.tokenizer.eos_id] * (not same[-1].special)
        return ids

    def _fit(self, parts: Sequence[Part], limit: int) -> tuple[list[int], int]:
        """Cuts the longest texts, so that headers, separators and marks stay."""
        ids = self.run(parts)
        if len(ids) <= limit:
            return ids, 0
        pieces, texts = [], []
        for run in _runs(parts):
            end = _num_marks(run) if run[0].reply else 0
            for unit in [run] if run[0].loss or run[0].reply else [[part] for part in run]:
                ids = self.run(unit)
                if not unit[0].special and not unit[0].loss:
                    texts.append(len(pieces))
                pieces += [ids[: len(ids) - end], ids[len(ids) - end :]]
        excess = cut = sum(map(len, pieces)) - limit
        for i in sorted(texts, key=lambda i: -len(pieces[i])):
            length = max(len(pieces[i]) - max(excess, 0), 0)
            excess -= len(pieces[i]) - length
            pieces[i] = pieces[i][len(pieces[i]) - length :] if self.format.cut == 'start' else pieces[i][:length]
        if excess > 0:
            raise UserError(
                f'{self.where}: {limit} tokens of inputs are too few for the chat format; raise inputs_length'
            )
        return [i for piece in pieces for i in piece], max(cut, 0)

    def _special_id(self, piece: str) -> int:
        i = self.tokenizer.special_id(piece)
        if i is None:
            raise UserError(f'{self.where}: the vocabulary has no control token {piece!r}; choose another chat format')
        return i


def _runs(parts: Sequence[Part]) -> list[list[Part]]:
    """Returns the stretches of parts that are tokenised apart."""
    return [list(run) for _, run in itertools.groupby(parts, key=lambda part: (part.loss, part.reply))]


def _num_marks(reply: Sequence[Part]) -> int:
    """Returns how many ids of a reply are control tokens, the EOS that `_Writer.run` adds counted."""
    return sum(part.special for part in reply) + (not reply[-1].special)


def _shorten(reply: list[int], limit: int) -> list[int]:
    return reply if len(reply) <= limit else [*reply[: limit - 1], reply[-1]]


def _with_separator(parts: tuple[Part, ...], format: TokenFormat) -> tuple[Part, ...]:
    """Puts the separator behind the inputs of an ordinary example; a chat format brings its own."""
    before = sum(part.optional for part in parts)
    losses = tuple(part.loss for part in parts[before:])
    if format.encoder_decoder or losses not in ((False,), (False, True)) or parts[before].special:
        return parts
    if not parts[before].text or parts[before].text.endswith(format.separator):
        return parts
    return (*parts[: before + 1], Part(format.separator), *parts[before + 1 :])


def _split(parts: tuple[Part, ...]) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Returns (everything before the last reply, the last reply); the reply is empty where the parts end without one."""
    border = len(parts)
    while border and parts[border - 1].loss:
        border -= 1
    return parts[:border], parts[border:]


def _turns(parts: Sequence[Part]) -> list[tuple[list[Part], list[Part]]]:
    """Returns (prompt, reply) pairs; what follows the last reply teaches nothing and is left out."""
    runs = [(loss, list(run)) for loss, run in itertools.groupby(parts, key=lambda part: part.loss)]
    if runs and runs[0][0]:
        runs = [(False, []), *runs]
    return [(prompt, reply) for (_, prompt), (_, reply) in zip(runs[::2], runs[1::2], strict=False)]
