"""From tasks to token caches: built once, off the training path, the same bytes however they are built."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from jaxit.core.errors import UserError
from jaxit.tasks.building import Build
from jaxit.tasks.fingerprints import fingerprint
from jaxit.tasks.registry import Task
from jaxit.tasks.row_jobs import OnBadRow, Row, RowJob
from jaxit.text.base import Tokenizer
from jaxit.text.examples import TokenFormat


def cache_folder(root: str | os.PathLike[str], task: Task, split: str, fingerprint: str) -> Path:
    """Returns `<root>/<task>-<split>-<first 12 digits of the fingerprint>`."""
    return Path(root) / f'{task.name}-{split}-{fingerprint[:12]}'


def plan(
    task: Task,
    split: str,
    tokenizer: Tokenizer,
    token_format: TokenFormat,
    root: str | os.PathLike[str],
    *,
    seed: int = 0,
    chat_format: str | None = None,
    on_bad_row: OnBadRow = 'error',
    leave_out: Collection[int] = (),
) -> Build:
    """Returns the build of one split, without reading its records.

    Args:
        task: the task.
        split: a split of its source.
        tokenizer: makes the ids.
        token_format: lengths and layout.
        root: the folder of caches; see `cache_folder`.
        seed: of template draws and span corruption.
        chat_format: writes every example as a conversation; see `text.chat`.
        on_bad_row: 'error' ends at the first row that can't be made into an example; 'skip' leaves such rows out and
            counts them as `bad_rows` in the manifest.
        leave_out: rows of the source that are passed over, see `hygiene.findings`; nor are they exemplars of others.
            They are counted as `left_out_rows`.
    """
    if on_bad_row not in ('error', 'skip'):
        raise UserError(f"on_bad_row is {on_bad_row!r}; it must be 'error' or 'skip'")
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
    job = RowJob(task, split, tokenizer, token_format, seed, chat_format, on_bad_row, frozenset(leave_out))
    return Build(job, cache_folder(root, task, split, key), key)


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

    Other arguments are those of `plan`.

    Args:
        task: the task.
        split: a split of its source.
        tokenizer: makes the ids.
        token_format: lengths and layout.
        root: the folder of caches.
        seed: of draws.
        num_workers: processes; the bytes are the same for any number.
        chat_format: writes every example as a conversation.
        on_bad_row: 'error' or 'skip'.
        leave_out: rows that are passed over.

    Raises:
        UserError: with the file and line of a bad row.
    """
    if num_workers < 1:
        raise UserError(f'num_workers is {num_workers}; it must be 1 or more')
    planned = plan(
        task,
        split,
        tokenizer,
        token_format,
        root,
        seed=seed,
        chat_format=chat_format,
        on_bad_row=on_bad_row,
        leave_out=leave_out,
    )
    if not planned.is_done():
        planned.run(num_workers)
    return planned.folder


def rows(
    task: Task,
    split: str,
    tokenizer: Tokenizer,
    token_format: TokenFormat,
    *,
    seed: int = 0,
    chat_format: str | None = None,
    invented: bool = False,
) -> Iterator[Row]:
    """Yields the rows that a cache would hold, without writing it; arguments as for `build`.

    With `invented`, they are those of the source's made-up record, which it must have.
    """
    task.source.check_split(split)
    job = RowJob(task, split, tokenizer, token_format, seed, chat_format)
    made_up = task.source.invented or {}
    for row, record in [(0, made_up)] if invented else job.read():
        try:
            made, _ = job.examples(row, record)
        except UserError as error:
            raise UserError(job.place(row, str(error))) from None
        yield from made
