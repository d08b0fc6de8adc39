"""One data set asked in several wordings: the mean over templates, and the template that is best on dev (arXiv:2109.01652, section 2.3)."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxit.core.errors import UserError
from jaxit.evaluation.metrics import Score
from jaxit.evaluation.results import SuiteResult

_NAME = re.compile(r'(?P<key>\w+)_type_(?P<template>\d+)(?P<variant>\w*)')


def template_table(test: SuiteResult, dev: SuiteResult | None = None, *, metric: str) -> list[dict[str, Any]]:
    """Returns a row for each data set whose tasks are named `{key}_type_{i}{variant}`, in the order of the suite.

    Args:
        test: what is reported.
        dev: the same tasks on rows set aside, where the best template is chosen; without it that column is None, as it is
            for a data set that has no such rows (wsc273).
        metric: that of the table; tasks without it are left out.

    Returns:
        `{'data_set', 'variant', 'templates', 'mean', 'spread', 'best_template', 'best', 'best_stderr'}`: the mean and the
        standard deviation over templates, and the test score of the template with the highest dev score, the first of equals.

    Raises:
        UserError: when some templates of a data set were judged on dev and others were not, or no task has the metric.
    """
    scores = _by_data_set(test, metric)
    if not scores:
        raise UserError(f'suite {test.name!r} has no task named ..._type_i with metric {metric!r}')
    chosen = {} if dev is None else _by_data_set(dev, metric)
    rows = []
    for (key, variant), by_template in scores.items():
        values = np.array([score['value'] for score in by_template.values()])
        row = {'data_set': key, 'variant': variant, 'templates': len(values), 'mean': float(values.mean())}
        row |= {'spread': float(values.std(ddof=1)) if len(values) > 1 else 0.0}
        on_dev = chosen.get((key, variant))
        best = None if dev is None or not on_dev else _best(on_dev, by_template, f'{key}{variant}', dev.name)
        row |= {'best_template': best, 'best': None, 'best_stderr': None}
        if best is not None:
            row |= {'best': by_template[best]['value'], 'best_stderr': by_template[best]['stderr']}
        rows.append(row)
    return rows


def _by_data_set(suite: SuiteResult, metric: str) -> dict[tuple[str, str], dict[int, Score]]:
    found: dict[tuple[str, str], dict[int, Score]] = {}
    for name, task in suite.report()['tasks'].items():
        match = _NAME.fullmatch(name)
        if match and metric in task:
            found.setdefault((match['key'], match['variant']), {})[int(match['template'])] = task[metric]
    return found


def _best(dev: Mapping[int, Score], test: Mapping[int, Score], what: str, suite: str) -> int:
    missing = [template for template in test if template not in dev]
    if missing:
        raise UserError(f'{what}: template {missing[0]} was not judged in suite {suite!r}')
    return max(test, key=lambda template: (dev[template]['value'], -template))
