"""Answers to choose from in many styles: how the list begins, its bullets, what stands between them.

Where the bullets tell the answers apart, the model writes the bullet of the answer instead of its text.
"""

import dataclasses
import random
import string
from collections.abc import Sequence
from dataclasses import dataclass

from jaxit.core.errors import UserError
from jaxit.tasks.sources import Record

LEADS = (
    'OPTIONS:',
    'Options:',
    'OPT:',
    'Possible answers:',
    'Answers to pick from:',
    'Pick one of these:',
    'Pick from:',
    'Select one:',
    'Your choices are:',
    'CHOICES',
    'What can be chosen:',
    'The candidates:',
    'One of these is right.',
    'Which of these is it?',
    'Candidate replies:',
    'Only these replies count:',
)
MARKS = ('- ', '* ', '+ ', '> ', '• ', '-> ', '~ ', '')
FRAMES = ('({})', '{})', '{}.', '{}:', '[{}]', '{} -')
BETWEEN = ('\n', '\n', '\n', ' | ')  # a list of lines, most of the time

MAX_LABELLED = 26
_ROMAN = 'i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx xxi xxii xxiii xxiv xxv xxvi'.split()
LABELS = (
    tuple(string.ascii_uppercase),
    tuple(string.ascii_lowercase),
    tuple(str(number) for number in range(1, MAX_LABELLED + 1)),
    tuple(_ROMAN),
    tuple(number.upper() for number in _ROMAN),
)


@dataclass(frozen=True)
class RandomOptions:
    """Writes `options_text`, the list to choose from, `choice`, the answer as the list calls it, and `unlabelled_text`.

    The latter is the list without anything that tells the options apart.
    """

    def __call__(self, record: Record, draw: random.Random) -> Record:
        """Returns the record with these fields; `options` and `answer` stay as they are."""
        options, answer = record.get('options'), record.get('answer')
        if not isinstance(options, list | tuple) or answer not in options:
            raise UserError(f'the answer {answer!r} is not among the options {options!r}')
        style = draw_style(draw, len(options))
        return record | {
            'options_text': style.write(options),
            'choice': style.name_of(list(options).index(answer)) or answer,
            'unlabelled_text': dataclasses.replace(style, labels=()).write(options),
        }


@dataclass(frozen=True)
class Style:
    """How a list of options looks.

    Attributes:
        lead: the line before the list.
        mark: the bullet of every option, where they are not told apart.
        labels: what tells them apart; empty where nothing does.
        frame: what stands around a label.
        between: what stands between two options.
    """

    lead: str
    mark: str = '- '
    labels: tuple[str, ...] = ()
    frame: str = '{}'
    between: str = '\n'

    def write(self, options: Sequence[str]) -> str:
        """Returns the list."""
        bullets = [f'{self.frame.format(label)} ' for label in self.labels] or [self.mark] * len(options)
        lines = (f'{bullet}{option}' for bullet, option in zip(bullets, options, strict=False))
        return f'{self.lead}\n{self.between.join(lines)}'

    def name_of(self, index: int) -> str:
        """Returns what an option is called, brackets and all; '' where only its text names it."""
        if not self.labels:
            return ''
        frame = self.frame if self.frame[0] in '([' else '{}'
        return frame.format(self.labels[index])


def draw_style(draw: random.Random, num_options: int) -> Style:
    """Returns a style; more than 26 options are not told apart by bullets."""
    lead, between = draw.choice(LEADS), draw.choice(BETWEEN)
    mark, labels, frame = draw.choice(MARKS), draw.choice(LABELS), draw.choice(FRAMES)
    labelled = draw.randrange(len(LABELS) * len(FRAMES) + len(MARKS)) >= len(MARKS)  # every bullet is as likely
    if labelled and num_options <= MAX_LABELLED:
        return Style(lead, labels=labels, frame=frame, between=between)
    return Style(lead, mark, between=between)
