"""T7: the loss of an evaluation is a fact about model and data, not about batch size, padding, packing or devices."""

import functools

import jax
import numpy as np
import pytest
from tiny_caches import cache_documents
from tiny_models import KINDS, batch_of, documents, model_of, params_of
from tiny_runs import mesh_of

from jaxit.data.loader import evaluation_batches
from jaxit.sharding.apply import put_batch
from jaxit.sharding.rules import DEFAULT_RULES
from jaxit.training.losses import LossConfig
from jaxit.training.step import compile_evaluation

SIZES = [(3, 1), (5, 9), (2, 2), (8, 5), (1, 12), (4, 1), (6, 3), (2, 8), (7, 1), (3, 6), (5, 2)]  # 11 documents
S, T = 9, 16


def docs():
    return documents(np.random.default_rng(4), SIZES)


@functools.cache
def truth(kind):
    """Returns the negative log-likelihood of each document alone in a row of its own, float64."""
    batch = batch_of(kind, [[document] for document in docs()], target_length=T, source_length=S)
    logits = np.asarray(jax.jit(model_of(kind).apply)(params_of(kind), batch), np.float64)
    log_sum = np.log(np.exp(logits).sum(-1))
    target = np.take_along_axis(logits, batch['decoder_target_tokens'][..., None], -1)[..., 0]
    return ((log_sum - target) * batch['decoder_loss_weights']).sum(1)


@pytest.fixture(scope='module', params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope='module')
def cache(kind, tmp_path_factory):
    return cache_documents(tmp_path_factory.mktemp('cache') / 'cache', kind, docs())


@functools.cache
def evaluation(kind):
    return compile_evaluation(model_of(kind), LossConfig(chunk_length=5), 1)


def batches_of(kind, cache, batch_size, pack):
    lengths = {'inputs': S if kind == 't5' else None, 'targets': T}
    return list(evaluation_batches(cache, batch_size, lengths, pack=pack))


@pytest.mark.parametrize('pack', [False, True])
@pytest.mark.parametrize(('batch_size', 'devices'), [(1, 1), (3, 1), (8, 1), (8, 8)])
def test_loss_is_the_same_for_every_batch_size(kind, cache, batch_size, devices, pack):
    batches = batches_of(kind, cache, batch_size, pack)
    assert sum(len(batch['task_ids']) for batch in batches) % batch_size == 0  # filled up, not dropped
    loss, weight, correct = 0.0, 0.0, 0.0
    mesh = mesh_of(devices)
    with jax.set_mesh(mesh):
        for batch in batches:
            out = evaluation(kind)(params_of(kind), put_batch(batch, mesh, DEFAULT_RULES))
            loss += float(out.loss_sum)
            weight += float(out.weight_sum)
            correct += float(out.metrics['correct'])
    assert weight == sum(m for _, m in SIZES)
    assert loss / weight == pytest.approx(truth(kind).sum() / weight, rel=1e-6)
    assert float(correct).is_integer()


def test_the_peers_mistakes_would_be_seen(kind):
    """A mean of batch means, or a last row counted twice, lies outside of the tolerance above."""
    nll, tokens = truth(kind), np.array([m for _, m in SIZES])
    right = nll.sum() / tokens.sum()
    means = np.mean([nll[i : i + 8].sum() / tokens[i : i + 8].sum() for i in (0, 8)])
    repeated = (nll.sum() + nll[-1]) / (tokens.sum() + tokens[-1])
    assert min(abs(means - right), abs(repeated - right)) > 1e-4 * right
