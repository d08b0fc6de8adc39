"""A build that ended goes on from its finished parts, and two builds of one cache do not disturb each other."""

import hashlib
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jaxit.core.errors import JaxitError, UserError
from jaxit.data import staging
from jaxit.data.cache import TokenCache
from jaxit.tasks import building, caching, parallel
from jaxit.tasks.registry import Task
from jaxit.tasks.sources import Jsonl, Python
from jaxit.text.examples import TokenFormat
from jaxit.text.templates import Template
from jaxit.text.tokenizers import ByteTokenizer

FORMAT = TokenFormat(True, 24, 9)
TEMPLATES = (Template('Say {inputs}', '{targets}'), Template('{inputs}?', '{targets}'))
SHARD_ROWS = 64


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Four chunks of 16 rows make a part."""
    monkeypatch.setattr(parallel, 'CHUNK_ROWS', 16)
    monkeypatch.setattr(parallel, 'ALONE_CHUNKS', 1)
    monkeypatch.setattr(building, 'SHARD_CHUNKS', SHARD_ROWS // 16)


def records(count, **bad):
    rows = [{'inputs': f'{"ä" * (i % 19)} {i}', 'targets': f'{i}' * (i % 5 + 1)} for i in range(count)]
    return [row | bad.get(f'row{i}', {}) for i, row in enumerate(rows)]


def task_of(path: Path, rows, **fields) -> Task:
    path.write_text(''.join(json.dumps(row) + '\n' for row in rows))
    return Task('many', Jsonl(path), templates=TEMPLATES, **fields)


def plan(task, root):
    return caching.plan(task, 'train', ByteTokenizer(), FORMAT, root)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def interrupted(build, after: int) -> None:
    """Builds and is interrupted when so many parts are kept."""

    class Interrupted(type(build)):
        def save(self, number, shard):
            super().save(number, shard)
            if number + 1 == after:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Interrupted(build.job, build.folder, build.key).run(1)


@pytest.mark.parametrize('count', [0, 3, 64, 65, 128, 300])
def test_parts_made_apart_are_those_of_one_pass(tmp_path, count):
    task = task_of(tmp_path / 'rows.jsonl', [{'inputs': 'first', 'targets': 'row'}, *records(count)])
    whole = plan(task, tmp_path / 'a')
    whole.run(1)
    parts = plan(task, tmp_path / 'b')
    assert parts.num_shards() == -(-(count + 1) // SHARD_ROWS)
    with staging.alone(parts.partial):
        parts.put_together(parts.make(number) for number in range(parts.num_shards()))
    assert digests(whole.folder) == digests(parts.folder)


def test_an_interrupted_build_goes_on_with_the_same_bytes(tmp_path, caplog):
    task = task_of(tmp_path / 'rows.jsonl', records(300))
    plan(task, tmp_path / 'whole').run(1)
    build = plan(task, tmp_path / 'caches')
    interrupted(build, after=2)
    assert [path.name for path in (tmp_path / 'caches').iterdir()] == [build.partial.name]
    kept = {path.name: path.stat().st_mtime_ns for path in build.partial.iterdir()}
    assert set(kept) == {'000000.shard', '000001.shard'}
    made = []

    class Counted(type(build)):
        def save(self, number, shard):
            made.append(number)
            super().save(number, shard)

    Counted(build.job, build.folder, build.key).run(2)
    assert made == [2, 3]  # the last part, 44 rows, is written at once
    assert digests(build.folder) == digests(plan(task, tmp_path / 'whole').folder)
    assert 'going on from 2 finished parts' in caplog.text
    assert [path.name for path in (tmp_path / 'caches').iterdir()] == [build.folder.name]


def test_a_damaged_part_or_one_of_another_build_is_made_again(tmp_path):
    task = task_of(tmp_path / 'rows.jsonl', records(300))
    plan(task, tmp_path / 'whole').run(1)
    build = plan(task, tmp_path / 'caches')
    interrupted(build, after=3)
    parts = [build.partial / build.shard_name(number) for number in range(3)]
    parts[0].write_bytes(parts[0].read_bytes()[:-3])
    other = plan(task_of(tmp_path / 'other.jsonl', records(299)), tmp_path / 'others')
    interrupted(other, after=2)
    parts[1].write_bytes((other.partial / other.shard_name(1)).read_bytes())
    assert build.finished() == {2}
    build.run(1)
    assert digests(build.folder) == digests(plan(task, tmp_path / 'whole').folder)


@pytest.mark.parametrize('workers', [1, 2])
def test_an_error_in_the_data_leaves_nothing_also_after_finished_parts(tmp_path, workers):
    task = task_of(tmp_path / 'rows.jsonl', records(300, row200={'targets': ''}))
    build = plan(task, tmp_path / 'caches')
    with pytest.raises(UserError, match=r'rows.jsonl: line 201: .*no token bears loss'):
        build.run(workers)
    assert list((tmp_path / 'caches').iterdir()) == []


def test_a_bad_row_in_a_part_that_is_put_together_is_the_same_error(tmp_path):
    task = task_of(tmp_path / 'rows.jsonl', records(300, row200={'targets': ''}))
    build = plan(task, tmp_path / 'caches')
    with staging.alone(build.partial), pytest.raises(UserError, match=r'rows.jsonl: line 201: .*no token bears loss'):
        build.put_together(build.make(number) for number in range(build.num_shards()))
    assert list((tmp_path / 'caches').iterdir()) == []


def test_a_source_that_can_not_be_read_is_told_by_its_part(tmp_path):
    task = task_of(tmp_path / 'rows.jsonl', records(100))
    build = plan(task, tmp_path / 'caches')
    with (tmp_path / 'rows.jsonl').open('a') as f:
        f.write('{"inputs"\n')
    assert build.make(0).error == ''
    shard = build.make(1)
    assert 'rows.jsonl: line 101 is not JSON' in shard.error and len(shard.block) == 0
    with staging.alone(build.partial):
        build.save(1, shard)
        assert build.finished() == set()
        with pytest.raises(UserError, match='line 101 is not JSON'):
            build.put_together([build.make(0), shard])


def dies(record):
    import os

    if record['inputs'].endswith(' 200'):
        os._exit(9)
    return record


def test_a_worker_that_dies_leaves_the_parts_before_it(tmp_path):
    task = task_of(tmp_path / 'rows.jsonl', records(400), preprocessors=(dies,))
    build = plan(task, tmp_path / 'caches')
    with pytest.raises(JaxitError, match="a worker that cached task 'many' died"):
        build.run(2)
    assert build.finished() <= {0, 1, 2} and not build.is_done()
    assert not list((tmp_path / 'caches').glob('*/manifest.json'))


def test_two_builds_of_one_cache_wait_for_each_other(tmp_path, caplog):
    task = task_of(tmp_path / 'rows.jsonl', records(300))
    build = plan(task, tmp_path / 'caches')
    first, others = threading.Event(), []

    class Slow(type(build)):
        def save(self, number, shard):
            super().save(number, shard)
            if number == 0:
                others.append(threading.Thread(target=waits))
                others[0].start()
                first.wait(1.0)  # the other one is at the door meanwhile

    def waits():
        plan(task, tmp_path / 'caches').run(1)
        first.set()

    Slow(build.job, build.folder, build.key).run(1)
    others[0].join(30)
    assert first.is_set() and not others[0].is_alive()
    assert 'waiting for another process' in caplog.text
    assert TokenCache.open(build.folder, 'full').num_examples == 300
    assert [path.name for path in (tmp_path / 'caches').iterdir()] == [build.folder.name]


def test_a_held_folder_is_free_when_its_process_is_killed(tmp_path):
    code = (
        'import sys, time; from pathlib import Path; from jaxit.data.staging import alone\n'
        f'with alone(Path({str(tmp_path / "held")!r})):\n    print("held", flush=True); time.sleep(60)\n'
    )
    child = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == 'held\n'
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    with staging.alone(tmp_path / 'held'):
        assert (tmp_path / 'held').is_dir()
    assert not (tmp_path / 'held').exists()


def rows_of(split, seed):
    return records(200)


def test_exemplars_are_those_of_one_pass(tmp_path):
    task = Task('shots', Python(rows_of), templates=TEMPLATES, shots=2)
    job = plan(task, tmp_path).job
    whole = [record for _, record in job.read()]
    assert [record for _, record in job.read(100, 164)] == whole[100:164]
    assert [row for row, _ in job.read(100, 164)] == list(range(100, 164))
