"""Save and restore against states that are a pure function of the step, on other meshes and in other runs."""

import logging
import os
import shutil
import warnings

import checkpoint_states as states
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxit.checkpoints import digest, loading, verify
from jaxit.checkpoints.manager import CheckpointManager
from jaxit.core.errors import JaxitError, NoCheckpointError, UserError


@pytest.fixture(scope='module')
def mesh():
    return states.make_mesh(4, 2)


@pytest.fixture(scope='module')
def saved(tmp_path_factory, mesh):
    """A folder with steps 5 and 10, never changed by a test."""
    folder = tmp_path_factory.mktemp('run') / 'checkpoints'
    manager = CheckpointManager(folder, save_period=5, tokenizer_sha256='t' * 64, config_sha256='c' * 64)
    save(manager, 5, mesh)
    save(manager, 10, mesh)
    manager.close()
    return folder


def save(manager, step, mesh):
    state = states.make_state(step, mesh)
    manager.save(step, state, data_position=states.position(step), metadata={'model': 'tiny', 'sizes': (2, 3)})


def copied(saved, tmp_path):
    shutil.copytree(saved, tmp_path / 'checkpoints')
    return tmp_path / 'checkpoints'


def snapshot(folder):
    """Every path below a folder with its modification time."""
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in sorted(folder.rglob('*'))}


@pytest.mark.parametrize('shape', [(1,), (8, 1), (2, 4), (4, 2)])
def test_restores_bit_for_bit_on_every_mesh(saved, shape):
    manager = CheckpointManager(saved, save_period=5)
    abstract = states.abstract_state(states.make_mesh(*shape))
    restored = manager.restore_latest(abstract)
    manager.close()
    assert restored.step == 10
    assert states.differing(restored.state, 10) == []
    assert states.differing(restored.state, 5) != []
    assert restored.data_position == states.position(10)
    assert restored.metadata == {'model': 'tiny', 'sizes': [2, 3]}
    assert all(jax.tree.leaves(jax.tree.map(lambda x, a: x.sharding == a.sharding, restored.state, abstract)))
    content = loading.read_manifest(saved)
    assert digest.tree_digest(restored.state) == {path: leaf['digest'] for path, leaf in content['leaves'].items()}


def test_an_older_step_can_be_asked_for(saved, mesh):
    manager = CheckpointManager(saved, save_period=5)
    assert states.differing(manager.restore(5, states.abstract_state(mesh)).state, 5) == []
    with pytest.raises(UserError, match=r'no checkpoint of step 7; there are \[10, 5\]'):
        manager.restore(7, states.abstract_state(mesh))
    manager.close()


def test_a_new_folder_has_no_checkpoint(tmp_path, mesh):
    manager = CheckpointManager(tmp_path / 'new', save_period=5)
    assert manager.restore_latest(states.abstract_state(mesh)) is None
    assert manager.valid_steps() == []
    manager.poll()
    manager.wait()
    manager.close()


def test_a_state_may_be_donated_right_after_the_save(tmp_path, mesh):
    manager = CheckpointManager(tmp_path, save_period=1)
    shift = jax.jit(lambda x: x + 1, donate_argnums=0)
    big = {'params': {'x': jax.device_put(np.ones((512, 1024), np.float32), states.sharding(mesh, (512, 1024)))}}
    expected = digest.tree_digest(big)
    manager.save(1, big, data_position={}, metadata={})
    for _ in range(3):
        big = {'params': {'x': shift(big['params']['x'])}}
    manager.wait()
    restored = manager.restore_latest(jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), big))
    manager.close()
    assert restored is not None and digest.tree_digest(restored.state) == expected


def test_poll_finishes_a_save_without_waiting_for_the_next(tmp_path, mesh):
    manager = CheckpointManager(tmp_path, save_period=5, max_to_keep=1)
    save(manager, 5, mesh)
    save(manager, 10, mesh)
    manager._checkpointer.wait_until_finished()
    assert manager.valid_steps() == [10, 5]
    manager.poll()
    assert manager.valid_steps() == [10]
    manager.close()


def test_keeps_the_newest_and_the_multiples_of_the_keep_period(tmp_path):
    manager = CheckpointManager(tmp_path, save_period=2, max_to_keep=2, keep_period=4)
    assert [step for step in range(7) if manager.should_save(step)] == [0, 2, 4, 6]
    for step in (2, 4, 6, 8, 10, 14):
        manager.save(step, {'step': jnp.int32(step)}, data_position={}, metadata={})
    manager.close()
    assert manager.valid_steps() == [14, 10, 8, 4]
    assert sorted(os.listdir(tmp_path)) == ['10', '14', '4', '8']


