"""`jaxit launch`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command('launch', context_settings={'ignore_unknown_options': True, 'allow_interspersed_args': False})(launch)


def launch(
    arguments: Annotated[list[str], typer.Argument(metavar='-- ARGS...', help='Arguments of jaxit train.')],
    max_restarts: Annotated[int, typer.Option('--max_restarts', help='At most so many.')] = 20,
    num_processes: Annotated[
        int, typer.Option('--num_processes', help='Processes on this machine; all are restarted when one dies.')
    ] = 1,
    backoff: Annotated[
        float, typer.Option('--backoff', help='Seconds before a restart; doubled while nothing helps.')
    ] = 1.0,
) -> None:
    """Run jaxit train, and start it again when it is preempted, hangs or is killed; it resumes by itself.

    Ends with train's own exit code 0, 1, 2, 3 or 4; SIGTERM is passed on and ends the job after a save.

    Example: jaxit launch --max_restarts 50 -- --gin_file gin/recipes/primer.gin --run_dir runs/primer
    """
    from jaxit.checkpoints import folder as folder_lib
    from jaxit.checkpoints.weights import CHECKPOINTS_FOLDER
    from jaxit.cli import console
    from jaxit.cli.supervisor import Supervisor, python
    from jaxit.core.errors import UserError

    for name, value, least in (
        ('max_restarts', max_restarts, 0),
        ('num_processes', num_processes, 1),
        ('backoff', backoff, 0),
    ):
        if value < least:
            raise UserError(f'--{name} is {value}; it must be at least {least}')
    train = list(arguments[1:] if arguments[:1] == ['train'] else arguments)
    checkpoints = run_folder(train) / CHECKPOINTS_FOLDER

    def command(number: int, address: str) -> list[str]:
        if num_processes == 1:
            return python('train', *train)
        job = ['--coordinator', address, '--num_processes', str(num_processes), '--process_id', str(number)]
        return python('train', *train, *job)

    def newest() -> int | None:
        return next(iter(folder_lib.valid_steps(checkpoints)), None) if checkpoints.is_dir() else None

    supervisor = Supervisor(
        command,
        num_processes=num_processes,
        progress=newest,
        max_restarts=max_restarts,
        backoff_seconds=backoff,
        say=lambda line: console.say(f'launch: {line}'),
    )
    raise typer.Exit(supervisor.run())


def run_folder(arguments: Sequence[str]) -> Path:
    """Returns the run folder of `jaxit train` with these arguments, which are checked before anything is started.

    Raises:
        UserError: for what `jaxit train` would refuse.
    """
    import typer.main

    from jaxit.cli import gin_files, main, train_command

    group = typer.main.get_command(main.make_app())
    command = group.commands['train']  # type: ignore[attr-defined]
    context = command.make_context('train', list(arguments))
    values = context.params
    if values['run_dir'] is not None:
        return Path(values['run_dir'])
    experiment = gin_files.load(values['gin_file'], train_command.overrides_of(context.args), values['module'] or ())
    return Path(f'runs/{experiment.name}')
