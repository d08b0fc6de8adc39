"""One trainer to a run folder."""

import json
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from jaxit.core.errors import UserError

LOCK_FILE = '.lock'


class RunLock:
    """Holds a folder while the `with` block runs; the lock of a process that is no more is taken over."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Names the folder; nothing is taken yet."""
        self._path = Path(folder) / LOCK_FILE

    def __enter__(self) -> Self:
        """Takes the lock.

        Raises:
            UserError: when another process of this machine, or any of another one, holds it.
        """
        for _ in range(2):
            try:
                descriptor = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            except FileExistsError:
                self._remove_if_stale()
                continue
            except OSError as error:
                raise UserError(f'{self._path.parent}: the run folder cannot be locked: {error.strerror}') from None
            with os.fdopen(descriptor, 'w') as f:
                json.dump(_identity(), f)
            return self
        raise UserError(f'{self._path.parent}: another process has just taken this run folder')

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Gives the lock back."""
        self._path.unlink(missing_ok=True)

    def _remove_if_stale(self) -> None:
        try:
            holder = json.loads(self._path.read_text())
        except (OSError, ValueError):
            holder = {}
        if _is_alive(holder):
            raise UserError(
                f'{self._path.parent}: process {holder.get("pid")} on {holder.get("host")} is using this run folder; '
                f'wait for it, or use another --run_dir (if that machine is gone, delete {self._path})'
            )
        self._path.unlink(missing_ok=True)


def _identity() -> dict[str, Any]:
    process = psutil.Process()
    return {
        'host': socket.gethostname(),
        'pid': process.pid,
        'started': process.create_time(),
        'boot': psutil.boot_time(),
    }


def _is_alive(holder: dict[str, Any]) -> bool:
    if not holder:
        return False
    if holder.get('host') != socket.gethostname():
        return True  # nobody can tell from here
    if abs(holder.get('boot', 0) - psutil.boot_time()) > 60:
        return False
    try:
        return abs(psutil.Process(holder['pid']).create_time() - holder.get('started', 0)) < 2
    except (psutil.Error, KeyError):
        return False
