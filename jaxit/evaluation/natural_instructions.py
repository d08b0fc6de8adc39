"""How Super-NaturalInstructions is scored (Wang et al. 2022, arXiv:2204.07705): by category, over instances."""

import itertools
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from jaxit.core.errors import UserError
from jaxit.evaluation import cross_lingual, metrics
from jaxit.evaluation.metrics import Score, Values
from jaxit.evaluation.results import SuiteResult

EXACT_MATCH = 'exact_match_with_articles'
ROUGE_L = 'rouge_l'

# The twelve categories that are held out, in the published order, and what each is judged by.
CATEGORY_METRICS: Mapping[str, str] = {
    'textual_entailment': EXACT_MATCH,
    'cause_effect_classification': EXACT_MATCH,
    'coreference_resolution': EXACT_MATCH,
    'dialogue_act_recognition': EXACT_MATCH,
    'answerability_classification': EXACT_MATCH,
    'word_analogy': EXACT_MATCH,
    'overlap_extraction': ROUGE_L,
    'keyword_tagging': ROUGE_L,
    'question_rewriting': ROUGE_L,
    'title_generation': ROUGE_L,
    'data_to_text': ROUGE_L,
    'grammar_error_correction': ROUGE_L,
}
ALL = 'all'


def category_table(result: SuiteResult, categories: Mapping[str, str]) -> list[dict[str, Any]]:
    """Returns the scores of a suite by category, each over all instances of its tasks, then those over all of the suite.

    Args:
        result: of the suite; `Evaluation.load(folder, label).suites[name]` reads one back.
        categories: the category of each task, in lower_snake; `Registered.categories()` has them.

    Returns:
        Rows `{'category', 'metric', 'value', 'stderr', 'count', 'num_tasks'}`, values 0 to 1. A category that is none of
        the twelve is judged by ROUGE-L. The last two rows, 'all', are ROUGE-L and exact match over every instance. ROUGE-L is
        the cross-lingual one where the suite was judged by that.
    """
    rouge = rouge_of({name: task.values for name, task in result.tasks.items()}, categories, f'suite {result.name!r}')
    found = {categories[name] for name in result.tasks}
    order = [*(c for c in CATEGORY_METRICS if c in found), *sorted(found - set(CATEGORY_METRICS))]
    rows = [
        _row(
            category,
            EXACT_MATCH if CATEGORY_METRICS.get(category) == EXACT_MATCH else rouge,
            result,
            [n for n in result.tasks if categories[n] == category],
        )
        for category in order
    ]
    return [*rows, *(_row(ALL, metric, result, list(result.tasks)) for metric in (rouge, EXACT_MATCH))]


def rouge_of(judged: Mapping[str, Collection[str]], categories: Mapping[str, str], where: str) -> str:
    """Returns the ROUGE-L that tasks are judged by: that of words, or the cross-lingual one.

    Args:
        judged: the metrics of each task.
        categories: the category of each task.
        where: what has the tasks, for messages.

    Raises:
        UserError: where a table by category can't be made of them.
    """
    missing = [name for name in judged if name not in categories]
    if missing:
        raise UserError(f'{where}: the category of task {missing[0]!r} is not given ({len(missing)} in all)')
    rouge = cross_lingual.METRIC if any(cross_lingual.METRIC in names for names in judged.values()) else ROUGE_L
    for name, metric in itertools.product(judged, (EXACT_MATCH, rouge)):
        if metric not in judged[name]:
            raise UserError(f'{where}: task {name!r} is not judged by {metric}, which scores by category need')
    return rouge


def table_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Returns the rows of `category_table` as Markdown, in percent as they are published."""
    lines = ['| category | metric | score | tasks | instances |', '|---|---|---|---|---|']
    for row in rows:
        score = f'{100 * row["value"]:.2f}'
        score += '' if row['stderr'] is None else f' ± {100 * row["stderr"]:.2f}'
        lines.append(f'| {row["category"]} | {row["metric"]} | {score} | {row["num_tasks"]} | {row["count"]} |')
    return '\n'.join(lines)


def _row(category: str, metric: str, result: SuiteResult, names: list[str]) -> dict[str, Any]:
    values = [result.tasks[name].values[metric] for name in names]
    joined = Values(np.concatenate([v.sums for v in values]), np.concatenate([v.weights for v in values]))
    score: Score = metrics.aggregate(metric, joined)
    return {'category': category, 'metric': metric, **score, 'num_tasks': len(names)}
