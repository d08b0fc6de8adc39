"""A folder that is whole or absent: built beside its place under a temporary name, then moved there."""

import os
import shutil
import socket
from pathlib import Path


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
