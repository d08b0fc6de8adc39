"""A mixture as a table: how often each task is drawn, how much it has, how much of the rows and of the loss it takes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxit.cli import console
from jaxit.tasks.registry import TRAIN, Task

PACKED_WINDOWS = 4  # of 4,096 draws each, whose rows are looked at for padding


def make(
    name: str,
    tasks: Sequence[tuple[Task, float]],
    draws: int | None,
    *,
    counted: Sequence[Mapping[str, Any]] = (),
    left_out: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Returns the table.

    Args:
        name: of the mixture.
        tasks: its tasks with their rates.
        draws: examples drawn in a run; as many as there are where None.
        counted: facts of its caches, where tokens were counted.
        left_out: why other tasks take no part.
    """
    facts = {component['task']: component for component in counted}
    total = sum(rate for _, rate in tasks)
    rows = [_row(task, rate, total, facts.get(task.name, {})) for task, rate in tasks]
    if draws is None:
        draws = sum(row['num_examples'] or 0 for row in rows)
    for row in rows:
        size = row['num_examples']
        row['epochs'] = draws * row['share'] / size if size else None
    for what, number in (('packed_share', 'num_positions'), ('loss_share', 'num_loss_tokens')):
        _add_shares(rows, what, number)
    return {'mixture': name, 'draws': draws, 'tasks': rows, 'left_out': dict(left_out or {})}


def _row(task: Task, rate: float, total: float, facts: Mapping[str, Any]) -> dict[str, Any]:
    row = {'task': task.name, 'cluster': task.cluster, 'rate': rate, 'share': rate / total}
    row['num_examples'] = facts.get('num_examples') or task.source.num_examples(TRAIN)
    row |= {name: facts.get(name) for name in ('num_tokens', 'num_positions', 'num_loss_tokens')}
    return row | {'licence': task.licence}


def _add_shares(rows: Sequence[dict[str, Any]], what: str, number: str) -> None:
    """Adds the share of something of the examples that each task has among all draws: exact over whole epochs."""
    if any(row[number] is None for row in rows):
        return
    due = [row['share'] * row[number] / row['num_examples'] for row in rows]
    for row, value in zip(rows, due, strict=True):
        row[what] = value / sum(due)


def padding(
    components: Sequence[Mapping[str, Any]],
    lengths: Mapping[str, int | None],
    *,
    encoder_decoder: bool,
    pack: bool,
    seed: int,
) -> float:
    """Returns the share of the positions of rows, of both sides, that hold no token; of the first rows of a run.

    Args:
        components: facts of the caches.
        lengths: of a row, see `DataConfig.lengths`.
        encoder_decoder: the kind of model.
        pack: whether rows hold several examples.
        seed: of the run.
    """
    from jaxit.data.mixture import MixtureComponent
    from jaxit.data.reader import RowReader  # brings jax, which the table by itself does without

    parts = [MixtureComponent(c['task'], Path(c['folder']), c['rate'], 'none') for c in components]
    reader = RowReader(parts, seed=seed, lengths=lengths, encoder_decoder=encoder_decoder, pack=pack)
    plans = [reader.plan(window) for window in range(PACKED_WINDOWS)]
    filled = sum(int(side.sum()) for plan in plans for side in plan.sides(encoder_decoder=encoder_decoder))
    return 1 - filled / (sum(map(len, plans)) * sum(length or 0 for length in lengths.values()))


def show(table: Mapping[str, Any]) -> None:
    """Prints the table, with sums."""
    rows = table['tasks']
    counted = bool(rows) and 'packed_share' in rows[0]
    columns = ['task', 'cluster', 'licence', 'rate', 'share', 'examples', 'epochs']
    columns += ['tokens', 'loss tokens', 'packed share', 'loss share'] if counted else []
    lines = [
        [
            row['task'],
            row['cluster'],
            row['licence'],
            f'{row["rate"]:.6g}',
            f'{row["share"]:.3%}',
            _number(row['num_examples']),
            '?' if row['epochs'] is None else f'{row["epochs"]:.2f}',
            *(_of_tokens(row) if counted else []),
        ]
        for row in rows
    ]
    sums = ['', '', '', '100.000%', _number(_total(rows, 'num_examples')), '']
    if counted:
        sums += [*(_number(_total(rows, name)) for name in ('num_tokens', 'num_loss_tokens')), '100.000%', '100.000%']
    lines.append(['all', *sums[:2], *sums[2:]])
    console.table(f'{table["mixture"]}: effective epochs of {table["draws"]:,} draws', columns, lines, left=3)
    if 'padding' in table:
        console.out.print(f'padding: {table["padding"]:.2%} of the positions of the rows')
    console.left_out(table['left_out'])


def _of_tokens(row: Mapping[str, Any]) -> list[str]:
    numbers = [_number(row['num_tokens']), _number(row['num_loss_tokens'])]
    return [*numbers, f'{row["packed_share"]:.3%}', f'{row["loss_share"]:.3%}']


def _total(rows: Sequence[Mapping[str, Any]], name: str) -> int | None:
    values = [row[name] for row in rows]
    return None if any(value is None for value in values) else sum(values)


def _number(value: int | None) -> str:
    return '?' if value is None else f'{value:,}'
