"""Reads a checkpoint and proves it: manifest, files, arrays, digests; whole for a run, or the params alone."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import jax

from jaxit.checkpoints import arrays, digest, hosts, manifest
from jaxit.checkpoints import folder as folder_lib
from jaxit.checkpoints.manifest import DamagedCheckpointError
from jaxit.core import tree
from jaxit.core.errors import UserError
from jaxit.core.types import Array

PARAMS = 'params'
T = TypeVar('T')


def load_params(path: str | os.PathLike[str], step: int | None = None, abstract: Any = None) -> Any:
    """Returns the params of a checkpoint alone, proven by their digests; the folder is only read.

    Args:
        path: a run, its folder of checkpoints, or one step.
        step: None for the one `path` names, or the newest.
        abstract: the tree of the params with shape, dtype and sharding; None for a nested dict on the first device.

    Raises:
        UserError: there is no such checkpoint, or its params are not the ones wanted.
        DamagedCheckpointError: it is damaged.
    """
    step_folder = _choose(path, step)
    content = manifest.read(step_folder)
    saved = {name: leaf for name, leaf in content['leaves'].items() if name.split('/')[0] == PARAMS}
    if abstract is None:
        abstract = tree.unflatten(
            {
                name.removeprefix(f'{PARAMS}/'): arrays.abstract(leaf['shape'], leaf['dtype'])
                for name, leaf in saved.items()
            }
        )
    wanted = arrays.placed(tree.flatten({PARAMS: abstract}))
    manifest.require_same_leaves(step_folder, saved, wanted)
    leaves = together(lambda: read_leaves(step_folder, content, wanted))
    return jax.tree.unflatten(jax.tree.structure(abstract), list(leaves.values()))


def read_manifest(path: str | os.PathLike[str], step: int | None = None) -> dict[str, Any]:
    """Returns the manifest of a checkpoint: its step, leaves, metadata and hashes. No device is needed."""
    return manifest.read(_choose(path, step))


def _choose(path: str | os.PathLike[str], step: int | None) -> Path:
    folder, named = folder_lib.locate(Path(path).absolute())  # Orbax takes no other
    steps = folder_lib.valid_steps(folder)
    step = next((number for number in (step, named, *steps[:1]) if number is not None), None)
    if step is None:
        raise UserError(f'{path}: no checkpoint is here')
    if step not in steps:
        raise UserError(f'{folder}: no checkpoint of step {step}; there are {steps or "none"}')
    return folder / str(step)


def together(read: Callable[[], T]) -> T:
    """Returns what `read` does; raises `DamagedCheckpointError` in every process when it does in one."""
    result, problem = None, ''
    try:
        result = read()
    except DamagedCheckpointError as error:
        problem = str(error)
    if problem := hosts.anywhere(problem):
        raise DamagedCheckpointError(problem)
    return result  # type: ignore[return-value]


def read_json_items(step_folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the manifest and the data position of a step."""
    content = manifest.read(step_folder)
    return content, manifest.read_data_position(step_folder, content)


def require_whole_files(step_folder: Path) -> None:
    """Raises `DamagedCheckpointError` naming the first file that is not as it was written; hosts share the work."""
    share = (jax.process_index(), jax.process_count())
    problems = manifest.file_problems(step_folder, share=share)
    if problems:
        (name, problem), more = problems[0], f' ({len(problems)} files in all)' if len(problems) > 1 else ''
        raise DamagedCheckpointError(f'{step_folder / name} {problem}{more}')


def read_leaves(step_folder: Path, content: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Array]:
    """Returns the wanted leaves by path, each proven by its digest."""
    try:
        leaves = arrays.read(step_folder / manifest.STATE, wanted)
    except Exception as error:
        if isinstance(error, MemoryError) or 'RESOURCE_EXHAUSTED' in str(error):
            raise  # too large for the devices says nothing about the checkpoint
        raise DamagedCheckpointError(f'{step_folder} cannot be read: {one_line(error)}') from error
    manifest.require_same_digests(step_folder, content['leaves'], digest.tree_digest(leaves))
    return leaves


def one_line(error: BaseException) -> str:
    """Returns the first 300 characters of an error's text on one line."""
    return ' '.join(f'{type(error).__name__}: {error}'.split())[:300]
