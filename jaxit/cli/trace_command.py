"""`jaxit trace`."""

from pathlib import Path
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command('trace')(trace)


def trace(
    run: Annotated[Path, typer.Argument(metavar='RUN', help='Run folder.')],
    step: Annotated[int, typer.Option('--step', help='Of the run; the first one is 1.')],
    num: Annotated[int | None, typer.Option('--num', help='Show so many examples; all by default.')] = None,
    module: Annotated[
        list[str] | None, typer.Option('--module', help='Python module with the tasks, to show their templates.')
    ] = None,
    as_json: Annotated[bool, typer.Option('--json', help='Print JSON.')] = False,
) -> None:
    """Show what a past step was trained on: source rows, templates, and the text with the loss mask in colour.

    Example: jaxit trace runs/primer --step 100
    """
    from jaxit.cli import console, masked, tracing
    from jaxit.tasks import registry

    batch = tracing.batch_of(run, step)
    examples = batch.examples[:num]
    if as_json:
        facts = {'step': batch.step, 'first_row': batch.first_row, 'num_rows': batch.num_rows}
        console.json_out({**facts, 'num_examples': len(batch.examples), 'examples': [e.as_json() for e in examples]})
        return
    for name in module or ():
        registry.import_module_tasks(name)
    title = f'step {step}: rows {batch.first_row}..{batch.first_row + batch.num_rows - 1} of the run'
    console.out.print(f'{title}, {len(batch.examples)} examples', style='bold')
    masked.show_legend()
    for example in examples:
        console.out.print(f'\n{_title(example.traced)}', style='bold', markup=False, soft_wrap=True)
        masked.show(example.stretches)


def _title(one: Any) -> str:
    from jaxit.cli.task_examples import template_text
    from jaxit.tasks import registry

    task = registry.get_task(one.task) if one.task in registry.names() else None
    place = f'row {one.row}, tokens {one.start}..{one.start + one.length - 1}'
    if one.inputs_length:
        place += f', inputs {one.inputs_start}..{one.inputs_start + one.inputs_length - 1}'
    return f'{one.task} · source row {one.source_row} · {template_text(task, one.template)} · {place}'
