"""From tasks to token caches: built once, off the training path, the same bytes for any number of workers.

The parent reads the source and deals out chunks of rows; workers render and tokenise them; the parent
writes what they made in the order of the rows. What a row becomes depends on that row alone.
"""

import dataclasses
import logging
import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from jaxit.core.errors import UserError
from jaxit.core.files import sha256_json
from jaxit.data.cache import MANIFEST, CacheWriter, TokenCache
from jaxit.data.mixture import MixtureComponent
from jaxit.tasks import parallel
from jaxit.tasks.fingerprints import fingerprint
from jaxit.tasks.parallel import Chunk
from jaxit.tasks.registry import TRAIN, Mixture, Task, resolve
from jaxit.tasks.rendering import records, render_row
from jaxit.tasks.replay import replay_examples
from jaxit.tasks.sources import Record
from jaxit.text.base import Tokenizer
from jaxit.text.chat import Conversation, split
from jaxit.text.examples import Example, TokenFormat, TokenizedExample, tokenize

UNLIMITED = 1 << 40  # tokens

OnBadRow = Literal['error', 'skip']

_log = logging.getLogger(__name__)


class Row(NamedTuple):
    """One tokenised example and where it came from."""

    tokens: np.ndarray
    boundaries: tuple[int, ...]
    source_row: int
    template: int


class _Made(NamedTuple):
    """What became of a chunk."""

    rows: list[Row]
    counts: Counter[str]
    bad_rows: list[tuple[int, str]]


@dataclass(frozen=True)
class _Job:
    """All that a worker needs to know."""

    task: Task
    split: str
    tokenizer: Tokenizer
    token_format: TokenFormat
    seed: int
    chat_format: str | None
    on_bad_row: OnBadRow
    leave_out: frozenset[int] = frozenset()

    def __call__(self, chunk: Chunk) -> _Made:
        made = _Made([], Counter(), [])
        for row, record in chunk:
            try:
                rows, counts = self._row(row, record)
            except UserError as error:
                made.bad_rows.append((row, str(error)))
                if self.on_bad_row == 'error':
                    break
                continue
            made.rows.extend(rows)
            made.counts.update(counts)
        return made

    def _row(self, row: int, record: Record) -> tuple[list[Row], Counter[str]]:
        rows, counts = [], Counter()
        examples = render_row(self.task, self.split, row, record, seed=self.seed, chat_format=self.chat_format)
        if not examples:
            counts['filtered_rows'] += 1
        for example in examples:
            pieces = self._pieces(example)
            if not pieces or pieces[0] is not example:
                counts['split_conversations' if pieces else 'dropped'] += 1
            for tokenized in (tokenized for piece in pieces for tokenized in self._tokenize(piece, row)):
                if tokenized is None:
                    counts['dropped'] += 1
                    continue
                counts['cut_inputs'] += tokenized.cut_inputs > 0
                counts['cut_targets'] += tokenized.cut_targets > 0
                rows.append(Row(tokenized.tokens, tokenized.boundaries, row, example.template))
        return rows, counts

    def _pieces(self, example: Example) -> Sequence[Example]:
        """Returns the example itself, or what its task makes of a conversation that is longer than a row."""
        what = self.task.long_conversations
        if what == 'cut' or not isinstance(example, Conversation) or self._fits(example):
            return [example]
        return split(example, self._fits) if what == 'split' else []

    def _fits(self, example: Example) -> bool:
        """Returns whether nothing of a conversation would be cut."""
        unlimited = dataclasses.replace(self.token_format, inputs_length=UNLIMITED, targets_length=UNLIMITED)
        whole = tokenize(example, self.tokenizer, unlimited)
        assert whole is not None
        prompt, length = whole.boundaries[0], len(whole.tokens)
        if len(whole.boundaries) == 1:
            limit = prompt + self.token_format.targets_length
        else:
            limit = self.token_format.row_length
        return prompt <= self.token_format.inputs_length and length <= limit

    def _tokenize(self, example: Example, row: int) -> list[TokenizedExample | None]:
        if self.task.kind == 'instruction':
            return [tokenize(example, self.tokenizer, self.token_format)]
        seed = int(sha256_json([self.seed, self.task.name, row])[:8], 16)
        return list(replay_examples(example.targets, self.tokenizer, self.token_format, seed=seed))


def cache_folder(root: str | os.PathLike[str], task: Task, split: str, fingerprint: str) -> Path:
    """Returns `<root>/<task>-<split>-<first 12 digits of the fingerprint>`."""
    return Path(root) / f'{task.name}-{split}-{fingerprint[:12]}'


