"""The token cache: one folder per task and split, written once, then mapped into memory.

    tokens.bin            uint16 (int32 where the vocabulary needs it), all examples end to end
    offsets.npy           int64 [N + 1], example i is tokens[offsets[i] : offsets[i + 1]]
    boundaries.npy        int32 [M], where the loss toggles, relative to the example; it starts off
    boundary_offsets.npy  int64 [N + 1], example i has boundaries[b[i] : b[i + 1]]
    provenance.npy        int32 [N, 2], (source row, template)
    manifest.json         what it is, counts, and the hash of every file

Equal calls give equal bytes. A cache is whole or absent: it is built under a temporary name
beside the final one and moved into place when everything is on the disk.
"""

import errno
import functools
import mmap
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from jaxit.core.errors import DiskFullError, UserError
from jaxit.data.blocks import Block, block_of, first_unsound, loss_lengths
from jaxit.data.manifest import (
    ARRAYS,
    FILES,
    MANIFEST,
    TOKENS,
    VERSION,
    Verify,
    check_file,
    describe,
    read_manifest,
    write_manifest,
)
from jaxit.data.staging import move_into_place, start_folder
from jaxit.data.streams import ArrayStream, Stream

__all__ = ['MANIFEST', 'CacheWriter', 'TokenCache', 'Verify']

MAPPED_BYTES = 16 << 20  # a larger index file is mapped, a smaller one read: a mapping costs a file descriptor


