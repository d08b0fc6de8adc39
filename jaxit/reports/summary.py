"""The numbers of a run that matter: what the report's first lines, its tables and `--json` show."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxit.reports.changes import KINDS, headline
from jaxit.reports.goodput import goodput, idle_seconds, lives, wall_seconds
from jaxit.reports.records import Run
from jaxit.reports.runs import timestamp


def summary(run: Run) -> dict[str, Any]:
    """Returns the figures of a run, JSON-able; None where the run folder does not say."""
    loss = run.series('train/loss').values
    rate = run.series('train/tokens_per_second').values
    skipped = run.series('train/skipped_steps').values
    step_time = [share.share for share in goodput(run) if share.event == 'step']
    return {
        'name': run.name,
        'started': timestamp(run.info.get('started')),
        'model': _model(run.info.get('model')),
        'hardware': _hardware(run),
        'num_params': _whole(run.info.get('num_params')),
        'num_trained_params': _whole(run.info.get('num_trained_params')),
        'seed': _whole(run.info.get('seed')),
        'steps': run.last_step,
        'tasks': len(run.mixture) or len(run.drawn) or None,
        'examples': _total(run, 'examples'),
        'tokens': _total(run, 'tokens'),
        'loss_tokens': _total(run, 'loss_tokens'),
        'wall_seconds': wall_seconds(run),
        'starts': len(lives(run)) or None,
        'idle_seconds': idle_seconds(run),
        'step_share': step_time[0] if step_time else None,
        'tokens_per_second': float(np.nanmedian(rate)) if np.isfinite(rate).any() else None,
        'skipped_steps': int(skipped[-1]) if skipped.size and np.isfinite(skipped[-1]) else None,
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


def _total(run: Run, field: str) -> int | None:
    values = [value for drawn in run.drawn.values() if (value := getattr(drawn, field)) is not None]
    return round(math.fsum(values)) if values else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else None


def _model(value: Any) -> str:
    """What a model is called: the text of `run.json`, or the name or family in its configuration."""
    names = [value.get(key) for key in ('name', 'family')] if isinstance(value, Mapping) else [value]
    return next((name for name in names if isinstance(name, str)), '')


def _hardware(run: Run) -> str:
    """The hardware with the number of its devices."""
    hardware, devices = run.info.get('hardware'), _whole(run.info.get('devices'))
    if not isinstance(hardware, str):
        return ''
    return f'{hardware}, {devices:,} device{"s" if devices != 1 else ""}' if devices else hardware
