"""What every model promises the layers above: cached decoding, rematerialisation, heads, axes."""

import dataclasses

import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P
from tiny_models import CONFIGS, KINDS, VOCAB, Document, batch_of, model_of, params_of

from jaxit.core import tree
from jaxit.core.errors import UserError
from jaxit.core.head import logits
from jaxit.layers import lora
from jaxit.models.execution import Execution
from jaxit.models.registry import build

PROMPTS, STEPS = (5, 1, 7), 6  # the sliding window is 4


def test_cached_decoding_is_the_full_forward_pass_of_a_decoder():
    model, params = model_of('decoder'), params_of('decoder')
    tokens = np.random.default_rng(0).integers(2, VOCAB, (len(PROMPTS), max(PROMPTS) + STEPS), dtype=np.int32)
    docs = [Document(row[: n + STEPS].tolist(), [2]) for row, n in zip(tokens, PROMPTS, strict=True)]
    batch = batch_of('decoder', [[d] for d in docs], target_length=max(PROMPTS) + STEPS)
    full = np.asarray(jax.jit(model.apply)(params, batch))
    prompt = np.where(np.arange(9) < np.array(PROMPTS)[:, None], tokens[:, :9], 3)
    cache = model.init_cache(3, 9 + STEPS)
    given = {'decoder_input_tokens': prompt.astype(np.int32), 'prompt_lengths': np.array(PROMPTS, np.int32)}
    ours, cache = jax.jit(model.prefill)(params, cache, given)
    step = jax.jit(model.decode_step)
    for i in range(STEPS):
        want = np.stack([full[row, n - 1 + i] for row, n in enumerate(PROMPTS)])
        np.testing.assert_allclose(ours, want, atol=1e-5 * np.abs(want).max())
        following = np.array([tokens[row, n + i] for row, n in enumerate(PROMPTS)], np.int32)
        ours, cache = step(params, cache, following)
    assert cache.lengths.tolist() == [n + STEPS for n in PROMPTS]


def test_cached_decoding_is_the_full_forward_pass_of_a_t5():
    model, axes = model_of('t5', lora_alpha=4.0), model_of('t5').logical_axes(params_of('t5'))
    params = lora.add(params_of('t5'), axes, jax.random.key(0), rank=2)
    params = tree.map_with_path(
        lambda path, x: np.full(x.shape, 0.1, np.float32) if path.endswith('lora_b') else np.asarray(x), params
    )
    rng = np.random.default_rng(0)
    docs = [Document(rng.integers(2, VOCAB, n).tolist(), rng.integers(2, VOCAB, STEPS).tolist()) for n in PROMPTS]
    batch = batch_of('t5', [[d] for d in docs], target_length=STEPS, source_length=8)
    full = np.asarray(jax.jit(model.apply)(params, batch))
    cache = model.init_cache(3, STEPS + 1, source_length=8)
    ours, cache = jax.jit(model.prefill)(params, cache, {'encoder_input_tokens': batch['encoder_input_tokens']})
    step = jax.jit(model.decode_step)
    for i in range(STEPS):
        np.testing.assert_allclose(ours, full[:, i], atol=1e-5 * np.abs(full[:, i]).max())
        ours, cache = step(params, cache, batch['decoder_target_tokens'][:, i])
    assert cache.lengths.tolist() == [STEPS + 1] * 3


@pytest.mark.parametrize('kind', KINDS)
def test_rematerialisation_changes_no_gradient(kind):
    rng = np.random.default_rng(0)
    docs = [Document(rng.integers(2, VOCAB, 4).tolist(), rng.integers(2, VOCAB, 5).tolist())]
    batch = batch_of(kind, [docs], target_length=9, source_length=5)
    found, work = {}, {}
    for remat in ('none', 'dots', 'full'):
        model = model_of(kind, remat=remat)
        gradient = jax.grad(lambda p, model=model: (model.hidden(p, batch) ** 2).sum())
        program = str(jax.make_jaxpr(gradient)(params_of(kind)))
        work[remat] = program.count('dot_general'), program.count(' tanh')
        found[remat] = jax.device_get(jax.jit(gradient)(params_of(kind)))
    for remat in ('dots', 'full'):
        for ours, want in zip(jax.tree.leaves(found[remat]), jax.tree.leaves(found['none']), strict=True):
            np.testing.assert_allclose(ours, want, rtol=1e-4, atol=1e-5 * np.abs(want).max())
    assert work['none'][0] < work['dots'][0] < work['full'][0]  # matrix products computed again
    assert 2 * work['none'][1] == work['dots'][1] == work['full'][1]


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('tied', [False, True])
def test_the_head_projects_with_the_param_at_its_path(kind, tied):
    model = build(dataclasses.replace(CONFIGS[kind], tied_head=tied))
    rng = np.random.default_rng(0)
    table = rng.normal(size=(VOCAB, 16)).astype(np.float32)
    params = {'embedding': {'embedding': table}} if tied else {'lm_head': table.T}
    head = model.head(params)
    assert model.head_path == ('embedding/embedding' if tied else 'lm_head')
    assert head.transposed == tied
    hidden = rng.normal(size=(2, 16)).astype(np.float32)
    want = hidden @ table.T * (0.25 if tied and kind == 't5' else 1.0)
    if kind == 'decoder':
        want = 6.0 * np.tanh(want / 6.0)
    np.testing.assert_allclose(logits(hidden, head), want, rtol=1e-4, atol=1e-5)


def test_logical_axes_name_every_dimension_of_every_leaf():
    for kind in KINDS:
        model = model_of(kind)
        params = lora.add(params_of(kind), model.logical_axes(params_of(kind)), jax.random.key(0), rank=2)
        axes = tree.flatten(model.logical_axes(params))
        for path, leaf in tree.flatten(params).items():
            assert isinstance(axes[path], P) and len(axes[path]) == leaf.ndim, path
            assert None not in axes[path]
            assert (axes[path][0] == 'layers') == (path.split('/')[0] in ('layers', 'encoder', 'decoder'))
        shapes = jax.eval_shape(lambda params=params: params)
        assert tree.flatten(model.logical_axes(shapes)) == axes  # shapes are enough


@pytest.mark.parametrize('kind', KINDS)
def test_initial_params_are_float32_and_depend_on_the_key_alone(kind):
    init = jax.jit(model_of(kind, dtype='bfloat16').init)
    one, again, other = (jax.device_get(init(jax.random.key(seed))) for seed in (0, 0, 1))
    assert {leaf.dtype.name for leaf in jax.tree.leaves(one)} == {'float32'}
    jax.tree.map(np.testing.assert_array_equal, one, again)
    kernels = [path for path, leaf in tree.flatten(one).items() if not path.endswith('scale')]
    assert all(not np.array_equal(tree.flatten(one)[path], tree.flatten(other)[path]) for path in kernels)
    for path in kernels:  # no two layers start alike
        leaf = tree.flatten(one)[path]
        if path.startswith(('layers', 'decoder/')):
            assert not np.array_equal(leaf[0], leaf[1])


@pytest.mark.parametrize(
    ('options', 'message'),
    [({'dtype': 'float16'}, "'float16'"), ({'remat': 'all'}, "'all'"), ({'lora_alpha': 0.0}, 'must be positive')],
)
def test_impossible_executions_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        Execution(**options)
