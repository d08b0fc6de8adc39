"""A part of a cache that is being built: a file of its own, so that a build that was killed goes on where it was."""

import hashlib
import io
import json
import zipfile
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxit.data.blocks import Block, join

_DIGEST_BYTES = hashlib.sha256().digest_size


class Shard(NamedTuple):
    """What became of some rows of a source.

    Attributes:
        block: the examples made of them.
        counts: how many were cut, dropped and so on, as `CacheWriter.count` has them.
        bad_rows: (row, message) of rows that can't be made into examples.
        error: why the rows could not be read; such a shard is never gone on from.
    """

    block: Block
    counts: Counter[str]
    bad_rows: list[tuple[int, str]]
    error: str = ''


def merge(shards: Sequence[Shard]) -> Shard:
    """Returns shards that follow one another as one."""
    counts: Counter[str] = Counter()
    for shard in shards:
        counts.update(shard.counts)
    return Shard(join([shard.block for shard in shards]), counts, [bad for shard in shards for bad in shard.bad_rows])


def to_bytes(shard: Shard, key: str) -> bytes:
    """Returns a shard of the build `key` as the bytes of a file, which know their own hash."""
    about = {'key': key, 'counts': dict(shard.counts), 'bad_rows': shard.bad_rows, 'error': shard.error}
    file = io.BytesIO()
    np.savez(file, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **shard.block._asdict())
    data = file.getvalue()
    return hashlib.sha256(data).digest() + data


def from_bytes(data: bytes, key: str) -> Shard | None:
    """Returns the shard of a file, None where it is damaged or of another build."""
    digest, data = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if hashlib.sha256(data).digest() != digest:
        return None
    try:
        with np.load(io.BytesIO(data)) as arrays:
            about = json.loads(arrays['about'].tobytes())
            block = Block(*(arrays[name] for name in Block._fields))
    except (ValueError, KeyError, zipfile.BadZipFile):
        return None
    if about.get('key') != key:
        return None
    bad_rows = [(row, message) for row, message in about['bad_rows']]
    return Shard(block, Counter(about['counts']), bad_rows, about['error'])
