"""Mixtures: exact counts at any distance, every example once per epoch, and what may not be mixed."""

import time
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxit.core.errors import UserError
from jaxit.data.mixture import WINDOW_DRAWS, Mixture, MixtureComponent


@pytest.fixture
def mixture(decoder_mixture):
    return Mixture(decoder_mixture, seed=11)


@pytest.fixture(scope='session')
def with_rates(decoder_mixture):
    """Returns a mixture with given rates over one cache, without opening it again for each task."""
    cache = decoder_mixture[0].cache

    def make(rates, seed=0):
        components = [MixtureComponent(f't{i}', cache.folder, rate) for i, rate in enumerate(rates)]
        for component in components:
            component.__dict__['cache'] = cache
        return Mixture(components, seed=seed)

    return make


def test_counts_of_the_measured_mixture(mixture):
    np.testing.assert_array_equal(mixture.drawn(20), [40_960, 24_576, 16_384])
    np.testing.assert_array_equal(mixture.draw_counts(0), [2048, 1229, 819])


@settings(max_examples=60, deadline=None)
@given(
    rates=st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=12),
    window=st.integers(0, 10**12 // WINDOW_DRAWS),
)
def test_counts_are_exact_at_any_distance(with_rates, rates, window):
    mixture = with_rates(rates)
    total = sum(Fraction(rate) for rate in rates)
    due = [Fraction(rate) / total * window * WINDOW_DRAWS for rate in rates]
    drawn = mixture.drawn(window).tolist()
    assert all(abs(count - exact) <= Fraction(1, 2) for count, exact in zip(drawn, due, strict=True))
    counts = mixture.draw_counts(window)
    assert counts.min() >= 0
    assert abs(counts.sum() - WINDOW_DRAWS) <= len(rates)


def test_rates_are_relative(with_rates):
    np.testing.assert_array_equal(with_rates([3, 1]).drawn(999), with_rates([0.75, 0.25]).drawn(999))


def test_windows_continue_each_other_and_each_epoch_has_every_example_once(mixture):
    seen = [[], [], []]
    for window in range(8):
        draws = mixture.draws(window)
        for component in range(3):
            seen[component] += draws.example[draws.component == component].tolist()
    epochs_of_a = np.array(seen[0][: len(seen[0]) // 700 * 700]).reshape(-1, 700)
    assert len(epochs_of_a) == 23
    np.testing.assert_array_equal(np.sort(epochs_of_a), np.broadcast_to(np.arange(700), epochs_of_a.shape))
    assert len({tuple(epoch) for epoch in epochs_of_a.tolist()}) == 23  # each epoch in another order
    for component, size in ((1, 1300), (2, 5003)):
        counts = Counter(seen[component][: len(seen[component]) // size * size])
        assert len(counts) == size and len(set(counts.values())) == 1


def test_a_window_is_a_function_of_seed_and_name_only(decoder_mixture, mixture):
    again = Mixture(decoder_mixture, seed=11).draws(5)
    mixture.draws(3)
    np.testing.assert_array_equal(mixture.draws(5).example, again.example)
    assert not np.array_equal(Mixture(decoder_mixture, seed=12).draws(5).example, again.example)


def test_epoch_examples_are_the_draws_by_number(mixture):
    first, second = mixture.draws(0), mixture.draws(1)
    drawn = np.concatenate([draws.example[draws.component == 1] for draws in (first, second)])
    np.testing.assert_array_equal(mixture.epoch_examples(1, 0, drawn.size), drawn)
    np.testing.assert_array_equal(mixture.epoch_examples(1, 1290, 1310), drawn[1290:1310])


def test_1800_components_are_drawn_fast(with_rates):
    mixture = with_rates(np.random.default_rng(0).lognormal(0, 2, 1800).tolist())
    mixture.draws(0)
    start = time.perf_counter()
    draws = mixture.draws(123_456)
    assert time.perf_counter() - start < 0.5  # 10 ms on a quiet machine
    assert abs(draws.example.size - WINDOW_DRAWS) <= 900
    assert (np.diff(draws.component) >= 0).all()


def test_rare_tasks_are_drawn_in_time(with_rates):
    mixture = with_rates([1.0] * 10_000)
    assert mixture.draw_counts(0).sum() == 0  # nobody's turn yet
    assert mixture.drawn(25).tolist() == [10] * 10_000


@pytest.mark.parametrize('rate', [0, -1, float('nan'), float('inf')])
def test_a_rate_that_is_none_is_refused(with_rates, rate):
    with pytest.raises(UserError, match="'t1' has the rate"):
        with_rates([1, rate])


def test_components_that_cannot_be_mixed_are_named(make_component, decoder_mixture):
    first = decoder_mixture[0]
    with pytest.raises(UserError, match="'a' is in the mixture twice"):
        Mixture([first, first], seed=0)
    with pytest.raises(UserError, match='no component'):
        Mixture([], seed=0)
    other = make_component('other', 3, 1.0, header={'tokenizer_sha256': 'ff' * 32})
    with pytest.raises(UserError, match=r"'a' and 'other'.*tokenizer"):
        Mixture([first, other], seed=0)


def fields(mixture, lengths, pack):
    return dict(part.split('=') for part in mixture.fingerprint(lengths, pack=pack).split())


def test_the_fingerprint_names_what_changed(make_component, decoder_mixture):
    lengths = {'inputs': None, 'targets': 128}
    base = fields(Mixture(decoder_mixture, seed=1), lengths, True)
    a, b, c = decoder_mixture

    def changed(components=decoder_mixture, lengths=lengths, pack=True):
        now = fields(Mixture(components, seed=1), lengths, pack)
        return {field for field in now if now[field] != base[field]}

    assert changed() == set()
    assert changed([MixtureComponent(d.name, d.folder, 10 * d.rate) for d in (a, b)] + [c]) == {'rates'}
    assert changed([MixtureComponent('z', a.folder, a.rate), b, c]) == {'tasks'}
    assert changed(lengths={'inputs': None, 'targets': 129}) == {'lengths'}
    assert changed(pack=False) == {'packing'}
    assert changed([make_component('a', 700, 0.5, header={'fingerprint': 'other'}), b, c]) == {'preprocessing'}
    assert changed([make_component('a', 700, 0.5, seed=9, header={'fingerprint': 'cd0'}), b, c]) == {'examples'}
    tokenizer = {'tokenizer_sha256': 'ac' * 32}
    sizes = ((a, 700), (b, 1300), (c, 5003))
    assert changed([make_component(d.name, n, d.rate, header=tokenizer) for d, n in sizes]) == {'tokenizer'}
