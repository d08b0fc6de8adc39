"""SIGKILL of a real `jaxit cache` in the middle: no manifest, no process left behind, and the next call completes it."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

NUM_ROWS = 40_000
SECONDS = 120


def command(folder: Path, cache_dir: str, *more: str) -> list[str]:
    tokenizer = ('--tokenizer', 'bytes', '--inputs_length', '200')
    return [
        *(sys.executable, '-m', 'jaxit', 'cache', '--mixture', 'killed', '--module', 'killed_tasks', *tokenizer),
        *('--cache_dir', str(folder / cache_dir), *more),
    ]


def run(folder: Path, cache_dir: str, *more: str) -> subprocess.CompletedProcess:
    done = subprocess.run(command(folder, cache_dir, *more), cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done


def digests(folder: Path) -> dict[str, str]:
    """Of all files of the one cache in a folder."""
    (cache,) = (path for path in folder.iterdir() if not path.name.startswith('.'))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(cache.iterdir())}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = (
        {'inputs': f'What is {i} plus {i % 97}? ' * (i % 5 + 1), 'targets': str(i + i % 97)} for i in range(NUM_ROWS)
    )
    (tmp_path / 'rows.jsonl').write_text(''.join(json.dumps(row) + '\n' for row in rows))
    (tmp_path / 'killed_tasks.py').write_text(
        'from jaxit.tasks.registry import add_task\nfrom jaxit.tasks.sources import Jsonl\n'
        "add_task('killed', Jsonl('rows.jsonl'))\n"
    )
    return tmp_path


@pytest.mark.parametrize('workers', ['1', '2'])
def test_a_killed_cache_leaves_no_manifest_and_is_gone_on_with(folder: Path, workers: str) -> None:
    child = subprocess.Popen(
        command(folder, 'caches', '--num_workers', workers), cwd=folder, stderr=subprocess.PIPE, text=True
    )
    processes = []
    try:
        end = time.monotonic() + SECONDS
        while len(list((folder / 'caches').glob('.*.partial/*.shard'))) < 2:
            assert time.monotonic() < end and child.poll() is None, 'the moment never came'
            time.sleep(0.01)
        processes = psutil.Process(child.pid).children(recursive=True)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stderr.close()
    assert not list((folder / 'caches').rglob('manifest.json'))
    assert len(processes) >= (2 if workers == '2' else 0)
    assert psutil.wait_procs(processes, timeout=20)[1] == [], 'workers outlived their parent'
    kept = len(list((folder / 'caches').glob('.*.partial/*.shard')))
    again = run(folder, 'caches', '--num_workers', '2')
    assert f"task 'killed': going on from {kept} finished parts" in again.stderr
    run(folder, 'whole')
    assert digests(folder / 'caches') == digests(folder / 'whole')
    assert [path.name[0] for path in (folder / 'caches').iterdir()] == ['k']  # nothing but the cache is left
