"""Suites that ask one data set in several wordings, as tables: the mean over wordings, and the one that is best on dev."""

from typing import Any

from jaxit.cli import console
from jaxit.core.errors import UserError
from jaxit.evaluation.by_template import template_table
from jaxit.evaluation.results import Evaluation

TEST, DEV = '_test', '_dev'


def make(evaluation: Evaluation, metric: str) -> dict[str, list[dict[str, Any]]]:
    """Returns the rows of `by_template.template_table` of each suite; `X_dev` chooses for `X_test` and has no table of its own.

    Raises:
        UserError: where no suite has such tasks, or none of them the metric.
    """
    suites = evaluation.suites
    names = [name for name in suites if not (name.endswith(DEV) and name.removesuffix(DEV) + TEST in suites)]
    tables, errors = {}, []
    for name in names:
        try:
            dev = suites.get(name.removesuffix(TEST) + DEV) if name.endswith(TEST) else None
            tables[name] = template_table(suites[name], dev, metric=metric)
        except UserError as error:
            errors.append(str(error))
    if not tables:
        raise UserError(f'--by_template: {"; ".join(errors)}')
    return tables


def show(tables: dict[str, list[dict[str, Any]]], metric: str) -> None:
    """Prints the tables, each with the mean over its data sets."""
    for name, rows in tables.items():
        columns = ['data set', 'templates', 'mean', 'spread', 'best on dev', 'its score', 'stderr']
        lines = [[row['data_set'] + row['variant'], row['templates'], *_numbers(row)] for row in rows]
        mean = sum(row['mean'] for row in rows) / len(rows)
        lines.append(['mean', '', f'{mean:.4f}', '', '', '', ''])
        console.table(f'{name}: {metric} over templates', columns, lines)


def _numbers(row: dict[str, Any]) -> list[str]:
    best = [row['best_template'], row['best'], row['best_stderr']]
    template, score, stderr = ('' if value is None else value for value in best)
    numbers = [f'{value:.4f}' if isinstance(value, float) else value for value in (score, stderr)]
    return [f'{row["mean"]:.4f}', f'{row["spread"]:.4f}', str(template), *map(str, numbers)]
