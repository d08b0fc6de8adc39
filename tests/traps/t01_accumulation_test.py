"""T1: the mean of the means of parts is not the mean over all loss tokens.

Eight rows with very unequal numbers of loss tokens; the gradient is what plain gradient descent at rate 1 takes away.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny_models import KINDS, batch_of, documents, model_of, params_of
from tiny_runs import Run, apart

from jaxit.training.losses import LossConfig

RESPONSES = (1, 2, 3, 12, 1, 1, 9, 4)
Z_LOSS = 0.01


@functools.cache
def batch(kind):
    docs = documents(
        np.random.default_rng(1), [(n, m) for n, m in zip((4, 2, 7, 3, 1, 6, 2, 5), RESPONSES, strict=True)]
    )
    return batch_of(kind, [[doc._replace(task=i % 2)] for i, doc in enumerate(docs)], target_length=16, source_length=9)


@functools.cache
def naive(kind, start=0, stop=8):
    """Returns (loss, gradient) of the mean over loss tokens of some rows, all logits held at once."""
    part = {name: value[start:stop] for name, value in batch(kind).items()}
    model = model_of(kind)

    def loss(params):
        logits = model.apply(params, part)
        log_sum = jax.nn.logsumexp(logits, axis=-1)
        target = jnp.take_along_axis(logits, part['decoder_target_tokens'][..., None], axis=-1)[..., 0]
        w = part['decoder_loss_weights']
        return jnp.sum((log_sum - target + Z_LOSS * log_sum**2) * w) / jnp.sum(w)

    return jax.device_get(jax.jit(jax.value_and_grad(loss))(params_of(kind)))


def gradient(kind, **options):
    run = Run(kind, optax.sgd(1.0), loss=LossConfig(z_loss=Z_LOSS, chunk_length=5), **options)
    [metrics] = run.steps([batch(kind)])
    taken = jax.tree.map(np.subtract, params_of(kind), run.params)
    return float(metrics['loss'] / metrics['weight']), taken, metrics


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize(
    ('num_microbatches', 'data'), [(1, 1), (2, 1), (8, 1), (1, 2), (1, 8), (4, 2)], ids=lambda x: str(x)
)
def test_parts_and_devices_give_the_gradient_of_the_whole(kind, num_microbatches, data):
    want_loss, want = naive(kind)
    loss, taken, metrics = gradient(kind, num_microbatches=num_microbatches, mesh=(data, 1, 1, 1))
    assert loss == pytest.approx(want_loss, rel=1e-6)
    assert apart(taken, want) < 1e-5
    assert metrics['weight'] == metrics['loss_tokens'] == sum(RESPONSES)
    np.testing.assert_array_equal(metrics['task_weight'], [1 + 3 + 1 + 9, 2 + 12 + 1 + 4])
    norm = np.sqrt(sum((np.asarray(g, np.float64) ** 2).sum() for g in jax.tree.leaves(want)))
    assert metrics['grad_norm'] == pytest.approx(norm, rel=1e-5)


@pytest.mark.parametrize('kind', KINDS)
def test_the_mean_of_means_would_be_seen(kind):
    """The check above has teeth: the peers' mistake is far outside of its tolerance."""
    halves = [naive(kind, 0, 4), naive(kind, 4, 8)]
    wrong = jax.tree.map(lambda a, b: (a + b) / 2, *(gradient for _, gradient in halves))
    assert apart(wrong, naive(kind)[1]) > 0.02
