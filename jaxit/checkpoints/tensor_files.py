"""safetensors files, one or several under an index: read as views of the file, written tensor by tensor."""

import dataclasses
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxit.checkpoints.fields import strict_json
from jaxit.core.errors import UserError
from jaxit.core.files import write_json

SINGLE = 'model.safetensors'
INDEX = 'model.safetensors.index.json'
MAX_HEADER_BYTES = 100_000_000
_NAME = re.compile(r'[A-Za-z0-9._-]+\.safetensors')
_PICKLES = ('*.bin', '*.pt', '*.pth', '*.ckpt', '*.pkl')
DTYPES = {'F64': np.dtype(np.float64), 'F32': np.dtype(np.float32), 'F16': np.dtype(np.float16)}
DTYPES['BF16'] = np.dtype(jnp.bfloat16)
_CODES = {dtype: code for code, dtype in DTYPES.items()}


@dataclasses.dataclass(frozen=True)
class _Entry:
    path: Path
    dtype: np.dtype
    shape: tuple[int, ...]
    offset: int


class TensorFiles:
    """The tensors of a folder (or of one file); nothing is read before it is asked for.

    Raises:
        UserError: when there are no safetensors, or a file is not whole.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.where = str(path)
        self._entries: dict[str, _Entry] = {}
        for file, names in _files(Path(path)).items():
            entries = _header(file)
            if names is not None and names != entries.keys():
                wrong = sorted(names ^ entries.keys())
                raise UserError(f'{file}: the index and the file do not agree on tensor {wrong[0]!r}')
            self._entries |= entries

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns the shape of each tensor by name."""
        return {name: entry.shape for name, entry in self._entries.items()}

    def read(self, name: str) -> np.ndarray:
        """Returns a tensor as a read-only view of its file."""
        entry = self._entries[name]
        if not math.prod(entry.shape):
            return np.empty(entry.shape, entry.dtype)
        return np.memmap(entry.path, entry.dtype, 'r', entry.offset, entry.shape)


def _files(path: Path) -> dict[Path, set[str] | None]:
    """Returns the files of a path, each with the names that the index puts there."""
    if not path.is_dir():
        _refuse_pickle(path)
        return {path: None}
    if (path / INDEX).is_file():
        return _indexed(path)
    if (path / SINGLE).is_file():
        return {path / SINGLE: None}
    found = sorted(path.glob('*.safetensors'))
    if len(found) == 1:
        return {found[0]: None}
    if found:
        raise UserError(f'{path} holds {len(found)} safetensors files and no {INDEX}')
    for pattern in _PICKLES:
        for file in sorted(path.glob(pattern)):
            _refuse_pickle(file)
    raise UserError(f'{path} holds no {SINGLE}')


def _refuse_pickle(path: Path) -> None:
    if any(path.match(pattern) for pattern in _PICKLES):
        raise UserError(f'{path} is a pickle, which can run code when it is read; convert it to safetensors first')


def _indexed(folder: Path) -> dict[Path, set[str] | None]:
    where = folder / INDEX
    weight_map = strict_json(where.read_bytes(), str(where)).get('weight_map')
    if not isinstance(weight_map, dict) or not weight_map:
        raise UserError(f'{where}: no weight_map')
    files: dict[Path, set[str] | None] = {}
    for tensor, name in weight_map.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UserError(
                f'{where}: tensor {tensor!r} is said to be in {name!r}; only plain *.safetensors names are read'
            )
        names = files.setdefault(folder / name, set())
        assert names is not None
        names.add(tensor)
    return files


def _header(path: Path) -> dict[str, _Entry]:
    try:
        size = path.stat().st_size
        with open(path, 'rb') as f:
            length = int.from_bytes(f.read(8), 'little')
            if size < 8 or length > min(size - 8, MAX_HEADER_BYTES):
                raise UserError(f'{path}: not a whole safetensors file ({size} bytes, the header says {length})')
            header = strict_json(f.read(length), f'{path}: header')
    except OSError as error:
        raise UserError(f'{path}: {error.strerror or error}') from None
    header.pop('__metadata__', None)
    start = 8 + length
    entries, end = {}, start
    ordered = sorted(header.items(), key=lambda item: _begin(item[1]))
    for name, value in ordered:
        entries[name] = _entry(path, name, value, start, end)
        end = entries[name].offset + math.prod(entries[name].shape) * entries[name].dtype.itemsize
    if end != size:
        raise UserError(f'{path}: {size} bytes, its header describes {end}; the file is cut or damaged')
    return entries


