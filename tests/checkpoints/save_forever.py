"""Saves step after step until it is killed; run as a child process by tests/faults/checkpoint_kill_test.py."""

import sys

import checkpoint_states as states

from jaxit.checkpoints.manager import CheckpointManager


def main(folder: str) -> None:
    mesh = states.make_mesh(4, 2)
    manager = CheckpointManager(folder, save_period=1, max_to_keep=3)
    restored = manager.restore_latest(states.abstract_state(mesh))
    step = 0
    if restored is not None:
        step = restored.step
        wrong = states.differing(restored.state, step)
        assert not wrong and restored.data_position == states.position(step), wrong
    print('restored', step, flush=True)
    while True:
        step += 1
        manager.save(step, states.make_state(step, mesh), data_position=states.position(step), metadata={})
        manager.poll()


if __name__ == '__main__':
    main(sys.argv[1])
