"""How fast rows become a cache of tokens, beside SeqIO on the same rows with the same vocabulary.

    python benchmarks/cache_throughput.py                                             made-up rows, a vocabulary learnt of them
    python benchmarks/cache_throughput.py --vocabulary spiece.model --rows FILE.jsonl  the rows of a file, repeated

Prints one JSON line. Every arm is a process of its own, timed from its first row to its last (the time to import TensorFlow
or to start workers is told apart), one after the other, and all of it several times; the median counts.

- jaxit_1, jaxit_2: `caching.build` with so many workers: read, render, tokenise, write, hash.
- jaxit_beam: the same by Apache Beam's direct runner, two processes.
- seqio_iterate: SeqIO's default pipeline (tokenize, append_eos_after_trim) over a text source, iterated and not written.
- seqio_cache: SeqIO's own script for caches, Apache Beam's direct runner, two processes; from its start to its end
  (it wants `pip install google-crc32c`, and is left out without).
"""

import argparse
import gzip
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

INPUTS_LENGTH, TARGETS_LENGTH = 512, 128
ARMS = ('jaxit_1', 'jaxit_2', 'jaxit_beam', 'seqio_iterate', 'seqio_cache')
PROCESSES = 'direct_num_workers=2,direct_running_mode=multi_processing'

SEQIO_TASKS = """
import os
import seqio
import tensorflow as tf

VOCABULARY = seqio.SentencePieceVocabulary(os.environ['VOCABULARY'])

def parse(dataset):
    def fields(line):
        inputs, targets = tf.unstack(tf.strings.split(line, '\\t'), num=2)
        return {name: tf.strings.regex_replace(text, r'\\\\n', '\\n') for name, text in (('inputs', inputs), ('targets', targets))}
    return dataset.map(fields, num_parallel_calls=tf.data.AUTOTUNE)

seqio.TaskRegistry.add(
    'rows',
    source=seqio.TextLineDataSource({'train': os.environ['ROWS']}),
    preprocessors=[parse, seqio.preprocessors.tokenize, seqio.CacheDatasetPlaceholder(), seqio.preprocessors.append_eos_after_trim],
    output_features={name: seqio.Feature(VOCABULARY, add_eos=True) for name in ('inputs', 'targets')},
)
"""


def made_up(count: int) -> Iterator[tuple[str, str]]:
    """Yields rows of 20 to 200 words."""
    generator = random.Random(0)
    words = 'the a river town of market people old water light bread winter they walked carried under bridge and then'.split()
    for _ in range(count):
        yield ' '.join(generator.choices(words, k=generator.randint(20, 200))), ' '.join(generator.choices(words, k=4))


def read(path: Path, count: int) -> Iterator[tuple[str, str]]:
    """Yields the inputs and targets of a file, from its start again until there are enough."""
    with gzip.open(path, 'rt') if path.suffix == '.gz' else open(path) as f:
        rows = [json.loads(line) for line in f]
    for i in range(count):
        row = rows[i % len(rows)]
        yield row.get('inputs') or row['prompt'], row.get('targets') or row['completion']


def write(folder: Path, rows: Iterator[tuple[str, str]]) -> None:
    """Writes the rows in the form that each reads best: JSON lines, and text lines with a tab."""
    with open(folder / 'rows.jsonl', 'w') as lines, open(folder / 'rows.tsv', 'w') as table:
        for inputs, targets in rows:
            lines.write(json.dumps({'inputs': inputs, 'targets': targets}, ensure_ascii=False) + '\n')
            table.write('\t'.join(text.replace('\t', ' ').replace('\n', '\\n') for text in (inputs, targets)) + '\n')
    (folder / 'seqio_rows.py').write_text(SEQIO_TASKS)


def learn_vocabulary(folder: Path) -> str:
    """Trains a small SentencePiece model on the rows; returns its path."""
    import sentencepiece

    path = folder / 'learnt.model'
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / 'rows.tsv'),
        model_prefix=str(path.with_suffix('')),
        vocab_size=80,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    return str(path)


