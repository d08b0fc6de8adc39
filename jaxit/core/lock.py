"""A lock on a run folder, so that two trainers never write to one."""

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from jaxit.core.errors import UserError

LOCK_NAME = 'lock.json'
_PATIENCE_SECONDS = 1.0  # for another process to write what it has just created


class RunLock:
    """Holds a run folder from construction to `release`; a lock whose process is dead is taken over.

    Args:
        folder: the run folder; is created.

    Raises:
        UserError: a living process holds it, or one on another host, which cannot be looked at from here.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self.path = Path(folder).absolute() / LOCK_NAME
        self._owner = _this_process()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _alone(self.path.parent):
                while not _create(self.path, self._owner):
                    self._remove_dead()
        except OSError as error:
            raise UserError(f'{self.path}: {error.strerror}; choose a run folder that can be written') from None

    def _remove_dead(self) -> None:
        holder = _read(self.path)
        if holder is not None and _is_alive(holder):
            raise UserError(
                f'{self.path.parent} is in use by process {holder["pid"]} on {holder["host"]}; '
                f'stop it, or choose another run folder (if that host is gone, delete {self.path.name})'
            )
        self.path.unlink(missing_ok=True)

    def release(self) -> None:
        """Gives the folder free; does nothing when the lock is no longer ours."""
        with contextlib.suppress(FileNotFoundError):
            if json.loads(self.path.read_text()) == self._owner:
                self.path.unlink()

    def __enter__(self) -> 'RunLock':
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps the other processes of this host, the only ones that take over a dead lock of it, from doing so meanwhile."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without such locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _create(path: Path, owner: dict[str, Any]) -> bool:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    try:
        os.write(descriptor, json.dumps(owner).encode())
    finally:
        os.close(descriptor)
    return True


def _read(path: Path) -> dict[str, Any] | None:
    """Returns the holder; None when the file is gone, a dead holder when its content makes no sense."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            holder = json.loads(path.read_bytes())
            if isinstance(holder, dict) and isinstance(holder.get('pid'), int) and 'host' in holder:
                return holder
        except FileNotFoundError:
            return None
        except ValueError:
            pass
        if time.monotonic() > end:
            return {'pid': 0, 'host': socket.gethostname(), 'boot': '', 'started': ''}
        time.sleep(0.05)


def _this_process() -> dict[str, Any]:
    return {'pid': os.getpid(), 'host': socket.gethostname(), 'boot': _boot(), 'started': _started(os.getpid())}


def _is_alive(holder: dict[str, Any]) -> bool:
    if holder['host'] != socket.gethostname():
        return True
    if holder['pid'] <= 0 or holder.get('boot') != _boot():
        return False
    try:
        os.kill(holder['pid'], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it lives and belongs to another user
    return holder.get('started') == _started(holder['pid'])


def _boot() -> str:
    """Returns what changes when the machine starts anew, '' where the system does not tell."""
    try:
        return Path('/proc/sys/kernel/random/boot_id').read_text().strip()
    except OSError:
        return ''


def _started(pid: int) -> str:
    """Returns when a process started, in ticks since boot, so that a reused number is told apart; '' if unknown."""
    try:
        text = Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return ''
    return text.rpartition(')')[2].split()[19]  # the name before it may hold anything
