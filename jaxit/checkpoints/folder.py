"""The folder of checkpoints, always read from disk: which steps are whole, which entries are not, what goes."""

import itertools
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from jaxit.core.errors import UserError

COMMIT_FILE = 'commit_success.txt'  # Orbax writes it last, just before a step gets its name
FILES_JSON = 'files.json'
TEMPORARY = '.orbax-checkpoint-tmp'
REPLACED = '.replaced'
CORRUPT = '.corrupt-'
_NO_FOLDER = 'is a file, not a folder'
_STEP = re.compile(r'0|[1-9][0-9]*')

Log = Callable[[str], None]


class Entry(NamedTuple):
    """An entry of the folder that looks like a checkpoint; `problem` says why it is none, '' if it is one."""

    path: Path
    step: int | None
    problem: str


def entries(folder: Path) -> Iterator[Entry]:
    """Yields what looks like a checkpoint: steps, unfinished and set-aside ones, in the order of their names."""
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f'{folder}: {error.strerror}; give the folder of checkpoints of a run') from None
    for name in names:
        path = folder / name
        if name.isdecimal():
            step = int(name) if _STEP.fullmatch(name) else None
            yield Entry(path, step, _step_problem(path) if step is not None else 'is not a step number')
        elif TEMPORARY in name:
            yield Entry(path, None, 'was never finished')
        elif CORRUPT in name:
            yield Entry(path, None, 'was set aside as damaged')
        elif name.endswith(REPLACED):
            yield Entry(path, None, 'was about to be replaced')


def _step_problem(path: Path) -> str:
    try:
        if not stat.S_ISDIR(path.stat().st_mode):
            return _NO_FOLDER
        for name in (COMMIT_FILE, FILES_JSON):
            if not (path / name).exists():
                return f'has no {name}, so it was not finished' if os.listdir(path) else 'is empty'
        os.listdir(path)
    except OSError as error:
        return f'cannot be read: {error.strerror}'
    return ''


def valid_steps(folder: str | os.PathLike[str], log: Log | None = None) -> list[int]:
    """Returns the finished steps on disk, newest first; says through `log` which entries are none and why.

    Finished means committed; whether the content is undamaged shows when it is restored or verified.
    """
    steps = []
    for entry in entries(Path(folder)):
        if entry.step is not None and not entry.problem:
            steps.append(entry.step)
        elif log is not None and TEMPORARY not in entry.path.name and CORRUPT not in entry.path.name:
            log(f'{entry.path} {entry.problem}; ignored')
    return sorted(steps, reverse=True)


def has_had_checkpoints(folder: Path) -> bool:
    """Returns whether a step, whole or not, is or was here; an unfinished first save does not count."""
    return any(TEMPORARY not in e.path.name and e.problem != _NO_FOLDER for e in entries(folder))


def locate(path: str | os.PathLike[str]) -> tuple[Path, int | None]:
    """Returns (folder of checkpoints, step or None) for a run, its folder of checkpoints, or one step of it."""
    path = Path(path)
    if _STEP.fullmatch(path.name) and (path / FILES_JSON).exists():
        return path.parent, int(path.name)
    inner = path / 'checkpoints'
    return (inner if inner.is_dir() else path), None


def set_aside(path: Path) -> Path:
    """Renames a damaged step so that nothing takes it for one again; deletes nothing."""
    name = f'{path.name}{CORRUPT}{time.strftime("%Y%m%d-%H%M%S")}'
    names = itertools.chain([name], (f'{name}-{number}' for number in itertools.count(2)))
    target = next(target for target in map(path.with_name, names) if not os.path.lexists(target))
    os.rename(path, target)
    return target


def make_way(folder: Path, step: int) -> None:
    """Frees the name of a step that is saved again, as after a rollback; the old one stays until the new one is whole."""
    path = folder / str(step)
    if not os.path.lexists(path):
        return
    if _step_problem(path):
        set_aside(path)
    else:
        replaced = path.with_name(path.name + REPLACED)
        delete(replaced)
        os.rename(path, replaced)


def delete(path: Path) -> None:
    """Deletes a file, link or folder; a folder loses its name first, so that none is ever half there."""
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
    elif path.exists():
        doomed = path if TEMPORARY in path.name else path.with_name(f'{path.name}.deleted{TEMPORARY}')
        if doomed != path:
            shutil.rmtree(doomed, ignore_errors=True)
            os.rename(path, doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def clean(folder: Path) -> None:
    """Removes what a killed process left: unfinished saves, and replaced steps whose successor is whole."""
    for entry in list(entries(folder)):
        name = entry.path.name
        if TEMPORARY in name:
            delete(entry.path)
        elif name.endswith(REPLACED):
            successor = entry.path.with_name(name.removesuffix(REPLACED))
            if os.path.lexists(successor) and not _step_problem(successor):
                delete(entry.path)
            elif not os.path.lexists(successor):
                os.rename(entry.path, successor)


def surplus(steps: Iterable[int], *, max_to_keep: int, keep_period: int | None) -> list[int]:
    """Returns the steps to delete: all but the newest `max_to_keep` and the multiples of `keep_period`."""
    old = sorted(steps, reverse=True)[max_to_keep:]
    return [step for step in old if keep_period is None or step % keep_period]
