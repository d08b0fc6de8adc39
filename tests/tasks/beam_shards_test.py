"""Caches that Apache Beam builds are those of local workers, byte for byte."""

import hashlib
import json
import logging
import sys
from pathlib import Path

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks import beam_shards, building, caching, parallel
from jaxit.tasks.preprocessors import filter_empty, strip
from jaxit.tasks.registry import Task
from jaxit.tasks.sources import Jsonl, Python
from jaxit.text.examples import TokenFormat
from jaxit.text.templates import Template
from jaxit.text.tokenizers import ByteTokenizer

pytestmark = [pytest.mark.filterwarnings('ignore')]
pytest.importorskip('apache_beam', reason="needs the extra 'beam'")

sys.path.insert(0, str(Path(__file__).parent))
import beam_rows  # noqa: E402

FORMAT = TokenFormat(True, 24, 9)
TEMPLATES = (Template('Say {inputs}', '{targets}'), Template('{inputs}?', '{targets}'))
# Two processes, as workers of a cluster are: nothing but files and the pipeline's own elements pass between them.
PROCESSES = 'runner=DirectRunner,direct_num_workers=2,direct_running_mode=multi_processing'


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Four chunks of 16 rows make a part; what Beam sets up for logging ends with the test."""
    monkeypatch.setattr(parallel, 'CHUNK_ROWS', 16)
    monkeypatch.setattr(building, 'SHARD_CHUNKS', 4)
    yield
    logging.getLogger('apache_beam').setLevel(logging.NOTSET)


def tasks():
    clean = (strip(), filter_empty(('inputs',)))
    return [
        Task('many', Python(beam_rows.rows), templates=TEMPLATES, preprocessors=clean),
        Task('text', Python(beam_rows.texts), kind='text'),
        Task('shots', Python(beam_rows.rows), templates=TEMPLATES, preprocessors=clean, shots=2),
    ]


def plans(root, **fields):
    return [caching.plan(task, 'train', ByteTokenizer(), FORMAT, root, seed=5, **fields) for task in tasks()]


def digests(builds) -> list[dict[str, str]]:
    return [
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(build.folder.iterdir())}
        for build in builds
    ]


@pytest.mark.parametrize('options', ['', 'runner=DirectRunner,direct_num_workers=2'], ids=['default', 'threads'])
def test_the_bytes_are_those_of_local_workers(tmp_path, options):
    local, beam = plans(tmp_path / 'local', leave_out={3, 70}), plans(tmp_path / 'beam', leave_out={3, 70})
    for build in local:
        build.run(1)
    beam_shards.build(beam, options)
    assert digests(local) == digests(beam)
    assert sorted(path.name for path in (tmp_path / 'beam').iterdir()) == sorted(build.folder.name for build in beam)


def test_workers_in_processes_of_their_own(tmp_path, monkeypatch):
    """What is patched here is not known there, so parts have their real size: one for each task."""
    monkeypatch.undo()
    monkeypatch.setenv('PYTHONPATH', str(Path(__file__).parent))
    local, beam = plans(tmp_path / 'local'), plans(tmp_path / 'beam')
    for build in local:
        build.run(2)
    beam_shards.build(beam, PROCESSES, str(tmp_path / 'elsewhere'))
    assert digests(local) == digests(beam)
    assert not [path for path in (tmp_path / 'elsewhere').rglob('*') if path.is_file()]


def test_parts_that_are_there_are_not_made_again(tmp_path, monkeypatch):
    local, (build, *_) = plans(tmp_path / 'local')[0], plans(tmp_path / 'beam')
    local.run(1)
    build.partial.mkdir(parents=True)
    build.save(1, build.make(1))
    build.save(3, build.make(3))
    made, run = [], beam_shards._run
    monkeypatch.setattr(beam_shards, '_run', lambda beam, todo, *rest: (made.extend(todo), run(beam, todo, *rest)))
    beam_shards.build([build])
    assert made == [(0, 0), (0, 2), (0, 4)]
    assert digests([local]) == digests([build])
    beam_shards.build([build])  # a cache that is there is not built again
    assert len(made) == 3


@pytest.mark.parametrize(
    ('bad', 'message'),
    [('{"inputs": "a", "targets": ""}', 'line 101: .*no token bears loss'), ('{"inputs"', 'line 101 is not JSON')],
)
@pytest.mark.parametrize('apart', [False, True])
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, bad, message, apart):
    good = json.dumps({'inputs': 'a', 'targets': 'b'})
    (tmp_path / 'rows.jsonl').write_text('\n'.join([*[good] * 100, bad, *[good] * 50]) + '\n')
    task = Task('bad', Jsonl(tmp_path / 'rows.jsonl'))
    build = caching.plan(task, 'train', ByteTokenizer(), FORMAT, tmp_path / 'caches')
    with pytest.raises(UserError, match=message) as caught:
        beam_shards.build([build], '', str(tmp_path / 'elsewhere') if apart else None)
    assert '\n' not in str(caught.value)
    assert list((tmp_path / 'caches').iterdir()) == []
    assert not [path for path in tmp_path.rglob('*') if path.is_file() and path.name != 'rows.jsonl']


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ('runer=DirectRunner', "unknown option of Apache Beam 'runer' in --beam; did you mean runner"),
        ('runner=NoRunner', '--beam: Unexpected pipeline runner: NoRunner'),
        ('direct_num_workers=two', "^--beam: argument --direct_num_workers: invalid int value: 'two'$"),
    ],
)
def test_options_that_beam_does_not_take_are_refused(tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        beam_shards.build(plans(tmp_path / 'caches'), options)
    assert not (tmp_path / 'caches').exists() or list((tmp_path / 'caches').iterdir()) == []


def test_functions_that_can_not_be_sent_are_refused(tmp_path):
    task = Task('local', Python(beam_rows.rows), preprocessors=(lambda record: record,))
    build = caching.plan(task, 'train', ByteTokenizer(), FORMAT, tmp_path / 'caches')
    with pytest.raises(UserError, match='can not be sent to the workers of Apache Beam'):
        beam_shards.build([build])
