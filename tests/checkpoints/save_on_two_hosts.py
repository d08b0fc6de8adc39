"""One of two processes that save, damage and restore together; run by tests/faults/checkpoint_hosts_test.py."""

import json
import os
import sys
from pathlib import Path

import checkpoint_states as states
import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxit.checkpoints import digest
from jaxit.checkpoints.manager import CheckpointManager

STEPS = (5, 10)


def place(mesh, leaf):
    leaf = np.asarray(leaf)
    return jax.make_array_from_callback(leaf.shape, states.sharding(mesh, leaf.shape), lambda index: leaf[index])


def flip_a_bit(step_folder: Path) -> None:
    path = max((p for p in step_folder.rglob('*') if '/d/' in str(p)), key=lambda p: p.stat().st_size)
    content = bytearray(path.read_bytes())
    content[77] ^= 4
    path.write_bytes(content)


def main(port: str, process: int, folder: str) -> None:
    jax.config.update('jax_cpu_collectives_implementation', 'gloo')
    jax.distributed.initialize(f'127.0.0.1:{port}', 2, process)
    mesh, lines = states.make_mesh(4, 2), []
    manager = CheckpointManager(folder, save_period=5, log=lines.append)
    for step in STEPS:
        values = {name: leaf for name, leaf in states.values(step).items() if name != 'rng'}
        state = jax.tree.map(lambda leaf: place(mesh, leaf), values)
        manager.save(step, state, data_position=states.position(step), metadata={})
    abstract = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), state)
    whole = manager.restore_latest(abstract)
    multihost_utils.sync_global_devices('restored')
    if process == 0:
        flip_a_bit(Path(folder) / '10')
    multihost_utils.sync_global_devices('damaged')
    before = manager.restore_latest(abstract)
    manager.close()
    assert whole is not None and before is not None
    digests = [digest.tree_digest(restored.state) for restored in (whole, before)]
    print(json.dumps({'steps': [whole.step, before.step], 'digests': digests, 'log': lines}), flush=True)
    os._exit(0)  # the other may have gone; a farewell would wait for it


if __name__ == '__main__':
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
