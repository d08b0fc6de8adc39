"""A folder that is whole or absent: built beside its place under a temporary name, then moved there."""

import contextlib
import fcntl
import logging
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Makes a folder and keeps the other processes of this host that ask for it waiting; an empty one is removed at the end.

    The kernel lets go of it when the process dies, however it dies.
    """
    descriptor = _hold(folder)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # gone, or not empty
            folder.rmdir()
        os.close(descriptor)


def start_folder(folder: Path) -> Path:
    """Makes the temporary folder of this process, and removes those of processes of this host that were killed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    prefix = f'.{folder.name}.{socket.gethostname()}.'
    for left in folder.parent.glob(f'{prefix}*'):
        pid, _, suffix = left.name[len(prefix) :].partition('.')
        if pid.isdigit() and suffix in ('tmp', 'old') and not _is_alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    temporary = folder.with_name(f'{prefix}{os.getpid()}.tmp')
    temporary.mkdir()
    return temporary


def move_into_place(temporary: Path, folder: Path) -> None:
    """Gives a complete folder its name; a folder that had it is removed."""
    _sync(temporary)
    old = temporary.with_suffix('.old')
    if folder.exists():
        os.replace(folder, old)
    os.replace(temporary, folder)
    _sync(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def _hold(folder: Path) -> int:
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:  # whoever held it has just removed it
            continue
        try:
            _lock(descriptor, folder)
            if os.path.samestat(os.fstat(descriptor), os.stat(folder)):
                return descriptor
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _log.warning('waiting for another process that works in %s', folder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        pass  # a file system without such locks


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