def jaxit_arm(folder: Path, vocabulary: str, arm: str) -> float:
    """Builds the cache and returns the seconds."""
    from jaxit.tasks import beam_shards, caching
    from jaxit.tasks.registry import Task
    from jaxit.tasks.sources import Jsonl
    from jaxit.text import tokenizers
    from jaxit.text.examples import TokenFormat

    task = Task('rows', Jsonl(folder / 'rows.jsonl'))
    token_format = TokenFormat(True, INPUTS_LENGTH, TARGETS_LENGTH)
    with tempfile.TemporaryDirectory(dir=folder) as caches:
        build = caching.plan(task, 'train', tokenizers.load(vocabulary), token_format, caches)
        start = time.perf_counter()
        if arm == 'jaxit_beam':
            beam_shards.build([build], PROCESSES)
        else:
            build.run(int(arm[-1]))
        return time.perf_counter() - start


def seqio_arm(arm: str) -> float:
    """Iterates the task, or runs the script that caches it, and returns the seconds."""
    if arm == 'seqio_cache':
        with tempfile.TemporaryDirectory() as caches:
            flags = [
                '--module_import=seqio_rows',
                '--tasks=rows',
                f'--output_cache_dir={caches}',
                '--min_shards=8',
                '--alsologtostderr=false',
            ]
            flags += [f'--pipeline_options={",".join(f"--{option}" for option in PROCESSES.split(","))}']
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, '-m', 'seqio.scripts.cache_tasks_main', *flags], check=True, stderr=subprocess.DEVNULL
            )
            return time.perf_counter() - start
    import seqio
    import seqio_rows  # noqa: F401

    lengths = {'inputs': INPUTS_LENGTH, 'targets': TARGETS_LENGTH}
    dataset = seqio.get_mixture_or_task('rows').get_dataset(lengths, 'train', use_cached=False, shuffle=False)
    start = time.perf_counter()
    for _ in dataset.as_numpy_iterator():
        pass
    return time.perf_counter() - start


def measure(folder: Path, vocabulary: str, arm: str) -> dict[str, float]:
    """Runs an arm in a process of its own; returns its seconds, and those of the whole process."""
    environment = {
        **os.environ,
        'ROWS': str(folder / 'rows.tsv'),
        'VOCABULARY': vocabulary,
        'TF_CPP_MIN_LOG_LEVEL': '3',
        'JAX_PLATFORMS': 'cpu',
    }
    environment['PYTHONPATH'] = os.pathsep.join([str(folder), *filter(None, [os.environ.get('PYTHONPATH')])])
    command = [sys.executable, __file__, '--vocabulary', vocabulary, '--arm', arm, '--folder', str(folder)]
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    whole = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f'{arm}: {done.stderr[-2000:]}')
    return {'seconds': float(done.stdout.split()[-1]), 'process_seconds': whole}


def main() -> None:
    """Measures, or is one arm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--vocabulary', help='a SentencePiece model; learnt of the rows by default')
    parser.add_argument('--rows', type=Path, help='a JSONL file with inputs and targets, may be gzipped')
    parser.add_argument('--count', type=int, default=50_000, help='rows')
    parser.add_argument('--repeats', type=int, default=3)
    here = [arm for arm in ARMS if arm != 'seqio_cache' or importlib.util.find_spec('google_crc32c')]
    parser.add_argument('--arms', nargs='*', default=here, choices=ARMS)
    parser.add_argument('--arm', help=argparse.SUPPRESS)
    parser.add_argument('--folder', type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    vocabulary = str(Path(arguments.vocabulary).absolute()) if arguments.vocabulary else ''
    if arguments.arm:
        is_ours = arguments.arm.startswith('jaxit')
        print(jaxit_arm(arguments.folder, vocabulary, arguments.arm) if is_ours else seqio_arm(arguments.arm))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, read(arguments.rows, arguments.count) if arguments.rows else made_up(arguments.count))
        vocabulary = vocabulary or learn_vocabulary(folder)
        found = [{arm: measure(folder, vocabulary, arm) for arm in arguments.arms} for _ in range(arguments.repeats)]
    result = {'rows': arguments.count, 'repeats': arguments.repeats}
    for arm in arguments.arms:
        for what in ('seconds', 'process_seconds'):
            rates = [arguments.count / run[arm][what] for run in found]
            result[f'{arm}/rows_per_{what.removesuffix("s")}'] = round(statistics.median(rates))
    print(json.dumps(result))


if __name__ == '__main__':
    main()