class CacheWriter:
    """Streams examples into a new cache folder; use it as a context manager.

    Leaving the block moves the cache into place and replaces an older cache there; an exception
    leaves the place as it was. What it holds in memory does not grow with the task.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        task: str,
        split: str,
        vocab_size: int,
        encoder_decoder: bool,
        tokenizer_sha256: str,
        fingerprint: str,
        metadata: Mapping[str, Any],
    ) -> None:
        """Starts the temporary folder.

        Args:
            folder: where the cache will be.
            task: the task's name.
            split: the split's name.
            vocab_size: token ids must be below it; decides the width of a token on disk.
            encoder_decoder: an example is (inputs, targets) with exactly one boundary.
            tokenizer_sha256: hash of the tokenizer that made the ids.
            fingerprint: hash of all that determines the examples (source, preprocessors, template, versions).
            metadata: further JSON-able facts, kept as they are.
        """
        self.folder = Path(folder)
        self._header = {
            'version': VERSION,
            'task': task,
            'split': split,
            'vocab_size': vocab_size,
            'dtype': 'uint16' if vocab_size <= 1 << 16 else 'int32',
            'encoder_decoder': encoder_decoder,
            'tokenizer_sha256': tokenizer_sha256,
            'fingerprint': fingerprint,
            'metadata': dict(metadata),
        }
        self._counts: Counter[str] = Counter()
        self._longest = {'tokens': 0, 'inputs': 0, 'targets': 0}
        self._num_loss_tokens = 0
        if self.folder.exists() and not (self.folder / MANIFEST).is_file():
            raise UserError(f'{self.folder} exists and is not a cache; choose another folder or remove it')
        self._temporary = start_folder(self.folder)
        self._tokens = Stream(self._temporary / TOKENS, np.dtype(self._header['dtype']).newbyteorder('<'))
        self._arrays = {
            name: ArrayStream(self._temporary / f'{name}.npy', np.dtype(dtype), 2 if name == 'provenance' else None)
            for name, dtype in ARRAYS.items()
        }
        for name in ('offsets', 'boundary_offsets'):
            self._arrays[name].extend([0])

    @property
    def num_examples(self) -> int:
        """The number of examples added so far."""
        return self._arrays['offsets'].size - 1

    def add(
        self, tokens: Sequence[int] | np.ndarray, boundaries: Sequence[int], source_row: int, template: int
    ) -> None:
        """Appends one example.

        Args:
            tokens: [n] ids.
            boundaries: ascending; the loss is off at the start and toggles at each.
            source_row: the record's place in its source.
            template: index of the template that rendered it.

        Raises:
            UserError: for an example that could not be trained on; it names the task and the source row.
        """
        ids = np.asarray(tokens, np.int64)
        boundaries = [int(boundary) for boundary in boundaries]
        self._check(ids, boundaries, source_row)
        self._append(block_of([(ids, boundaries, source_row, template)]))

    def add_block(self, block: Block) -> None:
        """Appends many examples; the same as adding one after the other."""
        bad = first_unsound(block, self._header['vocab_size'], encoder_decoder=self._header['encoder_decoder'])
        if bad is not None:
            self._check(*block.example(bad))
            raise AssertionError(f'example {bad} of a block is unsound and passes')
        if len(block):
            self._append(block)

    def _append(self, block: Block) -> None:
        offsets = self._tokens.size + np.cumsum(block.lengths)
        boundary_offsets = self._arrays['boundaries'].size + np.cumsum(block.num_boundaries)
        self._tokens.extend(block.tokens)
        self._arrays['offsets'].extend(offsets)
        self._arrays['boundaries'].extend(block.boundaries)
        self._arrays['boundary_offsets'].extend(boundary_offsets)
        self._arrays['provenance'].extend(block.provenance.reshape(-1))
        inputs = block.boundaries[np.cumsum(block.num_boundaries) - block.num_boundaries]
        self._num_loss_tokens += int(loss_lengths(block.lengths, block.boundaries, block.num_boundaries).sum())
        for side, lengths in (('tokens', block.lengths), ('inputs', inputs), ('targets', block.lengths - inputs)):
            self._longest[side] = max(self._longest[side], int(lengths.max()))

    def count(self, what: str, number: int = 1) -> None:
        """Adds to a named count of the manifest, e.g. `'cut_inputs'` or `'dropped'`."""
        self._counts[what] += number

    def _check(self, ids: np.ndarray, boundaries: list[int], source_row: int) -> None:
        where = f'task {self._header["task"]!r} source row {source_row}'
        vocab_size = self._header['vocab_size']
        if ids.ndim != 1 or not ids.size:
            raise UserError(f'{where}: an example is a list of token ids, at least one; got shape {ids.shape}')
        if ids.min() < 0 or ids.max() >= vocab_size:
            raise UserError(f'{where}: token ids {ids.min()}..{ids.max()} do not lie in 0..{vocab_size - 1}')
        if not boundaries or boundaries != sorted(set(boundaries)) or boundaries[-1] > ids.size:
            raise UserError(f'{where}: boundaries {boundaries[:8]} must ascend within 0..{ids.size}')
        if boundaries[0] == ids.size:
            raise UserError(f'{where}: no token bears loss; drop the example')
        if boundaries[0] < 1:
            raise UserError(f'{where}: nothing stands before the first loss token; give it a prompt or a BOS token')
        if self._header['encoder_decoder'] and len(boundaries) != 1:
            raise UserError(f'{where}: an encoder-decoder example has one boundary, got {boundaries[:8]}')

    def close(self) -> None:
        """Completes the files and moves the cache into place."""
        if not self.num_examples:
            raise UserError(f'task {self._header["task"]!r} split {self._header["split"]!r} has no example to cache')
        self._tokens.close()
        for stream in self._arrays.values():
            stream.close()
        manifest = self._header | {
            'num_examples': self.num_examples,
            'num_tokens': self._tokens.size,
            'num_loss_tokens': self._num_loss_tokens,
            'longest': self._longest,
            'counts': dict(self._counts),
            'files': {name: describe(self._temporary / name) for name in FILES},
        }
        write_manifest(self._temporary, manifest)
        move_into_place(self._temporary, self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.close()
        except BaseException as closing:
            error = closing
            raise
        finally:
            self._abandon()
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise DiskFullError(f'{self.folder}: the disk is full; nothing was kept of this cache') from error

    def _abandon(self) -> None:
        self._tokens.file.close()
        for stream in self._arrays.values():
            stream.file.close()
        shutil.rmtree(self._temporary, ignore_errors=True)


class TokenCache:
    """An opened cache: examples by index, without reading what is not asked for."""

    def __init__(self, folder: Path, manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        self.folder = folder
        self.manifest = manifest
        self.offsets = arrays['offsets']
        self.boundaries = arrays['boundaries']
        self.boundary_offsets = arrays['boundary_offsets']
        self.provenance = arrays['provenance']

    @classmethod
    def open(cls, folder: str | os.PathLike[str], verify: Verify = 'quick') -> Self:
        """Opens a cache folder.

        Args:
            folder: where the cache is.
            verify: 'quick' hashes the index and some blocks of the tokens, other ones at each opening, so that many
                hosts and restarts see more; 'full' hashes everything and checks the structure; 'none' compares sizes only.

        Raises:
            UserError: names the file that is missing or damaged.
        """
        folder = Path(folder)
        if verify not in ('quick', 'full', 'none'):
            raise UserError(f"verify must be 'quick', 'full' or 'none', got {verify!r}")
        manifest = read_manifest(folder)
        for name in FILES:
            check_file(folder / name, manifest['files'][name], verify)
        arrays = {name: _load_array(folder / f'{name}.npy', np.dtype(dtype)) for name, dtype in ARRAYS.items()}
        cache = cls(folder, manifest, arrays)
        cache._check_structure(deep=verify == 'full')
        return cache

    @property
    def name(self) -> str:
        """The task's name."""
        return self.manifest['task']

    @property
    def encoder_decoder(self) -> bool:
        """Whether an example is (inputs, targets) of an encoder-decoder."""
        return self.manifest['encoder_decoder']

    @property
    def num_examples(self) -> int:
        """The number of examples."""
        return self.manifest['num_examples']

    @property
    def num_tokens(self) -> int:
        """The number of tokens of all examples."""
        return self.manifest['num_tokens']

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """[N] int32, tokens in each example."""
        return np.diff(self.offsets).astype(np.int32)

    @functools.cached_property
    def input_lengths(self) -> np.ndarray:
        """[N] int32, tokens before the first one that bears loss."""
        return self.boundaries[self.boundary_offsets[:-1]].astype(np.int32)

    @functools.cached_property
    def loss_lengths(self) -> np.ndarray:
        """[N] int32, tokens that bear loss."""
        return loss_lengths(self.lengths, self.boundaries, np.diff(self.boundary_offsets)).astype(np.int32)

    @functools.cached_property
    def tokens(self) -> np.ndarray:
        """[num_tokens] the ids of all examples, mapped; see `release`."""
        with open(self.folder / TOKENS, 'rb') as f:
            return np.frombuffer(mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ), self._dtype)

    def release(self) -> None:
        """Unmaps the tokens until they are asked for again, which frees a file descriptor."""
        self.__dict__.pop('tokens', None)

    def example(self, index: int) -> tuple[np.ndarray, tuple[int, ...]]:
        """Returns one example's (tokens [n] int32, boundaries)."""
        first, last = self.boundary_offsets[index : index + 2]
        tokens = self.tokens[self.offsets[index] : self.offsets[index + 1]].astype(np.int32)
        return tokens, tuple(self.boundaries[first:last].tolist())

    @property
    def _dtype(self) -> np.dtype:
        return np.dtype('<i4' if self.manifest['dtype'] == 'int32' else '<u2')

    def _check_structure(self, *, deep: bool) -> None:
        if self.manifest['files'][TOKENS]['size'] != self.num_tokens * self._dtype.itemsize:
            raise UserError(f'{self.folder / TOKENS} does not fit the manifest; build the cache again')
        expected = {'offsets': self.num_tokens, 'boundary_offsets': self.boundaries.size}
        for name, total in expected.items():
            array = getattr(self, name)
            ends_match = array.shape == (self.num_examples + 1,) and array[0] == 0 and array[-1] == total
            if not ends_match or (deep and (np.diff(array) < 1).any()):
                raise UserError(f'{self.folder / name}.npy does not fit the manifest; build the cache again')
        if self.provenance.shape != (self.num_examples, 2):
            raise UserError(f'{self.folder / "provenance.npy"} does not fit the manifest; build the cache again')


def _load_array(path: Path, dtype: np.dtype) -> np.ndarray:
    mode = 'r' if path.stat().st_size > MAPPED_BYTES else None
    try:
        array = np.load(path, mmap_mode=mode)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f'{path} is not a numpy array ({error}); build the cache again') from None
    if array.dtype != dtype:
        raise UserError(f'{path} holds {array.dtype}, expected {dtype}; build the cache again')
    return np.asarray(array)
