"""A TensorFlow dataset that is really prepared: records, pieces of a slice, and caches that local workers and Beam make of it."""

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.tasks]
pytest.importorskip('tensorflow_datasets', reason="needs the extra 'tasks'")

SCRIPT = r"""
import hashlib, sys, tempfile
from pathlib import Path
import numpy as np
import tensorflow_datasets as tfds
from jaxit.core.errors import UnavailableError
from jaxit.tasks import beam_shards, building, caching, parallel
from jaxit.tasks.registry import Task
from jaxit.tasks.tensorflow_sources import Tfds
from jaxit.text.examples import TokenFormat
from jaxit.text.templates import Template
from jaxit.text.tokenizers import ByteTokenizer

root = tempfile.mkdtemp()


class Numbers(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version('1.0.0')

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict({'id': np.int64, 'text': tfds.features.Text()}))

    def _split_generators(self, dl_manager):
        return {'train': self._generate(0, 100), 'test': self._generate(1000, 10)}

    def _generate(self, start, count):
        for i in range(start, start + count):
            yield i, {'id': i, 'text': f'number {i} ä'}

    def _generate_examples(self):
        raise AssertionError


absent = Tfds('numbers:1.0.0', {'train': 'train'}, root)
try:
    next(absent.records('train'))
    raise AssertionError('it is not prepared')
except UnavailableError as error:
    assert 'numbers:1.0.0 is not prepared under' in str(error), error
try:
    Tfds('no_such_set:1.0.0', {'train': 'train'}, root).fingerprint('train')
    raise AssertionError('there is no such set')
except UnavailableError as error:
    assert str(error).startswith('no_such_set:1.0.0: DatasetNotFoundError') and '\n' not in str(error), error

Numbers(data_dir=root).download_and_prepare()
slices = {'train': 'train[:-20]', 'dev': 'train[-20:]', 'both': 'train[10:15]+test[2:6]', 'test': 'test'}
source = Tfds('numbers:1.0.0', slices, root)
for split, size in (('train', 80), ('dev', 20), ('both', 9), ('test', 10)):
    whole = list(source.records(split))
    assert len(whole) == source.count(split) == source.num_examples(split) == size, split
    assert all(type(row['id']) is int and row['text'] == f'number {row["id"]} ä' for row in whole)
    for start in (0, 4, 6, size):
        for stop in (None, 3, 8, size + 5):
            assert list(source.slice(split, start, stop)) == whole[start:stop], (split, start, stop)
assert not {row['id'] for row in source.records('train')} & {row['id'] for row in source.records('dev')}

parallel.CHUNK_ROWS, building.SHARD_CHUNKS = 8, 2
task = Task('numbers', source, templates=(Template('{text}?', '{id}'),))
builds = []
for name in ('local', 'beam'):
    builds.append(caching.plan(task, 'train', ByteTokenizer(), TokenFormat(True, 32, 9), Path(root, name)))
builds[0].run(1)
beam_shards.build(builds[1:])
hashes = [
    [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(build.folder.iterdir())] for build in builds
]
assert hashes[0] == hashes[1] and len(hashes[0]) == 6

for path in Path(root).rglob('*.tfrecord*'):  # damaged after it was prepared
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(bytes(data))
try:
    list(source.records('train'))
    raise AssertionError('the damage was not seen')
except UnavailableError as error:
    assert str(error).startswith('numbers:1.0.0: DataLossError'), error
print('all is well')
"""


def test_a_prepared_dataset(tmp_path):
    (tmp_path / 'numbers_data_set.py').write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, 'numbers_data_set.py'], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip().endswith('all is well')
