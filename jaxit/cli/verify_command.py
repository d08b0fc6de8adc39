"""`jaxit verify`."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command('verify')(verify)


def verify(
    checkpoint: Annotated[Path, typer.Argument(metavar='CKPT', help='A run, its folder of checkpoints, or one step.')],
    step: Annotated[int | None, typer.Option('--step', help='Only this step.')] = None,
    as_json: Annotated[bool, typer.Option('--json', help='Print JSON.')] = False,
) -> None:
    """Check every file of checkpoints against its hash, without a device; exit code 3 when none is valid.

    Example: jaxit verify runs/primer
    """
    from jaxit.checkpoints import folder as folder_lib
    from jaxit.checkpoints import verify as verify_lib
    from jaxit.cli import console
    from jaxit.core.errors import NoCheckpointError, UserError

    if not checkpoint.exists():
        raise UserError(f'{checkpoint}: no such file or folder')
    findings = verify_lib.verify(checkpoint, step)
    folder, named = folder_lib.locate(checkpoint)
    wanted = named if step is None else step
    steps = [number for number in folder_lib.valid_steps(folder) if wanted in (None, number)]
    valid = [number for number in steps if number not in {finding.step for finding in findings}]
    if as_json:
        console.json_out({'valid_steps': valid, 'findings': [finding._asdict() for finding in findings]})
    else:
        if findings:
            rows = [[finding.step, finding.path, finding.problem] for finding in findings]
            console.table('findings', ['step', 'path', 'problem'], rows, left=3)
        console.out.print(f'valid steps, newest first: {", ".join(map(str, valid)) or "none"}')
    if not valid:
        raise NoCheckpointError(f'{folder}: no valid checkpoint is left')
