"""What happens beside the steps. A hook is called after each step and decides itself whether it is due."""

import faulthandler
import os
import statistics
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import jax
import numpy as np

from jaxit.core.errors import EXIT_HANG, Preempted
from jaxit.training import metrics
from jaxit.training.step import StepMetrics
from jaxit.training.tracking import RunFolder
from jaxit.training.trainer import Diverged, Hook, Moment


class Every:
    """Calls a hook at the multiples of a period, and at the last step when asked."""

    def __init__(self, period: int, hook: Hook, *, at_end: bool = False) -> None:
        """A period of 0 means never (but for the end)."""
        self._period, self._hook, self._at_end = period, hook, at_end

    def __call__(self, moment: Moment) -> None:
        """Calls the hook when it is due."""
        if (self._period and moment.step % self._period == 0) or (self._at_end and moment.last):
            self._hook(moment)


class MetricsHook:
    """Adds up the steps of a period and writes one line; raises `Diverged` after too many bad steps in a row."""

    def __init__(
        self,
        run: RunFolder,
        task_names: Sequence[str],
        *,
        period: int,
        rollback_after: int,
        show: Callable[[int, dict[str, float]], None] = lambda step, values: None,
    ) -> None:
        """See `TrainerConfig`; `show` gets each line too, for a progress bar."""
        self._run, self._task_names, self._show = run, tuple(task_names), show
        self._period, self._rollback_after = period, rollback_after
        self._steps: list[StepMetrics] = []
        self._since = time.monotonic()
        self._first = True

    def __call__(self, moment: Moment) -> None:
        """Keeps the step's sums; writes at the period, after the first step and at the end."""
        self._steps.append(moment.metrics)
        if moment.step % self._period and not moment.last and not self._first:
            return
        with moment.timing.of('step'):  # waiting for the device is part of the steps
            sums = metrics.add_up(self._steps)
        now = time.monotonic()
        values = metrics.line(sums, self._task_names, now - self._since, len(self._steps))
        self._run.metrics(moment.step, values)
        self._write_timing(moment)
        self._show(moment.step, values)
        self._steps, self._since, self._first = [], now, False
        if int(sums['skipped_in_a_row']) >= self._rollback_after:
            self._run.log(
                f'step {moment.step}: {int(sums["skipped_in_a_row"])} steps in a row were not finite; going back'
            )
            raise Diverged

    def _write_timing(self, moment: Moment) -> None:
        for kind, seconds in moment.timing.take().items():
            event = 'compile' if kind == 'step' and self._first else kind
            self._run.event(event, seconds, step=moment.step)


class CheckpointHook:
    """Saves at a period and at the end; notices a save that failed on the very next step."""

    def __init__(self, save: Callable[[Moment], None], poll: Callable[[], None], *, period: int) -> None:
        """`save` starts a save and returns; `poll` raises what went wrong with the last one."""
        self._save, self._poll, self._period = save, poll, period

    def __call__(self, moment: Moment) -> None:
        """Polls, and saves when due."""
        self._poll()
        if moment.step % self._period == 0 or moment.last:
            with moment.timing.of('save'):
                self._save(moment)


class PreemptionHook:
    """Saves and ends with `Preempted` once any process of the job was told to stop (SIGTERM)."""

    def __init__(
        self, save: Callable[[Moment], None], asked_to_stop: Callable[[int], bool], *, saved_period: int
    ) -> None:
        """`asked_to_stop(step)` must answer the same on every process."""
        self._save, self._asked, self._saved_period = save, asked_to_stop, saved_period

    def __call__(self, moment: Moment) -> None:
        """Raises `Preempted` after a save when asked to stop."""
        if moment.last or not self._asked(moment.step):
            return
        if moment.step % self._saved_period:  # otherwise the checkpoint hook has just saved it
            with moment.timing.of('save'):
                self._save(moment)
        raise Preempted(f'told to stop; saved step {moment.step}; the same command goes on from there')


class Watchdog:
    """Ends the process with exit code 76 and a dump of all stacks when a step hangs.

    A heartbeat of the runtime does not see a process that is alive and stuck; this does.
    """

    def __init__(self, seconds: float, log: Callable[[str], None], *, poll_seconds: float = 1.0) -> None:
        """Starts the watching thread; it begins to count with the second step, as the first one compiles."""
        self._limit, self._log, self._poll = seconds, log, poll_seconds
        self._durations: deque[float] = deque(maxlen=50)
        self._last: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name='watchdog', daemon=True)
        self._thread.start()

    def __call__(self, moment: Moment) -> None:
        """Notes that a step was finished."""
        now = time.monotonic()
        if self._last is not None:
            self._durations.append(now - self._last)
        self._last = now

    def ignoring(self, hook: Hook) -> Hook:
        """Returns the hook with its own time left out: an evaluation may take as long as it likes."""

        def unwatched(moment: Moment) -> None:
            self._last = None
            hook(moment)
            self._last = time.monotonic()

        return unwatched

    def close(self) -> None:
        """Stops watching."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(self._poll):
            last = self._last
            if last is None or not self._durations:
                continue
            limit = max(self._limit, 10 * statistics.median(self._durations))
            if time.monotonic() - last > limit:
                self._log(f'no step in {limit:.0f} s: this is a hang; the stacks are on stderr; exit {EXIT_HANG}')
                faulthandler.dump_traceback(sys.stderr, all_threads=True)
                os._exit(EXIT_HANG)


class Profile:
    """Records a trace of a few steps for the profiler of TensorBoard or Perfetto."""

    def __init__(self, folder: str, *, first_step: int, num_steps: int) -> None:
        """Records steps first_step .. first_step + num_steps - 1 into `folder`."""
        self._folder, self._first, self._count = folder, first_step, num_steps

    def __call__(self, moment: Moment) -> None:
        """Starts before the first and stops after the last of its steps."""
        if moment.step == self._first - 1:
            jax.profiler.start_trace(self._folder)
        elif moment.step == self._first + self._count - 1:
            np.asarray(moment.metrics['loss'])
            jax.profiler.stop_trace()
