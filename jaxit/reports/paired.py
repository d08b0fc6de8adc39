"""Standard errors of what changed between two evaluations of the same examples.

What is hard for both models cancels in a paired difference, so its error is smaller than that of two
independent samples. A metric is a ratio of sums over examples, r = sum(s) / sum(w), or exp(r); to first
order an example moves r by (s - r w) / sum(w), exp(r) by exp(r) times that (Cochran 1977, section 2.11).
"""

import math

import numpy as np

from jaxit.reports.records import Evaluation, Examples, Score

_TOLERANCE = 1e-6


def paired_errors(base: Evaluation | None, tuned: Evaluation | None) -> dict[tuple[str, str, str], float]:
    """Returns standard errors of tuned - base by (suite, task, metric); task '' stands for the mean over a suite.

    Left out is what can't be paired: other examples, a single one, or values that do not come to the reported score.
    """
    if base is None or tuned is None:
        return {}
    errors: dict[tuple[str, str, str], float] = {}
    for name in sorted(set(base.suites) & set(tuned.suites)):
        before, after = base.suites[name], tuned.suites[name]
        for task in sorted(set(before.tasks) & set(after.tasks)):
            examples = base.examples.get((name, task)), tuned.examples.get((name, task))
            for metric in sorted(set(before.tasks[task]) & set(after.tasks[task])):
                scores = before.tasks[task][metric], after.tasks[task][metric]
                if (error := _error(metric, examples, scores)) is not None:
                    errors[name, task, metric] = error
        for metric in sorted(set(before.mean) & set(after.mean)):
            tasks = {task for task, scores in before.tasks.items() if metric in scores}
            known = [errors[name, task, metric] for task in sorted(tasks) if (name, task, metric) in errors]
            if known and len(known) == len(tasks) == sum(metric in scores for scores in after.tasks.values()):
                errors[name, '', metric] = math.hypot(*known) / len(known)
    return errors


def _error(metric: str, examples: tuple[Examples | None, Examples | None], scores: tuple[Score, Score]) -> float | None:
    before, after = examples
    if before is None or after is None or before.ids != after.ids or len(before.ids) < 2:
        return None
    moves = [_influences(side.values.get(metric), score) for side, score in zip((before, after), scores, strict=True)]
    if moves[0] is None or moves[1] is None:
        return None
    N = len(before.ids)
    return math.sqrt(N / (N - 1) * float(np.square(moves[1] - moves[0]).sum()))


def _influences(values: np.ndarray | None, score: Score) -> np.ndarray | None:
    """How far each example moves the score, [N]; None where the values do not come to the score."""
    if values is None or not values[:, 1].sum() > 0:
        return None
    ratio = float(values[:, 0].sum() / values[:, 1].sum())
    moves = (values[:, 0] - ratio * values[:, 1]) / values[:, 1].sum()
    if math.isclose(ratio, score.value, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
        return moves
    if ratio < 100 and math.isclose(math.exp(ratio), score.value, rel_tol=_TOLERANCE):
        return score.value * moves
    return None
