"""What commands print: tables, JSON on request, progress that falls back to plain lines."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from jaxit.core.files import printable

MAX_WIDTH = 4000  # of a table that is piped


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Nobody reads on; `main` ends quietly."""
        raise BrokenPipeError


out = _Console(highlight=False)
err = _Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """Prints a line to stderr, where it does not mix with results."""
    err.print(printable(text), markup=False, soft_wrap=True)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, left: int = 1) -> None:
    """Prints a table; the first `left` columns are text, the others are aligned as numbers.

    Where there is no terminal nothing is folded: a line is a row, for grep and awk.
    """
    shown = Table(title=title or None, title_justify='left', header_style='bold', box=box.SIMPLE_HEAD)
    for i, name in enumerate(columns):
        shown.add_column(name, justify='left' if i < left else 'right', overflow='fold', no_wrap=i >= left)
    for row in rows:
        shown.add_row(*(Text(printable('' if value is None else str(value))) for value in row))
    (out if out.is_terminal else _Console(highlight=False, width=MAX_WIDTH)).print(shown)


def left_out(reasons: Mapping[str, str]) -> None:
    """Prints which tasks are left out of a mixture, and why."""
    if reasons:
        table('left out', ['task', 'why'], list(reasons.items()), left=2)


def json_out(value: Any) -> None:
    """Prints a value as JSON."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + '\n')


class TrainProgress:
    """A progress bar with loss, rate and time left; one plain line per report where there is no terminal."""

    def __init__(self, num_steps: int, *, enabled: bool = True) -> None:
        """Shows `num_steps` steps; nothing where not enabled (processes other than the first)."""
        self._num_steps, self._enabled = num_steps, enabled
        self._bar: Progress | None = None
        if enabled and err.is_terminal:
            columns = (
                TextColumn('train'),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn('{task.description}'),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=err)
            self._bar.start()
            self._task = self._bar.add_task('', total=num_steps)

    def show(self, step: int, values: dict[str, float]) -> None:
        """Reports a line of metrics."""
        if not self._enabled:
            return
        loss, speed = values.get('train/loss', float('nan')), values['train/tokens_per_second']
        if self._bar is not None:
            self._bar.update(self._task, completed=step, description=f'loss {loss:.4f}  {speed:,.0f} tokens/s')
            return
        left = (self._num_steps - step) * values['train/seconds_per_step']
        err.print(
            f'step {step}/{self._num_steps}  loss {loss:.4f}  accuracy {values.get("train/accuracy", 0):.3f}  '
            f'{speed:,.0f} tokens/s  {_duration(left)} left',
            markup=False,
            soft_wrap=True,
        )

    def close(self) -> None:
        """Leaves the bar as it is."""
        if self._bar is not None:
            self._bar.stop()


class Counting:
    """Progress of work that counts (answers generated, tasks cached): a bar, or plain lines where there is no terminal."""

    def __init__(self, label: str, *, started: float | None = None) -> None:
        """Shows `label` before the counts; nothing is shown before the first call.

        Args:
            label: what is counted.
            started: when the work began, on the monotonic clock; now by default.
        """
        self._label, self._shown = label, -1.0
        self._started = time.monotonic() if started is None else started
        self._bar: Progress | None = None

    def __call__(self, done: int, total: int) -> None:
        """Shows how far the work is; a plain line at every tenth."""
        if err.is_terminal:
            self._draw(done, total)
            return
        share = done / max(1, total)
        if share - self._shown >= 0.1 or done == total:
            self._shown = share
            elapsed = time.monotonic() - self._started
            rate, left = done / max(elapsed, 1e-9), elapsed / max(done, 1) * (total - done)
            err.print(f'{self._label}: {done}/{total}  {rate:.1f}/s  {_duration(left)} left', markup=False)

    def _draw(self, done: int, total: int) -> None:
        if self._bar is None:
            label, rate = TextColumn('{task.description}', markup=False), TextColumn('{task.fields[rate]}')
            self._bar = Progress(label, BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn(), console=err)
            self._task = self._bar.add_task(self._label, total=total, rate='')
            self._bar.start()
        rate = f'{done / max(time.monotonic() - self._started, 1e-9):.1f}/s'
        self._bar.update(self._task, completed=done, total=total, rate=rate)
        if done >= total:
            self._bar.stop()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}h{minutes:02d}m' if hours else f'{minutes}m{rest:02d}s'
