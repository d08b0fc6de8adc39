"""Low-rank updates: beside the kernel or in it, the same function."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_models import CONFIGS, KINDS, batch_of, documents, model_of, params_of

from jaxit.core import tree
from jaxit.core.errors import UserError
from jaxit.layers import lora
from jaxit.models.registry import build

RANK, ALPHA = 3, 5.0


def added(kind, **options):
    model = model_of(kind)
    return lora.add(params_of(kind), model.logical_axes(params_of(kind)), jax.random.key(1), rank=RANK, **options)


def trained(params, seed=0):
    """Both factors drawn at random: B is zero at the start."""
    rng = np.random.default_rng(seed)
    return tree.map_with_path(
        lambda path, x: jnp.asarray(0.3 * rng.normal(size=x.shape), jnp.float32) if lora.is_lora(path) else x, params
    )


@pytest.mark.parametrize('kind', KINDS)
def test_shapes_and_initial_values(kind):
    before, after = tree.flatten(params_of(kind)), tree.flatten(added(kind))
    assert all(np.array_equal(after[path], value) for path, value in before.items())
    new = {path: value for path, value in after.items() if path not in before}
    num_maps = {'decoder': 7, 't5': 4 + 3 + 8 + 3}[kind]
    assert len(new) == 2 * num_maps and all(lora.is_lora(path) for path in new)
    for path, value in new.items():
        if path.endswith('lora_b'):
            assert not np.any(value)
            continue
        kernel = before[path.replace('lora_a', 'kernel')]
        num_in = 2 if '/out/' in path else 1
        inputs = kernel.shape[1 : 1 + num_in]
        assert value.shape == (kernel.shape[0], *inputs, RANK)
        assert after[path.replace('lora_a', 'lora_b')].shape == (kernel.shape[0], RANK, *kernel.shape[1 + num_in :])
        bound = np.sqrt(3 / np.prod(inputs))
        assert 0.8 * bound < np.abs(value).max() <= bound
    firsts = [value.ravel()[:6] for path, value in new.items() if path.endswith('lora_a')]
    assert len({first.tobytes() for first in map(np.asarray, firsts)}) == num_maps  # no two maps share a draw


def test_the_number_of_params_by_hand():
    """Each map of in x out adds rank * (in + out) in each of the three layers."""
    count = tree.num_params(added('decoder')) - tree.num_params(params_of('decoder'))
    query, key_or_value, out, mlp = 16 + 24, 16 + 12, 24 + 16, 16 + 20
    assert count == 3 * RANK * (query + 2 * key_or_value + out + 3 * mlp)


@pytest.mark.parametrize('kind', KINDS)
def test_merged_is_the_same_function_and_the_update_by_hand(kind):
    params = trained(added(kind))
    merged = lora.merge(params, ALPHA)
    assert set(tree.flatten(merged)) == set(tree.flatten(params_of(kind)))
    flat, whole = tree.flatten(params), tree.flatten(merged)
    path = next(path for path in flat if path.endswith('attention/out/lora_a'))
    a, b = (np.asarray(flat[p], np.float64) for p in (path, path.replace('lora_a', 'lora_b')))
    want = flat[path.replace('lora_a', 'kernel')] + ALPHA / RANK * np.einsum('lnhr,lrd->lnhd', a, b)
    np.testing.assert_allclose(whole[path.replace('lora_a', 'kernel')], want, rtol=1e-5, atol=1e-5)
    docs = documents(np.random.default_rng(0), [(3, 2), (1, 4)])
    batch = batch_of(kind, [[d] for d in docs], target_length=6, source_length=4)
    apply = jax.jit(model_of(kind, lora_alpha=ALPHA).apply)
    apart, together, plain = (np.asarray(apply(p, batch)) for p in (params, merged, params_of(kind)))
    np.testing.assert_allclose(apart, together, atol=2e-5 * np.abs(together).max())
    assert np.abs(apart - plain).max() > 0.1
    fresh = np.asarray(apply(added(kind), batch))
    np.testing.assert_array_equal(fresh, plain)  # at first nothing changes


def test_an_unstacked_map_merges_too():
    rng = np.random.default_rng(1)
    kernel, a, b = rng.normal(size=(4, 6, 7)), rng.normal(size=(4, 6, RANK)), rng.normal(size=(RANK, 7))
    params = {'out': {'kernel': kernel, 'lora_a': a, 'lora_b': b}}
    params = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), params)
    want = kernel + ALPHA / RANK * np.einsum('nhr,rd->nhd', a, b)
    np.testing.assert_allclose(lora.merge(params, ALPHA)['out']['kernel'], want, rtol=1e-5)


def test_patterns_choose_and_a_pattern_without_a_match_is_refused():
    flat = tree.flatten(added('t5', patterns=(r'^decoder/.*attention/value$',)))
    changed = {path for path in flat if lora.is_lora(path)}
    assert changed == {
        f'decoder/{attention}/value/{leaf}'
        for attention in ('attention', 'cross_attention')
        for leaf in ('lora_a', 'lora_b')
    }
    with pytest.raises(UserError, match='match no linear map'):
        added('decoder', patterns=('values$',))


def test_bfloat16_compute_merges_to_the_same_function():
    params = trained(added('decoder'))
    model = build(CONFIGS['decoder'], model_of('decoder', dtype='bfloat16', lora_alpha=ALPHA).execution)
    docs = documents(np.random.default_rng(0), [(3, 2)])
    batch = batch_of('decoder', [docs], target_length=6)
    a, b = (np.asarray(model.apply(p, batch)) for p in (params, lora.merge(params, ALPHA)))
    assert np.abs(a - b).max() < 0.15 * np.abs(b).max()
