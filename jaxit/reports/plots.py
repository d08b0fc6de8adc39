"""Plots as inline SVG: small, deterministic, coloured by the page's CSS variables so that they follow its theme.

matplotlib draws with marker colours which are then replaced by `var(--...)`; text stays text.
A plot is 360 units wide, so that it is legible at the width of a phone and fills half a desktop page.
"""

import dataclasses
import html
import math
import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from jaxit.reports import text
from jaxit.reports.changes import Change

WIDTH, HEIGHT = 360.0, 196.0
SMALL = (170.0, 92.0)
NUM_COLOURS = 8
MAX_POINTS = 320
SMOOTH_FROM = 60  # points from which a running mean is drawn over the raw line
ROW = 15.0
_INK, _MUTED, _GRID, _SURFACE = '#010101', '#020202', '#030303', '#050505'
_VARIABLES = {_INK: '--ink', _MUTED: '--muted', _GRID: '--rule', _SURFACE: '--surface'}
_VARIABLES |= {f'#0400{i:02x}': f'--series-{i + 1}' for i in range(NUM_COLOURS)}
_STYLE: Any = {
    'svg.hashsalt': 'jaxit',
    'svg.fonttype': 'none',
    'text.parse_math': False,
    'font.size': 10,
    'text.color': _INK,
    'axes.edgecolor': _GRID,
    'axes.facecolor': 'none',
    'axes.linewidth': 0.8,
    'axes.grid': True,
    'axes.axisbelow': True,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.spines.left': False,
    'axes.unicode_minus': True,
    'figure.facecolor': 'none',
    'grid.color': _GRID,
    'grid.linewidth': 0.7,
    'xtick.color': _GRID,
    'xtick.labelcolor': _MUTED,
    'xtick.major.size': 3,
    'ytick.color': _GRID,
    'ytick.labelcolor': _MUTED,
    'ytick.major.size': 0,
    'lines.linewidth': 1.6,
    'path.simplify': True,
}


@dataclasses.dataclass(frozen=True)
class Line:
    """One curve: x [n], y [n]; `colour` counts from 0."""

    label: str
    x: np.ndarray
    y: np.ndarray
    colour: int = 0
    dashed: bool = False
    exact: bool = False  # never smoothed


@dataclasses.dataclass(frozen=True)
class Plot:
    """An inline SVG and its legend: (colour from 1, dashed, label)."""

    title: str
    svg: str
    legend: tuple[tuple[int, bool, str], ...] = ()
    note: str = ''


def curves(
    key: str,
    title: str,
    lines: Sequence[Line],
    *,
    small: bool = False,
    over: str = 'step',
    note: str = '',
    span: tuple[int, int] | None = None,
) -> Plot | None:
    """Draws quantities over the steps; None where nothing was logged.

    Args:
        key: unique in the page; prefixes the ids inside the SVG.
        title: what is drawn, with its unit.
        lines: the curves.
        small: a tile of small multiples.
        over: what x counts.
        span: the range of x; by default that of the lines.
        note: a line for below the plot.
    """
    lines = [line for line in lines if np.isfinite(line.y).any()]
    if not lines:
        return None
    width, height = SMALL if small else (WIDTH, HEIGHT)
    with _axes(width, height, left=37, bottom=16 if small else 20, right=10, top=6) as (figure, axes):
        for line in lines:
            _draw_line(axes, line, small=small)
        axes.xaxis.set_major_locator(MaxNLocator(2 if small else 5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(2 if small else 5))
        axes.xaxis.set_major_formatter(FuncFormatter(_short))
        axes.yaxis.set_major_formatter(FuncFormatter(_short))
        axes.margins(x=0.01, y=0.08)
        first, last = span or (min(line.x.min() for line in lines), max(line.x.max() for line in lines))
        room = 0.01 * (last - first) or 1.0
        axes.set_xlim(first - room, last + room)
        size = 8.5 if small else 10.0
        axes.tick_params(labelsize=size)
        ticks = axes.yaxis.get_major_formatter().format_ticks(list(axes.get_yticks()))
        left = 6 + max((_text_width(tick, size) for tick in ticks), default=0.0)
        box = axes.get_position()
        axes.set_position((left / width, box.y0, (width - left - 10) / width, box.height))
        svg = _svg(figure, key, f'{title}. {"; ".join(_describe(line, over) for line in lines[:NUM_COLOURS])}')
    legend = tuple((line.colour % NUM_COLOURS + 1, line.dashed, line.label) for line in lines)
    return Plot(title, svg, legend if len(lines) > 1 or over != 'step' else (), note)


def shares(
    key: str, title: str, rows: Sequence[tuple[str, float | None, float | None]], *, note: str = ''
) -> Plot | None:
    """Draws shares intended and drawn as pairs of bars, one pair a row; None where there is no row."""
    if not rows:
        return None
    with _rows_axes([row[0] for row in rows], 1.35) as (figure, axes, places):
        for offset, column, colour in ((-0.19, 1, _colour(1)), (0.19, 2, _colour(0))):
            axes.barh(places + offset, [100 * (row[column] or 0.0) for row in rows], 0.32, color=colour)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f'{x:g} %'))
        said = '; '.join(
            f'{text.name(row[0])}: intended {text.percent(row[1])}, drawn {text.percent(row[2])}' for row in rows
        )
        svg = _svg(figure, key, f'{title}. {said}')
    return Plot(title, svg, ((2, False, 'intended'), (1, False, 'drawn')), note)


