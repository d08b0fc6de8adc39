"""Tokens shown as text with the loss mask: what the model reads plain, what it learns to write in colour."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from rich.text import Text

from jaxit.cli import console
from jaxit.core.files import printable
from jaxit.text.base import Tokenizer

RESPONSE, SPECIAL = 'bold green', 'dim reverse'
OPEN, CLOSE = '⟦', '⟧'  # where there is no colour
NEWLINE = '↵\n'


class Stretch(NamedTuple):
    """Neighbouring tokens of one kind.

    Attributes:
        text: what they stand for; a control token's name.
        loss: whether they bear loss.
        special: whether they are control tokens.
    """

    text: str
    loss: bool
    special: bool


def stretches(tokens: Sequence[int] | np.ndarray, boundaries: Sequence[int], tokenizer: Tokenizer) -> list[Stretch]:
    """Returns tokens as text; the loss is off at the start and toggles at each boundary."""
    ids = [int(i) for i in tokens]
    toggles = np.zeros(len(ids) + 1, np.int64)
    toggles[list(boundaries)] = 1
    mask = (np.cumsum(toggles)[:-1] % 2 == 1).tolist()
    kinds = [(loss, i in tokenizer.names) for i, loss in zip(ids, mask, strict=True)]
    found, at = [], 0
    for (loss, special), run in itertools.groupby(kinds):
        stop = at + len(list(run))
        found.append(Stretch(tokenizer.decode(ids[at:stop], keep_specials=True), loss, special))
        at = stop
    return found


def show(found: Sequence[Stretch]) -> None:
    """Prints stretches, newlines made visible."""
    text = Text()
    for loss, run in itertools.groupby(found, key=lambda stretch: stretch.loss):
        text.append(OPEN if loss and not has_colour() else '')
        for stretch in run:
            style = ' '.join([RESPONSE] * loss + [SPECIAL] * stretch.special)
            text.append(printable(stretch.text).replace('\n', NEWLINE), style)
        text.append(CLOSE if loss and not has_colour() else '')
    console.out.print(text, soft_wrap=True)


def show_legend() -> None:
    """Says what the colours mean."""
    response = Text('learned to write', RESPONSE) if has_colour() else Text(f'{OPEN}learned to write{CLOSE}')
    parts = ['legend: given · ', response, ' · ', Text('<control token>', SPECIAL), f' · {NEWLINE.strip()} newline']
    console.out.print(Text.assemble(*parts), soft_wrap=True)


def has_colour() -> bool:
    """Returns whether styles reach the reader."""
    return console.out.is_terminal and not console.out.no_color


def as_json(found: Sequence[Stretch]) -> list[dict[str, Any]]:
    """Returns stretches as plain values."""
    return [stretch._asdict() for stretch in found]
