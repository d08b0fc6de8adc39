"""One cache as a piece of work: which rows make which shard, what is there of it already, and the whole put together.

A shard is what became of `SHARD_ROWS` rows of the source. Local workers and Apache Beam make the same shards, and one
writer puts them together in order, so the bytes are the same. Finished shards stay beside the cache while it is built:
a build that was killed goes on from them.
"""

import itertools
import logging
import math
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jaxit.core.errors import DiskFullError, UserError
from jaxit.core.files import write_atomic
from jaxit.data import shards, staging
from jaxit.data.blocks import block_of
from jaxit.data.cache import MANIFEST, CacheWriter, TokenCache
from jaxit.data.shards import Shard
from jaxit.tasks import parallel
from jaxit.tasks.row_jobs import RowJob

SHARD_CHUNKS = 32

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Build:
    """A cache to be built.

    Attributes:
        job: what is done with the rows.
        folder: where the cache will be.
        key: the fingerprint of all that determines it.
    """

    job: RowJob
    folder: Path
    key: str

    @property
    def partial(self) -> Path:
        """The folder of finished shards, beside the cache."""
        return self.folder.with_name(f'.{self.folder.name}.partial')

    def is_done(self) -> bool:
        """Returns whether the cache is there and whole."""
        if not (self.folder / MANIFEST).is_file():
            return False
        try:
            return TokenCache.open(self.folder).manifest['fingerprint'] == self.key
        except UserError as error:
            _log.warning('%s; it is built again', error)
            return False

    def shard_name(self, number: int) -> str:
        """Returns the name of a shard's file."""
        return f'{number:06d}.shard'

    def finished(self) -> set[int]:
        """Returns the numbers of the shards that are there and whole."""
        if not self.partial.is_dir():
            return set()
        names = (re.fullmatch(r'(\d{6})\.shard', path.name) for path in self.partial.iterdir())
        found = ((int(name[1]), self.load(int(name[1]))) for name in names if name)
        return {number for number, shard in found if shard is not None and not shard.error}

    def load(self, number: int) -> Shard | None:
        """Returns a finished shard; None where there is none, or one that is damaged or of another build."""
        try:
            data = (self.partial / self.shard_name(number)).read_bytes()
        except FileNotFoundError:
            return None
        return shards.from_bytes(data, self.key)

    def save(self, number: int, shard: Shard) -> None:
        """Keeps a shard for a build that goes on from it."""
        write_atomic(self.partial / self.shard_name(number), shards.to_bytes(shard, self.key))

    def make(self, number: int) -> Shard:
        """Makes a shard by itself: reads its rows and no others. What is wrong with the source is in the shard, not raised."""
        try:
            rows = list(self.job.read(number * shard_rows(), (number + 1) * shard_rows()))
        except UserError as error:
            return Shard(block_of(()), Counter(), [], str(error))
        return self.job(rows)

    def num_shards(self) -> int:
        """Returns how many shards the rows of the source make, which may have to be counted."""
        return math.ceil(self.job.task.source.count(self.job.split) / shard_rows())

    def run(self, num_workers: int) -> None:
        """Builds the cache with local processes, unless it is there.

        An error in the data leaves nothing behind. What ends the process, or a worker, leaves the finished shards.
        """
        with staging.alone(self.partial):
            if self.is_done():
                return
            done = self.finished()
            if done:
                _log.warning('task %r: going on from %d finished parts', self.job.task.name, len(done))
            self.put_together(self._local(done, num_workers))

    def put_together(self, parts: Iterable[Shard]) -> None:
        """Writes the cache of all shards in their order, and removes what was kept of them."""
        try:
            with self._writer() as writer:
                for part in parts:
                    self._report(part, writer)
                    writer.add_block(part.block)
                    for name, number in part.counts.items():
                        writer.count(name, number)
                if self.job.leave_out:
                    writer.count('left_out_rows', len(self.job.leave_out))
        except (UserError, DiskFullError):
            shutil.rmtree(self.partial, ignore_errors=True)
            raise
        shutil.rmtree(self.partial, ignore_errors=True)

    def _local(self, done: set[int], num_workers: int) -> Iterator[Shard]:
        rows = (item for item in self.job.read() if item[0] // shard_rows() not in done)
        made = parallel.in_order(self.job, rows, num_workers, task=self.job.task.name, did='cached')
        for number in itertools.count():
            if number in done:
                shard = self.load(number)
                assert shard is not None, number
                yield shard
                continue
            chunks = [self._checked(chunk) for chunk in itertools.islice(made, SHARD_CHUNKS)]
            if not chunks:
                return
            shard = shards.merge(chunks)
            if len(chunks) == SHARD_CHUNKS:
                self.save(number, shard)
            yield shard

    def _checked(self, shard: Shard) -> Shard:
        """Raises the error of a source that could not be read, or of the first bad row where bad rows are errors."""
        if shard.error:
            raise UserError(shard.error)
        if shard.bad_rows and self.job.on_bad_row == 'error':
            raise UserError(self.job.place(*shard.bad_rows[0]))
        return shard

    def _report(self, shard: Shard, writer: CacheWriter) -> None:
        for row, message in self._checked(shard).bad_rows:
            _log.warning('left out: %s', self.job.place(row, message))
            writer.count('bad_rows')

    def _writer(self) -> CacheWriter:
        task, job = self.job.task, self.job
        return CacheWriter(
            self.folder,
            task=task.name,
            split=job.split,
            vocab_size=job.tokenizer.vocab_size,
            encoder_decoder=job.token_format.encoder_decoder,
            tokenizer_sha256=job.tokenizer.sha256,
            fingerprint=self.key,
            metadata={'cluster': task.cluster, 'licence': task.licence, 'language': task.language, 'seed': job.seed},
        )


def shard_rows() -> int:
    """Returns how many rows of the source a shard is made of."""
    return SHARD_CHUNKS * parallel.CHUNK_ROWS
