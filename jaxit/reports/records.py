"""A run folder as typed, read-only records; and the numbers and texts that may stand in them.

Everything in a run folder is taken for hostile: what has the wrong type is left out, never passed on.
Text stays as it was written; whoever shows it cleans it (`reports/text.py`).
"""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Score(NamedTuple):
    """One metric: its value, and where known its standard error and the examples behind it."""

    value: float
    stderr: float | None = None
    num_examples: int | None = None


class Series(NamedTuple):
    """A logged quantity: steps [n] int64, ascending, and values [n] float64 (nan where the run logged one)."""

    steps: np.ndarray
    values: np.ndarray


@dataclasses.dataclass(frozen=True)
class Suite:
    """The scores of one suite: by task and metric, and their mean by metric."""

    kind: str
    tasks: Mapping[str, Mapping[str, Score]]
    mean: Mapping[str, Score]


@dataclasses.dataclass(frozen=True)
class Sample:
    """One prompt with its reference and the model's answer; `correct` is None where nothing judged it."""

    suite: str
    task: str
    inputs: str
    targets: str
    prediction: str
    correct: bool | None = None
    step: int | None = None


class Examples(NamedTuple):
    """A task example by example: what was asked, and by metric [N, 2] sums with the weights they are divided by."""

    ids: tuple[str, ...]
    values: Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """One file of `evaluation/`; `examples` come from the file beside it, by (suite, task), where there is one."""

    label: str
    checkpoint: str
    step: int | None
    suites: Mapping[str, Suite]
    samples: tuple[Sample, ...]
    examples: Mapping[tuple[str, str], Examples] = dataclasses.field(default_factory=dict)


class Event(NamedTuple):
    """One line of `events.jsonl`: seconds spent in a kind of work; `time` is seconds since the epoch."""

    event: str
    seconds: float
    time: float | None


class MixtureTask(NamedTuple):
    """One row of the mixture table: what was intended."""

    task: str
    cluster: str
    share: float | None
    num_examples: float | None
    num_tokens: float | None
    licence: str


class Drawn(NamedTuple):
    """What a run has really drawn from one task."""

    examples: float
    tokens: float | None
    loss_tokens: float | None


class WeightChange(NamedTuple):
    """How far one parameter moved: Frobenius norms."""

    path: str
    norm_initial: float
    norm_change: float
    num_params: float


@dataclasses.dataclass(frozen=True)
class Run:
    """A run folder, read.

    Attributes:
        folder: where it is.
        name: its name, or the folder's.
        info: `run.json` as it is.
        config: the operative gin text, '' when missing.
        train: the training lines of `metrics.jsonl` by step; of lines with one step the last wins.
        evals: its evaluation lines by step, joined where several suites share a step.
        samples: `samples.jsonl`.
        events: `events.jsonl`, in the order of the file.
        evaluations: `evaluation/*.json` by label.
        mixture: the mixture table of `run.json`.
        drawn: `drawn.json`.
        weights: `weights.json`.
        paired: standard errors of paired differences from base to tuned by (suite, task, metric); task '' is the mean.
        notes: what could not be read, for the reader to see.
    """

    folder: Path
    name: str
    info: Mapping[str, Any]
    config: str
    train: Mapping[int, Mapping[str, float]]
    evals: Mapping[int, Mapping[str, float]]
    samples: tuple[Sample, ...]
    events: tuple[Event, ...]
    evaluations: Mapping[str, Evaluation]
    mixture: tuple[MixtureTask, ...]
    drawn: Mapping[str, Drawn]
    weights: tuple[WeightChange, ...]
    paired: Mapping[tuple[str, str, str], float]
    notes: tuple[str, ...]

    def series(self, key: str) -> Series:
        """Returns a quantity of `metrics.jsonl` over the steps; empty when it was never logged."""
        lines = self.evals if key.startswith('eval/') else self.train
        points = [(step, line[key]) for step, line in sorted(lines.items()) if key in line]
        return Series(np.array([p[0] for p in points], np.int64), np.array([p[1] for p in points], np.float64))

    def keys(self, prefix: str) -> list[str]:
        """Returns the logged quantities that begin with `prefix`, sorted."""
        lines = self.evals if prefix.startswith('eval/') else self.train
        return sorted({key for line in lines.values() for key in line if key.startswith(prefix)})

    @property
    def base(self) -> Evaluation | None:
        """The evaluation before training."""
        return self.evaluations.get('base')

    @property
    def tuned(self) -> Evaluation | None:
        """The evaluation after training: 'tuned', or else the one of the latest step."""
        others = [evaluation for label, evaluation in self.evaluations.items() if label != 'base']
        return max(others, key=lambda e: (e.label == 'tuned', e.step or 0, e.label), default=None)

    @property
    def last_step(self) -> int | None:
        """The last step that logged something."""
        return max([*self.train, *self.evals], default=None)


def mean_score(scores: list[Score]) -> Score:
    """Returns the unweighted mean of independent scores, with its standard error where all have one."""
    errors = [score.stderr for score in scores if score.stderr is not None]
    counts = [score.num_examples for score in scores if score.num_examples is not None]
    return Score(
        value=math.fsum(score.value for score in scores) / len(scores),
        stderr=math.hypot(*errors) / len(scores) if len(errors) == len(scores) else None,
        num_examples=sum(counts) if len(counts) == len(scores) else None,
    )
