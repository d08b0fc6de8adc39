"""SIGKILL of a real process that saves as fast as it can: the newest finished step is whole, the rest is cleaned up."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import checkpoint_states as states
import pytest

from jaxit.checkpoints import verify
from jaxit.checkpoints.folder import TEMPORARY
from jaxit.checkpoints.manager import CheckpointManager

CHILD = Path(states.__file__).with_name('save_forever.py')
SECONDS = 120


def start(folder):
    """Starts the child and returns it with the step it restored, once it begins to save."""
    child = subprocess.Popen([sys.executable, str(CHILD), str(folder)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    words = child.stdout.readline().split()
    assert words[:1] == ['restored'], 'the child died; see its output above'
    return child, int(words[1])


def kill(child):
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()


def until(condition):
    """Waits without pause, so that the moment is met."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, 'the moment never came'


def newest(folder):
    return max((int(name) for name in os.listdir(folder) if name.isdecimal()), default=0)


def require_newest_is_whole(folder, mesh):
    """Restores what the kill left, exactly; returns its step."""
    expected = newest(folder)
    manager = CheckpointManager(folder, save_period=1)
    assert not [name for name in os.listdir(folder) if TEMPORARY in name]
    restored = manager.restore_latest(states.abstract_state(mesh))
    manager.close()
    assert restored is not None and restored.step == expected
    assert states.differing(restored.state, expected) == []
    assert restored.data_position == states.position(expected)
    return expected


def test_a_killed_save_leaves_the_step_before_it_and_no_debris(tmp_path):
    """Killed at random times, and started again on what is left, as a supervisor does."""
    generator = random.Random(5)
    mesh = states.make_mesh(2, 4)
    seen = 0
    for _ in range(2):
        child, restored = start(tmp_path)
        assert restored == seen
        try:
            until(lambda floor=seen: newest(tmp_path) >= floor + 2)
            time.sleep(generator.uniform(0, 0.3))
        finally:
            kill(child)
        seen = require_newest_is_whole(tmp_path, mesh)
    assert verify.verify(tmp_path) == []


MOMENTS = {
    'the arrays are being written': f'*{TEMPORARY}*/state{TEMPORARY}*/ocdbt.process_0',
    'an item is committed': f'*{TEMPORARY}*/*/commit_success.txt',
    'the files are being hashed': f'*{TEMPORARY}*/.files.json.*',
    'the files are hashed': f'*{TEMPORARY}*/files.json',
    'the step is committed': f'*{TEMPORARY}*/commit_success.txt',
    'an old step is being deleted': f'*.deleted{TEMPORARY}',
}


@pytest.mark.slow
@pytest.mark.parametrize('moment', list(MOMENTS))
def test_killed_at_each_point_of_the_commit(tmp_path, moment):
    child, _ = start(tmp_path)
    try:
        until(lambda: newest(tmp_path) >= 2)
        until(lambda: any(tmp_path.glob(MOMENTS[moment])))
    finally:
        kill(child)
    require_newest_is_whole(tmp_path, states.make_mesh(1))
    assert verify.verify(tmp_path) == []
