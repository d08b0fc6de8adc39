"""The report: one HTML file that needs nothing else, asks for nothing and runs nothing.

Every text comes from a run and is taken for hostile: the template escapes all of it, and `_finalize`
strips controls and bounds lengths of whatever a template prints, so no place can forget to.
"""

import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from jaxit.core.errors import UserError
from jaxit.core.files import write_atomic
from jaxit.reports import text
from jaxit.reports.records import Run
from jaxit.reports.runs import read_run
from jaxit.reports.sections import report_sections
from jaxit.reports.summary import summary

MAX_RUNS = 8
SAMPLE_LENGTH = 2_000
CONFIG_LENGTH = 200_000
FACT_LENGTH = 600


class _Cleaned(str):
    """Text that is already stripped and bounded; it is still escaped."""


def write_report(runs: Sequence[str | os.PathLike[str]], path: str | os.PathLike[str]) -> Path:
    """Writes the report on one run, or on several side by side.

    Args:
        runs: folders of runs.
        path: the HTML file to write; its folder must exist.

    Returns:
        The path that was written.

    Raises:
        UserError: if a folder is no run, there are none or too many, or the path can't be written to.
    """
    path = Path(path)
    if not runs:
        raise UserError('a report needs at least one run folder')
    if len(runs) > MAX_RUNS:
        raise UserError(f'a report shows at most {MAX_RUNS} runs side by side, got {len(runs)}; give fewer')
    if path.is_dir() or not path.parent.is_dir():
        raise UserError(f'{path}: not a file in an existing folder; give a path such as report.html')
    page = render([read_run(folder) for folder in runs])
    write_atomic(path, page)
    return path


def render(runs: Sequence[Run]) -> str:
    """Returns the report as HTML; the same runs give the same bytes."""
    environment = ImmutableSandboxedEnvironment(
        autoescape=True, finalize=_finalize, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters['long'] = lambda value: _bounded(value, SAMPLE_LENGTH)
    environment.filters['listing'] = lambda value: _bounded(value, CONFIG_LENGTH)
    environment.filters['fact'] = lambda value: _bounded(value, FACT_LENGTH)
    environment.filters['svg'] = lambda plot: Markup(plot.svg)
    environment.filters['size'] = lambda share: f'{100 * share:.3f}%'
    folder = resources.files('jaxit.reports')
    template = environment.from_string((folder / 'report.html').read_text(encoding='utf-8'))
    names = [text.name(run.name) for run in runs]
    page = template.render(
        title=names[0] if len(runs) == 1 else f'{len(runs)} runs compared',
        subtitle=_subtitle(runs[0]) if len(runs) == 1 else ' · '.join(text.name(name, 32) for name in names),
        css=Markup((folder / 'report.css').read_text(encoding='utf-8')),
        sections=report_sections(runs),
    )
    return page.strip() + '\n'


def _subtitle(run: Run) -> str:
    numbers = summary(run)
    parts = [numbers['model'], numbers['hardware'], text.moment(numbers['started'])]
    return ' · '.join(text.name(part, 64) for part in parts if part)


def _bounded(value: str, length: int) -> _Cleaned:
    """Text of several lines, cut to a length; says how much is missing."""
    shown = text.clean(value, length)
    missing = len(value) - length
    return _Cleaned(f'{shown} ({missing:,} more characters)' if missing > 0 else shown)


def _finalize(value: Any) -> Any:
    """Makes a name of whatever a template prints without a filter, numbers apart."""
    if isinstance(value, Markup | _Cleaned | int | float):
        return value
    return text.name(str(value))
