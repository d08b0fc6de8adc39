"""What tuning cost and what it gained: differences between two evaluations, line by line."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from jaxit.evaluation.metrics import Score
from jaxit.evaluation.results import Evaluation, paired_difference


class Delta(NamedTuple):
    """How one metric moved.

    Attributes:
        suite: its name.
        kind: of the suite.
        task: its name; empty for the mean over the suite's tasks.
        metric: its name.
        before: the value before.
        after: the value after.
        difference: after - before.
        stderr: of the paired difference; None with a single example.
        count: examples.
    """

    suite: str
    kind: str
    task: str
    metric: str
    before: float
    after: float
    difference: float
    stderr: float | None
    count: int


def delta_table(before: Evaluation, after: Evaluation, *, kinds: Sequence[str] = ('forgetting',)) -> list[Delta]:
    """Returns the differences of all metrics in suites of these kinds; a suite's mean stands before its tasks.

    Raises:
        UserError: when the evaluations can't be paired.
    """
    paired = paired_difference(before, after)
    first, second = before.report()['suites'], after.report()['suites']
    return [
        delta
        for name, suite in paired.items()
        if suite['kind'] in kinds
        for delta in _of_suite(name, suite, first[name], second[name])
    ]


def _of_suite(name: str, paired: dict[str, Any], first: dict[str, Any], second: dict[str, Any]) -> Iterator[Delta]:
    """Yields the lines of one suite; the mean's sides are over the tasks that both evaluations have."""

    def line(task: str, metric: str, before: float, after: float, score: Score) -> Delta:
        return Delta(name, paired['kind'], task, metric, before, after, score['value'], score['stderr'], score['count'])

    def side(suite: dict[str, Any], task: str, metric: str) -> float:
        return suite['tasks'][task][metric]['value']

    for metric, score in paired['mean'].items():
        tasks = [task for task, scores in paired['tasks'].items() if metric in scores]
        before, after = (sum(side(suite, task, metric) for task in tasks) / len(tasks) for suite in (first, second))
        yield line('', metric, before, after, score)
    for task, scores in paired['tasks'].items():
        for metric, score in scores.items():
            yield line(task, metric, side(first, task, metric), side(second, task, metric), score)
