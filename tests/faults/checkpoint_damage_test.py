"""Damage to the newest checkpoint is harmless or reported, never silent: flipped bits, cut, emptied and deleted files."""

import os
import random
import re
import shutil

import checkpoint_states as states
import pytest

from jaxit.checkpoints import folder, loading, manifest, verify
from jaxit.checkpoints.manager import CheckpointManager
from jaxit.core.errors import NoCheckpointError

NOT_LISTED = {'files.json', 'commit_success.txt', '_CHECKPOINT_METADATA'}  # files of a step that have no hash


@pytest.fixture(scope='module')
def mesh():
    return states.make_mesh(1)


@pytest.fixture(scope='module')
def saved(tmp_path_factory, mesh):
    path = tmp_path_factory.mktemp('run') / 'checkpoints'
    manager = CheckpointManager(path, save_period=5)
    for step in (5, 10):
        manager.save(step, states.make_state(step, mesh), data_position=states.position(step), metadata={})
    manager.close()
    return path


@pytest.fixture
def run(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / 'checkpoints')


def files_of(step_folder):
    return sorted(str(path.relative_to(step_folder)) for path in step_folder.rglob('*') if path.is_file())


def restore(run, mesh):
    """Returns the step that was restored, exact or the test fails, and what was logged."""
    lines = []
    manager = CheckpointManager(run, save_period=5, log=lines.append)
    restored = manager.restore_latest(states.abstract_state(mesh))
    manager.close()
    assert restored is not None
    assert states.differing(restored.state, restored.step) == [], 'silently wrong values'
    assert restored.data_position == states.position(restored.step), 'silently wrong data position'
    return restored.step, lines


def undo(run):
    """Gives a step that was set aside its name back."""
    for path in run.glob('10.corrupt-*'):
        os.rename(path, run / '10')


def flip(path, bit):
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def sampled_flips(step_folder, generator, total=60):
    """(file, bit) pairs: two of every file, the rest in proportion to size."""
    sizes = {name: (step_folder / name).stat().st_size for name in files_of(step_folder)}
    flips = [(name, generator.randrange(8 * size)) for name, size in sizes.items() for _ in range(2)]
    names = generator.choices(list(sizes), list(sizes.values()), k=max(0, total - len(flips)))
    return flips + [(name, generator.randrange(8 * sizes[name])) for name in names]


def test_a_flipped_bit_in_any_file_is_harmless_or_reported_with_the_file(run, mesh):
    reported = 0
    for name, bit in sampled_flips(run / '10', random.Random(1)):
        flip(run / '10' / name, bit)
        found = verify.verify(run, 10)
        step, lines = restore(run, mesh)
        undo(run)
        flip(run / '10' / name, bit)
        if name in NOT_LISTED - {'files.json'}:
            assert (step, found) == (10, []), name
            continue
        reported += 1
        assert step == 5, (name, bit)
        assert any(name in line for line in lines), (name, lines)
        assert any(finding.path.endswith(name) or name in finding.problem for finding in found), (name, found)
    assert reported > 50
    assert restore(run, mesh) == (10, []) and verify.verify(run) == []


@pytest.mark.slow
def test_values_damaged_before_the_files_were_hashed_are_caught_by_the_digests(run, mesh):
    named = 0
    for name, bit in sampled_flips(run / '10', random.Random(2), total=100):
        if name == 'files.json':
            continue
        flip(run / '10' / name, bit)
        manifest.write_files_json(run / '10')
        step, lines = restore(run, mesh)
        undo(run)
        flip(run / '10' / name, bit)
        assert step == 10 or 'checkpoint 10 is damaged' in lines[0]
        named += bool(lines and re.search('the values of .* are not the ones that were saved', lines[0]))
    manifest.write_files_json(run / '10')
    assert named >= 10  # Orbax alone restored these
    assert restore(run, mesh) == (10, [])


def test_the_digest_names_the_leaf_and_guards_params_loaded_alone(run, mesh):
    generator = random.Random(3)
    sizes = {run / '10' / name: (run / '10' / name).stat().st_size for name in files_of(run / '10') if '/d/' in name}
    for _ in range(150):  # which of these files holds the params differs from save to save
        (path,) = generator.choices(list(sizes), list(sizes.values()))
        bit = generator.randrange(8 * sizes[path])
        flip(path, bit)
        manifest.write_files_json(run / '10')
        _, lines = restore(run, mesh)
        undo(run)
        if lines and re.search('the values of params/[a-z/]* are not', lines[0]):
            break
        flip(path, bit)
    else:
        pytest.fail('no flip hit the params')
    with pytest.raises(manifest.DamagedCheckpointError, match=r'the values of params/'):
        loading.load_params(run)
    assert states.differing(states.values(5) | {'params': loading.load_params(run, 5)}, 5) == []


@pytest.mark.parametrize('damage', ['half', 'empty', 'delete'])
def test_a_cut_emptied_or_deleted_file_is_reported_by_name(run, mesh, damage):
    for name in files_of(run / '10'):
        path = run / '10' / name
        content = path.read_bytes()
        if damage == 'delete':
            path.unlink()
        else:
            path.write_bytes(content[: len(content) // 2 if damage == 'half' else 0])
        step, lines = restore(run, mesh)
        undo(run)
        path.write_bytes(content)
        if name == '_CHECKPOINT_METADATA' or (name == 'commit_success.txt' and damage != 'delete'):
            assert step == 10
        else:
            assert step == 5 and any(name in line for line in lines), (name, lines)
    assert restore(run, mesh) == (10, [])


def test_a_damaged_step_is_set_aside_whole_and_another_save_of_it_works(run, mesh):
    name = 'state/_METADATA'
    before = sorted(os.listdir(run / '10'))
    flip(run / '10' / name, 0)
    _, lines = restore(run, mesh)
    (aside,) = run.glob('10.corrupt-*')
    assert sorted(os.listdir(aside)) == before and not (run / '10').exists()
    assert any(aside.name in line for line in lines)
    manager = CheckpointManager(run, save_period=5)
    manager.save(10, states.make_state(10, mesh), data_position=states.position(10), metadata={})
    manager.close()
    assert restore(run, mesh) == (10, []) and aside.exists()
    assert verify.verify(run) == []


def test_all_damaged_ends_with_exit_code_3_and_changes_nothing(run, mesh):
    for step in ('5', '10'):
        flip(run / step / 'manifest' / 'metadata', 77)
    before = sorted(str(path) for path in run.rglob('*'))
    manager = CheckpointManager(run, save_period=5, log=lambda line: None)
    with pytest.raises(NoCheckpointError, match=r'no valid checkpoint is left \(damaged: \[10, 5\]\)') as error:
        manager.restore_latest(states.abstract_state(mesh))
    with pytest.raises(NoCheckpointError):
        manager.restore(10, states.abstract_state(mesh))
    manager.close()
    assert error.value.exit_code == 3
    assert sorted(str(path) for path in run.rglob('*')) == before


def test_a_step_under_another_number_is_damaged(run, mesh):
    os.rename(run / '10', run / '20')
    step, lines = restore(run, mesh)
    assert step == 5 and 'was saved as step 10' in lines[0]
    assert folder.valid_steps(run) == [5]