def _begin(value: Any) -> int:
    offsets = value.get('data_offsets') if isinstance(value, dict) else None
    whole = isinstance(offsets, list) and len(offsets) == 2 and all(type(n) is int for n in offsets)
    return offsets[0] if whole and offsets is not None else -1


def _entry(path: Path, name: str, value: Any, start: int, end: int) -> _Entry:
    """Returns a described tensor; it must begin where the one before it ends."""
    shape = value.get('shape') if isinstance(value, dict) else None
    well = isinstance(shape, list) and all(type(n) is int and n >= 0 for n in shape) and _begin(value) >= 0
    if not well or shape is None:
        raise UserError(f'{path}: tensor {name!r} is badly described')
    if value.get('dtype') not in DTYPES:
        raise UserError(f'{path}: tensor {name!r} is {value.get("dtype")}; only {", ".join(DTYPES)} are read')
    dtype = DTYPES[value['dtype']]
    begin, finish = value['data_offsets']
    if start + begin != end or finish - begin != math.prod(shape) * dtype.itemsize:
        raise UserError(
            f'{path}: tensor {name!r} lies at bytes {begin} to {finish}, which do not fit its shape {shape}'
        )
    return _Entry(path, dtype, tuple(shape), start + begin)


@dataclasses.dataclass(frozen=True)
class Planned:
    """A tensor that will be written."""

    name: str
    shape: tuple[int, ...]

    def nbytes(self, dtype: np.dtype) -> int:
        """Returns its size in the file."""
        return math.prod(self.shape) * dtype.itemsize


def write(
    folder: Path,
    plan: Sequence[Planned],
    tensors: Iterable[tuple[str, np.ndarray]],
    *,
    dtype: np.dtype,
    max_shard_bytes: int,
) -> None:
    """Writes tensors in the order of the plan, in as many files as it takes, with an index if there are several.

    Args:
        folder: an existing folder.
        plan: names and shapes; headers come before data, so they must be known first.
        tensors: the values, in the same order.
        dtype: in the files.
        max_shard_bytes: a file holds no more, unless it holds a single tensor.
    """
    shards = _shards(plan, dtype, max_shard_bytes)
    names = [f'model-{i:05}-of-{len(shards):05}.safetensors' for i in range(1, len(shards) + 1)]
    names = names if len(shards) > 1 else [SINGLE]
    stream = iter(tensors)
    for name, shard in zip(names, shards, strict=True):
        _write_file(folder / name, shard, stream, dtype)
    if len(shards) > 1:
        weight_map = {tensor.name: name for name, shard in zip(names, shards, strict=True) for tensor in shard}
        total = sum(tensor.nbytes(dtype) for tensor in plan)
        write_json(folder / INDEX, {'metadata': {'total_size': total}, 'weight_map': weight_map})


def _shards(plan: Sequence[Planned], dtype: np.dtype, max_shard_bytes: int) -> list[list[Planned]]:
    shards: list[list[Planned]] = [[]]
    room = max_shard_bytes
    for tensor in plan:
        if tensor.nbytes(dtype) > room and shards[-1]:
            shards.append([])
            room = max_shard_bytes
        shards[-1].append(tensor)
        room -= tensor.nbytes(dtype)
    return shards


def _write_file(
    path: Path, shard: Sequence[Planned], stream: Iterator[tuple[str, np.ndarray]], dtype: np.dtype
) -> None:
    header: dict[str, Any] = {'__metadata__': {'format': 'pt'}}  # transformers reads no file without it
    end = 0
    for tensor in shard:
        begin, end = end, end + tensor.nbytes(dtype)
        header[tensor.name] = {'dtype': _CODES[dtype], 'shape': list(tensor.shape), 'data_offsets': [begin, end]}
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as f:
        f.write(len(text).to_bytes(8, 'little') + text)
        for tensor in shard:
            name, value = next(stream)
            assert name == tensor.name and value.shape == tensor.shape, (name, value.shape, tensor)
            f.write(np.ascontiguousarray(value, dtype).reshape(-1).view(np.uint8).data)
        f.flush()
        os.fsync(f.fileno())
