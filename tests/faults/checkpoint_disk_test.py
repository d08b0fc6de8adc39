"""A full disk: said at once, in one line, with what was complete before still complete."""

import contextlib
import os
import shutil
import subprocess
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxit.checkpoints.manager import CheckpointManager
from jaxit.core.errors import DiskFullError

NUM_ELEMENTS = 262_144
STATE_BYTES = 4 * NUM_ELEMENTS + 4
ABSTRACT = {'params': jax.ShapeDtypeStruct((NUM_ELEMENTS,), jnp.uint32), 'step': jax.ShapeDtypeStruct((), jnp.int32)}


@pytest.fixture
def small_disk(tmp_path):
    """A file system with room for three states."""
    disk = tmp_path / 'disk'
    disk.mkdir()
    command = ['mount', '-t', 'tmpfs', '-o', f'size={3 * STATE_BYTES}', 'tmpfs', str(disk)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f'a small file system cannot be mounted here: {getattr(error, "stderr", error)}')
    yield disk
    subprocess.run(['umount', '-l', str(disk)], check=True)


def values(step):
    """Random bits, which do not compress."""
    return np.random.default_rng(step).integers(0, 2**32, NUM_ELEMENTS, dtype=np.uint32)


def save(manager, step):
    state = {'params': jnp.asarray(values(step)), 'step': jnp.int32(step)}
    manager.save(step, state, data_position={'emitted': step}, metadata={})


def save_and_poll(manager, step, seconds=60):
    """Saves and goes on polling as a training loop does, until the save has ended."""
    save(manager, step)
    end = time.monotonic() + seconds
    while step not in manager.valid_steps() and time.monotonic() < end:
        manager.poll()
        time.sleep(0.01)


def require_restorable(manager, step):
    restored = manager.restore_latest(ABSTRACT)
    assert restored is not None and restored.step == step and restored.data_position == {'emitted': step}
    np.testing.assert_array_equal(np.asarray(restored.state['params']), values(step))


@contextlib.contextmanager
def fill(disk, leave):
    """Takes all but `leave` bytes while it lasts."""
    path = disk / 'filler'
    path.write_bytes(bytes(max(0, shutil.disk_usage(disk).free - leave)))
    try:
        yield
    finally:
        path.unlink()


def test_too_little_room_is_said_before_anything_is_written(small_disk):
    manager = CheckpointManager(small_disk / 'checkpoints', save_period=1)
    save(manager, 1)
    manager.wait()
    with fill(small_disk, leave=STATE_BYTES), pytest.raises(DiskFullError) as error:
        save(manager, 2)
    need = f'needs {-(-STATE_BYTES * 12 // 10):,} bytes'
    assert need in str(error.value) and ' are free' in str(error.value) and error.value.exit_code == 4
    assert os.listdir(manager.folder) == ['1']
    require_restorable(manager, 1)
    save(manager, 2)
    manager.wait()
    require_restorable(manager, 2)
    manager.close()


@pytest.mark.parametrize('max_to_keep', [1, 2])
def test_a_disk_that_fills_during_a_save_loses_nothing(small_disk, max_to_keep, monkeypatch, caplog):
    manager = CheckpointManager(small_disk / 'checkpoints', save_period=1, max_to_keep=max_to_keep)
    save(manager, 1)
    manager.wait()
    with fill(small_disk, leave=STATE_BYTES // 2), monkeypatch.context() as patch:
        patch.setattr(manager, '_require_space', lambda size: None)  # as if the room went after the check
        for step in (2, 3):
            with pytest.raises(DiskFullError, match=f'the disk was full when saving step {step}'):
                save_and_poll(manager, step)
            assert os.listdir(manager.folder) == ['1']
            require_restorable(manager, 1)
    save(manager, 4)
    manager.wait()
    require_restorable(manager, 4)
    assert manager.valid_steps() == [4, 1][:max_to_keep]
    manager.close()
    assert caplog.records == []  # one line says it, not Orbax's pages


def test_the_error_of_a_save_shows_at_the_next_save_when_nobody_polls(small_disk, monkeypatch):
    manager = CheckpointManager(small_disk / 'checkpoints', save_period=1)
    save(manager, 1)
    manager.wait()
    with fill(small_disk, leave=STATE_BYTES // 2):
        monkeypatch.setattr(manager, '_require_space', lambda size: None)
        with contextlib.suppress(DiskFullError):  # raised here already when the disk is quick
            save(manager, 2)
            with pytest.raises(DiskFullError, match='saving step 2'):
                save(manager, 3)
    save(manager, 3)
    manager.close()
    assert manager.valid_steps() == [3, 1]
