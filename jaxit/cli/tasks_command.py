"""`jaxit tasks`: what is registered, what its examples look like, what a mixture is made of."""

from typing import Annotated, Any

import typer

from jaxit.cli.mixture_options import JsonOption, LeaveOutOption, LicencesOption, ModuleOption, StrictOption
from jaxit.cli.tasks_check_command import check
from jaxit.cli.tasks_page_command import page


def register(app: typer.Typer) -> None:
    """Adds the command and those below it."""
    tasks = typer.Typer(
        help='List tasks, suites and mixtures, and see examples as a model sees them.', no_args_is_help=False
    )
    tasks.command('list')(list_tasks)
    tasks.command('show')(show)
    tasks.command('mixture')(mixture)
    tasks.command('check')(check)
    tasks.command('suites')(suites)
    tasks.command('page')(page)
    app.add_typer(tasks, name='tasks')


def list_tasks(module: ModuleOption = None, as_json: JsonOption = False) -> None:
    """List tasks and mixtures.

    Example: jaxit tasks list --module my_tasks
    """
    from jaxit.cli import console
    from jaxit.tasks import registry

    _import(module)
    tasks = [_facts(registry.get_task(name)) for name in registry.names()]
    mixtures = [{'mixture': name, 'tasks': len(registry.members(name))} for name in registry.mixture_names()]
    if as_json:
        console.json_out({'tasks': tasks, 'mixtures': mixtures})
        return
    columns = ['task', 'cluster', 'language', 'licence', 'splits', 'templates']
    rows = [
        [t['task'], t['cluster'], t['language'], t['licence'], ', '.join(t['splits']), t['templates']] for t in tasks
    ]
    console.table('', columns, rows, left=5)
    console.table('', ['mixture', 'tasks'], [list(m.values()) for m in mixtures])