def before_after(key: str, title: str, rows: Sequence[tuple[str, Change]], *, note: str = '') -> Plot | None:
    """Draws a metric before (hollow) and after (filled) with error bars of one standard error."""
    rows = [row for row in rows if row[1].base or row[1].tuned]
    if not rows:
        return None
    with _rows_axes([row[0] for row in rows], 1.0) as (figure, axes, places):
        for place, (_, change) in zip(places, rows, strict=True):
            if change.base and change.tuned:
                axes.plot([change.base.value, change.tuned.value], [place, place], color=_GRID, linewidth=3, zorder=1)
            for score, colour, offset, face in (
                (change.base, _colour(1), -0.13, _SURFACE),
                (change.tuned, _colour(0), 0.13, None),
            ):
                if score:
                    error = None if score.stderr is None else [score.stderr]
                    axes.errorbar([score.value], [place + offset], xerr=error, fmt='o', color=colour, mfc=face or colour,
                                  ms=4.5, mew=1.3, elinewidth=1.3, capsize=0)  # fmt: skip
        svg = _svg(figure, key, f'{title}. ' + '; '.join(_describe_change(*row) for row in rows))
    return Plot(title, svg, ((2, False, 'base'), (1, False, 'tuned')), note)


def magnitudes(key: str, title: str, rows: Sequence[tuple[str, float]], *, note: str = '') -> Plot | None:
    """Draws positive values as dots on a logarithmic axis, one a row."""
    rows = [row for row in rows if row[1] > 0]
    if not rows:
        return None
    with _rows_axes([row[0] for row in rows], 0.95) as (figure, axes, places):
        values = np.array([row[1] for row in rows])
        axes.set_xscale('log')
        axes.set_xlim(
            10 ** (math.floor(math.log10(values.min()) * 2 - 0.2) / 2),
            10 ** (math.ceil(math.log10(values.max()) * 2 + 0.2) / 2),
        )
        axes.hlines(places, axes.get_xlim()[0], values, color=_GRID, linewidth=1.2)
        axes.plot(values, places, 'o', color=_colour(0), markersize=4.5)
        decades = float(np.diff(np.log10(axes.get_xlim()))[0])
        axes.xaxis.set_major_locator(LogLocator(10, subs=(1.0, 3.0) if decades <= 2 else (1.0,), numticks=6))
        axes.xaxis.set_minor_locator(LogLocator(10, subs=(), numticks=8))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f'{100 * x:.3g} %'))
        svg = _svg(
            figure, key, f'{title}. ' + '; '.join(f'{text.name(label)}: {100 * value:.3g} %' for label, value in rows)
        )
    return Plot(title, svg, (), note)


