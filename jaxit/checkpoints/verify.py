"""Checks checkpoints on the host: no device, no restore, nothing written."""

import os
from typing import NamedTuple

from jaxit.checkpoints import folder as folder_lib
from jaxit.checkpoints import manifest
from jaxit.core.errors import UserError


class Finding(NamedTuple):
    """Something wrong with a checkpoint.

    Attributes:
        step: the step it belongs to, None for an entry that is no checkpoint.
        path: the file or folder at fault.
        problem: what is wrong with it.
    """

    step: int | None
    path: str
    problem: str


def verify(path: str | os.PathLike[str], step: int | None = None) -> list[Finding]:
    """Returns what is wrong with one step, or with all of them; an empty list means all is well.

    Args:
        path: a run, its folder of checkpoints, or one step.
        step: the step to check; None for the one `path` names, or all.

    Raises:
        UserError: there is no such step, or no checkpoint at all.
    """
    folder, named = folder_lib.locate(path)
    step = named if step is None else step
    found = [e for e in folder_lib.entries(folder) if e.path.name.isdecimal() and step in (None, e.step)]
    if not found:
        raise UserError(f'{folder}: no checkpoint' + (f' of step {step}' if step is not None else '') + ' is here')
    return [finding for entry in found for finding in _check(entry)]


def _check(entry: folder_lib.Entry) -> list[Finding]:
    if entry.problem:
        return [Finding(entry.step, str(entry.path), entry.problem)]
    findings = []
    for check in (_files, _contents):
        try:
            findings += check(entry)
        except manifest.DamagedCheckpointError as error:
            findings.append(Finding(entry.step, str(entry.path), str(error)))
    return findings


def _files(entry: folder_lib.Entry) -> list[Finding]:
    return [
        Finding(entry.step, str(entry.path / name), problem) for name, problem in manifest.file_problems(entry.path)
    ]


def _contents(entry: folder_lib.Entry) -> list[Finding]:
    manifest.read_data_position(entry.path, manifest.read(entry.path))
    return []
