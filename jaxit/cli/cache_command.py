"""`jaxit cache`."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from jaxit.cli.mixture_options import LeaveOutOption, LicencesOption, StrictOption
from jaxit.cli.train_command import GIN_CONTEXT, overrides_of


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command('cache', context_settings=GIN_CONTEXT)(cache)


def cache(
    context: typer.Context,
    mixture: Annotated[
        str | None, typer.Option('--mixture', help='Task or mixture; the one of --gin_file by default.')
    ] = None,
    gin_file: Annotated[
        list[str] | None, typer.Option('--gin_file', help='gin file of an experiment: its tokenizer, lengths, mixture.')
    ] = None,
    tokenizer: Annotated[str | None, typer.Option('--tokenizer', help="'bytes', a file or a folder.")] = None,
    encoder_decoder: Annotated[
        bool | None, typer.Option('--encoder_decoder/--decoder', help='Kind of model; a decoder by default.')
    ] = None,
    inputs_length: Annotated[int | None, typer.Option('--inputs_length', help='Most tokens of inputs.')] = None,
    targets_length: Annotated[int | None, typer.Option('--targets_length', help='Most tokens of targets.')] = None,
    cache_dir: Annotated[str | None, typer.Option('--cache_dir', help='Where caches are kept.')] = None,
    num_workers: Annotated[int | None, typer.Option('--num_workers', help='Processes.')] = None,
    beam: Annotated[
        str | None,
        typer.Option(
            '--beam', help='Let Apache Beam make the parts; its options: runner=DirectRunner,direct_num_workers=4.'
        ),
    ] = None,
    beam_place: Annotated[
        str | None,
        typer.Option('--beam_place', help='Folder for the parts that its workers can reach, e.g. gs://...'),
    ] = None,
    licences: LicencesOption = None,
    strict: StrictOption = None,
    leave_out: LeaveOutOption = None,
    module: Annotated[list[str] | None, typer.Option('--module', help='Python module that registers tasks.')] = None,
    components: Annotated[
        Path | None,
        typer.Option('--components', help='Write the mixture to this .json file, which data.mixture may name.'),
    ] = None,
    as_json: Annotated[bool, typer.Option('--json', help='Print JSON.')] = False,
) -> None:
    """Tokenise a mixture once, off the training path; what is there already is not built again, what was killed goes on.

    Example: jaxit cache --mixture primer --tokenizer bytes --components primer.json

    Example: jaxit cache --mixture primer --tokenizer bytes --beam runner=DirectRunner,direct_num_workers=2
    """
    from jaxit.cli import cache_requests, caching, console
    from jaxit.core.errors import UserError
    from jaxit.core.files import write_json

    if components is not None and (components.suffix != '.json' or not components.parent.is_dir()):
        raise UserError(f'{components}: --components names a .json file in an existing folder')
    changes = {
        'mixture': mixture,
        'inputs_length': inputs_length,
        'targets_length': targets_length,
        'cache_dir': cache_dir,
        'num_workers': num_workers,
        'licences': tuple(licences) if licences else None,
        'strict': strict,
        'leave_out': leave_out,
    }
    request = cache_requests.make(
        gin_file or (),
        overrides_of(context.args),
        module or (),
        tokenizer=tokenizer,
        encoder_decoder=encoder_decoder,
        changes={name: value for name, value in changes.items() if value is not None},
    )
    if beam_place is not None and beam is None:
        raise UserError('--beam_place is for --beam, which is not given')
    request = dataclasses.replace(request, beam=beam, beam_place=beam_place)
    answer = caching.build(request, console.Counting('tasks cached'))
    if components is not None:
        write_json(components, answer)
    if as_json:
        console.json_out(answer)
        return
    columns = ['task', 'examples', 'tokens', 'loss tokens', 'cut', 'dropped', 'bad', 'left out']
    console.table(
        f'{request.data["mixture"]}, below {request.data["cache_dir"]}', columns, [_row(c) for c in answer['mixture']]
    )
    console.left_out(answer.get('left_out', {}))


def _row(component: dict[str, Any]) -> list[Any]:
    counts = component.get('counts', {})
    numbers = [f'{component[name]:,}' for name in ('num_examples', 'num_tokens', 'num_loss_tokens')]
    cut = counts.get('cut_inputs', 0) + counts.get('cut_targets', 0)
    others = [counts.get(name, 0) for name in ('dropped', 'bad_rows', 'left_out_rows')]
    return [component['task'], *numbers, cut, *others]
