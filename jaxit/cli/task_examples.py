"""Examples of a task as tokens, with where they came from: what `jaxit tasks show` prints."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from jaxit.cli import masked
from jaxit.core.errors import UserError
from jaxit.tasks import caching
from jaxit.tasks.registry import Task
from jaxit.tasks.rendering import examples
from jaxit.text.base import Tokenizer
from jaxit.text.examples import TokenFormat, tokenize


@dataclasses.dataclass(frozen=True)
class Row:
    """One example.

    Attributes:
        task: it belongs to.
        split: it is from.
        source_row: the record's number in the source.
        template: index of its template.
        tokens: [n] ids.
        boundaries: where the loss toggles.
    """

    task: Task
    split: str
    source_row: int
    template: int
    tokens: np.ndarray
    boundaries: tuple[int, ...]

    @property
    def title(self) -> str:
        """One line that says where it comes from."""
        line = f'{self.task.name} · {self.split} row {self.source_row}'
        return f'{line} · {template_text(self.task, self.template)}'

    def stretches(self, tokenizer: Tokenizer) -> list[masked.Stretch]:
        """Returns its tokens as text."""
        return masked.stretches(self.tokens, self.boundaries, tokenizer)

    def as_json(self, tokenizer: Tokenizer) -> dict[str, Any]:
        """Returns it as plain values."""
        return {
            'task': self.task.name,
            'split': self.split,
            'source_row': self.source_row,
            'template': self.template,
            'num_tokens': len(self.tokens),
            'stretches': masked.as_json(self.stretches(tokenizer)),
        }


def template_text(task: Task | None, index: int) -> str:
    """Returns the index of a template, and its pattern where the task is known and has one."""
    if task is None or index >= len(task.templates):
        return f'template {index}'
    return f'template {index}: {task.templates[index].inputs!r}'


def tokenized(
    task: Task, split: str, tokenizer: Tokenizer, token_format: TokenFormat, *, seed: int, chat_format: str | None
) -> Iterator[Row]:
    """Yields the examples of a split as a cache would hold them; those that are too long to keep are passed over.

    Args:
        task: the task.
        split: of its source.
        tokenizer: makes the ids.
        token_format: lengths and layout.
        seed: of template draws.
        chat_format: writes every example as a conversation.
    """
    task.source.check_split(split)
    if task.kind == 'text':
        for row in caching.rows(task, split, tokenizer, token_format, seed=seed):
            yield Row(task, split, row.source_row, row.template, row.tokens, row.boundaries)
        return
    for example in examples(task, split, seed=seed, chat_format=chat_format):
        try:
            made = tokenize(example, tokenizer, token_format)
        except UserError as error:
            raise UserError(f'{task.source.locate(split, example.source_row)}: {error}') from None
        if made is not None:
            yield Row(task, split, example.source_row, example.template, made.tokens, made.boundaries)