def _draw_line(axes: Axes, line: Line, *, small: bool) -> None:
    x, y = _bucket_means(line.x, line.y, MAX_POINTS // 3 if small else MAX_POINTS)
    style = (0, (4, 2)) if line.dashed else 'solid'
    smooth = len(x) >= SMOOTH_FROM and not line.dashed and not line.exact
    marker = 'o' if len(x) == 1 or (line.dashed and len(x) <= 40) else ''
    axes.plot(x, y, color=_colour(line.colour), alpha=0.3 if smooth else 1.0, linewidth=0.9 if smooth else 1.6,
              linestyle=style, marker=marker, markersize=3.2)  # fmt: skip
    if smooth:
        axes.plot(x, _running_mean(y), color=_colour(line.colour))


def _bucket_means(x: np.ndarray, y: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Averages runs of neighbours until at most `most` points remain; values that are not finite are left out."""
    keep = np.isfinite(y)
    x, y = x[keep].astype(np.float64), y[keep]
    size = -(-len(x) // most) if len(x) else 1
    if size == 1:
        return x, y
    starts = np.arange(0, len(x), size)
    sizes = np.diff(np.append(starts, len(x)))
    return np.add.reduceat(x, starts) / sizes, np.add.reduceat(y, starts) / sizes


def _running_mean(y: np.ndarray) -> np.ndarray:
    """A mean over neighbours on both sides, so that it does not lag; the window shrinks towards both ends."""
    n = len(y)
    half = np.minimum(np.minimum(np.arange(n), np.arange(n)[::-1]), max(2, n // 40))
    sums = np.concatenate([[0.0], np.cumsum(y)])
    places = np.arange(n)
    return (sums[places + half + 1] - sums[places - half]) / (2 * half + 1)


@contextmanager
def _axes(
    width: float, height: float, *, left: float, bottom: float, right: float, top: float
) -> Iterator[tuple[Figure, Axes]]:
    """Axes with margins in points, under the house style."""
    with matplotlib.rc_context(_STYLE), _glyphs_may_miss():
        figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        FigureCanvasSVG(figure)
        box = (left / width, bottom / height, (width - left - right) / width, (height - bottom - top) / height)
        yield figure, figure.add_axes(box)


@contextmanager
def _rows_axes(labels: Sequence[str], row: float) -> Iterator[tuple[Figure, Axes, np.ndarray]]:
    """Axes with one labelled row for each name, the first on top."""
    shown = [text.name(label, 24) for label in labels]
    left = 8 + max(_text_width(label) for label in shown)
    with _axes(WIDTH, 34 + ROW * row * len(shown), left=left, bottom=20, right=14, top=4) as (figure, axes):
        places = np.arange(len(shown), dtype=np.float64)
        axes.set_ylim(len(shown) - 0.45, -0.55)
        axes.set_yticks(places, shown, color=_INK)
        axes.grid(False, axis='y')
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(FuncFormatter(_short))
        yield figure, axes, places


def _text_width(label: str, size: float = 10.0) -> float:
    """The width of a label in points, by a font that is wider than most; a wide character takes the whole size."""
    wide = sum(unicodedata.east_asian_width(character) in 'WF' for character in label)
    with _glyphs_may_miss():
        return text_to_path.get_text_width_height_descent(label, FontProperties(size=size), False)[0] + wide * size / 2


@contextmanager
def _glyphs_may_miss() -> Iterator[None]:
    """Silences what matplotlib says of glyphs its own font lacks: the browser draws the text, and has them."""
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='Glyph .* missing', category=UserWarning)
        yield


def _colour(index: int) -> str:
    return f'#0400{index % NUM_COLOURS:02x}'


def _short(value: float, _position: int | None = None) -> str:
    """A tick label: 0.0003, 0.25, 40, 4,005, 12k, 1.5M."""
    if 1e3 <= abs(value) < 1e4 and value == round(value):
        return f'{value:,.0f}'.replace('-', '−')
    for scale, unit in ((1e9, 'B'), (1e6, 'M'), (1e3, 'k')):
        if abs(value) >= scale:
            return f'{value / scale:g}{unit}'.replace('-', '−')
    if value and abs(value) < 1e-3:
        mantissa, exponent = f'{value:.2e}'.split('e')
        return f'{float(mantissa):g}e{int(exponent)}'.replace('-', '−')
    return f'{value:.6g}'.replace('-', '−')


def _describe(line: Line, over: str) -> str:
    finite = np.flatnonzero(np.isfinite(line.y))
    first, last = finite[0], finite[-1]
    start, end = (f'{text.fixed(float(line.y[i]))} at {over} {int(line.x[i]):,}' for i in (first, last))
    return f'{text.name(line.label)}: {start}' + (f', {end}' if last != first else '')


def _describe_change(label: str, change: Change) -> str:
    values = [text.fixed(score.value if score else None) for score in (change.base, change.tuned)]
    return f'{text.name(label)}: base {values[0]}, tuned {values[1]}'


def _svg(figure: Figure, key: str, description: str) -> str:
    """Renders, then keeps only what an HTML page needs."""
    buffer = StringIO()
    figure.savefig(buffer, format='svg', metadata={'Date': None, 'Creator': None, 'Format': None, 'Type': None})
    svg = buffer.getvalue()
    width, height = figure.get_size_inches() * 72
    body = svg[svg.index('>', svg.index('<svg')) + 1 : svg.rindex('</svg>')]
    body = re.sub(r'<metadata>.*?</metadata>|<style.*?</style>', '', body, flags=re.DOTALL)
    body = re.sub(r'>\s+<', '><', re.sub(r'<[^>]+>', _tidy_tag, body).strip())
    body = _renumber(body, key)
    label = html.escape(text.clean(description, 1500))
    return f'<svg class="plot" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{label}">{body}</svg>'


def _tidy_tag(match: re.Match[str]) -> str:
    """Shortens one tag and gives it the page's colours; text between tags is never touched."""
    tag = re.sub(r'font: ([\d.]+)px [^;"]*', r'font-size: \1px', match[0])
    tag = re.sub(r'(?<=px); font-family: [^;"]*', '', tag)
    tag = re.sub(r' transform="rotate\(-0 [^)]*\)"', '', tag)
    tag = re.sub(r'#0[1-5]0[0-5]0[0-9a-f]\b', lambda m: f'var({_VARIABLES[m[0]]})', tag)
    tag = re.sub(r'(\d+\.\d)\d+', r'\1', tag)
    return re.sub(r'\s+', ' ', tag.replace('xlink:href', 'href'))


def _renumber(body: str, key: str) -> str:
    """Keeps the ids that something refers to, numbered and prefixed so that they are unique in the page."""
    used = dict.fromkeys(re.findall(r'<[^>]*(?:url\(#|href="#)([^)"]+)', body))
    names = {old: f'{key}-{i}' for i, old in enumerate(used)}

    def rename(match: re.Match[str]) -> str:
        tag = re.sub(r' id="([^"]*)"', lambda m: f' id="{names[m[1]]}"' if m[1] in names else '', match[0])
        return re.sub(r'(url\(#|href="#)([^)"]+)', lambda m: m[1] + names[m[2]], tag)

    return re.sub(r'<[^>]+>', rename, body)
