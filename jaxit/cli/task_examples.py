"""Examples of a task as tokens, with where they came from: what `jaxit tasks show` prints."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from jaxit.cli import masked
from jaxit.core.errors import UserError
from jaxit.tasks import caching
from jaxit.tasks.registry import Task
from jaxit.text.base import Tokenizer
from jaxit.text.examples import TokenFormat


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
        invented: whether it is made up, the data not being here.
    """

    task: Task
    split: str
    source_row: int
    template: int
    tokens: np.ndarray
    boundaries: tuple[int, ...]
    invented: bool = False

    @property
    def title(self) -> str:
        """One line that says where it comes from."""
        where = 'an invented row' if self.invented else f'{self.split} row {self.source_row}'
        line = f'{self.task.name} · {where}'
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
            'invented': self.invented,
            'num_tokens': len(self.tokens),
            'stretches': masked.as_json(self.stretches(tokenizer)),
        }


def template_text(task: Task | None, index: int) -> str:
    """Returns the index of a template, and its pattern where the task is known and has one."""
    if task is None or index >= len(task.templates):
        return f'template {index}'
    return f'template {index}: {task.templates[index].inputs!r}'


def tokenized(
    task: Task,
    split: str,
    tokenizer: Tokenizer,
    token_format: TokenFormat,
    *,
    seed: int,
    chat_format: str | None,
    invented: bool = False,
) -> Iterator[Row]:
    """Yields the examples of a split as a cache would hold them; those that are too long to keep are passed over.

    Args:
        task: the task.
        split: of its source.
        tokenizer: makes the ids.
        token_format: lengths and layout.
        seed: of template draws.
        chat_format: writes every example as a conversation.
        invented: shows the source's made-up record instead.
    """
    if invented and task.source.invented is None:
        raise UserError(f'task {task.name!r} has no invented row')
    made = caching.rows(task, split, tokenizer, token_format, seed=seed, chat_format=chat_format, invented=invented)
    for row in made:
        yield Row(task, split, row.source_row, row.template, row.tokens, row.boundaries, invented)
