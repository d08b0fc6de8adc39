"""The loop, with a step of integers: order, resumption, recovery."""

import types

import numpy as np
import pytest

from jaxit.core.errors import UserError
from jaxit.training.timing import Timing
from jaxit.training.trainer import Diverged, TrainerConfig, fit


def state_of(step):
    return types.SimpleNamespace(step=np.int32(step))


class World:
    """Counts everything that happens, in order."""

    def __init__(self):
        self.log = []

    def batches(self, start=0):
        for index in range(start, 1000):
            self.log.append(f'read {index}')
            yield {'x': index}, {'row': index + 1}

    def step(self, state, batch):
        self.log.append(f'step {state.step}->{state.step + 1} on {batch["x"]}')
        return state_of(state.step + 1), {'loss': batch['x']}

    def hook(self, name):
        def call(moment):
            self.log.append(f'{name} {moment.step} {moment.position["row"]} {int(moment.state.step)}')

        return call

    def fit(self, state, *, num_steps, hooks, batches=None, recover=lambda: None):
        self.timing = Timing()
        batches = self.batches() if batches is None else batches
        put = lambda batch: {'x': batch['x'] * 10}  # noqa: E731
        return fit(
            self.step, state, batches, put=put, num_steps=num_steps, hooks=hooks, recover=recover, timing=self.timing
        )


def test_each_step_reads_trains_and_calls_the_hooks_in_their_order():
    world = World()
    last = world.fit(state_of(0), num_steps=2, hooks=[world.hook('a'), world.hook('b')])
    assert world.log == [
        *('read 0', 'step 0->1 on 0', 'a 1 1 1', 'b 1 1 1'),
        *('read 1', 'step 1->2 on 10', 'a 2 2 2', 'b 2 2 2'),
    ]
    assert last.step == 2
    assert set(world.timing.seconds) == {'data_wait', 'step'}


def test_a_resumed_run_makes_the_steps_that_are_left():
    world = World()
    moments = []
    world.fit(state_of(7), num_steps=9, hooks=[moments.append], batches=world.batches(70))
    assert [(m.step, m.position['row'], m.last) for m in moments] == [(8, 71, False), (9, 72, True)]
    assert [m.metrics['loss'] for m in moments] == [700, 710]


def test_a_finished_run_reads_nothing():
    world = World()
    assert world.fit(state_of(4), num_steps=4, hooks=[]).step == 4
    assert world.log == []


def test_a_diverged_run_goes_back_and_passes_over_the_data_between():
    world = World()
    failed = []

    def diverge(moment):
        if moment.step == 5 and not failed:
            failed.append(True)
            raise Diverged

    after = world.hook('after')
    last = world.fit(state_of(0), num_steps=6, hooks=[diverge, after], recover=lambda: state_of(2))
    assert last.step == 6
    steps = [line for line in world.log if line.startswith('step')]
    assert steps == [  # the state goes back to 2, the data goes on with 5
        *('step 0->1 on 0', 'step 1->2 on 10', 'step 2->3 on 20', 'step 3->4 on 30', 'step 4->5 on 40'),
        *('step 2->3 on 50', 'step 3->4 on 60', 'step 4->5 on 70', 'step 5->6 on 80'),
    ]
    assert world.log.count('after 5 5 5') == 0  # no later hook (a checkpoint) sees a diverged state
    assert world.timing.seconds['rollback'] >= 0


def test_other_errors_of_hooks_end_the_run():
    world = World()

    def fail(moment):
        raise OSError('disk')

    with pytest.raises(OSError, match='disk'):
        world.fit(state_of(0), num_steps=3, hooks=[fail])


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'num_steps': 0}, 'trainer.num_steps is 0'),
        ({'checkpoint_period': 0}, 'trainer.checkpoint_period is 0'),
        ({'rollback_after': -1}, 'trainer.rollback_after is -1'),
        ({'batch_size': 6, 'num_microbatches': 4}, 'batch_size=6 is not a multiple of num_microbatches=4'),
    ],
)
def test_impossible_configs_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        TrainerConfig(**options)
