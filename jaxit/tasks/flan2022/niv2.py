"""Super-NaturalInstructions as Flan 2022 has it: every task but those derived from MMLU, in two encodings.

Zero-shot is the definition and the input; few-shot is the definition with one worked example and its explanation, or
with two worked examples, drawn for each instance.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from jaxit.core.errors import UnavailableError, UserError
from jaxit.tasks import natural_instructions
from jaxit.tasks.natural_instructions_encoding import DEFINITION, MAIN, Encoding
from jaxit.tasks.registry import TRAIN, Task
from jaxit.tasks.sources import Record, Source

ENCODINGS = {False: (DEFINITION,), True: (Encoding(num_positive=1, explanation=True), MAIN)}
MMLU_DERIVED = frozenset((*range(664, 668), *range(685, 738)))
NUM_ROWS = 5_163_933  # of 1,654 tasks
ABSENT = {shots: f'niv2_{"fs" if shots else "zs"}opt_all' for shots in (False, True)}


@dataclass(frozen=True)
class Absent(Source):
    """Rows that nobody has said the place of: only their number is known.

    Attributes:
        size: the number.
    """

    size: int

    @property
    def splits(self) -> tuple[str, ...]:
        """The one split."""
        return (TRAIN,)

    def records(self, split: str) -> Iterator[Record]:
        """Raises the error that says what to do."""
        raise UnavailableError(
            'the tasks of natural-instructions are not here; register(natural_instructions=FOLDER) names a checkout'
        )

    def num_examples(self, split: str) -> int | None:
        """Returns the number."""
        self.check_split(split)
        return self.size

    def fingerprint(self, split: str) -> str:
        """Raises the error that says what to do."""
        return str(next(self.records(split)))


def names(
    folder: str | os.PathLike[str] | None, seed: int, strict: bool, shots: bool, max_rows: int | None = None
) -> tuple[str, ...]:
    """Registers the tasks of a checkout and returns the names of those that are trained on; without one, one stands for all."""
    if folder is None:
        return (ABSENT[shots],)
    prefix = f'niv2_{"fs" if shots else "zs"}opt_'
    made = natural_instructions.register(
        folder, {}, encoding=ENCODINGS[shots], max_train=max_rows, seed=seed, prefix=prefix, strict=strict
    )
    kept = tuple(name for name in made.others if _number(name.removeprefix(prefix)) not in MMLU_DERIVED)
    if not kept:
        raise UserError(f'{folder} has no task but those derived from MMLU, which Flan 2022 leaves out')
    return kept


def make(name: str) -> Task | None:
    """Returns the task that stands for all where there is no checkout."""
    if name not in ABSENT.values():
        return None
    return Task(name, Absent(NUM_ROWS), cluster='natural_instructions', licence='unknown')


def _number(name: str) -> int | None:
    match = re.match(r'task(\d+)_', name)
    return int(match[1]) if match else None