def test_retention_never_takes_the_step_just_saved(tmp_path):
    manager = CheckpointManager(tmp_path, save_period=1, max_to_keep=1)
    for step in (9, 7):
        manager.save(step, {'step': jnp.int32(step)}, data_position={}, metadata={})
    manager.close()
    assert manager.valid_steps() == [9, 7]


def test_a_step_saved_again_after_a_rollback_replaces_the_old_one(tmp_path):
    manager = CheckpointManager(tmp_path, save_period=1)
    for value in (1, 2):
        manager.save(3, {'x': jnp.int32(value)}, data_position={'emitted': value}, metadata={})
    manager.wait()
    restored = manager.restore_latest({'x': jax.ShapeDtypeStruct((), jnp.int32)})
    manager.close()
    assert restored is not None and int(restored.state['x']) == 2 and restored.data_position == {'emitted': 2}
    assert os.listdir(tmp_path) == ['3']


def test_five_differing_leaves_are_listed_and_nothing_is_written(saved, mesh):
    abstract = states.abstract_state(mesh)
    leaf = jax.ShapeDtypeStruct
    abstract['params']['decoder']['kernel'] = leaf((40, 25), jnp.float32)  # another width
    abstract['params']['head']['kernel'] = leaf((40, 16), jnp.float32)  # a cast
    abstract['params']['decoder'] |= {f'extra_{i}': leaf((2,), jnp.int32) for i in range(4)}  # another depth
    del abstract['flags']
    before = snapshot(saved)
    manager = CheckpointManager(saved, save_period=5)
    with pytest.raises(UserError) as error:
        manager.restore_latest(abstract)
    manager.close()
    text = str(error.value)
    assert 'flags: checkpoint has (3,) bool, this run wants no such leaf' in text
    assert 'params/decoder/extra_0: checkpoint has no such leaf, this run wants (2,) int32' in text
    assert text.count('this run wants') == 5 and 'and 2 more' in text
    assert snapshot(saved) == before


@pytest.mark.parametrize(
    ('path', 'shape', 'dtype', 'said'),
    [
        ('kernel', (24, 40), 'float32', '(40, 24) float32, this run wants (24, 40) float32'),
        ('kernel', (40, 24), 'bfloat16', '(40, 24) float32, this run wants (40, 24) bfloat16'),
        ('scale', (), 'float32', '(24,) float32, this run wants () float32'),
    ],
)
def test_another_shape_or_dtype_is_refused_never_cast(saved, mesh, path, shape, dtype, said):
    abstract = states.abstract_state(mesh)
    abstract['params']['decoder'][path] = jax.ShapeDtypeStruct(shape, dtype)
    manager = CheckpointManager(saved, save_period=5)
    with pytest.raises(UserError) as error:
        manager.restore_latest(abstract)
    manager.close()
    assert f'params/decoder/{path}: checkpoint has {said}' in str(error.value)
    assert manager.valid_steps() == [10, 5]


def test_another_optimizer_is_refused(saved, mesh):
    abstract = states.abstract_state(mesh)
    abstract['opt_state'] = jax.eval_shape(lambda: abstract['params'])
    manager = CheckpointManager(saved, save_period=5)
    with pytest.raises(UserError, match=r'opt_state/1/0/count: checkpoint has \(\) int32, this run wants no such leaf'):
        manager.restore_latest(abstract)
    manager.close()


def test_another_tokenizer_is_refused_and_another_configuration_logged(saved, mesh):
    lines = []
    manager = CheckpointManager(saved, save_period=5, tokenizer_sha256='u' * 64)
    with pytest.raises(UserError, match=r'tokenizer of sha256 ttt.*this run has uuu'):
        manager.restore_latest(states.abstract_state(mesh))
    manager.close()
    manager = CheckpointManager(saved, save_period=5, config_sha256='d' * 64, log=lines.append)
    assert manager.restore_latest(states.abstract_state(mesh)) is not None
    manager.close()
    assert len(lines) == 1 and 'another configuration (cccccccccccc, now dddddddddddd)' in lines[0]


def test_params_load_alone(saved, mesh):
    params = loading.load_params(saved, 5)
    assert states.differing(states.values(5) | {'params': params}, 5) == []
    placed = loading.load_params(saved.parent, abstract=states.abstract_state(mesh)['params'])
    assert states.differing(states.values(10) | {'params': placed}, 10) == []
    assert placed['decoder']['kernel'].sharding.is_equivalent_to(states.sharding(mesh, (40, 24)), 2)
    assert states.differing(states.values(5) | {'params': loading.load_params(saved / '5')}, 5) == []