def show(
    name: Annotated[str, typer.Argument(metavar='NAME', help='A task.')],
    split: Annotated[str | None, typer.Option('--split', help='The first split of the task by default.')] = None,
    num: Annotated[int, typer.Option('--num', help='Examples.')] = 3,
    tokenizer: Annotated[str, typer.Option('--tokenizer', help="'bytes', a file or a folder.")] = 'bytes',
    encoder_decoder: Annotated[bool, typer.Option('--encoder_decoder', help='As a T5 sees it.')] = False,
    format: Annotated[str | None, typer.Option('--format', help='Chat format to write examples in.')] = None,
    inputs_length: Annotated[int, typer.Option('--inputs_length', help='Most tokens of inputs.')] = 512,
    targets_length: Annotated[int, typer.Option('--targets_length', help='Most tokens of targets.')] = 256,
    seed: Annotated[int, typer.Option('--seed', help='Of template draws.')] = 0,
    invented: Annotated[
        bool, typer.Option('--invented', help="A made-up row; it's also shown where the data is not here.")
    ] = False,
    module: ModuleOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show examples as tokens for a model: what it is given plain, what it learns to write in colour.

    Example: jaxit tasks show primer_capital --tokenizer bytes --num 5
    """
    import functools
    import itertools

    from jaxit.cli import console, masked, task_examples
    from jaxit.core.errors import UnavailableError, UserError
    from jaxit.tasks import registry
    from jaxit.text import tokenizers
    from jaxit.text.examples import TokenFormat

    if num < 1:
        raise UserError(f'--num is {num}; it must be at least 1')
    _import(module)
    task = registry.get_task(name)
    loaded = tokenizers.load(tokenizer)
    rows = functools.partial(
        task_examples.tokenized,
        task,
        split or task.splits[0],
        loaded,
        TokenFormat(encoder_decoder, inputs_length, targets_length),
        seed=seed,
        chat_format=format,
    )
    try:
        found = list(itertools.islice(rows(invented=invented), num))
    except UnavailableError as error:
        if task.source.invented is None:
            raise
        console.say(f'{error}; this is an invented row')
        found = list(rows(invented=True))
    if as_json:
        console.json_out([row.as_json(loaded) for row in found])
        return
    masked.show_legend()
    for row in found:
        console.out.print(f'\n{row.title}', style='bold', markup=False)
        masked.show(row.stretches(loaded))


def mixture(
    name: Annotated[str, typer.Argument(metavar='NAME', help='A mixture or a task.')],
    draws: Annotated[
        int | None, typer.Option('--draws', help='Examples drawn in the run; as many as there are by default.')
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option('--tokenizer', help='Count tokens with it; builds the caches that are missing.')
    ] = None,
    encoder_decoder: Annotated[bool, typer.Option('--encoder_decoder', help='For a T5.')] = False,
    inputs_length: Annotated[int, typer.Option('--inputs_length', help='Most tokens of inputs.')] = 512,
    targets_length: Annotated[int, typer.Option('--targets_length', help='Most tokens of targets.')] = 256,
    cache_dir: Annotated[str, typer.Option('--cache_dir', help='Where caches are kept.')] = 'caches',
    num_workers: Annotated[int, typer.Option('--num_workers', help='Processes.')] = 1,
    licences: LicencesOption = None,
    strict: StrictOption = None,
    leave_out: LeaveOutOption = None,
    module: ModuleOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show rates, examples, effective epochs and licences of a mixture; with a tokenizer, its share of rows and loss too.

    Example: jaxit tasks mixture primer --draws 100000

    Example: jaxit tasks mixture primer --tokenizer bytes --licences permissive
    """
    from jaxit.cli import console, mixture_table
    from jaxit.core.errors import UserError

    if draws is not None and draws < 1:
        raise UserError(f'--draws is {draws}; it must be at least 1')
    _import(module)
    if tokenizer is None:
        table = _planned(name, draws, licences, strict=bool(strict))
    else:
        changes = {'mixture': name, 'cache_dir': cache_dir, 'inputs_length': inputs_length, 'strict': bool(strict)}
        changes |= {'targets_length': targets_length, 'num_workers': num_workers, 'leave_out': leave_out}
        table = _counted(changes | {'licences': tuple(licences or ())}, draws, module, tokenizer, encoder_decoder)
    if as_json:
        console.json_out(table)
    else:
        mixture_table.show(table)


def _planned(name: str, draws: int | None, licences: list[str] | None, *, strict: bool) -> dict[str, Any]:
    """The table by the sizes that sources state; nothing is read but what they count."""
    from jaxit.cli import mixture_table
    from jaxit.tasks import registry
    from jaxit.tasks.hygiene.licences import of_classes
    from jaxit.tasks.hygiene.usable import sized

    whole = registry.get_mixture(name)
    allowed, by_licence = of_classes(whole, licences) if licences else (whole, {})
    here, absent = sized(allowed, strict=strict)
    return mixture_table.make(name, registry.resolve(here), draws, left_out={**by_licence, **absent})


def _counted(
    changes: dict[str, Any], draws: int | None, module: list[str] | None, tokenizer: str, encoder_decoder: bool
) -> dict[str, Any]:
    """The table by the caches, those that are missing built."""
    from jaxit.cli import cache_requests, caching, console, mixture_table
    from jaxit.cli.experiment import DataConfig
    from jaxit.tasks import registry

    request = cache_requests.make(
        (), (), module or (), tokenizer=tokenizer, encoder_decoder=encoder_decoder, changes=changes
    )
    answer = caching.build(request, console.Counting('tasks cached'))
    counted = answer['mixture']
    tasks = [(registry.get_task(component['task']), component['rate']) for component in counted]
    table = mixture_table.make(changes['mixture'], tasks, draws, counted=counted, left_out=answer['left_out'])
    data = DataConfig(**request.data)
    lengths = data.lengths(encoder_decoder=encoder_decoder)
    table['padding'] = mixture_table.padding(
        counted, lengths, encoder_decoder=encoder_decoder, pack=data.pack, seed=request.seed
    )
    return table


def suites(module: ModuleOption = None, as_json: JsonOption = False) -> None:
    """List suites: what a model can be judged on.

    Example: jaxit tasks suites
    """
    from jaxit.cli import console
    from jaxit.tasks.suites import SUITES

    _import(module)
    found = [{'suite': s.name, 'kind': s.kind, 'split': s.split, 'tasks': list(s.tasks)} for s in SUITES.values()]
    if as_json:
        console.json_out(found)
        return
    rows = [[s['suite'], s['kind'], s['split'], len(s['tasks'])] for s in found]
    console.table('', ['suite', 'kind', 'split', 'tasks'], rows, left=3)


def _import(modules: list[str] | None) -> None:
    from jaxit.tasks import registry

    for module in modules or ():
        registry.import_module_tasks(module)


def _facts(task: Any) -> dict[str, Any]:
    return {
        'task': task.name,
        'cluster': task.cluster,
        'language': task.language,
        'licence': task.licence,
        'splits': list(task.splits),
        'templates': len(task.templates),
        'kind': task.kind,
        'metrics': list(task.metrics),
    }
