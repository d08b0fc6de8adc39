"""Filters against values worked out by hand, draws against the frequencies they promise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxit.core.errors import UserError
from jaxit.decoding import sampling
from jaxit.decoding.sampling import GREEDY, SamplingConfig, candidates

PROBS = np.array([0.05, 0.4, 0.1, 0.25, 0.2])  # by rank: 1, 3, 4, 2, 0

sample = jax.jit(sampling.sample, static_argnums=2)


def kept(probs, **config) -> list[int]:
    values, tokens = candidates(jnp.log(jnp.array([probs], jnp.float32)), SamplingConfig(1.0, **config))
    return tokens[0][values[0] > -jnp.inf].tolist()


def draws(probs, config, count=4000, seed=0) -> np.ndarray:
    logits = jnp.broadcast_to(jnp.log(jnp.array(probs, jnp.float32)), (count, len(probs)))
    tokens = sample(logits, jax.random.split(jax.random.key(seed), count), config)
    assert tokens.dtype == jnp.int32
    return np.bincount(tokens, minlength=len(probs))


def chi_square(counts, probs) -> float:
    """Pearson's statistic over the tokens that may occur."""
    probs = np.asarray(probs) / np.sum(probs)
    assert counts[probs == 0].sum() == 0
    expected = counts.sum() * probs[probs > 0]
    return float((((counts[probs > 0] - expected) ** 2) / expected).sum())


def test_greedy_takes_the_first_of_the_likeliest():
    logits = jnp.array([[0.0, 3.0, 3.0, 1.0], [2.0, -1.0, 0.5, 1.9]])
    assert sample(logits, jax.random.split(jax.random.key(0), 2), GREEDY).tolist() == [1, 0]


@pytest.mark.parametrize(('k', 'tokens'), [(1, [1]), (2, [1, 3]), (4, [1, 3, 4, 2]), (99, [1, 3, 4, 2, 0])])
def test_top_k_keeps_the_k_likeliest(k, tokens):
    assert kept(PROBS, top_k=k) == tokens


def test_top_k_keeps_k_of_equal_logits():
    assert kept([0.2, 0.2, 0.2, 0.2, 0.2], top_k=3) == [0, 1, 2]


@pytest.mark.parametrize(
    ('p', 'tokens'),
    [(0.01, [1]), (0.39, [1]), (0.41, [1, 3]), (0.64, [1, 3]), (0.66, [1, 3, 4]), (0.96, [1, 3, 4, 2, 0])],
)
def test_top_p_keeps_the_token_that_crosses_p(p, tokens):
    assert kept(PROBS, top_p=p) == tokens


def test_top_p_reached_exactly_needs_no_further_token():
    assert kept([0.5, 0.25, 0.125, 0.125], top_p=0.75) == [0, 1]


def test_top_p_sums_over_what_top_k_left():
    # After top-k 2 the probabilities are 0.4 / 0.65 = 0.615 and 0.385, so 0.6 needs one token; before, two.
    assert kept(PROBS, top_k=2, top_p=0.6) == [1]
    assert kept(PROBS, top_p=0.6) == [1, 3]


def test_temperature_comes_before_top_p():
    # At temperature 1/2 probabilities are squared: 0.16 / 0.275 = 0.582 for token 1.
    sharp = SamplingConfig(0.5, top_p=0.55)
    assert draws(PROBS, sharp, count=200).tolist() == [0, 200, 0, 0, 0]
    assert draws(PROBS, SamplingConfig(1.0, top_p=0.55), count=200)[3] > 0


@pytest.mark.parametrize(
    ('config', 'probs'),
    [
        (SamplingConfig(1.0), PROBS),
        (SamplingConfig(2.0), PROBS**0.5),
        (SamplingConfig(0.7, top_k=3), PROBS ** (1 / 0.7) * (PROBS >= 0.2)),
        (SamplingConfig(1.0, top_p=0.8), PROBS * (PROBS >= 0.2)),
    ],
)
def test_frequencies(config, probs):
    assert chi_square(draws(PROBS, config), probs) < 18.5  # the 99.9 % quantile at 4 degrees of freedom
    assert chi_square(draws(PROBS, config), np.roll(probs, 1) + 1e-3) > 100  # the statistic can tell


def test_a_row_depends_on_its_own_key():
    logits = jax.random.normal(jax.random.key(1), (6, 11))
    keys = jax.random.split(jax.random.key(2), 6)
    for config in (SamplingConfig(1.3), SamplingConfig(1.3, top_k=4, top_p=0.9)):
        together = sample(logits, keys, config)
        alone = [int(sample(logits[i : i + 1], keys[i : i + 1], config)[0]) for i in range(6)]
        assert together.tolist() == alone


@pytest.mark.parametrize('wrong', [{'temperature': -1.0}, {'top_k': 0}, {'top_p': 0.0}, {'top_p': 1.5}])
def test_wrong_values_are_refused_by_name(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        SamplingConfig(**wrong)
