"""How often each data set is drawn from the mixture of FLAN 2021: as often as its capped size says, window for window."""

from fractions import Fraction

import numpy as np
import pytest

from jaxit.data.cache import CacheWriter
from jaxit.data.mixture import Mixture, MixtureComponent
from jaxit.tasks import registry

NUM_WINDOWS = 50
SIZES = (3, 5, 8, 13, 21)  # of caches: how often a task is drawn does not follow from what its cache holds


@pytest.fixture(scope='module')
def resolved():
    return registry.resolve('flan_10templates')


@pytest.fixture(scope='module')
def mixture(resolved, tmp_path_factory):
    components = []
    for number, (task, rate) in enumerate(resolved):
        folder = tmp_path_factory.mktemp('caches') / task.name
        with CacheWriter(
            folder,
            task=task.name,
            split='train',
            vocab_size=99,
            encoder_decoder=False,
            tokenizer_sha256='ab' * 32,
            fingerprint=task.name,
            metadata={},
        ) as out:
            for row in range(SIZES[number % len(SIZES)]):
                out.add([5, 6, 7], [1], row, 0)
        components.append(MixtureComponent(task.name, folder, rate))
    return Mixture(components, seed=3)


def test_each_data_set_is_within_one_draw_of_its_share_after_each_window(mixture, resolved):
    rates = [Fraction(rate) for _, rate in resolved]
    assert (len(rates), sum(rates)) == (69, 188_330)
    drawn = np.zeros(len(rates), np.int64)
    for window in range(1, NUM_WINDOWS + 1):
        draws = mixture.draws(window - 1)
        drawn += np.bincount(draws.component, minlength=len(rates))
        num_draws = int(drawn.sum())
        for due in (num_draws, window * 4096):
            assert all(abs(int(count) - due * rate / 188_330) <= 1 for count, rate in zip(drawn, rates, strict=True)), (
                window
            )
        for component, part in enumerate(mixture.components):
            assert set(draws.example[draws.component == component]) <= set(range(part.cache.num_examples))
    shares = {task.name: 100 * count / num_draws for (task, _), count in zip(resolved, drawn.tolist(), strict=True)}
    capped = {task.name for task, rate in resolved if rate == 3_000}
    assert len(capped) == 59
    assert {f'{shares[name]:.3f}' for name in capped} == {'1.593'}
    assert f'{shares["cb_10templates"]:.2f}' == f'{100 * 200 / 188_330:.2f}'
