"""Reads a run folder: the only code of this layer that opens files of a run.

A run that was killed leaves torn lines and a run that was resumed repeats steps; both are read as meant.
"""

import dataclasses
import datetime
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxit.core.errors import UserError
from jaxit.core.files import MAX_LINE_BYTES, read_json
from jaxit.reports.paired import paired_errors
from jaxit.reports.records import (
    Drawn,
    Evaluation,
    Event,
    Examples,
    MixtureTask,
    Run,
    Sample,
    Score,
    Suite,
    WeightChange,
    mean_score,
)

MAX_CONFIG_BYTES = 4 * 1024 * 1024
_LARGEST = 1e30  # beyond it a number is taken for infinite: no sum or axis overflows


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
    evaluations = _evaluations(folder / 'evaluation', notes)
    run = Run(
        folder=folder,
        name=_text(info.get('name')) or folder.resolve().name,
        info=info,
        config=_config(folder / 'config.gin'),
        train=train,
        evals=evals,
        samples=tuple(_sample(line) for line in _lines(folder / 'samples.jsonl', notes)),
        events=tuple(_event(line) for line in _lines(folder / 'events.jsonl', notes)),
        evaluations=evaluations,
        mixture=tuple(_mixture_task(row) for row in _records(info.get('mixture'))),
        drawn={task: value for task, value in drawn.items() if value is not None},
        weights=_weights(_optional(folder / 'weights.json', notes)),
        paired={},
        notes=(),
    )
    return dataclasses.replace(run, paired=paired_errors(run.base, run.tuned), notes=tuple(notes))


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
        if not content:
            continue
        label = _text(content.get('label')) or path.stem
        suites = {name: _suite(_mapping(value)) for name, value in _mapping(content.get('suites')).items()}
        samples = tuple(_sample(value) for value in _records(content.get('samples')))
        found[label] = Evaluation(
            label,
            _text(content.get('checkpoint')),
            _integer(content.get('step')),
            suites,
            samples,
            _examples(_lines(path.with_suffix('.scores.jsonl'), notes)),
        )
    return found


def _examples(lines: Iterator[dict[str, Any]]) -> dict[tuple[str, str], Examples]:
    """Groups `{"suite", "task", "example", "values": {metric: [sum, weight]}}` by suite and task."""
    rows: dict[tuple[str, str], list[tuple[str, dict[str, Any]]]] = {}
    for line in lines:
        key = _text(line.get('suite')), _text(line.get('task'))
        rows.setdefault(key, []).append((_text(line.get('example')), _mapping(line.get('values'))))
    found = {}
    for key, examples in rows.items():
        columns = {metric: [_pair(values.get(metric)) for _, values in examples] for metric in examples[0][1]}
        whole = {metric: np.array(column) for metric, column in columns.items() if None not in column}
        found[key] = Examples(tuple(example for example, _ in examples), whole)
    return found


def _pair(value: Any) -> tuple[float, float] | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    total, weight = _finite(value[0]), _finite(value[1])
    return None if total is None or weight is None else (total, weight)


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
    return Sample(**texts, correct=correct if isinstance(correct, bool) else None, step=_integer(content.get('step')))


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
