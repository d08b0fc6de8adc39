"""What an evaluation came to: the report people read, and the values of single examples for comparisons."""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxit.core.errors import UserError
from jaxit.core.files import read_json, read_jsonl, sha256_json, write_atomic, write_json
from jaxit.evaluation import metrics
from jaxit.evaluation.metrics import Score, Values
from jaxit.text.examples import Example

# Fields that few examples have. Where they are off they don't count, so that older evaluations can still be paired.
_OFF = {'group': '', 'gold_number': None}


@dataclasses.dataclass(frozen=True)
class TaskResult:
    """A task's metrics, example by example.

    Attributes:
        example_ids: [N] what was asked, as a short hash of each example.
        values: by metric.
        num_ties: examples whose first two options were equally likely.
    """

    example_ids: tuple[str, ...]
    values: Mapping[str, Values]
    num_ties: int = 0

    def report(self) -> dict[str, Score]:
        """Returns the score of each metric; rank accuracy says how many ties the first option won or lost."""
        scores = {metric: metrics.aggregate(metric, values) for metric, values in self.values.items()}
        if self.num_ties and 'rank_accuracy' in scores:
            scores['rank_accuracy']['ties'] = self.num_ties
        return scores


@dataclasses.dataclass(frozen=True)
class SuiteResult:
    """A suite's tasks.

    Attributes:
        name: of the suite.
        kind: of the suite.
        tasks: by name.
        samples: the first examples of each task, as in `evaluation/<label>.json`.
    """

    name: str
    kind: str
    tasks: Mapping[str, TaskResult]
    samples: tuple[dict[str, Any], ...] = ()

    def report(self) -> dict[str, Any]:
        """Returns the suite as `evaluation/<label>.json` holds it."""
        tasks = {name: task.report() for name, task in self.tasks.items()}
        return {'kind': self.kind, 'tasks': tasks, 'mean': metrics.means(tasks)}

    def metrics(self) -> dict[str, float]:
        """Returns the means as metrics.jsonl holds them: `eval/<suite>/<metric>`."""
        means = self.report()['mean']
        return {f'eval/{self.name}/{metric}': score['value'] for metric, score in means.items()}


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """All suites of one model.

    Attributes:
        label: 'base', 'tuned', or another.
        checkpoint: where its weights came from.
        step: of training.
        suites: by name.
    """

    label: str
    checkpoint: str
    step: int
    suites: Mapping[str, SuiteResult]

    def report(self) -> dict[str, Any]:
        """Returns the content of `evaluation/<label>.json`."""
        return {
            'label': self.label,
            'checkpoint': self.checkpoint,
            'step': self.step,
            'suites': {name: suite.report() for name, suite in self.suites.items()},
            'samples': [sample for suite in self.suites.values() for sample in suite.samples],
        }

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes `<label>.json`, and beside it `<label>.scores.jsonl` with a line for each example.

        A line is `{"suite", "task", "example", "values": {metric: [sum or sums, weight]}}`.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        lines = [
            {'suite': suite.name, 'task': task, 'example': result.example_ids[row], 'values': _row(result.values, row)}
            for suite in self.suites.values()
            for task, result in suite.tasks.items()
            for row in range(len(result.example_ids))
        ]
        # The scores first: a report without them would look whole and could not be compared.
        write_atomic(folder / f'{self.label}.scores.jsonl', ''.join(json.dumps(line) + '\n' for line in lines))
        write_json(folder / f'{self.label}.json', self.report())

    @classmethod
    def load(cls, folder: str | os.PathLike[str], label: str) -> 'Evaluation':
        """Reads what `save` wrote."""
        folder = Path(folder)
        report = read_json(folder / f'{label}.json')
        path = folder / f'{label}.scores.jsonl'
        rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for number, line in read_jsonl(path):
            try:
                rows.setdefault((line['suite'], line['task']), []).append({line['example']: dict(line['values'])})
            except (KeyError, TypeError, ValueError):
                raise UserError(f'{path}: line {number} is not a line of scores') from None
        try:
            suites = {name: _suite(name, suite, report['samples'], rows) for name, suite in report['suites'].items()}
            return cls(report['label'], report['checkpoint'], report['step'], suites)
        except (KeyError, TypeError, AttributeError, ValueError):
            raise UserError(f'{folder / label}.json does not fit {path.name}; run the evaluation again') from None


def example_id(example: Example) -> str:
    """Returns a short hash of what an example asks, by which two evaluations are paired; marks that are off don't count."""
    facts = {name: value for name, value in dataclasses.asdict(example).items() if value != _OFF.get(name, ...)}
    facts['parts'] = [{name: value for name, value in part.items() if value} for part in facts['parts']]
    return sha256_json(facts)[:12]


def paired_difference(before: Evaluation, after: Evaluation) -> dict[str, dict[str, Any]]:
    """Returns `after - before` in the shape of a report's `suites`, for the suites and tasks both have.

    Standard errors are those of paired differences.

    Raises:
        UserError: when a task was judged on different examples, or nothing is common.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, suite in after.suites.items():
        if name not in before.suites:
            continue
        earlier = before.suites[name].tasks
        tasks = {
            task: _difference(name, task, earlier[task], new) for task, new in suite.tasks.items() if task in earlier
        }
        if tasks:
            found[name] = {'kind': suite.kind, 'tasks': tasks, 'mean': metrics.means(tasks)}
    if not found:
        raise UserError(f'evaluations {before.label!r} and {after.label!r} have no task in common')
    return found


def _difference(suite: str, task: str, before: TaskResult, after: TaskResult) -> dict[str, Score]:
    if before.example_ids != after.example_ids:
        raise UserError(f'suite {suite!r}, task {task!r}: the evaluations asked different examples; run both again')
    common = [metric for metric in after.values if metric in before.values]
    return {metric: metrics.difference(metric, before.values[metric], after.values[metric]) for metric in common}


def _row(values: Mapping[str, Values], row: int) -> dict[str, list[float]]:
    return {metric: [*np.atleast_1d(v.sums[row]).tolist(), float(v.weights[row])] for metric, v in values.items()}


def _suite(
    name: str, report: dict[str, Any], samples: Sequence[dict[str, Any]], rows: Mapping[tuple[str, str], list[dict]]
) -> SuiteResult:
    tasks = {task: _task(rows[name, task], scores) for task, scores in report['tasks'].items()}
    return SuiteResult(name, report['kind'], tasks, tuple(sample for sample in samples if sample['suite'] == name))


def _task(rows: list[dict[str, dict[str, list[float]]]], scores: dict[str, Score]) -> TaskResult:
    ids = tuple(example for row in rows for example in row)
    table = [values for row in rows for values in row.values()]
    values = {}
    for metric in scores:
        pairs = np.array([row[metric] for row in table], np.float64)
        values[metric] = Values(pairs[:, 0] if pairs.shape[1] == 2 else pairs[:, :-1], pairs[:, -1])
    return TaskResult(ids, values, int(scores.get('rank_accuracy', {}).get('ties') or 0))
