"""What a report is made of: sections of blocks, all plain text but the SVGs; `report.html` lays them out."""

import dataclasses
from collections.abc import Sequence

from jaxit.reports.plots import Plot
from jaxit.reports.records import Sample


@dataclasses.dataclass(frozen=True)
class Cell:
    """A table cell.

    Attributes:
        text: what it says.
        verdict: 'better', 'worse' or 'unclear', of `below` where there is one.
        error: a standard error, smaller, behind the text or below it on a phone.
        below: a second line.
    """

    text: str
    verdict: str = ''
    error: str = ''
    below: str = ''


@dataclasses.dataclass(frozen=True)
class Row:
    """A table row; `kind` is '', 'group' (a heading) or 'total'."""

    cells: Sequence[Cell | str]
    kind: str = ''


@dataclasses.dataclass(frozen=True)
class Table:
    """A table; the first `num_text` columns hold text, the others numbers."""

    caption: str
    headers: Sequence[str]
    rows: Sequence[Row]
    num_text: int = 1
    kind: str = 'table'


@dataclasses.dataclass(frozen=True)
class Words:
    """Paragraphs."""

    paragraphs: Sequence[str]
    small: bool = False
    kind: str = 'words'


@dataclasses.dataclass(frozen=True)
class Figure:
    """One of the important figures: what, how much, and the details below."""

    label: str
    value: str
    detail: str = ''
    verdict: str = ''


@dataclasses.dataclass(frozen=True)
class Figures:
    """The important figures."""

    items: Sequence[Figure]
    kind: str = 'figures'


@dataclasses.dataclass(frozen=True)
class Plots:
    """Plots in a grid; small multiples in a finer one."""

    plots: Sequence[Plot]
    small: bool = False
    kind: str = 'plots'


@dataclasses.dataclass(frozen=True)
class Pair:
    """A prompt with two answers."""

    outcome: str
    before: Sample
    after: Sample


@dataclasses.dataclass(frozen=True)
class Samples:
    """Prompts with two answers each, and what the two are called."""

    pairs: Sequence[Pair]
    labels: tuple[str, str]
    kind: str = 'samples'


@dataclasses.dataclass(frozen=True)
class Bar:
    """Shares of a whole as one stacked bar: (label, share)."""

    parts: Sequence[tuple[str, float]]
    kind: str = 'bar'


@dataclasses.dataclass(frozen=True)
class Facts:
    """Names with values; `narrow` where the values are short."""

    items: Sequence[tuple[str, str]]
    narrow: bool = False
    kind: str = 'facts'


@dataclasses.dataclass(frozen=True)
class Listing:
    """A long text under a heading that opens."""

    title: str
    content: str
    kind: str = 'listing'


Block = Table | Words | Figures | Plots | Samples | Bar | Facts | Listing


@dataclasses.dataclass(frozen=True)
class Section:
    """A heading with blocks; level 2, or 3 below the heading of one of several runs."""

    anchor: str
    title: str
    blocks: Sequence[Block]
    level: int = 2
