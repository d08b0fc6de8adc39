"""How fast rows are planned and materialised, how much of them is padding, and how soon a run resumes.

    python benchmarks/input_pipeline.py                    a made-up mixture of three tasks
    python benchmarks/input_pipeline.py CACHE CACHE ...    real caches, in proportion to their examples

Prints one JSON line. One process, one thread; nothing here needs an accelerator.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxit.data.cache import CacheWriter, TokenCache
from jaxit.data.loader import MixtureComponent, RowReader

VOCAB_SIZE = 32_000


def synthesise(folder: Path, *, num_tasks: int, encoder_decoder: bool) -> list[MixtureComponent]:
    """Writes caches with lognormal lengths of 10 to 400 tokens; three tasks have the rates .5, .3 and .2."""
    rng = np.random.default_rng(0)
    rates = [0.5, 0.3, 0.2] if num_tasks == 3 else rng.lognormal(0, 1.5, num_tasks).tolist()
    num_examples = 60_000 // num_tasks
    return [
        MixtureComponent(name, write_task(folder / name, rng, num_examples, encoder_decoder=encoder_decoder), rate)
        for name, rate in zip((f'task_{i}' for i in range(num_tasks)), rates, strict=True)
    ]


def write_task(folder: Path, rng: np.random.Generator, num_examples: int, *, encoder_decoder: bool) -> Path:
    """Writes one cache of random tokens and returns its folder."""
    lengths = np.clip(rng.lognormal(4.5, 0.8, num_examples), 10, 400).astype(np.int64)
    header = {'task': folder.name, 'split': 'train', 'tokenizer_sha256': '', 'fingerprint': '', 'metadata': {}}
    with CacheWriter(folder, vocab_size=VOCAB_SIZE, encoder_decoder=encoder_decoder, **header) as out:
        for row, length in enumerate(lengths.tolist()):
            out.add(rng.integers(1, VOCAB_SIZE, length), [max(1, length * 3 // 4)], row, 0)
    return folder


def open_caches(folders: Sequence[Path]) -> list[MixtureComponent]:
    """Opens real caches, each at the rate of its number of examples."""
    return [MixtureComponent(str(folder), folder, TokenCache.open(folder, 'none').num_examples) for folder in folders]


def measure(components: Sequence[MixtureComponent], lengths: dict[str, int | None], *, num_rows: int, batch_size: int):
    """Returns the numbers as a dict."""

    def make(position=None) -> RowReader:
        encoder_decoder = lengths['inputs'] is not None
        return RowReader(
            components, seed=0, lengths=lengths, encoder_decoder=encoder_decoder, pack=True, position=position
        )

    start = time.perf_counter()
    reader = make()
    seconds_open = time.perf_counter() - start
    start = time.perf_counter()
    filled = {name: 0 for name, length in lengths.items() if length}
    seconds_other = 0.0
    for _ in range(num_rows // batch_size):
        batch = reader.materialise(reader.next_rows(batch_size))
        counting = time.perf_counter()
        for name in filled:
            side = 'encoder' if name == 'inputs' else 'decoder'
            filled[name] += int(np.count_nonzero(batch[f'{side}_segment_ids']))
        seconds_other += time.perf_counter() - counting
    seconds = time.perf_counter() - start - seconds_other
    rows = num_rows // batch_size * batch_size
    resumed, seconds_resume = resume_at(make, 10_000 * 8)
    return {
        'rows_per_second': round(rows / seconds),
        'padding': {name: round(1 - count / (rows * (lengths[name] or 0)), 5) for name, count in filled.items()},
        'open_seconds': round(seconds_open, 3),
        'resume_seconds_at_step_10000': round(seconds_resume, 4),
        'position_bytes': len(json.dumps(resumed)),
        'rows': rows,
        'tasks': len(components),
        'lengths': lengths,
        'batch_size': batch_size,
    }


def resume_at(make, num_rows: int) -> tuple[dict, float]:
    """Returns a position that many rows in, and the seconds a new reader takes to its first batch of 8 from there."""
    reader = make()
    reader.skip(num_rows)
    position = json.loads(json.dumps(reader.position))
    start = time.perf_counter()
    resumed = make(position)
    resumed.materialise(resumed.next_rows(8))
    return position, time.perf_counter() - start


def main() -> None:
    """Reads the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('caches', nargs='*', type=Path, help='cache folders; none: a made-up mixture')
    parser.add_argument('--num_tasks', type=int, default=3, help='of the made-up mixture')
    parser.add_argument('--rows', type=int, default=8_000)
    parser.add_argument('--batch_size', type=int, default=8)
    parser.add_argument('--targets_length', type=int, default=1024)
    parser.add_argument('--inputs_length', type=int, default=None, help='makes rows of an encoder-decoder')
    arguments = parser.parse_args()
    lengths = {'inputs': arguments.inputs_length, 'targets': arguments.targets_length}
    with tempfile.TemporaryDirectory() as folder:
        components = open_caches(arguments.caches) or synthesise(
            Path(folder), num_tasks=arguments.num_tasks, encoder_decoder=arguments.inputs_length is not None
        )
        numbers = measure(components, lengths, num_rows=arguments.rows, batch_size=arguments.batch_size)
    print(json.dumps({'benchmark': 'input_pipeline'} | numbers))


if __name__ == '__main__':
    main()
