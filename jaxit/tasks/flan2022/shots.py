"""Rows that know their number, what is drawn by it, and prompts with worked examples."""

import functools
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from jaxit.core.files import sha256_json
from jaxit.tasks.fingerprints import describe
from jaxit.tasks.flan2022.options import RandomOptions
from jaxit.tasks.flan2022.speakers import RandomSpeakers
from jaxit.tasks.preprocessors import Preprocessor, apply
from jaxit.tasks.registry import TRAIN
from jaxit.tasks.sources import Record, Source
from jaxit.text.templates import Template, choose

ROW = '_row'  # a field of a record beside those of its source
NUM_MIXED = 5
# Of 25 rows, those whose template is that of the question; ten templates, so 2.5 on the mean. A row with none is left out.
NUM_DRAWN, NUM_TEMPLATES, MAX_SAME = 25, 10, 10

# What stands before a question, between it and its answer, and after that.
LAYOUTS = (
    ('', '\n', '\n\n\n'),
    ('', '\n\n', '\n\n'),
    ('Q: ', '\nA: ', '\n\n'),
    ('Question: ', '\nAnswer: ', '\n\n'),
    ('Input: ', '\nOutput: ', '\n\n'),
    ('[Q] ', '\n[A] ', '\n\n'),
    ('Problem:\n', '\nSolution:\n', '\n\n\n'),
    ('IN: ', '\nOUT: ', '\n--\n'),
    ('Task. ', '\nReply. ', '\n\n'),
    ('', '\n=> ', '\n\n'),
)


@dataclass(frozen=True)
class Rows(Source):
    """The rows of the train split with their numbers.

    Attributes:
        source: the whole.
    """

    source: Source

    @property
    def invented(self) -> Record | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the whole, as row 0."""
        return None if self.source.invented is None else self.source.invented | {ROW: 0}

    @property
    def splits(self) -> tuple[str, ...]:
        """The one split."""
        return (TRAIN,)

    def records(self, split: str) -> Iterator[Record]:
        """Yields the records."""
        return self.slice(split, 0)

    def slice(self, split: str, start: int, stop: int | None = None) -> Iterator[Record]:
        """Yields some of the records."""
        self.check_split(split)
        for row, record in enumerate(self.source.slice(TRAIN, start, stop), start):
            yield record | {ROW: row}

    def count(self, split: str) -> int:
        """Returns the number of records as they are now."""
        self.check_split(split)
        return self.source.count(TRAIN)

    def num_examples(self, split: str) -> int | None:
        """Returns the number of records."""
        self.check_split(split)
        return self.source.num_examples(TRAIN)

    def fingerprint(self, split: str) -> str:
        """Returns a hash of the whole."""
        self.check_split(split)
        return sha256_json(['Rows', self.source.fingerprint(TRAIN)])

    def locate(self, split: str, row: int) -> str:
        """Returns where the whole has the row."""
        self.check_split(split)
        return self.source.locate(TRAIN, row)


@dataclass(frozen=True, repr=False)
class Drawn:
    """Applies preprocessors, then what is drawn for the row.

    Attributes:
        preprocessors: those of the data set.
        randomness: what is drawn; None for nothing.
        task: the name the draws are keyed by.
        seed: of the draws.
    """

    preprocessors: tuple[Preprocessor, ...]
    randomness: RandomOptions | RandomSpeakers | None
    task: str
    seed: int

    def __call__(self, record: Record) -> list[Record]:
        """Returns the records that templates are filled with."""
        return self.of(record, f'{record[ROW]}')

    def of(self, record: Record, key: str) -> list[Record]:
        """Returns the records of a row, drawn by a key of the caller's."""
        items = apply(self.preprocessors, without_row(record))
        if self.randomness is None:
            return items
        return [self.randomness(item, random.Random(f'{self.seed}/{key}/{self.task}/style')) for item in items]

    def __repr__(self) -> str:
        """Names what the fingerprint of a cache must know: the preprocessors with their text."""
        preprocessors = sha256_json([describe(preprocessor) for preprocessor in self.preprocessors])
        randomness = None if self.randomness is None else describe(self.randomness)
        return f'Drawn({preprocessors}, {randomness}, {self.task!r}, {self.seed})'


@dataclass(frozen=True)
class FewShot:
    """Writes worked examples and the question.

    Attributes:
        drawn: makes the records.
        templates: the wordings.
        kind: 'mixed' for five examples, each in a template and a style of its own; 'same' for some, in those of the
            question.
    """

    drawn: Drawn
    templates: tuple[Template, ...]
    kind: Literal['mixed', 'same']

    def __call__(self, record: Record, pool: list[Record], index: int) -> list[tuple[list[str], str, str]]:
        """Returns (examples, inputs, targets) of a row, or nothing where no example can be shown."""
        row, own = record[ROW], without_row(record)
        draw = random.Random(f'{self.drawn.seed}/{row}/{self.drawn.task}/shots')
        before, between, after = draw.choice(LAYOUTS)
        wanted = NUM_MIXED if self.kind == 'mixed' else min(_num_same(draw), MAX_SAME)
        others = (other for other in pool if without_row(other) != own)
        shown = [texts for other in others if (texts := self._texts(other, row, index))][:wanted]
        if not shown:
            return []
        examples = [f'{before}{inputs}{between}{targets}{after}' for inputs, targets in shown]
        questions = (self.templates[index].render(item) for item in self.drawn(record))
        return [(examples, f'{before}{inputs}{between.rstrip()}', targets) for inputs, targets in questions]

    def _texts(self, other: Record, row: int, index: int) -> tuple[str, str] | None:
        if self.kind == 'mixed':
            index = choose(self.templates, self.drawn.task, other[ROW], self.drawn.seed)
        items = self.drawn.of(other, f'{row}' if self.kind == 'same' else f'{row}/{other[ROW]}')
        return self.templates[index].render(items[0]) if items else None


def max_shown(kind: Literal['mixed', 'same']) -> int:
    """Returns how many examples a row can have."""
    return NUM_MIXED if kind == 'mixed' else MAX_SAME


def without_row(record: Record) -> Record:
    """Returns a record as its source has it."""
    return {name: value for name, value in record.items() if name != ROW}


def _num_same(draw: random.Random) -> int:
    return sum(draw.randrange(NUM_TEMPLATES) == 0 for _ in range(NUM_DRAWN))


@functools.cache
def without_options(template: Template) -> Template:
    """Returns the template with its list of options deleted."""
    return Template(template.inputs, template.targets, template.kind, 'none', template.language, template.name)


@functools.cache
def with_styles(template: Template, answers: tuple[str, ...] = ()) -> Template:
    """Returns the template with the list that `RandomOptions` writes; an inverted one, or one without a list, stays.

    Args:
        template: of a data set.
        answers: the options, where all rows have the same. A wording that spells out two of them ('answer yes or no') has
            a list without labels, and they are answered as they are spelled.
    """
    if template.kind == 'inverted' or '{options}' not in template.inputs:
        return template
    spelled = [a for a in answers if re.search(rf'\b{re.escape(a)}\b', template.inputs, re.IGNORECASE)]
    text, answer = ('{unlabelled_text}', '{answer}') if len(spelled) > 1 else ('{options_text}', '{choice}')
    inputs, targets = template.inputs.replace('{options}', text), template.targets.replace('{answer}', answer)
    return Template(inputs, targets, template.kind, 'dashes', template.language, template.name)
