"""The training loop. Its order, stated once: read a batch, step, then each hook in turn.

Everything but the step itself is a hook with a period: metrics, samples, evaluation,
checkpoint, preemption, in that order. Losses stay on the device until a hook wants them.
"""

import dataclasses
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from jaxit.core.errors import UserError
from jaxit.core.types import Array, Batch
from jaxit.training.state import TrainState
from jaxit.training.step import StepMetrics
from jaxit.training.timing import Timing

Position = Mapping[str, Any]
# Steps the host may be ahead of the devices: enough to hide its work, and no more batches than that wait on a device.
MAX_RUNNING = 2
StepFunction = Callable[[TrainState, dict[str, Array]], tuple[TrainState, StepMetrics]]


@dataclasses.dataclass(frozen=True)
class TrainerConfig:
    """How long, how much at a time, and how often everything else happens (periods in steps, 0 = never).

    Attributes:
        num_steps: optimizer steps of the whole run.
        batch_size: rows of the global batch.
        num_microbatches: parts the batch is split into, to save memory.
        seed: of the data order, initial params and dropout.
        metrics_period: between lines of metrics.jsonl.
        sample_period: between generated samples.
        evaluation_period: between evaluations.
        checkpoint_period: between checkpoints; there is always one at the end.
        checkpoints_to_keep: of the newest.
        rollback_after: steps in a row that are not finite before the run goes back to its last
            checkpoint and passes over the data in between.
        watchdog_seconds: a step that takes longer than this, and than ten median steps, is a hang; 0 = never.
    """

    num_steps: int = 1000
    batch_size: int = 8
    num_microbatches: int = 1
    seed: int = 0
    metrics_period: int = 10
    sample_period: int = 0
    evaluation_period: int = 0
    checkpoint_period: int = 500
    checkpoints_to_keep: int = 2
    rollback_after: int = 5
    watchdog_seconds: float = 600.0

    def __post_init__(self) -> None:
        for name in (
            'num_steps',
            'batch_size',
            'num_microbatches',
            'metrics_period',
            'checkpoint_period',
            'rollback_after',
        ):
            if getattr(self, name) < 1:
                raise UserError(f'trainer.{name} is {getattr(self, name)}; it must be at least 1')
        if self.batch_size % self.num_microbatches:
            raise UserError(
                f'trainer.batch_size={self.batch_size} is not a multiple of num_microbatches={self.num_microbatches}'
            )


class Moment(NamedTuple):
    """What a hook sees after a step.

    Attributes:
        step: steps finished.
        num_steps: steps of the whole run.
        state: after the step; it is donated to the next one, so keep none of it.
        metrics: of this step, on the device.
        position: where the next batch comes from.
        timing: seconds spent so far, by kind.
    """

    step: int
    num_steps: int
    state: TrainState
    metrics: StepMetrics
    position: Position
    timing: Timing

    @property
    def last(self) -> bool:
        """Whether the run ends here."""
        return self.step >= self.num_steps


class Hook(Protocol):
    """Called after every step; decides itself whether it is due."""

    def __call__(self, moment: Moment) -> None:
        """Does its work, or nothing."""
        ...


class Diverged(Exception):
    """Too many steps in a row were not finite."""


def fit(
    step_function: StepFunction,
    state: TrainState,
    batches: Iterator[tuple[Batch, Position]],
    *,
    put: Callable[[Batch], dict[str, Array]],
    num_steps: int,
    hooks: Sequence[Hook],
    recover: Callable[[], TrainState],
    timing: Timing,
) -> TrainState:
    """Trains until `num_steps` steps are done and returns the last state.

    Args:
        step_function: the compiled step.
        state: where to begin; its step counts.
        batches: yields (numpy batch of this process's rows, data position after it).
        put: makes global arrays of a batch.
        num_steps: of the whole run, those before a resume included.
        hooks: called in this order after every step.
        recover: returns the last checkpointed state after `Diverged`; the data goes on from where it is.
        timing: where seconds go.
    """
    running: deque[StepMetrics] = deque()
    step = int(state.step)
    while step < num_steps:
        with timing.of('data_wait'):
            batch, position = next(batches)
        with timing.of('step'):
            state, metrics = step_function(state, put(batch))
            running.append(metrics)
            if len(running) > MAX_RUNNING:
                jax.block_until_ready(running.popleft())
        step += 1
        moment = Moment(step, num_steps, state, metrics, position, timing)
        try:
            for hook in hooks:
                hook(moment)
        except Diverged:
            with timing.of('rollback'):
                state = recover()
            step = int(np.asarray(state.step))
    return state