def build(
    task: Task,
    split: str,
    tokenizer: Tokenizer,
    token_format: TokenFormat,
    root: str | os.PathLike[str],
    *,
    seed: int = 0,
    num_workers: int = 1,
    chat_format: str | None = None,
    on_bad_row: OnBadRow = 'error',
    leave_out: Collection[int] = (),
) -> Path:
    """Builds the cache of one split unless it is there already, and returns its folder.

    Args:
        task: the task.
        split: a split of its source.
        tokenizer: makes the ids.
        token_format: lengths and layout.
        root: the folder of caches; see `cache_folder`.
        seed: of template draws and span corruption.
        num_workers: processes; the bytes are the same for any number.
        chat_format: writes every example as a conversation; see `text.chat`.
        on_bad_row: 'error' ends at the first row that can't be made into an example; 'skip' leaves such rows out and
            counts them as `bad_rows` in the manifest.
        leave_out: rows of the source that are passed over, see `hygiene.findings`; nor are they exemplars of others.
            They are counted as `left_out_rows`.

    Raises:
        UserError: with the file and line of a bad row.
    """
    if on_bad_row not in ('error', 'skip'):
        raise UserError(f"on_bad_row is {on_bad_row!r}; it must be 'error' or 'skip'")
    if num_workers < 1:
        raise UserError(f'num_workers is {num_workers}; it must be 1 or more')
    task.source.check_split(split)
    key = fingerprint(
        task,
        split,
        tokenizer,
        token_format,
        seed=seed,
        chat_format=chat_format,
        on_bad_row=on_bad_row,
        leave_out=leave_out,
    )
    folder = cache_folder(root, task, split, key)
    if not _is_present(folder, key):
        job = _Job(task, split, tokenizer, token_format, seed, chat_format, on_bad_row, frozenset(leave_out))
        _write(job, folder, key, num_workers)
    return folder


def ensure(
    mixture: Mixture | str,
    split: str,
    tokenizer: Tokenizer,
    token_format: TokenFormat,
    root: str | os.PathLike[str],
    *,
    seed: int = 0,
    num_workers: int = 1,
    chat_format: str | None = None,
    on_bad_row: OnBadRow = 'error',
    leave_out: Mapping[str, Collection[int]] | None = None,
) -> list[MixtureComponent]:
    """Builds the caches of a mixture that are missing and returns its components; arguments as for `build`.

    `leave_out` has rows by task.
    """
    components = []
    for task, rate in resolve(mixture):
        folder = build(
            task,
            split,
            tokenizer,
            token_format,
            root,
            seed=seed,
            num_workers=num_workers,
            chat_format=chat_format,
            on_bad_row=on_bad_row,
            leave_out=(leave_out or {}).get(task.name, ()),
        )
        components.append(MixtureComponent(task.name, folder, rate))
    return components


def rows(task: Task, split: str, tokenizer: Tokenizer, token_format: TokenFormat, *, seed: int = 0) -> Iterator[Row]:
    """Yields the rows that a cache would hold, without writing it; arguments as for `build`."""
    task.source.check_split(split)
    job = _Job(task, split, tokenizer, token_format, seed, None, 'error')
    for made in _in_order(job, num_workers=1):
        yield from made.rows
        for row, message in made.bad_rows:
            raise UserError(_place(job, row, message))


def _is_present(folder: Path, key: str) -> bool:
    if not (folder / MANIFEST).is_file():
        return False
    try:
        return TokenCache.open(folder).manifest['fingerprint'] == key
    except UserError as error:
        _log.warning('%s; it is built again', error)
        return False


def _write(job: _Job, folder: Path, key: str, num_workers: int) -> None:
    task = job.task
    metadata = {'cluster': task.cluster, 'licence': task.licence, 'language': task.language, 'seed': job.seed}
    writer = CacheWriter(
        folder,
        task=task.name,
        split=job.split,
        vocab_size=job.tokenizer.vocab_size,
        encoder_decoder=job.token_format.encoder_decoder,
        tokenizer_sha256=job.tokenizer.sha256,
        fingerprint=key,
        metadata=metadata,
    )
    with writer:
        for made in _in_order(job, num_workers):
            for row in made.rows:
                writer.add(row.tokens, row.boundaries, row.source_row, row.template)
            for name, number in made.counts.items():
                writer.count(name, number)
            _report_bad_rows(job, made.bad_rows, writer)
        if job.leave_out:
            writer.count('left_out_rows', len(job.leave_out))


def _report_bad_rows(job: _Job, bad_rows: list[tuple[int, str]], writer: CacheWriter) -> None:
    for row, message in bad_rows:
        where = _place(job, row, message)
        if job.on_bad_row == 'error':
            raise UserError(where)
        _log.warning('left out: %s', where)
        writer.count('bad_rows')


def _place(job: _Job, row: int, message: str) -> str:
    return f'task {job.task.name!r}, {job.task.source.locate(job.split, row)}: {message}'


def _in_order(job: _Job, num_workers: int) -> Iterator[_Made]:
    numbered = enumerate(records(job.task, job.split, job.seed, job.leave_out if job.split == TRAIN else ()))
    rows = (item for item in numbered if item[0] not in job.leave_out)
    yield from parallel.in_order(job, rows, num_workers, task=job.task.name, did='cached')
