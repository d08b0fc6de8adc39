"""A mixture as a table: how often each task is drawn, how much it has, how often each example comes."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxit.cli import console
from jaxit.tasks import registry
from jaxit.tasks.registry import TRAIN


def make(name: str, counted: Sequence[Mapping[str, Any]], draws: int | None) -> dict[str, Any]:
    """Returns the table.

    Args:
        name: of a mixture or a task.
        counted: facts of its caches, where tokens were counted.
        draws: examples drawn in a run; as many as there are where None.
    """
    tokens = {component['task']: component for component in counted}
    tasks = registry.resolve(name)
    total = sum(rate for _, rate in tasks)
    rows = []
    for task, rate in tasks:
        facts = tokens.get(task.name, {})
        size = facts.get('num_examples') or task.source.num_examples(TRAIN)
        rows.append(
            {
                'task': task.name,
                'cluster': task.cluster,
                'rate': rate,
                'share': rate / total,
                'num_examples': size,
                'num_tokens': facts.get('num_tokens'),
                'num_loss_tokens': facts.get('num_loss_tokens'),
                'licence': task.licence,
            }
        )
    if draws is None:
        draws = sum(row['num_examples'] or 0 for row in rows)
    for row in rows:
        size = row['num_examples']
        row['epochs'] = draws * row['share'] / size if size else None
    return {'mixture': name, 'draws': draws, 'tasks': rows}


def show(table: Mapping[str, Any]) -> None:
    """Prints the table, with sums."""
    rows = table['tasks']
    columns = ['task', 'cluster', 'licence', 'rate', 'share', 'examples', 'tokens', 'loss tokens', 'epochs']
    lines = [
        [
            row['task'],
            row['cluster'],
            row['licence'],
            f'{row["rate"]:.6g}',
            f'{row["share"]:.2%}',
            *(_number(row[name]) for name in ('num_examples', 'num_tokens', 'num_loss_tokens')),
            '?' if row['epochs'] is None else f'{row["epochs"]:.2f}',
        ]
        for row in rows
    ]
    sums = [_number(_total(rows, name)) for name in ('num_examples', 'num_tokens', 'num_loss_tokens')]
    lines.append(['all', '', '', '', '100.00%', *sums, ''])
    console.table(f'{table["mixture"]}: effective epochs of {table["draws"]:,} draws', columns, lines, left=3)


def _total(rows: Sequence[Mapping[str, Any]], name: str) -> int | None:
    values = [row[name] for row in rows]
    return None if any(value is None for value in values) else sum(values)


def _number(value: int | None) -> str:
    return '?' if value is None else f'{value:,}'
