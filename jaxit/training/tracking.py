"""The files of a run folder that grow while it trains, and the trackers that copy them."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from jaxit.core.errors import missing_extra, unknown_name
from jaxit.core.files import append_jsonl, printable, write_json


class Tracker(Protocol):
    """Somewhere numbers are copied to: TensorBoard, Weights & Biases."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Records numbers of a step."""
        ...

    def close(self) -> None:
        """Writes what is left."""
        ...


class RunFolder:
    """Appends to `metrics.jsonl`, `samples.jsonl`, `events.jsonl` and `log.txt`; one process writes, the others do nothing."""

    def __init__(
        self, folder: str | os.PathLike[str], *, writes: bool = True, trackers: tuple[Tracker, ...] = ()
    ) -> None:
        """Uses an existing folder.

        Args:
            folder: of the run.
            writes: False on all processes but the first.
            trackers: get a copy of the metrics.
        """
        self.folder = Path(folder)
        self._writes = writes
        self._trackers = trackers if writes else ()

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Appends one line of numbers."""
        self._append('metrics.jsonl', {'step': step, 'time': time.time(), **values})
        for tracker in self._trackers:
            tracker.scalars(step, values)

    def sample(self, record: Mapping[str, Any]) -> None:
        """Appends one generated sample."""
        self._append('samples.jsonl', dict(record))

    def event(self, event: str, seconds: float, **facts: Any) -> None:
        """Appends one event with its duration."""
        self._append('events.jsonl', {'time': time.time(), 'event': event, 'seconds': round(seconds, 4), **facts})

    def log(self, text: str) -> None:
        """Appends one line to log.txt."""
        if self._writes:
            with open(self.folder / 'log.txt', 'a', encoding='utf-8') as f:
                f.write(f'{time.strftime("%Y-%m-%d %H:%M:%S")} {printable(text)}\n')

    def write(self, name: str, value: Any) -> None:
        """Writes a JSON file whole."""
        if self._writes:
            write_json(self.folder / name, value)

    def close(self) -> None:
        """Closes the trackers."""
        for tracker in self._trackers:
            tracker.close()

    def _append(self, name: str, record: dict[str, Any]) -> None:
        if self._writes:
            append_jsonl(self.folder / name, record)


class TensorBoard:
    """Scalars as TensorBoard event files, without TensorFlow."""

    def __init__(self, folder: Path) -> None:
        """Writes under `folder`."""
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise missing_extra('tensorboardX', 'tracking') from None
        self._writer = SummaryWriter(str(folder))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Records numbers of a step."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Writes what is left."""
        self._writer.close()


class WeightsAndBiases:
    """Scalars to a Weights & Biases run (set WANDB_MODE=offline to stay on this machine)."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        """Starts a run named after the folder."""
        try:
            import wandb
        except ImportError:
            raise missing_extra('wandb', 'tracking') from None
        self._run = wandb.init(
            dir=str(folder), name=folder.name, config=json.loads(json.dumps(config, default=str)), resume='allow'
        )

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Records numbers of a step."""
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        """Ends the run."""
        self._run.finish()


def make_trackers(names: tuple[str, ...], folder: Path, config: Mapping[str, Any]) -> tuple[Tracker, ...]:
    """Returns trackers by name: 'tensorboard', 'wandb'."""
    makers = {
        'tensorboard': lambda: TensorBoard(folder / 'tensorboard'),
        'wandb': lambda: WeightsAndBiases(folder, config),
    }
    for name in names:
        if name not in makers:
            raise unknown_name('tracker', name, makers)
    return tuple(makers[name]() for name in names)
