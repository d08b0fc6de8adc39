"""What else may lie in a folder of checkpoints: nothing of it is taken for the newest step, nor deleted by retention."""

import os
import shutil
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from jaxit.checkpoints import folder
from jaxit.checkpoints.manager import CheckpointManager
from jaxit.core.errors import NoCheckpointError

ABSTRACT = {'x': jax.ShapeDtypeStruct((3,), jnp.float32)}


def save(manager, step):
    manager.save(step, {'x': jnp.full((3,), step, jnp.float32)}, data_position={'emitted': step}, metadata={})


@pytest.fixture(scope='module')
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp('run') / 'checkpoints'
    manager = CheckpointManager(path, save_period=5)
    for step in (5, 10):
        save(manager, step)
    manager.close()
    return path


@pytest.fixture
def run(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / 'checkpoints')


def restore(run):
    lines = []
    manager = CheckpointManager(run, save_period=5, log=lines.append)
    restored = manager.restore_latest(ABSTRACT)
    manager.close()
    assert restored is not None
    assert restored.state['x'].tolist() == [float(restored.step)] * 3
    assert restored.data_position == {'emitted': restored.step}
    return restored.step, lines


def test_an_empty_folder_with_a_high_number_is_ignored(run):
    (run / '999999').mkdir()
    step, lines = restore(run)
    assert step == 10 and [line for line in lines if '999999 is empty; ignored' in line]
    assert (run / '999999').is_dir()


def test_a_file_named_like_a_step_is_ignored(run):
    (run / '70').write_text('x')
    (run / '007').mkdir()
    step, lines = restore(run)
    assert step == 10
    assert '70 is a file, not a folder; ignored' in ' '.join(lines) and '007 is not a step number' in ' '.join(lines)


def test_a_loop_of_links_is_ignored(run):
    (run / '80').symlink_to(run / '81')
    (run / '81').symlink_to(run / '80')
    (run / '82').symlink_to(run / 'nowhere')
    step, lines = restore(run)
    assert step == 10 and len([line for line in lines if 'cannot be read' in line]) == 3


@pytest.mark.parametrize('name', ['commit_success.txt', 'files.json'])
def test_a_step_without_its_commit_marker_is_not_used(run, name):
    (run / '10' / name).unlink()
    step, lines = restore(run)
    assert step == 5 and f'has no {name}, so it was not finished' in lines[0]
    assert (run / '10').is_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason='needs root, to become nobody')
def test_a_folder_that_may_not_be_read_is_ignored(run):
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)
        moved = Path(shutil.copytree(run, Path(scratch) / 'checkpoints'))
        os.chmod(moved / '10', 0o700)
        lines: list[str] = []
        os.seteuid(65534)
        try:
            steps = folder.valid_steps(moved, lines.append)
        finally:
            os.seteuid(0)
    assert steps == [5] and 'cannot be read: Permission denied' in lines[0]


def test_leftovers_of_a_killed_save_are_removed_and_do_not_count(run):
    shutil.copytree(run / '10', run / '15.orbax-checkpoint-tmp')
    assert restore(run) == (10, [])
    assert sorted(os.listdir(run)) == ['10', '5']


def test_a_killed_first_save_is_no_checkpoint(tmp_path):
    (tmp_path / '5.orbax-checkpoint-tmp' / 'state').mkdir(parents=True)
    manager = CheckpointManager(tmp_path, save_period=5)
    assert manager.restore_latest(ABSTRACT) is None
    manager.close()
    assert os.listdir(tmp_path) == []


def test_a_killed_replacement_gives_the_old_one_its_name_back(run):
    os.rename(run / '10', run / '10.replaced')
    assert restore(run) == (10, [])
    shutil.copytree(run / '10', run / '10.replaced')
    assert restore(run) == (10, [])
    assert sorted(os.listdir(run)) == ['10', '5']


def test_nothing_but_junk_is_an_error_not_a_fresh_start(tmp_path):
    (tmp_path / '999999').mkdir()
    manager = CheckpointManager(tmp_path, save_period=5, log=lambda line: None)
    with pytest.raises(NoCheckpointError):
        manager.restore_latest(ABSTRACT)
    manager.close()


def test_retention_counts_valid_steps_only_and_deletes_no_junk(run):
    (run / '999999').mkdir()
    (run / '777').write_text('x')
    manager = CheckpointManager(run, save_period=5, max_to_keep=2, log=lambda line: None)
    save(manager, 15)
    manager.close()
    assert sorted(os.listdir(run)) == ['10', '15', '777', '999999']


def test_a_save_goes_on_where_junk_has_its_name(run):
    (run / '15').mkdir()
    (run / '20').write_text('x')
    manager = CheckpointManager(run, save_period=5, max_to_keep=9, log=lambda line: None)
    for step in (15, 20):
        save(manager, step)
    manager.close()
    assert restore(run)[0] == 20
    assert len(list(run.glob('*.corrupt-*'))) == 2


def test_the_newest_is_chosen_by_number_whatever_the_clock_says(run):
    os.utime(run / '10', (0, 0))
    assert restore(run)[0] == 10


def test_two_set_aside_in_one_second_keep_apart(tmp_path, monkeypatch):
    monkeypatch.setattr('jaxit.checkpoints.folder.time.strftime', lambda _: 'now')
    for _ in range(3):
        (tmp_path / '5').mkdir()
        folder.set_aside(tmp_path / '5')
    assert sorted(os.listdir(tmp_path)) == ['5.corrupt-now', '5.corrupt-now-2', '5.corrupt-now-3']
