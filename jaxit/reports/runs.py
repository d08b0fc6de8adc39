"""A run folder as typed, read-only records; the only code of this layer that opens files of a run.

Everything in a run folder is taken for hostile: what has the wrong type is left out, never passed on.
Text stays as it was written; whoever shows it cleans it (`reports/text.py`).
"""

import dataclasses
import datetime
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxit.core.errors import UserError
from jaxit.core.files import MAX_LINE_BYTES, read_json

MAX_CONFIG_BYTES = 4 * 1024 * 1024
_LARGEST = 1e30  # beyond it a number is taken for infinite: no sum or axis overflows


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


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """One file of `evaluation/`."""

    label: str
    checkpoint: str
    step: int | None
    suites: Mapping[str, Suite]
    samples: tuple[Sample, ...]


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
    def last_step(self) -> int | None:
        """The last step that logged something."""
        return max([*self.train, *self.evals], default=None)


def read_run(folder: str | os.PathLike[str]) -> Run:
    """Reads a run folder.

    Raises:
        UserError: if it is no run folder, or its `run.json` or an evaluation is malformed.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f'{folder}: no such folder; give the folder of a run (the --run_dir of jaxit train)')
    if not (folder / 'run.json').is_file():
        raise UserError(f'{folder}: not a run folder, it has no run.json; give the --run_dir of jaxit train')
    info = _read(folder / 'run.json')
    if not isinstance(info, dict):
        raise UserError(f'{folder / "run.json"}: must hold a JSON object, got {type(info).__name__}')
    notes: list[str] = []
    train, evals = _metrics(_lines(folder / 'metrics.jsonl', notes))
    drawn = {task: _drawn(value) for task, value in _mapping(_optional(folder / 'drawn.json', notes)).items()}
    return Run(
        folder=folder,
        name=_text(info.get('name')) or folder.resolve().name,
        info=info,
        config=_config(folder / 'config.gin'),
        train=train,
        evals=evals,
        samples=tuple(_sample(line) for line in _lines(folder / 'samples.jsonl', notes)),
        events=tuple(_event(line) for line in _lines(folder / 'events.jsonl', notes)),
        evaluations=_evaluations(folder / 'evaluation', notes),
        mixture=tuple(_mixture_task(row) for row in _records(info.get('mixture'))),
        drawn={task: value for task, value in drawn.items() if value is not None},
        weights=_weights(_optional(folder / 'weights.json', notes)),
        notes=tuple(notes),
    )


def number(value: Any) -> float | None:
    """Returns a JSON number as float (nan and infinities too), None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -_LARGEST < value < _LARGEST or value != value else (math.inf if value > 0 else -math.inf)


def timestamp(value: Any) -> float | None:
    """Returns seconds since the epoch for a number or an ISO 8601 text, None for anything else."""
    seconds = number(value)
    if seconds is None and isinstance(value, str):
        try:
            moment = datetime.datetime.fromisoformat(value)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        seconds = moment.timestamp()
    return seconds if seconds is not None and math.isfinite(seconds) else None


def _lines(path: Path, notes: list[str]) -> Iterator[dict[str, Any]]:
    """Yields the records of a JSONL file; a torn last line is dropped quietly, others are counted in `notes`."""
    if not path.is_file():
        return
    bad = 0
    torn = False
    with open(path, 'rb') as f:
        while raw := f.readline(MAX_LINE_BYTES):
            bad += torn
            record = _parse(raw)
            torn = record is None and bool(raw.strip())
            if record is not None:
                yield record
    if bad:
        notes.append(f'{path.name}: {bad} unreadable line{"s" if bad > 1 else ""} left out')


