"""`jaxit tasks check`: what in a mixture should not be trained on, by data set."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from jaxit.cli.mixture_options import JsonOption, LicencesOption, ModuleOption, StrictOption


def check(
    name: Annotated[str, typer.Argument(metavar='NAME', help='A mixture or a task.')],
    suite: Annotated[
        list[str] | None,
        typer.Option('--suite', help='Look for text of this suite in the training rows; may be given several times.'),
    ] = None,
    duplicates: Annotated[bool, typer.Option('--duplicates', help='Look for rows that say the same.')] = False,
    near: Annotated[
        float | None,
        typer.Option('--near', help='Near duplicates too: the share of 5-word runs they have in common; 0.8 is usual.'),
    ] = None,
    length: Annotated[int, typer.Option('--length', help='Words in a row that are an overlap with a suite.')] = 13,
    num_workers: Annotated[int, typer.Option('--num_workers', help='Processes.')] = 1,
    rows: Annotated[
        Path | None, typer.Option('--rows', help='Write the rows that were found to this .json file, for --leave_out.')
    ] = None,
    licences: LicencesOption = None,
    strict: StrictOption = None,
    module: ModuleOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for training rows that hold text of a suite, or say what another row says; report them by data set.

    Example: jaxit tasks check primer --suite primer_held_in --duplicates --rows rows.json
    """
    from jaxit.cli import console
    from jaxit.core.errors import UserError
    from jaxit.tasks import registry
    from jaxit.tasks.hygiene import contamination, findings
    from jaxit.tasks.hygiene import duplicates as duplicates_lib
    from jaxit.tasks.hygiene.licences import of_classes
    from jaxit.tasks.hygiene.usable import usable

    if rows is not None and (rows.suffix != '.json' or not rows.parent.is_dir()):
        raise UserError(f'{rows}: --rows names a .json file in an existing folder')
    if not (suite or duplicates or near):
        raise UserError('what is looked for? give --suite NAME, --duplicates or --near 0.8')
    for each in module or ():
        registry.import_module_tasks(each)
    allowed, by_licence = of_classes(name, licences) if licences else (registry.get_mixture(name), {})
    mixture, absent = usable(allowed, strict=bool(strict))
    overlaps = contamination.find(mixture, suite, length=length, num_workers=num_workers) if suite else None
    copies = duplicates_lib.find(mixture, near=near, num_workers=num_workers) if duplicates or near else ()
    found = findings.rows_to_leave_out([*(overlaps.reports if overlaps else ()), *copies])
    table = {
        'mixture': name,
        'tasks': _by_task(overlaps.reports if overlaps else (), copies),
        'suites': [vars(judged) for judged in overlaps.judged] if overlaps else [],
        'left_out': {**by_licence, **absent},
    }
    if rows is not None:
        findings.save_rows(rows, found)
    if as_json:
        console.json_out(table)
    else:
        _show(table)


def _by_task(overlaps: Sequence[Any], copies: Sequence[Any]) -> list[dict[str, Any]]:
    """Returns a line for each task: how many rows it has, and how many of each kind were found."""
    lines: dict[str, dict[str, Any]] = {}
    for what, reports in (('overlaps', overlaps), ('duplicates', copies)):
        for report in reports:
            line = lines.setdefault(report.task, {'task': report.task, 'rows': report.num_rows})
            line |= {what: len(report.rows), 'not_rendered': report.num_bad}
            line.setdefault('matches', []).extend(vars(match) for match in report.matches[:1])
    return list(lines.values())


def _show(table: dict[str, Any]) -> None:
    from jaxit.cli import console

    columns = ['task', 'rows', 'overlaps', 'duplicates', 'not rendered', 'for example']
    lines = []
    for line in table['tasks']:
        counts = [line.get(name, '') for name in ('rows', 'overlaps', 'duplicates', 'not_rendered')]
        lines.append([line['task'], *counts, '; '.join(_example(match) for match in line.get('matches', ()))])
    totals = [
        sum(line.get(name, 0) for line in table['tasks']) for name in ('rows', 'overlaps', 'duplicates', 'not_rendered')
    ]
    console.table(table['mixture'], columns, [*lines, ['all', *totals, '']])
    if table['suites']:
        columns = ['task of a suite', 'examples', 'in training rows', 'too short to tell']
        rows = [[s['task'], s['num_examples'], s['num_found'], s['num_unjudged']] for s in table['suites']]
        console.table('', columns, rows)
    console.left_out(table['left_out'])


def _example(match: dict[str, Any]) -> str:
    return f'row {match["row"]} and {match["other_task"]} row {match["other_row"]}: {match["what"]}'
