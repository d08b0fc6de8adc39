"""Rows that know their number and bring worked examples, and the prompts that are made of them."""

import functools
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from jaxit.core.files import sha256_json
from jaxit.tasks.fingerprints import describe
from jaxit.tasks.flan2022.options import RandomOptions
from jaxit.tasks.flan2022.speakers import RandomSpeakers
from jaxit.tasks.preprocessors import Preprocessor, apply
from jaxit.tasks.registry import TRAIN
from jaxit.tasks.sources import Record, Source
from jaxit.text.examples import Example, Part
from jaxit.text.templates import Template, choose

ROW, SHOWN = '_row', '_shown'  # fields of a record beside those of its source
POOL_ROWS = 512  # of the train split, that worked examples are drawn from
SPARE = 4  # more are drawn than wanted, since preprocessors may leave some out
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
    """The rows of the train split with their numbers, and worked examples of other rows.

    Attributes:
        source: the whole.
        num_shown: how many examples each row brings; they depend on (seed, row, task) only.
        task: the name the draws are keyed by.
        seed: of the draws.
    """

    source: Source
    num_shown: int
    task: str
    seed: int

    @property
    def splits(self) -> tuple[str, ...]:
        """The one split."""
        return (TRAIN,)

    def records(self, split: str) -> Iterator[Record]:
        """Yields the records; `_shown` is a list of (row, record) pairs."""
        self.check_split(split)
        numbered = enumerate(self.source.records(TRAIN))
        if not self.num_shown:
            yield from (record | {ROW: row} for row, record in numbered)
            return
        pool = list(itertools.islice(enumerate(self.source.records(TRAIN)), POOL_ROWS))
        for row, record in numbered:
            others = [(number, other) for number, other in pool if number != row and other != record]
            draw = random.Random(f'{self.seed}/{row}/{self.task}')
            yield record | {ROW: row, SHOWN: draw.sample(others, min(self.num_shown, len(others)))}

    def num_examples(self, split: str) -> int | None:
        """Returns the number of records."""
        self.check_split(split)
        return self.source.num_examples(TRAIN)

    def fingerprint(self, split: str) -> str:
        """Returns a hash of the whole and the draws."""
        self.check_split(split)
        return sha256_json(['Rows', self.source.fingerprint(TRAIN), self.num_shown, self.task, self.seed])

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
        record = {name: value for name, value in record.items() if name not in (ROW, SHOWN)}
        items = apply(self.preprocessors, record)
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
    """Writes worked examples and the question: fields for `join`.

    Attributes:
        drawn: makes the records.
        templates: the wordings.
        kind: 'mixed' for five examples, each in a template and a style of its own; 'same' for some, in those of the
            question.
    """

    drawn: Drawn
    templates: tuple[Template, ...]
    kind: Literal['mixed', 'same']

    def __call__(self, record: Record) -> list[Record]:
        """Returns one record, or none where no example can be shown."""
        row, pool = record[ROW], record[SHOWN]
        items = self.drawn(record)
        draw = random.Random(f'{self.drawn.seed}/{row}/{self.drawn.task}/shots')
        layout = draw.choice(LAYOUTS)
        wanted = NUM_MIXED if self.kind == 'mixed' else min(_num_same(draw), MAX_SAME)
        index = self._choose(row)
        shown = [texts for number, other in pool if (texts := self._texts(number, other, row, index))][:wanted]
        if not shown:
            return []
        before, between, after = layout
        made = []
        for item in items:
            inputs, targets = self.templates[index].render(item)
            examples = [f'{before}{theirs}{between}{answer}{after}' for theirs, answer in shown]
            question = f'{before}{inputs}{between.rstrip()}'
            made.append({'before': examples, 'inputs': question, 'targets': targets, 'template': index})
        return made

    def _texts(self, number: int, record: Record, row: int, index: int) -> tuple[str, str] | None:
        same = self.kind == 'same'
        items = self.drawn.of(record, f'{row}' if same else f'{row}/{number}')
        template = self.templates[index if same else self._choose(number)]
        return template.render(items[0]) if items else None

    def _choose(self, row: int) -> int:
        return choose(self.templates, self.drawn.task, row, self.drawn.seed)


def join(record: dict[str, Any]) -> Example:
    """Returns the example of what `FewShot` wrote; worked examples go, the last one first, where the inputs are too long."""
    parts = (
        *(Part(text, optional=True) for text in record['before']),
        Part(record['inputs']),
        Part(record['targets'], loss=True),
    )
    return Example(parts, template=record['template'])


def num_shown(kind: str) -> int:
    """Returns how many examples a row must bring."""
    return {'none': 0, 'mixed': NUM_MIXED + SPARE, 'same': MAX_SAME + SPARE}[kind]


def _num_same(draw: random.Random) -> int:
    return sum(draw.randrange(NUM_TEMPLATES) == 0 for _ in range(NUM_DRAWN))


@functools.cache
def without_options(template: Template) -> Template:
    """Returns the template with its list of options deleted."""
    return Template(template.inputs, template.targets, template.kind, 'none', template.language, template.name)


@functools.cache
def with_styles(template: Template) -> Template:
    """Returns the template with the list that `RandomOptions` writes; an inverted one, or one without a list, stays."""
    if template.kind == 'inverted' or '{options}' not in template.inputs:
        return template
    inputs, targets = (
        template.inputs.replace('{options}', '{options_text}'),
        template.targets.replace('{answer}', '{choice}'),
    )
    return Template(inputs, targets, template.kind, 'dashes', template.language, template.name)
