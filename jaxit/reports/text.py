"""Numbers and hostile text made fit to read."""

import datetime
import math
import re
from collections.abc import Sequence

from jaxit.core.files import printable

NAME_LENGTH = 96
NBSP = '\xa0'  # a number stays on a line with its unit
_ESCAPES = re.compile(r'\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])')
_UNSEEN = re.compile('[\x80-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]')  # C1 controls, overrides of direction
_UNITS = ((1e12, 'T'), (1e9, 'B'), (1e6, 'M'), (1e3, 'k'))


def clean(text: str, length: int) -> str:
    """Returns text without escape sequences, controls, overrides of direction or lone surrogates, cut to `length`."""
    head = text[: 4 * length + 64]
    head = _UNSEEN.sub('', printable(_ESCAPES.sub('', head))).encode('utf-8', 'replace').decode()
    if len(head) <= length and len(text) <= 4 * length + 64:
        return head
    return head[:length].rstrip() + '…'


def name(text: str, length: int = NAME_LENGTH) -> str:
    """Returns a name on one line, short enough for a table."""
    line = ' '.join(clean(text, 4 * length).split())
    return line if len(line) <= length else line[: length - 1].rstrip() + '…'


def fixed(value: float | None) -> str:
    """Returns a score or loss with the digits that matter: 0.4125, 41.25, 412.5."""
    if value is None:
        return '–'
    if not math.isfinite(value):
        return 'nan' if math.isnan(value) else '∞' if value > 0 else '−∞'
    if 0 < abs(value) < 9.5e-4:
        return f'{value:.2g}'.replace('-', '−')
    digits = 3 if abs(value) < 10 else 2 if abs(value) < 100 else 1
    return (f'{value:.{digits}f}' if abs(value) < 1e5 else f'{value:.3g}').replace('-', '−')


def signed(value: float | None) -> str:
    """Returns a difference with its sign."""
    shown = fixed(value)
    return f'+{shown}' if value is not None and value > 0 else shown


def count(value: float | None) -> str:
    """Returns a count of things: 950, 12,400, 1.24 M."""
    if value is None:
        return '–'
    if abs(value) < 1e5:
        return f'{value:,.0f}'
    scale, unit = next(pair for pair in _UNITS if abs(value) >= 0.9995 * pair[0])
    return f'{value / scale:.3g}{NBSP}{unit}' if abs(value) / scale < 999.5 else f'{value / scale:,.0f}{NBSP}{unit}'


def percent(value: float | None) -> str:
    """Returns a share with one decimal."""
    return '–' if value is None else f'{100 * value:.1f}{NBSP}%'


def duration(seconds: float | None) -> str:
    """Returns a time with two units: 4.2 s, 3 min 20 s, 5 h 12 min, 2 d 4 h."""
    if seconds is None:
        return '–'
    if seconds < 100:
        return f'{seconds:.1f}{NBSP}s'
    whole = round(seconds)
    for size, unit, below, part in ((86400, 'd', 3600, 'h'), (3600, 'h', 60, 'min'), (60, 'min', 1, 's')):
        if whole >= size:
            return NBSP.join((f'{whole // size}', unit, f'{whole % size // below}', part))
    return f'{whole}{NBSP}s'


def moment(seconds: float | None) -> str:
    """Returns a time stamp in UTC to the minute, '' when it is none."""
    try:
        return '' if seconds is None else f'{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d %H:%M} UTC'
    except (OverflowError, ValueError, OSError):
        return ''


def table(rows: Sequence[Sequence[object]], headers: Sequence[str]) -> str:
    """Returns a plain text table: the first column to the left, the others to the right.

    Args:
        rows: cells; anything `str` takes.
        headers: one for each column.
    """
    cells = [[name(str(cell)) for cell in row] for row in (headers, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headers))]
    lines = [
        '  '.join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    return '\n'.join(
        [lines[0].rstrip(), '  '.join('-' * width for width in widths), *(line.rstrip() for line in lines[1:])]
    )
