"""What a cache is made by: rows of a task in, tokenised examples out. What a row becomes depends on that row alone."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from jaxit.core.errors import UnavailableError, UserError
from jaxit.core.files import sha256_json
from jaxit.data.blocks import block_of
from jaxit.data.shards import Shard
from jaxit.tasks.parallel import Chunk
from jaxit.tasks.registry import TRAIN, Task
from jaxit.tasks.rendering import records, render_row
from jaxit.tasks.replay import replay_examples
from jaxit.tasks.sources import Record
from jaxit.text.base import Tokenizer
from jaxit.text.chat import Conversation, split
from jaxit.text.examples import Example, TokenFormat, TokenizedExample, tokenize

UNLIMITED = 1 << 40  # tokens

OnBadRow = Literal['error', 'skip']


class Row(NamedTuple):
    """One tokenised example and where it came from."""

    tokens: np.ndarray
    boundaries: tuple[int, ...]
    source_row: int
    template: int


@dataclass(frozen=True)
class RowJob:
    """All that a worker needs to know.

    Attributes:
        task: whose rows they are.
        split: they are from.
        tokenizer: makes the ids.
        token_format: lengths and layout.
        seed: of template draws and span corruption.
        chat_format: writes every example as a conversation; None for plain text.
        on_bad_row: 'error' makes nothing of the rows after the first bad one; 'skip' goes on.
        leave_out: rows that are passed over.
    """

    task: Task
    split: str
    tokenizer: Tokenizer
    token_format: TokenFormat
    seed: int
    chat_format: str | None = None
    on_bad_row: OnBadRow = 'error'
    leave_out: frozenset[int] = frozenset()

    def __call__(self, chunk: Chunk) -> Shard:
        """Returns what becomes of some rows."""
        made: list[Row] = []
        counts: Counter[str] = Counter()
        bad_rows: list[tuple[int, str]] = []
        for row, record in chunk:
            if row in self.leave_out:
                continue
            try:
                rows, theirs = self.examples(row, record)
            except UserError as error:
                bad_rows.append((row, str(error)))
                if self.on_bad_row == 'error':
                    break
                continue
            made.extend(rows)
            counts.update(theirs)
        return Shard(block_of(made), counts, bad_rows)

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, Record]]:
        """Yields (row, record) pairs of the source, those that are passed over too."""
        left_out = self.leave_out if self.split == TRAIN else ()
        try:
            found = records(self.task, self.split, self.seed, left_out, start=start, stop=stop)
            yield from enumerate(found, start)
        except OSError as error:
            raise UnavailableError(f'task {self.task.name!r}: {type(error).__name__}: {error}') from None

    def place(self, row: int, message: str) -> str:
        """Returns a message with the file and line of the row it is about."""
        return f'task {self.task.name!r}, {self.task.source.locate(self.split, row)}: {message}'

    def examples(self, row: int, record: Record) -> tuple[list[Row], Counter[str]]:
        """Returns the examples of one row and what is to be counted of them."""
        rows, counts = [], Counter()
        examples = render_row(self.task, self.split, row, record, seed=self.seed, chat_format=self.chat_format)
        if not examples:
            counts['filtered_rows'] += 1
        for example in examples:
            pieces = self._pieces(example)
            if not pieces or pieces[0] is not example:
                counts['split_conversations' if pieces else 'dropped'] += 1
            for tokenized in (tokenized for piece in pieces for tokenized in self._tokenize(piece, row)):
                if tokenized is None:
                    counts['dropped'] += 1
                    continue
                counts['cut_inputs'] += tokenized.cut_inputs > 0
                counts['cut_targets'] += tokenized.cut_targets > 0
                rows.append(Row(tokenized.tokens, tokenized.boundaries, row, example.template))
        return rows, counts

    def _pieces(self, example: Example) -> Sequence[Example]:
        """Returns the example itself, or what its task makes of a conversation that is longer than a row."""
        what = self.task.long_conversations
        if what == 'cut' or not isinstance(example, Conversation) or self._fits(example):
            return [example]
        return split(example, self._fits) if what == 'split' else []

    def _fits(self, example: Example) -> bool:
        """Returns whether nothing of a conversation would be cut."""
        unlimited = dataclasses.replace(self.token_format, inputs_length=UNLIMITED, targets_length=UNLIMITED)
        whole = tokenize(example, self.tokenizer, unlimited)
        assert whole is not None
        prompt, length = whole.boundaries[0], len(whole.tokens)
        if len(whole.boundaries) == 1:
            limit = prompt + self.token_format.targets_length
        else:
            limit = self.token_format.row_length
        return prompt <= self.token_format.inputs_length and length <= limit

    def _tokenize(self, example: Example, row: int) -> list[TokenizedExample | None]:
        if self.task.kind == 'instruction':
            return [tokenize(example, self.tokenizer, self.token_format)]
        seed = int(sha256_json([self.seed, self.task.name, row])[:8], 16)
        text, objective = example.targets, self.task.objective
        return list(replay_examples(text, self.tokenizer, self.token_format, seed=seed, objective=objective))
