"""Rendered examples, and the one place where they become ids.

Neighbouring parts with the same loss are tokenised as one text, parts with different loss apart: so the border between
prompt and reply is exact, and the prompt's ids in training are those that inference sees.
"""

import dataclasses
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
        continues: whether it begins a reply that goes on from its prompt without a blank of the vocabulary's own; see
            `Tokenizer.encode`.
        turn: the number of the turn that it goes with, where turns of a prompt that is too long are left out, the oldest
            first and never the newest; 0 for what stays, such as a system prompt.
    """

    text: str
    loss: bool = False
    special: bool = False
    optional: bool = False
    reply: bool = False
    continues: bool = False
    turn: int = 0


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
    Where a first prompt holds turns that bear no loss, the oldest of them are left out whole before any text is cut.
    A cut reply ends like a whole one, with EOS or the chat format's mark.

    Raises:
        UserError: when no token would bear loss, or a control token is not in the vocabulary.
    """
    writer = _Writer(example, tokenizer, format)
    parts, left_out = writer.recent(writer.parts())
    turns = _turns(parts)
    replies = [writer.run(reply) for _, reply in turns]
    if all(len(ids) == _num_marks(reply) for ids, (_, reply) in zip(replies, turns, strict=True)):
        raise UserError(f'{writer.where}: no token bears loss; its targets are empty')
    if format.encoder_decoder and len(turns) > 1:
        raise UserError(f'{writer.where}: an encoder-decoder takes one reply per example, not {len(turns)}')
    prompt, cut_inputs = writer.prompt(turns[0][0])
    cut_inputs += left_out
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
    A longer conversation keeps to the row less one token: its oldest turns are left out whole, and only a newest one that
    is too long by itself is cut. An encoder reads a conversation as one prompt, since its replies bear no loss.
    """
    writer = _Writer(example, tokenizer, format)
    parts = _split(writer.parts())[0]
    parts = without_loss(parts) if format.encoder_decoder else parts
    for shorter in _without_oldest(parts):
        turns = _turns((*writer.recent(shorter)[0], Part('', loss=True)))
        ids, _ = writer.prompt(turns[0][0])
        for (_, reply), (between, _) in itertools.pairwise(turns):
            ids = [*ids, *writer.run(reply), *writer.run(between)]
        if len(turns) == 1 or len(ids) < format.row_length:
            return ids
    return writer.prompt(without_loss(shorter), format.row_length - 1)[0]


def without_loss(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Returns parts as they are where replies bear no loss: their ids stay the same."""
    return tuple(dataclasses.replace(part, loss=False, reply=True) if part.loss else part for part in parts)


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
            if number == 0 or self._fits(kept):
                return kept
        raise AssertionError(self.where)

    def recent(self, parts: tuple[Part, ...]) -> tuple[tuple[Part, ...], int]:
        """Returns parts without the oldest turns of a first prompt that is too long, and how many ids these had."""
        border = next((i for i, part in enumerate(parts) if part.loss), len(parts))
        prompts = _without_oldest(parts[:border])
        if len(prompts) == 1 or self._fits(prompts[0]):
            return parts, 0
        kept = next(filter(self._fits, prompts), prompts[-1])
        return (*kept, *parts[border:]), len(self.run(parts[:border])) - len(self.run(kept))

    def prompt(self, parts: Sequence[Part], limit: int | None = None) -> tuple[list[int], int]:
        """Returns the ids of a prompt with what stands around it, and how many were cut."""
        before, after = self._around()
        ids, cut = self._fit(parts, (limit or self.format.inputs_length) - len(before) - len(after))
        return [*before, *ids, *after], cut

    def run(self, parts: Sequence[Part]) -> list[int]:
        """Returns the ids of parts; a run of loss-bearing ones, or a reply, ends with EOS unless it names its own end."""
        ids = []
        for same in _runs(parts):
            for special, group in itertools.groupby(same, key=lambda part: part.special):
                texts = list(group)
                if special:
                    ids += [self._special_id(part.text) for part in texts]
                else:
                    begins = self.format.encoder_decoder and same[0].loss
                    text = ''.join(part.text for part in texts)
                    ids += self.tokenizer.encode(text, continues=texts[0].continues and not begins)
            if same[0].loss or same[0].reply:
                ids += [self.tokenizer.eos_id] * (not same[-1].special)
        return ids

    def _around(self) -> tuple[list[int], list[int]]:
        """Returns the ids before and after every prompt."""
        if self.format.encoder_decoder:
            return [], [self.tokenizer.eos_id]
        bos = self.tokenizer.bos_id
        return [bos] if bos is not None and self.format.add_bos else [], []

    def _fits(self, parts: Sequence[Part]) -> bool:
        """Returns whether the first prompt among parts is within `inputs_length`."""
        prompt = list(itertools.takewhile(lambda part: not part.loss, parts))
        return len(self.run(prompt)) + sum(map(len, self._around())) <= self.format.inputs_length

    def _fit(self, parts: Sequence[Part], limit: int) -> tuple[list[int], int]:
        """Cuts the longest texts, so that headers, separators and marks stay.

        What is left of a text is tokenised again with what stands around it, so that this keeps its ids. A text that
        stands alone loses ids.
        """
        ids = whole = self.run(parts)
        if len(whole) <= limit:
            return whole, 0
        if len(parts) == 1 and not (parts[0].special or parts[0].reply):
            return whole[len(whole) - limit :] if self.format.cut == 'start' else whole[:limit], len(whole) - limit
        texts = [i for i, part in enumerate(parts) if not part.special]
        for i in sorted(texts, key=lambda i: -len(self.tokenizer.encode(parts[i].text))):
            if len(ids) <= limit:
                break
            parts = self._shortened(parts, i, limit)
            ids = self.run(parts)
        if len(ids) > limit:
            raise UserError(
                f'{self.where}: {limit} tokens of inputs are too few for the chat format; raise inputs_length'
            )
        return ids, len(whole) - len(ids)

    def _shortened(self, parts: Sequence[Part], i: int, limit: int) -> list[Part]:
        """Returns parts with as many tokens of one text as fit the limit; without the text where none do."""
        text, ids = parts[i].text, self.tokenizer.encode(parts[i].text)

        def with_kept(num_ids: int) -> list[Part]:
            at_start = self.format.cut == 'start'
            length = len(self.tokenizer.decode(ids[len(ids) - num_ids :] if at_start else ids[:num_ids]))
            kept = text[max(len(text) - length, 0) :] if at_start else text[:length]
            return [*parts[:i], dataclasses.replace(parts[i], text=kept), *parts[i + 1 :]]

        guess = len(ids) - (len(self.run(parts)) - limit)
        first = iter((guess, guess + 1, guess - 1))  # mostly one of these, which spares long texts
        low, high = 0, len(ids)
        while low < high:
            middle = next(first, (low + high + 1) // 2)
            if not low < middle <= high:
                continue
            if len(self.run(with_kept(middle))) <= limit:
                low = middle
            else:
                high = middle - 1
        return with_kept(low)

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


def _without_oldest(parts: Sequence[Part]) -> list[tuple[Part, ...]]:
    """Returns parts with all their turns, without the oldest, without the two oldest, and so on; the newest stays."""
    numbers = sorted({part.turn for part in parts if part.turn})[:-1]
    return [tuple(part for part in parts if not 0 < part.turn <= number) for number in (0, *numbers)]


def _turns(parts: Sequence[Part]) -> list[tuple[list[Part], list[Part]]]:
    """Returns (prompt, reply) pairs; what follows the last reply teaches nothing and is left out."""
    runs = [(loss, list(run)) for loss, run in itertools.groupby(parts, key=lambda part: part.loss)]
    if runs and runs[0][0]:
        runs = [(False, []), *runs]
    return [(prompt, reply) for (_, prompt), (_, reply) in zip(runs[::2], runs[1::2], strict=False)]
