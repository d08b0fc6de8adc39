"""`jaxit report`."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command('report')(report)


def report(
    runs: Annotated[list[Path], typer.Argument(metavar='RUN...', help='Run folders, shown side by side.')],
    output: Annotated[
        Path | None,
        typer.Option('--output', help='The HTML file; RUN/report.html for one run, report.html for several.'),
    ] = None,
    as_json: Annotated[bool, typer.Option('--json', help='Print the figures of each run as JSON too.')] = False,
) -> None:
    """Write one self-contained HTML file on one run, or on several side by side.

    Example: jaxit report runs/primer
    """
    from jaxit.cli import console
    from jaxit.reports.html import write_report
    from jaxit.reports.runs import read_run
    from jaxit.reports.summary import summary

    path = output or (runs[0] / 'report.html' if len(runs) == 1 else Path('report.html'))
    figures = [summary(read_run(run)) for run in runs]
    write_report(runs, path)
    if as_json:
        console.json_out(figures)
    else:
        console.out.print(str(path), soft_wrap=True, markup=False)
