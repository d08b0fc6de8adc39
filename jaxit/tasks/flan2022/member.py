"""What a data set of Flan 2022 (Longpre et al. 2023, arXiv:2301.13688) is, and the variants a task is made in.

Draws are made by (seed, row, task) and, for the examples shown before a row, by their own rows too: they're the same on
any number of hosts and in every order, and so are caches made of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from jaxit.tasks.flan2022.options import RandomOptions
from jaxit.tasks.flan2022.speakers import RandomSpeakers
from jaxit.tasks.preprocessors import Preprocessor, choices
from jaxit.tasks.sources import Source
from jaxit.text.templates import Template


@dataclass(frozen=True)
class Variant:
    """How the rows of a data set are put to a model.

    Attributes:
        suffix: of the task's name, as published.
        options: in one of many styles ('random'), as a list with hyphens ('dashes'), or not shown ('none').
        shots: worked examples before the row: none, 'mixed' (five, each in a template of its own), or 'same' (some, in
            the template of the row).
    """

    suffix: str
    options: Literal['random', 'dashes', 'none']
    shots: Literal['none', 'mixed', 'same'] = 'none'


RANDOM = Variant('template_0to10_non_deter_opt_zero_shot', 'random')
PLAIN = Variant('template_0to10_zero_shot', 'dashes')
NO_OPTIONS = Variant('template_0to10_no_opt_zero_shot', 'none')
MIXED = Variant('template_mix_five_shot', 'random', 'mixed')
SAME = Variant('template_0to10_x_shot', 'random', 'same')
NO_OPTIONS_SAME = Variant('template_0to10_no_opt_x_shot', 'none', 'same')
VARIANTS: Mapping[str, Variant] = {
    variant.suffix: variant for variant in (RANDOM, PLAIN, NO_OPTIONS, MIXED, SAME, NO_OPTIONS_SAME)
}


@dataclass(frozen=True)
class Member:
    """One data set, or its inversion.

    Attributes:
        key: names of its tasks begin with it.
        source: its rows; only the train split is used.
        preprocessors: from a row to a record with what the templates name.
        templates: the wordings.
        cluster: the kind of task.
        licence: of the data.
        language: of the data.
        randomness: what is drawn anew for each row beside the template; None for nothing.
    """

    key: str
    source: Source
    preprocessors: tuple[Preprocessor, ...]
    templates: tuple[Template, ...]
    cluster: str
    licence: str
    language: str = 'en'
    randomness: RandomOptions | RandomSpeakers | None = None

    @property
    def answers(self) -> tuple[str, ...]:
        """The options that all rows have; none where each has its own."""
        return next((step.options for step in self.preprocessors if isinstance(step, choices)), ())

    def variants(self, shots: bool, options: bool) -> tuple[Variant, ...]:
        """Returns the variants that stand for it in the mixtures with or without shots and options."""
        if not options:
            return (NO_OPTIONS_SAME,) if shots else (NO_OPTIONS,)
        if shots:
            return (MIXED, SAME)
        return (RANDOM if self.randomness else PLAIN,)
