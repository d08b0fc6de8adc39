"""T8: ten steps are ten steps, also when a new process makes the last six of them.

Params, optimizer state, dropout, learning rate, losses and the examples drawn: bit by bit.
"""

import dataclasses
import json
import shutil

import jax
import numpy as np
import pytest
from tiny_caches import cache_documents
from tiny_models import CONFIGS, KINDS, documents, params_of
from tiny_runs import ONE, apart, mesh_of

from jaxit.checkpoints.manager import CheckpointManager
from jaxit.core import rng
from jaxit.core.errors import NoCheckpointError, UserError
from jaxit.data.loader import Loader, trace
from jaxit.data.mixture import MixtureComponent
from jaxit.data.reader import RowReader
from jaxit.models.registry import build
from jaxit.sharding.apply import put_batch
from jaxit.sharding.rules import DEFAULT_RULES
from jaxit.training import state as state_lib
from jaxit.training.losses import LossConfig
from jaxit.training.optimizers import OptimizerConfig, make_optimizer
from jaxit.training.schedules import ScheduleConfig
from jaxit.training.step import TrainStep, compile_step

NUM_STEPS, BATCH = 10, 8
OPTIMIZER = OptimizerConfig(
    learning_rate=3e-3, weight_decay=0.1, schedule=ScheduleConfig('cosine', warmup_steps=3, end_fraction=0.1)
)


@pytest.fixture(scope='module', params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope='module')
def components(kind, tmp_path_factory):
    """Two tasks with epochs of unequal lengths, both far shorter than a run."""
    folder = tmp_path_factory.mktemp('caches')
    made = []
    for name, count, rate in (('a', 7, 0.7), ('b', 31, 0.3)):
        sizes = np.random.default_rng(count).integers(1, 8, (count, 2)).tolist()
        cache_documents(folder / name, kind, documents(np.random.default_rng(count), sizes), name=name)
        made.append(MixtureComponent(name, folder / name, rate))
    return made


class Process:
    """What a process builds from the configuration alone."""

    def __init__(self, kind, components, folder, mesh=ONE, *, num_steps=NUM_STEPS):
        config = CONFIGS[kind]
        config = dataclasses.replace(config, dropout_rate=0.2) if kind == 't5' else config
        self.model, self.mesh = build(config), mesh_of(*mesh)
        self.optimizer, schedule = make_optimizer(OPTIMIZER, num_steps)
        step = TrainStep(
            *(self.model, self.optimizer, schedule, OPTIMIZER.is_trained, LossConfig()),
            num_tasks=2,
            num_microbatches=2,
            dropout=kind == 't5',
        )
        self.abstract = state_lib.abstract_state(
            self.model, self.optimizer, OPTIMIZER.is_trained, self.mesh, DEFAULT_RULES
        )
        self.step = compile_step(step, self.abstract, self.mesh, DEFAULT_RULES)
        lengths = {'inputs': 12 if kind == 't5' else None, 'targets': 16}
        self.reader = RowReader(components, seed=11, lengths=lengths, encoder_decoder=kind == 't5', pack=True)
        self.manager = CheckpointManager(folder, save_period=4)
        self.start = params_of(kind)

    def train(self, num_steps, *, resume):
        """Trains to `num_steps`, saves, and returns (state, metrics of each step, positions)."""
        if resume:
            restored = self.manager.restore_latest(self.abstract)
            assert restored is not None
            state = restored.state
            self.reader.restore(json.loads(json.dumps(restored.data_position)))
        else:
            state = state_lib.initialize(
                *(self.model, self.optimizer, OPTIMIZER.is_trained, self.mesh, DEFAULT_RULES),
                key=rng.stream(5, 'init'),
                params=self.start,
            )
        metrics, positions = [], []
        with jax.set_mesh(self.mesh), Loader(self.reader, BATCH) as loader:
            while int(state.step) < num_steps:
                batch, position = next(loader)
                state, values = self.step(state, put_batch(batch, self.mesh, DEFAULT_RULES))
                metrics.append(jax.device_get(values))
                positions.append(position)
        self.manager.save(num_steps, state, data_position=positions[-1], metadata={})
        self.manager.close()
        return jax.device_get(state), metrics, positions


