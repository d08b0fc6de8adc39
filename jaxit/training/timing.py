"""Where the seconds of a run go."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator


class Timing:
    """Adds up seconds by kind ('step', 'data_wait', 'save', ...) on a clock that never goes back."""

    def __init__(self) -> None:
        """Starts with nothing."""
        self.seconds: dict[str, float] = defaultdict(float)
        self.started = time.monotonic()

    @contextlib.contextmanager
    def of(self, kind: str) -> Iterator[None]:
        """Adds the time of the block to a kind."""
        begin = time.monotonic()
        try:
            yield
        finally:
            self.seconds[kind] += time.monotonic() - begin

    def take(self) -> dict[str, float]:
        """Returns the seconds by kind since the last call, and starts again from zero."""
        taken, self.seconds = dict(self.seconds), defaultdict(float)
        return taken

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started
