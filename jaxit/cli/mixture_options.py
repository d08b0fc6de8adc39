"""Options of the commands that deal with whole mixtures: which tasks and rows take part."""

from typing import Annotated

import typer

ModuleOption = Annotated[list[str] | None, typer.Option('--module', help='Python module that registers tasks.')]
JsonOption = Annotated[bool, typer.Option('--json', help='Print JSON.')]
LicencesOption = Annotated[
    list[str] | None,
    typer.Option(
        '--licences', help='Only tasks under such licences: permissive, share_alike, ...; may be given several times.'
    ),
]
StrictOption = Annotated[
    bool | None,
    typer.Option(
        '--strict/--no_strict', help='Stop where the data of a task is not here, instead of leaving the task out.'
    ),
]
LeaveOutOption = Annotated[
    str | None, typer.Option('--leave_out', help='File of rows that are not used, from jaxit tasks check --rows.')
]
