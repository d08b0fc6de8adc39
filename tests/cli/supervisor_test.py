"""The supervisor, on processes that are shell scripts: what is started again, and when it ends."""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from jaxit.cli.supervisor import GaveUp, Supervisor

Say = list[str]


def _supervisor(
    command: Callable[[int, str], Sequence[str]],
    said: Say,
    *,
    progress: Callable[[], int | None] | None = None,
    **options,
) -> Supervisor:
    steps = iter(range(1000))
    options = {'max_restarts': 10, 'backoff_seconds': 0.01, 'grace_seconds': 0.5} | options
    return Supervisor(command, progress=progress or (lambda: next(steps)), say=said.append, **options)


def _script(folder: Path, codes: Sequence[str]) -> Callable[[int, str], Sequence[str]]:
    """A process whose n-th start ends as the n-th of `codes` says: an exit code, or a signal (`-9`)."""
    log = folder / 'starts'

    def command(number: int, address: str) -> Sequence[str]:
        done = len(log.read_text().splitlines()) if log.exists() else 0
        with open(log, 'a') as f:
            f.write(f'{number} {address}\n')
        code = codes[min(done, len(codes) - 1)]
        return ['sh', '-c', f'kill {code} $$; sleep 9' if code.startswith('-') else f'exit {code}']

    return command


def _starts(folder: Path) -> int:
    return len((folder / 'starts').read_text().splitlines())


@pytest.mark.parametrize('code', [0, 1, 2, 3, 4, 17])
def test_a_code_that_is_no_call_for_help_ends_the_job(tmp_path: Path, code: int) -> None:
    said: Say = []
    assert _supervisor(_script(tmp_path, [str(code)]), said).run() == code
    assert _starts(tmp_path) == 1 and not said


def test_preemption_a_hang_and_a_signal_are_resumed(tmp_path: Path) -> None:
    said: Say = []
    assert _supervisor(_script(tmp_path, ['75', '76', '-9', '-6', '0']), said).run() == 0
    assert _starts(tmp_path) == 5
    found = [line.partition(' (')[0] for line in said]
    assert found == ['preempted', 'a step hung', 'a process was ended by SIGKILL', 'a process was ended by SIGABRT']


def test_restarts_are_bounded(tmp_path: Path) -> None:
    with pytest.raises(GaveUp, match='preempted after 2 restarts'):
        _supervisor(_script(tmp_path, ['75']), [], max_restarts=2).run()
    assert _starts(tmp_path) == 3


def test_it_gives_up_when_no_start_brings_a_newer_checkpoint(tmp_path: Path) -> None:
    said: Say = []
    with pytest.raises(GaveUp, match='3 starts in a row brought no newer checkpoint'):
        _supervisor(_script(tmp_path, ['-9']), said, progress=lambda: 7).run()
    assert _starts(tmp_path) == 3
    assert [line[line.index('restart') :] for line in said] == ['restart 1 in 0 s', 'restart 2 in 0 s']


def test_progress_takes_back_the_count(tmp_path: Path) -> None:
    newest = iter([None, None, None, 5, 5, 5, 5])  # before the first start, then after each
    with pytest.raises(GaveUp, match='3 starts in a row'):
        _supervisor(_script(tmp_path, ['75']), [], progress=lambda: next(newest)).run()
    assert _starts(tmp_path) == 6


def test_the_wait_doubles_while_nothing_helps(tmp_path: Path) -> None:
    said: Say = []
    with pytest.raises(GaveUp):
        _supervisor(_script(tmp_path, ['75']), said, progress=lambda: None, backoff_seconds=0.6).run()
    assert [line.rsplit(' in ', 1)[1] for line in said] == ['1 s', '2 s']


def test_all_processes_are_started_again_when_one_dies(tmp_path: Path) -> None:
    starts: list[tuple[int, str]] = []

    def command(number: int, address: str) -> Sequence[str]:
        starts.append((number, address))
        if len(starts) <= 3:  # the first life: process 1 is killed, the others would go on for ever
            return ['sh', '-c', 'kill -9 $$' if number == 1 else f'echo $$ >> {tmp_path}/pids; exec sleep 60']
        return ['true']

    began = time.monotonic()
    assert _supervisor(command, [], num_processes=3).run() == 0
    assert time.monotonic() - began < 30
    assert [number for number, _ in starts] == [0, 1, 2, 0, 1, 2]
    assert all(address.startswith('127.0.0.1:') for _, address in starts)
    assert len({address for _, address in starts[:3]}) == 1
    for pid in (tmp_path / 'pids').read_text().split() if (tmp_path / 'pids').exists() else ():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


def test_the_first_to_fail_says_why(tmp_path: Path) -> None:
    def command(number: int, address: str) -> Sequence[str]:
        return ['sh', '-c', 'exit 2' if number == 0 else 'sleep 0.5; kill -6 $$']

    assert _supervisor(command, [], num_processes=2).run() == 2


def test_sigterm_is_passed_on_and_ends_the_job(tmp_path: Path) -> None:
    ready = tmp_path / 'ready'

    def command(number: int, address: str) -> Sequence[str]:
        return ['sh', '-c', f'trap "exit 75" TERM; touch {ready}; while true; do sleep 0.02; done']

    def stop() -> None:
        while not ready.exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    said: Say = []
    thread = threading.Thread(target=stop)
    before = signal.getsignal(signal.SIGTERM)
    thread.start()
    assert _supervisor(command, said, grace_seconds=10.0).run() == 75
    thread.join()
    assert not said and signal.getsignal(signal.SIGTERM) == before
