"""Errors that end a command, each with the exit code a supervisor acts on."""

import difflib
from collections.abc import Iterable

EXIT_OK = 0
EXIT_BUG = 1
EXIT_USER = 2
EXIT_NO_CHECKPOINT = 3
EXIT_DISK_FULL = 4
EXIT_PREEMPTED = 75
EXIT_HANG = 76


class JaxitError(Exception):
    """An error meant for a person: its text is one line and needs no traceback."""

    exit_code = EXIT_BUG


class UserError(JaxitError, ValueError):
    """The user's input is wrong. The message says what, where, and what to do."""

    exit_code = EXIT_USER


class UnavailableError(UserError):
    """Data is not here: not fetched, not prepared, or in another place. A mixture may do without it; what is wrong in data
    that is here is no such error.
    """


class NoCheckpointError(JaxitError):
    """Checkpoints were expected and none of them is valid."""

    exit_code = EXIT_NO_CHECKPOINT


class DiskFullError(JaxitError):
    """A write failed for lack of space; what was complete before is still complete."""

    exit_code = EXIT_DISK_FULL


class Preempted(JaxitError):
    """The run was told to stop, has saved, and wants to be started again."""

    exit_code = EXIT_PREEMPTED


def unknown_name(kind: str, name: str, choices: Iterable[str], *, where: str = '') -> UserError:
    """Returns the error for a name that is not registered, with the nearest names.

    Args:
        kind: what the name stands for, e.g. `'task'`.
        name: the name that was given.
        choices: the names that exist.
        where: an optional place (`'gin/runs/x.gin line 3'`).
    """
    choices = sorted(choices)
    near = difflib.get_close_matches(name, choices, n=3, cutoff=0.5)
    if near:
        hint = f'did you mean {", ".join(near)}?'
    elif choices:
        more = ', ...' if len(choices) > 8 else ''
        hint = f'choices: {", ".join(choices[:8])}{more}'
    else:
        hint = f'no {kind} is registered'
    place = f' in {where}' if where else ''
    return UserError(f'unknown {kind} {name!r}{place}; {hint}')


def missing_extra(package: str, extra: str) -> UnavailableError:
    """Returns the error for an optional dependency that is not installed."""
    return UnavailableError(
        f"{package} is not installed; it comes with the extra '{extra}': pip install 'jaxit[{extra}]'"
    )
