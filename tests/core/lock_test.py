"""One holder at a time, with real processes: living, killed, and racing for a lock of a dead one."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from jaxit.core.errors import UserError
from jaxit.core.lock import LOCK_NAME, RunLock

HOLD = 'import sys, time; from jaxit.core.lock import RunLock; RunLock(sys.argv[1]); print("held", flush=True); time.sleep(99)'
RACE = """
import sys, time
from jaxit.core.errors import UserError
from jaxit.core.lock import RunLock
print('ready', flush=True)
sys.stdin.readline()
try:
    RunLock(sys.argv[1])
    print('held', flush=True)
except UserError:
    print('refused', flush=True)
sys.stdin.readline()
"""


def start(code, folder):
    command = [sys.executable, '-c', code, str(folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def end(process):
    process.send_signal(signal.SIGKILL)
    process.communicate()


def holder_of(folder):
    return json.loads((folder / LOCK_NAME).read_text())


def test_a_living_holder_refuses_a_second_and_a_killed_one_is_taken_over(tmp_path):
    first = start(HOLD, tmp_path)
    try:
        assert first.stdout.readline() == 'held\n'
        with pytest.raises(UserError, match=f'in use by process {first.pid} on {socket.gethostname()}'):
            RunLock(tmp_path)
        assert holder_of(tmp_path)['pid'] == first.pid
    finally:
        end(first)
    with RunLock(tmp_path):
        assert holder_of(tmp_path)['pid'] == os.getpid()
        with pytest.raises(UserError, match='in use'):
            RunLock(tmp_path)
    assert os.listdir(tmp_path) == []


def test_of_many_that_race_for_a_dead_lock_one_gets_it(tmp_path):
    with RunLock(tmp_path):
        dead = holder_of(tmp_path) | {'started': '1'}
    (tmp_path / LOCK_NAME).write_text(json.dumps(dead))
    racers = [start(RACE, tmp_path) for _ in range(4)]
    try:
        assert [racer.stdout.readline() for racer in racers] == ['ready\n'] * 4
        for racer in racers:
            racer.stdin.write('go\n')
            racer.stdin.flush()
        said = [racer.stdout.readline() for racer in racers]
        assert sorted(said) == ['held\n'] + ['refused\n'] * 3
        assert holder_of(tmp_path)['pid'] == racers[said.index('held\n')].pid
    finally:
        for racer in racers:
            end(racer)


@pytest.mark.parametrize(
    'change',
    [{'boot': 'before the last start'}, {'started': '1'}, {'pid': 2**22 + 1}],
    ids=['rebooted', 'number reused', 'no such process'],
)
def test_a_dead_holder_is_told_from_a_living_one(tmp_path, change):
    with RunLock(tmp_path):
        holder = holder_of(tmp_path)
    (tmp_path / LOCK_NAME).write_text(json.dumps(holder))
    with pytest.raises(UserError):
        RunLock(tmp_path)
    (tmp_path / LOCK_NAME).write_text(json.dumps(holder | change))
    RunLock(tmp_path).release()
    assert os.listdir(tmp_path) == []


def test_another_host_is_never_taken_over(tmp_path):
    (tmp_path / LOCK_NAME).write_text(json.dumps({'pid': 1, 'host': 'elsewhere', 'boot': 'x', 'started': '5'}))
    with pytest.raises(UserError, match=r'process 1 on elsewhere.*delete lock\.json'):
        RunLock(tmp_path)
    assert holder_of(tmp_path)['host'] == 'elsewhere'


@pytest.mark.parametrize('content', ['', '{"pid": ', '[]', '{"pid": "x"}'])
def test_a_lock_that_was_never_finished_is_taken_over(tmp_path, content, monkeypatch):
    monkeypatch.setattr('jaxit.core.lock._PATIENCE_SECONDS', 0.1)
    (tmp_path / LOCK_NAME).write_text(content)
    RunLock(tmp_path).release()
    assert os.listdir(tmp_path) == []


def test_releasing_leaves_the_lock_of_another(tmp_path):
    lock = RunLock(tmp_path)
    other = holder_of(tmp_path) | {'pid': 1}
    (tmp_path / LOCK_NAME).write_text(json.dumps(other))
    lock.release()
    assert holder_of(tmp_path) == other
    (tmp_path / LOCK_NAME).unlink()
    lock.release()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='choose a run folder that can be written'):
        RunLock(tmp_path / 'file' / 'run')
