"""Learning rates by hand."""

import jax
import numpy as np
import pytest

from jaxit.core.errors import UserError
from jaxit.training.schedules import ScheduleConfig, make_schedule


def rates(config, steps, peak=2.0, num_steps=20):
    schedule = make_schedule(config, peak, num_steps)
    return [float(schedule(step)) for step in steps]


def test_constant():
    assert rates(ScheduleConfig(), [0, 7, 19, 500]) == [2.0] * 4


def test_warmup_rises_in_equal_parts_and_is_full_at_its_end():
    for kind in ('constant', 'linear', 'cosine', 'rsqrt', 'wsd'):
        config = ScheduleConfig(kind, warmup_steps=4)
        np.testing.assert_allclose(rates(config, range(5)), [0.5, 1.0, 1.5, 2.0, 2.0], rtol=1e-6)
    assert rates(ScheduleConfig(warmup_steps=1), range(3)) == [2.0, 2.0, 2.0]


def test_linear():
    """From step 4, 16 steps from 2.0 to 0.4: 0.1 a step."""
    config = ScheduleConfig('linear', warmup_steps=4, end_fraction=0.2)
    np.testing.assert_allclose(rates(config, [4, 5, 12, 19, 20, 99]), [2.0, 1.9, 1.2, 0.5, 0.4, 0.4], rtol=1e-6)


def test_cosine():
    """Half a cosine: after a quarter, half and three quarters of 16 steps (1 + cos) / 2 is 0.854, 0.5, 0.146."""
    config = ScheduleConfig('cosine', warmup_steps=4, end_fraction=0.1)
    want = [0.2 + 1.8 * share for share in (1.0, 0.8535533906, 0.5, 0.1464466094, 0.0)]
    np.testing.assert_allclose(rates(config, [4, 8, 12, 16, 20]), want, rtol=1e-6)


def test_rsqrt():
    """sqrt(4 / step) after a warmup of 4: half at 16, a quarter at 64."""
    config = ScheduleConfig('rsqrt', warmup_steps=4)
    np.testing.assert_allclose(rates(config, [4, 16, 64]), [2.0, 1.0, 0.5], rtol=1e-6)
    np.testing.assert_allclose(rates(ScheduleConfig('rsqrt'), [0, 3, 8]), [2.0, 1.0, 2 / 3], rtol=1e-6)


def test_wsd():
    """Stable until 5 steps before the end of 20, then down by fifths."""
    config = ScheduleConfig('wsd', warmup_steps=4, end_fraction=0.5, decay_fraction=0.25)
    want = [2.0, 2.0, 1.8, 1.2, 1.0, 1.0]
    np.testing.assert_allclose(rates(config, [4, 15, 16, 19, 20, 50]), want, rtol=1e-6)


def test_the_rate_is_float32_also_of_a_traced_step():
    for kind in ('constant', 'linear', 'cosine', 'rsqrt', 'wsd'):
        schedule = make_schedule(ScheduleConfig(kind, warmup_steps=2), 1.0, 9)
        rate = jax.jit(schedule)(np.int32(5))
        assert rate.dtype == np.float32 and float(rate) == pytest.approx(float(schedule(5)))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'kind': 'cosin'}, "unknown schedule 'cosin'.*cosine"),
        ({'warmup_steps': -1}, 'warmup_steps >= 0'),
        ({'end_fraction': 1.5}, 'end_fraction in'),
        ({'decay_fraction': 0.0}, 'decay_fraction in'),
    ],
)
def test_impossible_schedules_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        ScheduleConfig(**options)
