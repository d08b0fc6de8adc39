"""The numbers of a run that matter: what the report's first lines, its tables and `--json` show."""

import collections
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxit.reports.records import Evaluation, Run, Score, Suite, mean_score
from jaxit.reports.runs import timestamp

KINDS = ('held_in', 'held_out', 'forgetting')
CLEAR = 2.0  # a difference counts as clear from this many standard errors on
_LOWER_IS_BETTER = ('loss', 'perplexity', 'nll', 'bits_per', 'error', 'wer')
_PREFERRED = ('accuracy', 'exact_match', 'f1', 'rouge_l', 'rougel', 'bleu', 'loss')


class Change(NamedTuple):
    """A metric before and after: `delta` is after - before, `stderr` that of the delta (samples taken as independent)."""

    metric: str
    base: Score | None
    tuned: Score | None

    @property
    def delta(self) -> float | None:
        """After minus before."""
        return self.tuned.value - self.base.value if self.base and self.tuned else None

    @property
    def stderr(self) -> float | None:
        """The standard error of the difference."""
        if not self.base or not self.tuned or self.base.stderr is None or self.tuned.stderr is None:
            return None
        return math.hypot(self.base.stderr, self.tuned.stderr)

    @property
    def verdict(self) -> str:
        """'better' or 'worse' where the change is clear, 'unclear' within two standard errors, '' without a change."""
        if self.delta is None:
            return ''
        if abs(self.delta) <= CLEAR * (self.stderr or 0.0):
            return 'unclear'
        return 'better' if (self.delta > 0) != lower_is_better(self.metric) else 'worse'


class Share(NamedTuple):
    """Time spent in one kind of work."""

    event: str
    seconds: float
    share: float
    num_events: int


def lower_is_better(metric: str) -> bool:
    """Returns whether a smaller value of this metric is the better one."""
    return any(word in metric.lower() for word in _LOWER_IS_BETTER)


def base_of(run: Run) -> Evaluation | None:
    """Returns the evaluation before training."""
    return run.evaluations.get('base')


def tuned_of(run: Run) -> Evaluation | None:
    """Returns the evaluation after training: 'tuned', or else the one of the latest step."""
    if 'tuned' in run.evaluations:
        return run.evaluations['tuned']
    others = [evaluation for label, evaluation in run.evaluations.items() if label != 'base']
    return max(others, key=lambda evaluation: (evaluation.step or 0, evaluation.label), default=None)


def suites_of(evaluation: Evaluation | None, kind: str) -> dict[str, Suite]:
    """Returns the suites of one kind by name."""
    return {
        name: suite for name, suite in sorted((evaluation.suites if evaluation else {}).items()) if suite.kind == kind
    }


def headline(run: Run, kind: str) -> tuple[Change, int] | None:
    """Returns the change of the leading metric over all suites of a kind, and how many suites it is the mean of.

    The leading metric is the one most suites have; only suites scored both before and after count,
    unless there is no evaluation before at all.
    """
    base, tuned = suites_of(base_of(run), kind), suites_of(tuned_of(run), kind)
    names = sorted(set(base) & set(tuned)) if base and tuned else sorted(tuned or base)
    counts = collections.Counter(
        metric for name in names for metric in (tuned or base)[name].mean if not base or metric in base[name].mean
    )
    if not counts:
        return None
    metric = min(counts, key=lambda m: (-counts[m], _preference(m), m))
    sides = [
        mean_score([side[name].mean[metric] for name in names if metric in side[name].mean]) if side else None
        for side in (base, tuned)
    ]
    return Change(metric, *sides), counts[metric]


def goodput(run: Run) -> list[Share]:
    """Returns seconds by kind of event, largest first, with what no event covers as 'other'.

    Wall time is summed from event to event, so a clock that was set back counts for nothing.
    """
    seconds: dict[str, float] = collections.defaultdict(float)
    counts: collections.Counter[str] = collections.Counter()
    for event in run.events:
        seconds[event.event] += event.seconds
        counts[event.event] += 1
    covered = math.fsum(seconds.values())
    wall = max(covered, wall_seconds(run) or 0.0)
    if wall <= 0:
        return []
    shares = [Share(event, total, total / wall, counts[event]) for event, total in seconds.items()]
    shares.sort(key=lambda share: (-share.seconds, share.event))
    if wall - covered > 0.001 * wall:
        shares.append(Share('other', wall - covered, (wall - covered) / wall, 0))
    return shares


def wall_seconds(run: Run) -> float | None:
    """Returns the time from the start of the first event to the end of the last one."""
    if not run.events:
        return None
    total, previous = run.events[0].seconds, run.events[0].time
    for event in run.events[1:]:
        gap = event.time - previous if event.time is not None and previous is not None else event.seconds
        total += gap if gap >= 0 else event.seconds
        previous = event.time if event.time is not None else previous
    return max(total, math.fsum(event.seconds for event in run.events))


def summary(run: Run) -> dict[str, Any]:
    """Returns the figures of a run, JSON-able; None where the run folder does not say."""
    loss = run.series('train/loss').values
    rate = run.series('train/tokens_per_second').values
    step_time = [share.share for share in goodput(run) if share.event == 'step']
    return {
        'name': run.name,
        'started': timestamp(run.info.get('started')),
        'model': _label(run.info.get('model')),
        'hardware': _label(run.info.get('hardware')),
        'num_params': _whole(run.info.get('num_params')),
        'num_trained_params': _whole(run.info.get('num_trained_params')),
        'seed': _whole(run.info.get('seed')),
        'steps': run.last_step,
        'tasks': len(run.mixture) or len(run.drawn) or None,
        'examples': _total(run, 'examples'),
        'tokens': _total(run, 'tokens'),
        'loss_tokens': _total(run, 'loss_tokens'),
        'wall_seconds': wall_seconds(run),
        'step_share': step_time[0] if step_time else None,
        'tokens_per_second': float(np.nanmedian(rate)) if np.isfinite(rate).any() else None,
        'first_loss': float(loss[0]) if loss.size else None,
        'final_loss': float(loss[-1]) if loss.size else None,
        **{kind: _headline_record(run, kind) for kind in KINDS},
    }


def _headline_record(run: Run, kind: str) -> dict[str, Any] | None:
    found = headline(run, kind)
    if found is None:
        return None
    change, suites = found
    return {
        'metric': change.metric,
        'suites': suites,
        'base': change.base.value if change.base else None,
        'tuned': change.tuned.value if change.tuned else None,
        'delta': change.delta,
        'stderr': change.stderr,
        'verdict': change.verdict,
    }


def _preference(metric: str) -> int:
    return _PREFERRED.index(metric) if metric in _PREFERRED else len(_PREFERRED)


def _total(run: Run, field: str) -> int | None:
    values = [value for drawn in run.drawn.values() if (value := getattr(drawn, field)) is not None]
    return round(math.fsum(values)) if values else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else None


def _label(value: Any) -> str:
    """A text of `run.json`, or a few of its fields in one line."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ', '.join(f'{key} {item}' for key, item in value.items() if isinstance(item, str | int | float))
    if isinstance(value, list):
        return ', '.join(str(item) for item in value if isinstance(item, str | int | float))
    return ''
