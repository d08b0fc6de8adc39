"""Two processes of four devices save, find damage and fall back together; one process reads what they wrote."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import checkpoint_states as states
import jax
import jax.numpy as jnp
import pytest

from jaxit.checkpoints import digest
from jaxit.checkpoints.manager import CheckpointManager

CHILD = Path(states.__file__).with_name('save_on_two_hosts.py')


def run_both(folder):
    """Returns what each of the two processes reports."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    env = os.environ | {'XLA_FLAGS': '--xla_force_host_platform_device_count=4'}
    commands = [[sys.executable, str(CHILD), str(port), str(process), str(folder)] for process in range(2)]
    children = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for command in commands]
    try:
        return [json.loads(child.communicate(timeout=180)[0].splitlines()[-1]) for child in children]
    finally:
        for child in children:
            child.kill()


@pytest.mark.slow
def test_two_hosts_agree_on_a_checkpoint_and_one_reads_it_on_other_meshes(tmp_path):
    first, second = run_both(tmp_path)
    expected = []
    for step in (10, 5):
        values = {name: leaf for name, leaf in states.values(step).items() if name != 'rng'}
        expected.append(digest.tree_digest(jax.tree.map(jnp.asarray, values)))
    for report in (first, second):
        assert report['steps'] == [10, 5] and report['digests'] == expected
        assert any('checkpoint 10 is damaged' in line for line in report['log'])
    assert any('another sha256' in line for line in first['log'] + second['log'])
    assert [name for name in sorted(os.listdir(tmp_path)) if 'corrupt' not in name] == ['5']
    for shape in ((2, 4), (8, 1), (1,)):
        manager = CheckpointManager(tmp_path, save_period=5)
        abstract = states.abstract_state(states.make_mesh(*shape))
        restored = manager.restore_latest({name: leaf for name, leaf in abstract.items() if name != 'rng'})
        manager.close()
        assert restored is not None and restored.data_position == states.position(5)
        assert states.differing(restored.state | {'rng': jax.random.key(5)}, 5) == []