@pytest.fixture(scope='module')
def straight(kind, components, tmp_path_factory):
    return Process(kind, components, tmp_path_factory.mktemp('straight')).train(NUM_STEPS, resume=False)


@pytest.fixture(scope='module')
def stopped(kind, components, tmp_path_factory):
    """A run folder left by a process that ended after four steps."""
    folder = tmp_path_factory.mktemp('stopped')
    Process(kind, components, folder).train(4, resume=False)
    return folder


def copied(folder, target):
    return shutil.copytree(folder, target / 'checkpoints')


def test_resumed_is_uninterrupted_bit_by_bit(kind, components, straight, stopped, tmp_path):
    state, metrics, positions = Process(kind, components, copied(stopped, tmp_path)).train(NUM_STEPS, resume=True)
    want_state, want_metrics, want_positions = straight
    assert positions == want_positions[4:]
    assert len(metrics) == 6
    for ours, theirs in zip(metrics, want_metrics[4:], strict=True):
        assert {k: v.tobytes() for k, v in ours.items()} == {k: v.tobytes() for k, v in theirs.items()}
    for ours, theirs in zip(jax.tree.leaves(state), jax.tree.leaves(want_state), strict=True):
        assert ours.dtype == theirs.dtype and ours.tobytes() == theirs.tobytes()
    rates = [float(m['learning_rate']) for m in want_metrics]
    assert len(set(rates)) > 6 and rates[-1] < rates[4]  # a schedule that would show a step counted wrong


def test_resumed_on_other_devices_reads_the_same_and_learns_the_same(kind, components, straight, stopped, tmp_path):
    process = Process(kind, components, copied(stopped, tmp_path), mesh=(2, 2, 2))
    state, metrics, positions = process.train(NUM_STEPS, resume=True)
    want_state, want_metrics, want_positions = straight
    assert positions == want_positions[4:]
    for ours, theirs in zip(metrics, want_metrics[4:], strict=True):
        assert ours['loss'] == pytest.approx(theirs['loss'], rel=1e-4)
        np.testing.assert_array_equal(ours['task_weight'], theirs['task_weight'])
    assert apart(state.params, want_state.params) < 1e-4


def test_no_example_is_seen_twice_or_passed_over(kind, components, straight):
    """What the ten batches hold, by name, is what the counts of the mixture say."""
    _, metrics, positions = straight
    reader = Process(kind, components, components[0].folder.parent / 'unused').reader
    seen = [(t.task, t.source_row) for index in range(NUM_STEPS) for t in trace(reader, index, BATCH)]
    reader.restore(positions[-1])
    drawn = reader.drawn()
    for name in ('a', 'b'):
        assert sum(task == name for task, _ in seen) == drawn[name]['examples']
    weights = np.sum([m['task_weight'] for m in metrics], axis=0)
    np.testing.assert_array_equal(weights, [drawn[name]['loss_tokens'] for name in ('a', 'b')])


def test_a_resume_that_finds_nothing_fails_loudly(kind, components, stopped, tmp_path):
    folder = copied(stopped, tmp_path)
    for file in (folder / '4').rglob('*'):
        if file.is_file():
            file.write_bytes(b'')
    process = Process(kind, components, folder)
    with pytest.raises(NoCheckpointError):
        process.train(NUM_STEPS, resume=True)
    process.manager.close()


def test_a_position_of_other_data_is_refused(kind, components, straight):
    position = straight[2][3]
    other = [components[0], dataclasses.replace(components[1], rate=0.4)]
    lengths = {'inputs': 12 if kind == 't5' else None, 'targets': 16}
    with pytest.raises(UserError, match='rates changed'):
        RowReader(other, seed=11, lengths=lengths, encoder_decoder=kind == 't5', pack=True, position=position)