def test_params_that_do_not_fit_or_are_not_there_are_refused(saved, mesh, tmp_path):
    with pytest.raises(UserError, match='no checkpoint of step 6'):
        loading.load_params(saved, 6)
    with pytest.raises(UserError, match='no checkpoint is here'):
        loading.load_params(tmp_path)
    abstract = states.abstract_state(mesh)['params']
    abstract['head']['kernel'] = jax.ShapeDtypeStruct((40, 16), jnp.float32)
    with pytest.raises(UserError, match=r'params/head/kernel: checkpoint has \(40, 16\) bfloat16'):
        loading.load_params(saved, abstract=abstract)


def test_the_manifest_says_what_was_saved(saved):
    content = loading.read_manifest(saved)
    assert content['step'] == 10 and content['tokenizer_sha256'] == 't' * 64
    assert content['leaves']['params/head/kernel']['shape'] == [40, 16]
    assert content['leaves']['params/head/kernel']['dtype'] == 'bfloat16'
    assert content['leaves']['rng'] | {'digest': ''} == {'digest': '', 'shape': [], 'dtype': 'key<fry>'}
    assert {'jax', 'orbax-checkpoint', 'numpy'} <= set(content['versions'])


def test_a_healthy_folder_has_no_findings(saved):
    assert verify.verify(saved) == [] and verify.verify(saved.parent) == [] and verify.verify(saved / '5') == []
    with pytest.raises(UserError, match='no checkpoint of step 6'):
        verify.verify(saved, 6)


def test_a_failed_save_is_reported_at_the_next_poll_and_the_next_save_works(tmp_path, monkeypatch):
    manager = CheckpointManager(tmp_path, save_period=1)
    manager.save(1, {'x': jnp.int32(1)}, data_position={}, metadata={})
    manager.wait()
    with monkeypatch.context() as patch:
        patch.setattr('jaxit.checkpoints.manifest.files.sha256_file', lambda path: 1 / 0)
        manager.save(2, {'x': jnp.int32(2)}, data_position={}, metadata={})
        manager._checkpointer._async_manager._thread.join()
    with pytest.raises(JaxitError, match='saving step 2 failed: ZeroDivisionError'):
        manager.poll()
    assert os.listdir(tmp_path) == ['1']
    manager.poll()
    manager.save(3, {'x': jnp.int32(3)}, data_position={}, metadata={})
    manager.close()
    assert manager.valid_steps() == [3, 1]


@pytest.mark.parametrize('state', [{'x': 1}, {'x': np.ones(3)}])
def test_only_jax_arrays_are_saved(tmp_path, state):
    manager = CheckpointManager(tmp_path, save_period=1)
    with pytest.raises(UserError, match=r"'x' is a .*jax arrays only"):
        manager.save(1, state, data_position={}, metadata={})
    manager.close()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize('name', ['save_period', 'max_to_keep', 'keep_period'])
def test_a_period_below_one_is_refused(tmp_path, name):
    with pytest.raises(UserError, match=f'{name} is 0; it must be at least 1'):
        CheckpointManager(tmp_path, **({'save_period': 1} | {name: 0}))


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='checkpoints cannot be written here'):
        CheckpointManager(tmp_path / 'file', save_period=1)


def test_only_damaged_ones_left_is_an_error_not_a_fresh_start(tmp_path, mesh):
    (tmp_path / '5.corrupt-20260101-000000').mkdir()
    manager = CheckpointManager(tmp_path, save_period=1)
    with pytest.raises(NoCheckpointError, match='no valid checkpoint is left'):
        manager.restore_latest(states.abstract_state(mesh))
    manager.close()


def test_orbax_is_quiet_and_warns_of_nothing(tmp_path, mesh, caplog, capfd):
    with warnings.catch_warnings(), caplog.at_level(logging.DEBUG, 'absl'):
        warnings.simplefilter('error')
        manager = CheckpointManager(tmp_path, save_period=1)
        save(manager, 1, mesh)
        manager.restore_latest(states.abstract_state(mesh))
        manager.close()
        logging.getLogger('absl').warning('of somebody else')
    assert [record.getMessage() for record in caplog.records if record.name == 'absl'] == ['of somebody else']
    assert capfd.readouterr() == ('', '')
