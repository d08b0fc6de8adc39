"""`jaxit train`."""

from typing import Annotated

import typer

GIN_CONTEXT = {'allow_extra_args': True, 'ignore_unknown_options': True}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command('train', context_settings=GIN_CONTEXT)(train)


def overrides_of(arguments: list[str]) -> list[str]:
    """Returns the bindings among the arguments left over: `--gin.optimizer.learning_rate=1e-4`.

    Raises:
        UserError: for anything that is no such binding.
    """
    from jaxit.core.errors import UserError

    bindings = []
    for argument in arguments:
        if not argument.startswith('--gin.') or '=' not in argument:
            raise UserError(f'unknown argument {argument!r}; values are set as --gin.name.parameter=value')
        bindings.append(argument.removeprefix('--gin.'))
    return bindings


def train(
    context: typer.Context,
    gin_file: Annotated[
        list[str], typer.Option('--gin_file', help='gin file of the experiment; may be given several times.')
    ],
    run_dir: Annotated[
        str | None, typer.Option('--run_dir', help='Run folder; runs/<name> by default. A run that is there goes on.')
    ] = None,
    module: Annotated[
        list[str] | None,
        typer.Option('--module', help='Python module that gin files may import, and that registers tasks.'),
    ] = None,
    overwrite: Annotated[bool, typer.Option('--overwrite', help='Begin again where there is a run already.')] = False,
    coordinator: Annotated[
        str | None, typer.Option('--coordinator', help='host:port of process 0, where the cluster does not say.')
    ] = None,
    num_processes: Annotated[int | None, typer.Option('--num_processes', help='Processes of the job.')] = None,
    process_id: Annotated[int | None, typer.Option('--process_id', help='Of this process.')] = None,
) -> None:
    """Train, or go on training, in a run folder.

    Example: jaxit train --gin_file gin/recipes/primer.gin --gin.optimizer.learning_rate=3e-4
    """
    import dataclasses

    from jaxit.cli import gin_files, train
    from jaxit.sharding import distributed

    experiment = gin_files.load(gin_file, overrides_of(context.args), module or ())
    if module:
        data = dataclasses.replace(experiment.data, modules=(*experiment.data.modules, *module))
        experiment = dataclasses.replace(experiment, data=data)
    if coordinator is not None:
        distributed.initialize(coordinator, num_processes, process_id)
    train.run(experiment, run_dir, config_text=gin_files.operative_config(), overwrite=overwrite)