def _parse(raw: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _metrics(lines: Iterator[dict[str, Any]]) -> tuple[dict[int, dict[str, float]], dict[int, dict[str, float]]]:
    train: dict[int, dict[str, float]] = {}
    evals: dict[int, dict[str, float]] = {}
    for line in lines:
        step = _integer(line.get('step'))
        if step is None:
            continue
        values = {key: x for key, value in line.items() if (x := number(value)) is not None}
        if any(key.startswith('eval/') for key in values):
            evals.setdefault(step, {}).update(values)
        else:
            train[step] = values
    return train, evals


def _evaluations(folder: Path, notes: list[str]) -> dict[str, Evaluation]:
    found: dict[str, Evaluation] = {}
    for path in sorted(folder.glob('*.json')):
        content = _mapping(_optional(path, notes))
        label = _text(content.get('label')) or path.stem
        suites = {name: _suite(_mapping(value)) for name, value in _mapping(content.get('suites')).items()}
        samples = tuple(_sample(value) for value in _records(content.get('samples')))
        found[label] = Evaluation(label, _text(content.get('checkpoint')), _integer(content.get('step')), suites, samples)
    return found


def _suite(content: Mapping[str, Any]) -> Suite:
    tasks = {task: _scores(_mapping(metrics)) for task, metrics in _mapping(content.get('tasks')).items()}
    mean = _mean_of(tasks)
    for metric, given in _scores(_mapping(content.get('mean'))).items():
        known = mean.get(metric)
        if known is None or given.stderr is not None or not math.isclose(known.value, given.value, rel_tol=1e-6):
            mean[metric] = given  # else it is the same mean, and ours has its standard error
    return Suite(_text(content.get('kind')) or 'other', tasks, mean)


def _mean_of(tasks: Mapping[str, Mapping[str, Score]]) -> dict[str, Score]:
    """The unweighted mean of each metric over the tasks that have it."""
    metrics = sorted({metric for scores in tasks.values() for metric in scores})
    return {metric: mean_score([scores[metric] for scores in tasks.values() if metric in scores]) for metric in metrics}


def mean_score(scores: list[Score]) -> Score:
    """Returns the unweighted mean of independent scores, with its standard error where all have one."""
    errors = [score.stderr for score in scores if score.stderr is not None]
    counts = [score.num_examples for score in scores if score.num_examples is not None]
    return Score(
        value=math.fsum(score.value for score in scores) / len(scores),
        stderr=math.hypot(*errors) / len(scores) if len(errors) == len(scores) else None,
        num_examples=sum(counts) if len(counts) == len(scores) else None,
    )


def _scores(content: Mapping[str, Any]) -> dict[str, Score]:
    scores = {}
    for metric, value in content.items():
        fields = value if isinstance(value, dict) else {'value': value}
        if (x := _finite(fields.get('value'))) is not None:
            scores[metric] = Score(x, _finite(fields.get('stderr')), _integer(fields.get('count')))
    return scores


def _sample(content: Mapping[str, Any]) -> Sample:
    correct = content.get('correct')
    texts = {key: _text(content.get(key)) for key in ('suite', 'task', 'inputs', 'targets', 'prediction')}
    return Sample(
        **texts, correct=correct if isinstance(correct, bool) else None, step=_integer(content.get('step'))
    )


def _event(content: Mapping[str, Any]) -> Event:
    seconds = _finite(content.get('seconds')) or 0.0
    return Event(_text(content.get('event')) or 'unknown', max(0.0, seconds), timestamp(content.get('time')))


def _mixture_task(row: Mapping[str, Any]) -> MixtureTask:
    return MixtureTask(
        _text(row.get('task')),
        _text(row.get('cluster')),
        _finite(row.get('share')),
        _finite(row.get('num_examples')),
        _finite(row.get('num_tokens')),
        _text(row.get('licence')),
    )


def _drawn(content: Any) -> Drawn | None:
    content = _mapping(content)
    examples = _finite(content.get('examples'))
    if examples is None:
        return None
    return Drawn(examples, _finite(content.get('tokens')), _finite(content.get('loss_tokens')))


def _weights(content: Any) -> tuple[WeightChange, ...]:
    found = []
    for row in _records(content):
        initial, change = _finite(row.get('norm_initial')), _finite(row.get('norm_change'))
        if initial is not None and change is not None:
            found.append(WeightChange(_text(row.get('path')), initial, change, _finite(row.get('num_params')) or 0.0))
    return tuple(found)


def _optional(path: Path, notes: list[str]) -> Any:
    """A JSON file that may be missing; a malformed one is told in `notes` and treated as missing."""
    if not path.is_file():
        return None
    try:
        return _read(path)
    except UserError as error:
        notes.append(f'left out: {path.name}{str(error).removeprefix(str(path))}')
        return None


def _read(path: Path) -> Any:
    """`read_json`, which lets through what Python says of an integer with thousands of digits."""
    try:
        return read_json(path)
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f'{path}: not JSON that can be read: {error}') from None


def _config(path: Path) -> str:
    if not path.is_file():
        return ''
    with open(path, 'rb') as f:
        return f.read(MAX_CONFIG_BYTES).decode('utf-8', 'replace')


def _finite(value: Any) -> float | None:
    x = number(value)
    return x if x is not None and math.isfinite(x) else None


def _integer(value: Any) -> int | None:
    x = _finite(value)
    return int(x) if x is not None and x == int(x) and abs(x) < 2**53 else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ''


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _records(value: Any) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
