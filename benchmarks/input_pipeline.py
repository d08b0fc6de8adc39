"""How fast rows are planned and materialised, how much of them is padding, and how soon a run resumes.

    python benchmarks/input_pipeline.py                    a made-up mixture of three tasks
    python benchmarks/input_pipeline.py CACHE CACHE ...    real caches, in proportion to their examples

Prints one JSON line. One process, one thread; nothing here needs an accelerator.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxit.data.cache import CacheWriter, TokenCache
from jaxit.data.loader import MixtureComponent, Position, RowReader

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


def measure(
    components: Sequence[MixtureComponent], lengths: dict[str, int | None], *, num_rows: int, batch_size: int
) -> dict[str, Any]:
    """Returns the numbers by name."""

    def make(position: Position | None = None) -> RowReader:
        pair = lengths['inputs'] is not None
        return RowReader(components, seed=0, lengths=lengths, encoder_decoder=pair, pack=True, position=position)

    start = time.perf_counter()
    reader = make()
    open_seconds = time.perf_counter() - start
    return {
        'tasks': len(components),
        'lengths': lengths,
        'batch_size': batch_size,
        'rows': num_rows,
        'open_seconds': round(open_seconds, 3),
        **measure_rows(reader, num_rows, batch_size),
        **measure_resume(make, num_rows=10_000 * 8),
    }


def measure_rows(reader: RowReader, num_rows: int, batch_size: int) -> dict[str, Any]:
    """Plans and materialises; rows per CPU second is what a machine without other work would reach."""
    sides = {'inputs': 'encoder', 'targets': 'decoder'} if reader.encoder_decoder else {'targets': 'decoder'}
    used, places = Counter(), Counter()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(num_rows // batch_size):
        batch = reader.materialise(reader.next_rows(batch_size))
        for name, side in sides.items():
            used[name] += int(np.count_nonzero(batch[f'{side}_segment_ids']))
            places[name] += batch[f'{side}_segment_ids'].size
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        'rows_per_second': round(num_rows / wall),
        'rows_per_cpu_second': round(num_rows / cpu),
        'padding': {name: round(1 - used[name] / places[name], 5) for name in sides},
    }


def measure_resume(make: Callable[..., RowReader], *, num_rows: int) -> dict[str, Any]:
    """Times a new reader up to its first batch of 8 from step 10,000, by way of JSON."""
    reader = make()
    reader.skip(num_rows)
    position = json.dumps(reader.position)
    start = time.perf_counter()
    resumed = make(json.loads(position))
    resumed.materialise(resumed.next_rows(8))
    seconds = time.perf_counter() - start
    return {'resume_seconds_at_step_10000': round(seconds, 4), 'position_bytes': len(position)}


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
