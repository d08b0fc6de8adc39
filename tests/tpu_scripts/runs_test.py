"""What launch and watch do to a run: exact words, restarts, a cut connection, dead and silent workers."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

WHERE = ('my-slice', '--zone', 'us-west4-a')
TPU_VM = ['compute', 'tpus', 'tpu-vm']

HARD_WORDS = [
    'train',
    '--gin_file',
    'gin/a b.gin',
    '--gin.x="it\'s"',
    '$HOME',
    '`id`',
    '',
    '*',
    'a\nb',
    '--',
    'é\\',
    '&!',
]


def test_launch_passes_the_words_exactly_to_every_worker(cloud) -> None:
    homes = cloud.add_workers('0', '0')
    result = cloud.run('launch', *WHERE, '--run', 'first', '--env=FRUIT=an "apple"', '--', *HARD_WORDS)
    assert result.returncode == 0, result.stderr
    for home in homes:
        assert cloud.wait_for_end(home, 'first') == '0'
        (call,) = map(json.loads, (home / 'jaxit.jsonl').read_text().splitlines())
        assert call == ['an "apple"', str(home / 'jaxit'), *HARD_WORDS]
    (call,) = cloud.calls()
    assert call[:-1] == [*TPU_VM, 'ssh', 'my-slice', '--zone=us-west4-a', '--worker=all']


@pytest.mark.parametrize(
    ('codes', 'limit', 'starts', 'end'),
    [('75 75 76 0 0', '100', 4, '0'), ('1 0', '100', 1, '1'), ('75 2 0', '100', 2, '2'), ('75 75 75 0', '2', 3, '75')],
)
def test_launch_restarts_what_wants_to_be_resumed(cloud, codes: str, limit: str, starts: int, end: str) -> None:
    (home,) = cloud.add_workers(codes)
    assert cloud.run('launch', *WHERE, '--max-restarts', limit, '--', 'train').returncode == 0
    assert cloud.wait_for_end(home) == end
    assert len((home / 'jaxit.jsonl').read_text().splitlines()) == starts
    assert f'jaxit ended with {end}' in (home / 'jaxit-runs' / 'run' / 'log.txt').read_text()


def test_launch_outlives_the_connection_and_refuses_a_second_start(cloud) -> None:
    (home,) = cloud.add_workers('0')
    cloud.run('launch', *WHERE, '--', 'sleep')
    pid = int(cloud.wait_for(home / 'jaxit-runs' / 'run' / 'pid'))
    cloud.wait_for(home / 'jaxit.jsonl')
    fields = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    session, terminal = int(fields[3]), int(fields[4])
    assert session == pid and terminal == 0, 'the supervisor leads its own session and has no terminal'
    ignored = next(line for line in Path(f'/proc/{pid}/status').read_text().splitlines() if line.startswith('SigIgn'))
    assert int(ignored.split()[1], 16) & 1, 'SIGHUP is ignored'
    again = cloud.run('launch', *WHERE, '--', 'train')
    assert again.returncode == 1 and 'run run is running already on t1v-n-0a1b2c3d-w-0' in again.stderr
    assert int((home / 'jaxit-runs' / 'run' / 'pid').read_text()) == pid


@pytest.mark.parametrize(
    ('words', 'complaint'),
    [
        ((), 'the words for jaxit are missing'),
        (('--run', '../x', '--', 'train'), '--run ../x is not valid'),
        (('--env', 'novalue', '--', 'train'), '--env novalue is not KEY=VALUE'),
        (('--max-restarts', 'many', '--', 'train'), '--max-restarts many is not valid'),
    ],
)
def test_launch_refuses(cloud, words: tuple[str, ...], complaint: str) -> None:
    result = cloud.run('launch', *WHERE, *words)
    assert result.returncode == 2 and complaint in result.stderr and cloud.calls() == []


def test_watch_shows_the_log_of_one_worker_and_the_state_of_all(cloud) -> None:
    homes = cloud.add_workers('0', '75 0', '0')
    cloud.answer('READY\t3')
    cloud.run('launch', *WHERE, '--', 'train')
    for home in homes:
        cloud.wait_for_end(home)
    result = cloud.run('watch', *WHERE, '--worker', '1', '--lines', '2')
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        'worker 0: finished',
        'worker 1: finished',
        'worker 2: finished',
        'loss is falling',
        'jaxit ended with 0',
    ]


def test_watch_reports_failed_dead_and_unreachable_workers(cloud) -> None:
    homes = cloud.add_workers('5', '0', '0')
    cloud.answer('READY\t5')
    cloud.run('launch', *WHERE, '--', 'sleep')
    for home in homes:
        cloud.wait_for(home / 'jaxit.jsonl')
    pids = [int((home / 'jaxit-runs' / 'run' / 'pid').read_text()) for home in homes]
    os.killpg(pids[1], signal.SIGKILL)
    (homes[0] / 'jaxit-runs' / 'run' / 'exit').write_text('5\n')
    _wait_until_gone(pids[1])
    result = cloud.run('watch', *WHERE, '--lines', '1')
    assert result.returncode == 1
    assert result.stdout.splitlines() == [
        'worker 0: FAILED with exit code 5',
        'worker 1: DEAD, its supervisor is gone',
        'worker 2: running (restarts: 0)',
        'worker 3: OUT OF REACH',
        'worker 4: OUT OF REACH',
        'loss is falling',
    ]


def _wait_until_gone(pid: int) -> None:
    for _ in range(200):
        stat = Path(f'/proc/{pid}/stat')
        if not stat.exists() or stat.read_text().rsplit(')', 1)[1].split()[0] == 'Z':
            return
        time.sleep(0.05)


def test_watch_reports_a_silent_worker(cloud) -> None:
    (home,) = cloud.add_workers('0')
    cloud.answer('READY\t1')
    cloud.run('launch', *WHERE, '--', 'sleep')
    cloud.wait_for(home / 'jaxit.jsonl')
    log = home / 'jaxit-runs' / 'run' / 'log.txt'
    cloud.wait_for(log)
    os.utime(log, (time.time() - 1000, time.time() - 1000))
    result = cloud.run('watch', *WHERE)
    assert result.returncode == 1 and 'worker 0: SILENT for 100' in result.stdout


def test_watch_says_when_nothing_was_launched(cloud) -> None:
    cloud.add_workers('0')
    cloud.answer('READY\t1')
    result = cloud.run('watch', *WHERE, '--run', 'other')
    assert (result.returncode, result.stdout) == (1, 'worker 0: has no run other\n')


def test_watch_reports_a_preempted_slice(cloud) -> None:
    cloud.answer('PREEMPTED\t4')
    result = cloud.run('watch', *WHERE)
    assert result.returncode == 1 and 'slice my-slice is PREEMPTED' in result.stderr
    assert 'create it again' in result.stderr and len(cloud.calls()) == 1


def test_watch_follows_without_repeating_the_log(cloud) -> None:
    """Three looks while the run goes on and then ends: each line and each state is shown once."""
    (home,) = cloud.add_workers('0')
    cloud.answer('READY\t1')
    folder = home / 'jaxit-runs' / 'run'
    cloud.run('launch', *WHERE, '--', 'sleep')
    cloud.wait_for(home / 'jaxit.jsonl')
    (folder / 'log.txt').write_text('one\ntwo\nthree\n')
    # the fake `sleep` of the watch is the moment where the run goes on
    goes_on = f'if grep -q four {folder}/log.txt; then echo five; echo 0 >{folder}/exit; else echo four; fi'
    cloud.write_script(cloud.root / 'bin' / 'sleep', f'#!/bin/sh\n{{ {goes_on}; }} >>{folder}/log.txt\n')
    result = cloud.run('watch', *WHERE, '--follow', '--lines', '2')
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        'worker 0: running (restarts: 0)',
        'two',
        'three',
        'four',
        'worker 0: finished',
        'five',
    ]
