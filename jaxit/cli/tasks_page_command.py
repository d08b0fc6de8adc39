"""`jaxit tasks page`: every task on one page, with its templates and an example."""

import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from jaxit.cli.mixture_options import ModuleOption


def page(
    output: Annotated[Path, typer.Argument(metavar='FILE', help='Markdown file to write.')],
    match: Annotated[
        list[str] | None,
        typer.Option(
            '--match',
            help="Only tasks of such names, as '*_10templates'; may be given several times. A whole name may be one that is not listed.",
        ),
    ] = None,
    module: ModuleOption = None,
) -> None:
    """Write a page of all tasks: cluster, licence, source, templates, and one example, of an invented row where data is not here.

    Example: jaxit tasks page tasks.md --match 'primer_*' --match '*_10templates'
    """
    from jaxit.core.errors import UserError
    from jaxit.core.files import write_atomic
    from jaxit.tasks import registry

    for each in module or ():
        registry.import_module_tasks(each)
    if not output.parent.is_dir():
        raise UserError(f'{output}: there is no folder {output.parent}')
    listed = registry.names()
    names = [name for name in listed if not match or any(fnmatch.fnmatch(name, one) for one in match)]
    names += [one for one in match or () if not set(one) & set('*?[') and one not in listed]
    if not names:
        raise UserError(f'no task is named as {" or ".join(map(repr, match or ()))}')
    write_atomic(output, text([registry.get_task(name) for name in names]))


def text(tasks: Sequence[Any]) -> str:
    """Returns the page: a table of all tasks by cluster, then each of them."""
    clusters = dict.fromkeys(task.cluster or 'other' for task in tasks)
    ordered = [task for cluster in clusters for task in tasks if (task.cluster or 'other') == cluster]
    lines = [
        '# Tasks',
        '',
        f'Written by `jaxit tasks page`: {len(tasks)} tasks in {len(clusters)} clusters. Examples are of invented rows, or of the first '
        'row of sources that make their own.',
        '',
        '| task | cluster | language | licence | rows to train on | judged by |',
        '|---|---|---|---|---|---|',
    ]
    for task in ordered:
        cells = [task.cluster, task.language, task.licence, _size(task), ', '.join(task.metrics)]
        lines.append(f'| [{task.name}](#{task.name}) | {" | ".join(map(_cell, cells))} |')
    return '\n'.join([*lines, *(line for task in ordered for line in _section(task))]) + '\n'


def _section(task: Any) -> list[str]:
    """Returns what is said of one task."""
    lines = [
        '',
        f'## {task.name}',
        '',
        f'{task.cluster or "other"} · {task.language} · {task.licence or "no licence stated"} · {_where(task)}',
    ]
    if task.templates:
        lines += ['', '| | inputs | targets |', '|---|---|---|']
    for number, template in enumerate(task.templates):
        what = f'{number}' if template.kind == 'zero_shot' else f'{number}, {template.kind}'
        lines.append(f'| {what} | {_cell(template.inputs)} | {_cell(template.targets)} |')
    example = _example(task)
    if example is None:
        return [*lines, '', 'No example: its data is not here.']
    return [*lines, '', *_fenced(example.inputs), '', 'is answered', '', *_fenced(example.targets)]


def _example(task: Any) -> Any:
    """Returns the example of the invented row, or of the first row of a source that makes its own."""
    from jaxit.tasks.rendering import examples, render_row
    from jaxit.tasks.sources import Python

    index = task.eval_template or 0
    if task.source.invented is not None:
        return next(iter(render_row(task, task.splits[0], 0, task.source.invented, seed=0, template=index)), None)
    if isinstance(task.source, Python):
        return next(examples(task, task.splits[0], template=index if task.templates else None), None)
    return None


def _size(task: Any) -> str:
    from jaxit.core.errors import UnavailableError

    try:
        size = task.source.num_examples('train') if 'train' in task.splits else None
    except UnavailableError:
        size = None
    return '' if size is None else f'{size:,}'


def _where(task: Any) -> str:
    source = getattr(task.source, 'source', task.source)  # of a source that numbers the rows of another one
    name = getattr(source, 'name', None)
    return f'TFDS `{name}`' if name else type(source).__name__


def _fenced(text: str) -> list[str]:
    return ['```text', *text.replace('```', "'''").splitlines(), '```']


def _cell(text: str) -> str:
    """Returns text that stands in a cell of a table: line breaks as ↵, and nothing that Markdown would read."""
    for character in '\\|*_<':
        text = text.replace(character, f'\\{character}')
    return ' ↵ '.join(line.strip() for line in text.split('\n')).strip()
