"""What a checkpoint says about itself: its leaves with their digests, its data position, and a hash of each file."""

import importlib.metadata
import json
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jaxit.checkpoints import folder as folder_lib
from jaxit.core import files
from jaxit.core.errors import NoCheckpointError, UserError

VERSION = 1
STATE, DATA, MANIFEST = 'state', 'data', 'manifest'  # the items of a step, one folder each
_PACKAGES = ('jaxit', 'jax', 'jaxlib', 'flax', 'optax', 'orbax-checkpoint', 'tensorstore', 'numpy')
_WRITTEN_LATER = (folder_lib.COMMIT_FILE, '_CHECKPOINT_METADATA', folder_lib.FILES_JSON)
_MAX_DIFFERENCES = 5
_HASH_THREADS = 8


class DamagedCheckpointError(NoCheckpointError):
    """A checkpoint whose bytes or values are not the ones that were saved."""


def build(
    step: int,
    leaves: Mapping[str, Any],
    digests: Mapping[str, str],
    *,
    data_position: Mapping[str, Any],
    metadata: Mapping[str, Any],
    config_sha256: str,
    tokenizer_sha256: str,
) -> dict[str, Any]:
    """Returns the manifest of a state given as leaves by path; it ends with a hash of itself."""
    content = {
        'version': VERSION,
        'step': step,
        'leaves': {
            path: {'digest': digests[path], 'shape': list(leaf.shape), 'dtype': str(leaf.dtype)}
            for path, leaf in leaves.items()
        },
        'data_position_sha256': files.sha256_json(data_position),
        'metadata': json.loads(json.dumps(metadata)),
        'config_sha256': config_sha256,
        'tokenizer_sha256': tokenizer_sha256,
        'versions': _versions(),
    }
    return _sealed(content)


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue  # run from a source tree
    return found


def _sealed(content: dict[str, Any]) -> dict[str, Any]:
    return content | {'sha256': files.sha256_json(content)}


def _read_sealed(path: Path) -> dict[str, Any]:
    try:
        content = files.read_json(path)
    except UserError as error:
        raise DamagedCheckpointError(str(error)) from None
    if not isinstance(content, dict) or _sealed({k: v for k, v in content.items() if k != 'sha256'}) != content:
        raise DamagedCheckpointError(f'{path}: its content is not what its own sha256 says')
    if content['version'] != VERSION:
        raise UserError(f'{path} has version {content["version"]}; this jaxit reads version {VERSION}')
    return content


def read(step_folder: Path) -> dict[str, Any]:
    """Returns the manifest of a step; raises `DamagedCheckpointError` unless it is whole."""
    path = step_folder / MANIFEST / 'metadata'
    content = _read_sealed(path)
    if str(content['step']) != step_folder.name:
        raise DamagedCheckpointError(f'{path}: was saved as step {content["step"]}')
    return content


def read_data_position(step_folder: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the data position of a step, checked against its manifest."""
    path = step_folder / DATA / 'metadata'
    try:
        position = files.read_json(path)
    except UserError as error:
        raise DamagedCheckpointError(str(error)) from None
    if files.sha256_json(position) != content['data_position_sha256']:
        raise DamagedCheckpointError(f'{path}: not the data position that was saved')
    return position


def require_same_leaves(where: Path, saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raises `UserError` with the first differences between the saved leaves and the abstract ones of this run."""
    have = {path: _describe(leaf['shape'], leaf['dtype']) for path, leaf in saved.items()}
    want = {path: _describe(leaf.shape, leaf.dtype) for path, leaf in wanted.items()}
    differing = [path for path in sorted(have.keys() | want.keys()) if have.get(path) != want.get(path)]
    if not differing:
        return
    lines = [
        f'{path}: checkpoint has {have.get(path, "no such leaf")}, this run wants {want.get(path, "no such leaf")}'
        for path in differing[:_MAX_DIFFERENCES]
    ]
    more = f'; and {len(differing) - len(lines)} more' if len(differing) > len(lines) else ''
    raise UserError(
        f'{where} does not fit this run: {"; ".join(lines)}{more}; set the model and optimizer it was saved with'
    )


def _describe(shape: Iterable[int], dtype: Any) -> str:
    return f'{tuple(shape)} {dtype}'


def require_same_digests(where: Path, saved: Mapping[str, Any], found: Mapping[str, str]) -> None:
    """Raises `DamagedCheckpointError` naming the leaves whose values are not the ones that were saved."""
    differing = [path for path, digest in found.items() if saved[path]['digest'] != digest]
    if differing:
        more = f' and {len(differing) - _MAX_DIFFERENCES} more' if len(differing) > _MAX_DIFFERENCES else ''
        names = ', '.join(differing[:_MAX_DIFFERENCES])
        raise DamagedCheckpointError(f'{where}: the values of {names}{more} are not the ones that were saved')


def write_files_json(step_folder: Path) -> None:
    """Writes size and sha256 of each file of a step; Orbax commits it with the rest."""
    names = sorted(
        os.path.relpath(os.path.join(parent, name), step_folder)
        for parent, _, children in os.walk(step_folder)
        for name in children
        if name not in _WRITTEN_LATER or parent != str(step_folder)
    )
    with ThreadPoolExecutor(_HASH_THREADS) as pool:
        hashes = list(pool.map(lambda name: files.sha256_file(step_folder / name), names))
    table = {
        name: {'size': (step_folder / name).stat().st_size, 'sha256': sha256}
        for name, sha256 in zip(names, hashes, strict=True)
    }
    files.write_json(step_folder / folder_lib.FILES_JSON, _sealed({'version': VERSION, 'files': table}))


def file_problems(step_folder: Path, *, share: tuple[int, int] = (0, 1)) -> list[tuple[str, str]]:
    """Returns (file, problem) for each file of a step that is not as it was written.

    Args:
        step_folder: the folder of the step.
        share: (i, n) looks at every n-th file from the i-th, so that n hosts share the work.

    Raises:
        DamagedCheckpointError: the list of files is itself damaged.
    """
    table = _read_sealed(step_folder / folder_lib.FILES_JSON)['files']
    index, count = share
    names = sorted(table)[index::count]
    with ThreadPoolExecutor(_HASH_THREADS) as pool:
        problems = pool.map(lambda name: _file_problem(step_folder / name, table[name]), names)
        return [(name, problem) for name, problem in zip(names, problems, strict=True) if problem]


def _file_problem(path: Path, expected: Mapping[str, Any]) -> str:
    try:
        size = path.stat().st_size
        if size != expected['size']:
            return f'has {size} bytes; {expected["size"]} were written'
        if files.sha256_file(path) != expected['sha256']:
            return 'has another sha256 than when it was written'
    except FileNotFoundError:
        return 'is missing'
    except OSError as error:
        return f'cannot be read: {error.strerror}'
    return ''
