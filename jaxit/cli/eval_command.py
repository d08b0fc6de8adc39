"""`jaxit eval`."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command('eval')(evaluate)


def evaluate(
    checkpoint: Annotated[
        Path, typer.Option('--checkpoint', help='Run folder, checkpoint, or anything weights load from.')
    ],
    suite: Annotated[
        list[str],
        typer.Option('--suite', help='Name of a suite (jaxit tasks suites) or a .jsonl file of one; may be repeated.'),
    ],
    step: Annotated[int | None, typer.Option('--step', help='Of a run; the newest by default.')] = None,
    module: Annotated[
        list[str] | None, typer.Option('--module', help='Python module that registers tasks and suites.')
    ] = None,
    limit: Annotated[int | None, typer.Option('--limit', help='Examples of each task; all by default.')] = None,
    label: Annotated[str, typer.Option('--label', help='Name of the evaluation; also of its file.')] = 'eval',
    output: Annotated[
        Path | None, typer.Option('--output', help='Folder for LABEL.json and LABEL.scores.jsonl.')
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option('--like', help='Run whose layout of prompts to use, for weights that know none (a base model).'),
    ] = None,
    max_new_tokens: Annotated[int, typer.Option('--max_new_tokens', help='Of each answer.')] = 32,
    batch_size: Annotated[int, typer.Option('--batch_size', help='Prompts decoded together.')] = 16,
    by_template: Annotated[
        str | None,
        typer.Option(
            '--by_template',
            metavar='METRIC',
            help='Also the mean over the templates of each data set and, with the suites X_test and X_dev, the score of the best on dev.',
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option('--json', help='Print the whole report as JSON.')] = False,
) -> None:
    """Judge weights on suites: a table of metrics with standard errors.

    Each task is judged by its own metrics (docs/metrics.md lists them); where it has options, also by rank accuracy. A suite
    of Natural Instructions is told by category too.

    Example: jaxit eval --checkpoint runs/primer --suite primer_held_in --suite primer_forgetting --limit 50
    """
    from jaxit.cli import console, evaluating
    from jaxit.cli import loaded as loaded_lib
    from jaxit.core.errors import UserError

    if not re.fullmatch(r'[\w.-]+', label) or label.startswith('.'):
        raise UserError(f'--label is {label!r}; it names a file, so letters, digits, _, - and . only')
    if output is not None and output.exists() and not output.is_dir():
        raise UserError(f'{output}: is a file; --output names a folder')
    other = None
    if like is not None and (other := loaded_lib.layout_of(like)) is None:
        raise UserError(f'{like}: no run that says how it laid out its prompts')
    layout = loaded_lib.layout_of(checkpoint) or other
    suites = evaluating.suites_of(
        suite,
        modules=[*(layout.modules if layout else ()), *(module or ())],
        limit=limit,
        chat_format=layout.chat_format if layout else None,
        seed=layout.seed if layout else 0,
    )
    evaluation = evaluating.evaluate(
        loaded_lib.load(checkpoint, step=step),
        suites,
        label=label,
        path=checkpoint,
        step=step,
        layout=other,
        max_new_tokens=max_new_tokens,
        batch_size=batch_size,
    )
    if output is not None:
        evaluation.save(output)
    report = _report(evaluation, suites, by_template)
    if as_json:
        console.json_out(report)
    else:
        _show(report)


def _report(evaluation: Any, suites: list[Any], by_template: str | None) -> dict[str, Any]:
    """Returns the report with its further tables: by category where a suite has such, by template where that is asked for."""
    from jaxit.cli import template_tables
    from jaxit.evaluation.natural_instructions import category_table

    report = evaluation.report()
    for suite in suites:
        if suite.categories:
            rows = category_table(evaluation.suites[suite.name], suite.categories)
            report['suites'][suite.name]['categories'] = rows
    if by_template is not None:
        report['by_template'] = {'metric': by_template, 'suites': template_tables.make(evaluation, by_template)}
    return report


def _show(report: dict[str, Any]) -> None:
    from jaxit.cli import console, template_tables

    for name, suite in report['suites'].items():
        console.table(f'{name} ({suite["kind"]})', ['task', 'metric', 'value', 'stderr', 'n'], _rows(suite), left=2)
        rows = [
            [row['category'], row['metric'], *shown(row), row['count'], row['num_tasks']]
            for row in suite.get('categories', ())
        ]
        if rows:
            console.table(f'{name} by category', ['category', 'metric', 'value', 'stderr', 'n', 'tasks'], rows, left=2)
    if 'by_template' in report:
        template_tables.show(report['by_template']['suites'], report['by_template']['metric'])


def _rows(suite: dict[str, Any]) -> list[list[Any]]:
    lines = [('mean', metric, score) for metric, score in suite['mean'].items()]
    lines += [(task, metric, score) for task, scores in suite['tasks'].items() for metric, score in scores.items()]
    return [[task, metric, *shown(score), score['count']] for task, metric, score in lines]


def shown(score: dict[str, Any]) -> tuple[str, str]:
    """Returns a value and its standard error as text."""
    stderr = score['stderr']
    return f'{score["value"]:.4f}', '' if stderr is None else f'{stderr:.4f}'
