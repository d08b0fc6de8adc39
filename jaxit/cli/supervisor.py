"""Keeps the processes of a job running: all of them are started again when one ends in a way that says 'resume me'."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType

from jaxit.core.errors import EXIT_HANG, EXIT_OK, EXIT_PREEMPTED, JaxitError

RESTARTED = (EXIT_PREEMPTED, EXIT_HANG)
MAX_STALLS = 3  # restarts in a row without a newer checkpoint
POLL_SECONDS = 0.05
GRACE_SECONDS = 30.0  # for a process that was told to stop, or whose peer is gone
MAX_WAIT_SECONDS = 300.0


class GaveUp(JaxitError):
    """Starting again does not help."""


class Supervisor:
    """Runs a job to its end.

    Args:
        command: makes the command line of a process from (its number, host:port of the coordinator).
        num_processes: of the job.
        progress: returns a number that grows when the job gets on (the newest checkpoint's step), None while unknown.
        max_restarts: at most so many.
        backoff_seconds: before the first restart; doubled with every one that brought no progress.
        say: gets a line for whatever happens.
        grace_seconds: between asking a process to stop and ending it.
    """

    def __init__(
        self,
        command: Callable[[int, str], Sequence[str]],
        *,
        num_processes: int = 1,
        progress: Callable[[], int | None],
        max_restarts: int,
        backoff_seconds: float = 1.0,
        say: Callable[[str], None],
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._command, self._num_processes, self._progress = command, num_processes, progress
        self._max_restarts, self._backoff, self._say, self._grace = max_restarts, backoff_seconds, say, grace_seconds
        self._children: list[subprocess.Popen[bytes]] = []
        self._told: int | None = None

    def run(self) -> int:
        """Returns the exit code of the job, once it ends in another way than one that wants a restart.

        Raises:
            GaveUp: after too many restarts, or too many that brought nothing.
        """
        previous = {number: signal.signal(number, self._forward) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            return self._run()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            self._end_all()

    def _run(self) -> int:
        restarts, stalls, reached = 0, 0, self._progress()
        while True:
            code = self._once()
            if self._told is not None or not wants_restart(code):
                return code if code >= 0 else 128 - code
            now = self._progress()
            stalls = stalls + 1 if now == reached else 0
            if restarts >= self._max_restarts:
                raise GaveUp(f'{describe(code)} after {restarts} restarts; --max_restarts allows no more')
            if stalls >= MAX_STALLS:
                raise GaveUp(f'{describe(code)}; {MAX_STALLS} starts in a row brought no newer checkpoint; giving up')
            reached, restarts = now, restarts + 1
            seconds = min(self._backoff * 2**stalls, MAX_WAIT_SECONDS)
            at = 'no checkpoint yet' if now is None else f'checkpoint {now}'
            self._say(f'{describe(code)} ({at}); restart {restarts} in {seconds:.0f} s')
            self._sleep(seconds)
            if self._told is not None:
                return 128 + self._told

    def _once(self) -> int:
        """Starts all processes and returns the code of the first that ends; the others have ended too."""
        address = f'127.0.0.1:{_free_port()}'
        self._children = [subprocess.Popen(self._command(i, address)) for i in range(self._num_processes)]
        if self._told is not None:  # while they were started
            self._forward(self._told, None)
        while True:
            codes = [code for child in self._children if (code := child.poll()) is not None]
            failed = [code for code in codes if code != EXIT_OK]
            if failed:
                # Of several at once, the one that wants a restart: a peer's crash makes others fail in other ways.
                code = next((code for code in failed if wants_restart(code)), failed[0])
                self._end_all()
                return code
            if len(codes) == self._num_processes:
                return EXIT_OK
            time.sleep(POLL_SECONDS)

    def _end_all(self) -> None:
        """Ends what still runs: asked first, so that a checkpoint may be finished, then by force."""
        running = [child for child in self._children if child.poll() is None]
        for child in running:
            child.terminate()
        deadline = time.monotonic() + self._grace
        for child in running:
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _forward(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._told = number
        for child in self._children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)

    def _sleep(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._told is None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)


def wants_restart(code: int) -> bool:
    """Returns whether an exit code says 'resume me', or a signal ended the process."""
    return code < 0 or code in RESTARTED


def describe(code: int) -> str:
    """Returns what an exit code means."""
    if code < 0:
        return f'a process was ended by {signal.Signals(-code).name}'
    return {EXIT_PREEMPTED: 'preempted', EXIT_HANG: 'a step hung'}.get(code, f'exit code {code}')


def python(*arguments: str) -> list[str]:
    """Returns the command line of jaxit in this interpreter."""
    return [sys.executable, '-m', 'jaxit', *arguments]


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]
