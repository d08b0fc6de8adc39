"""A past batch of a run, read again from its caches: which records, which templates, which tokens bore loss."""

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxit.checkpoints import weights as weights_lib
from jaxit.cli import masked
from jaxit.core.errors import UserError
from jaxit.core.files import read_json, read_jsonl
from jaxit.data.manifest import MANIFEST
from jaxit.data.mixture import MixtureComponent
from jaxit.data.reader import RowReader, Traced, trace_rows
from jaxit.text import tokenizers

POSITIONS_FILE = 'positions.jsonl'


@dataclasses.dataclass(frozen=True)
class Example:
    """One example of the batch: where it came from, where it stood, and its text."""

    traced: Traced
    stretches: list[masked.Stretch]

    def as_json(self) -> dict[str, Any]:
        """Returns it as plain values."""
        return {**self.traced._asdict(), 'stretches': masked.as_json(self.stretches)}


@dataclasses.dataclass(frozen=True)
class Batch:
    """The batch of a step.

    Attributes:
        step: counted from 1.
        first_row: rows that the run had read before it.
        num_rows: of the global batch.
        examples: row by row.
    """

    step: int
    first_row: int
    num_rows: int
    examples: list[Example]


def batch_of(run: Path, step: int) -> Batch:
    """Returns the examples of a step's batch.

    Raises:
        UserError: when the folder is no run, its caches are gone or are not the ones it was trained with, or it
            never came to that step.
    """
    facts = _facts(run)
    first_row, num_rows = rows_of(_starts(run, facts), step, where=str(run))
    reader = _reader(run, facts)
    reader.skip(first_row)
    traced = trace_rows(reader, reader.next_rows(num_rows))
    tokenizer = tokenizers.load(run / weights_lib.TOKENIZER_FOLDER)
    examples = []
    for one in traced:
        tokens, boundaries = reader.caches[one.component].example(one.example)
        examples.append(Example(one, masked.stretches(tokens, boundaries, tokenizer)))
    return Batch(step, first_row, num_rows, examples)


def rows_of(starts: Sequence[dict[str, int]], step: int, *, where: str) -> tuple[int, int]:
    """Returns (rows read before a step's batch, rows in it).

    A run reads on from where it is when it goes back to a checkpoint after a divergence, and from the checkpoint's
    own position when it is started again; each such moment is a start. What came after it replaces what came before.

    Args:
        starts: `{"step", "emitted", "batch_size"}`, in the order they happened.
        step: counted from 1.
        where: names the run in messages.
    """
    if step < 1:
        raise UserError(f'--step is {step}; the first step is 1')
    last: list[dict[str, int]] = []
    for start in starts:
        last = [*itertools.takewhile(lambda other, at=start['step']: other['step'] < at, last), start]
    before = [start for start in last if start['step'] < step]
    if not before:
        raise UserError(f'{where}: says nothing of step {step}')
    start = before[-1]
    return start['emitted'] + (step - 1 - start['step']) * start['batch_size'], start['batch_size']


def _facts(run: Path) -> dict[str, Any]:
    if not (run / 'run.json').is_file():
        raise UserError(f'{run}: is no run folder; it holds no run.json')
    facts = read_json(run / 'run.json')
    if not isinstance(facts, dict) or 'data' not in facts:
        raise UserError(f'{run}: its run.json does not say how rows were made; it is of an older jaxit')
    return facts


def _starts(run: Path, facts: dict[str, Any]) -> list[dict[str, int]]:
    path = run / POSITIONS_FILE
    if not path.is_file():
        return [{'step': 0, 'emitted': 0, 'batch_size': facts['data']['batch_size']}]
    starts = []
    for number, record in read_jsonl(path):
        if not all(isinstance(record.get(name), int) for name in ('step', 'emitted', 'batch_size')):
            raise UserError(f'{path}: line {number} is not {{"step", "emitted", "batch_size"}}')
        starts.append(record)
    return starts


def _reader(run: Path, facts: dict[str, Any]) -> RowReader:
    components = [MixtureComponent(c['task'], Path(c['folder']), c['rate']) for c in facts['mixture']]
    gone = [component for component in components if not (component.folder / MANIFEST).is_file()]
    if gone:
        more = f' and {len(gone) - 1} more' if len(gone) > 1 else ''
        raise UserError(
            f'{run}: the cache of task {gone[0].name!r} is gone ({gone[0].folder}){more}; '
            'jaxit cache with the same gin file and seed builds it again'
        )
    data = facts['data']
    reader = RowReader(
        components,
        seed=facts['seed'],
        lengths=data['lengths'],
        encoder_decoder=data['format']['encoder_decoder'],
        pack=data['pack'],
        prefix_lm=data['prefix_lm'],
    )
    saved = facts['data_fingerprint']
    if reader.fingerprint != saved:
        known = set(saved.split())
        changed = [part.partition('=')[0] for part in reader.fingerprint.split() if part not in known]
        raise UserError(f'{run}: the caches are not those the run was trained with ({", ".join(changed)} changed)')
    return reader
