"""Where arrays land: every param of every preset, batches, activations, and what does not divide."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P
from tiny_models import CONFIGS, KINDS, batch_of, documents, model_of, params_of

from jaxit.core import tree
from jaxit.core.errors import UserError
from jaxit.layers import lora
from jaxit.models.registry import build
from jaxit.sharding.apply import batch_sharding, constrain, fit, put_batch, replicated, shardings
from jaxit.sharding.mesh import MeshConfig, make_mesh
from jaxit.sharding.rules import PRESETS, rules

SIZES = {'data': 2, 'fsdp': 2, 'tensor': 2, 'sequence': 1}
DIMENSIONS = {  # what the kernels of a linear map look like; F fsdp, T tensor, . whole; stacked layers in front
    'query/kernel': 'FT.',
    'key/kernel': 'FT.',
    'value/kernel': 'FT.',
    'out/kernel': 'T.F',
    'gate/kernel': 'FT',
    'up/kernel': 'FT',
    'down/kernel': 'TF',
    'lm_head': 'FT',
    'embedding/embedding': 'TF',
    'encoder_bias/embedding': '.T',
    'decoder_bias/embedding': '.T',
    'scale': 'F',
    'query/lora_a': 'F.',
    'query/lora_b': '.T.',
    'down/lora_a': 'T.',
    'down/lora_b': '.F',
    'out/lora_a': 'T..',
    'out/lora_b': '.F',
}


@pytest.fixture(scope='module')
def mesh():
    return make_mesh(MeshConfig(2, 2, 2, 1))


def with_lora(kind):
    model, patterns = model_of(kind), (r'/(query|out|down)$',)
    key = jax.random.key(0)
    return jax.eval_shape(
        lambda params: lora.add(params, model.logical_axes(params), key, rank=4, patterns=patterns), params_of(kind)
    )


def expected(path, ndim, preset):
    letters = max((d for d in DIMENSIONS if path.endswith(d)), key=len)
    stacked = '.' * (ndim - len(DIMENSIONS[letters]))
    assert len(stacked) == int(path.split('/')[0] in ('layers', 'encoder', 'decoder'))
    fsdp = 'fsdp' if preset in ('fsdp', '2d') else None
    tensor = 'tensor' if preset in ('tp', '2d') else None
    return P(*({'F': fsdp, 'T': tensor, '.': None}[letter] for letter in stacked + DIMENSIONS[letters]))


@pytest.mark.parametrize('preset', PRESETS)
@pytest.mark.parametrize('kind', KINDS)
def test_every_param_is_where_the_rules_say(mesh, kind, preset):
    shapes = with_lora(kind)
    axes = model_of(kind).logical_axes(shapes)
    placed = tree.flatten(shardings(axes, shapes, mesh, rules(preset)))
    assert set(placed) == set(tree.flatten(shapes))
    assert replicated(axes, shapes, mesh, rules(preset)) == []
    for path, leaf in tree.flatten(shapes).items():
        spec = expected(path, leaf.ndim, preset)
        assert placed[path] == NamedSharding(mesh, spec), path
        split = math.prod(SIZES[axis] for axis in spec if axis)
        assert math.prod(placed[path].shard_shape(leaf.shape)) * split == leaf.size


def test_fit_drops_what_does_not_divide_and_keeps_the_rest():
    assert fit(P('fsdp', 'tensor'), (4, 3), SIZES) == P('fsdp', None)
    assert fit(P('fsdp', 'tensor'), (3, 4), SIZES) == P(None, 'tensor')
    assert fit(P(('data', 'fsdp'), None), (8, 5), SIZES) == P(('data', 'fsdp'), None)
    assert fit(P(('data', 'fsdp')), (6, 5), SIZES) == P(None, None)
    assert fit(P('sequence'), (7,), SIZES) == P('sequence')


def test_params_that_do_not_divide_are_named(mesh):
    """Three kv heads on two tensor devices: the maps to keys and values are whole there, and only they."""
    config = dataclasses.replace(CONFIGS['decoder'], num_heads=6, num_kv_heads=3)
    model = build(config)
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    axes = model.logical_axes(shapes)
    lost = replicated(axes, shapes, mesh, rules())
    assert lost == ['layers/attention/key/kernel', 'layers/attention/value/kernel']
    placed = tree.flatten(shardings(axes, shapes, mesh, rules()))
    assert placed[lost[0]].spec == P(None, 'fsdp', None, None)
    assert replicated(axes, shapes, mesh, rules('fsdp')) == []


def test_a_batch_is_split_by_rows_over_data_and_fsdp(mesh):
    batch = batch_of('decoder', [[d] for d in documents(np.random.default_rng(0), [(2, 3)] * 8)], target_length=5)
    placed = put_batch(batch, mesh, rules())
    for name, values in batch.items():
        assert placed[name].sharding == NamedSharding(mesh, P(('data', 'fsdp'), None)) == batch_sharding(mesh, rules())
        np.testing.assert_array_equal(placed[name], values)
        for shard in placed[name].addressable_shards:  # two rows each; tensor neighbours hold the same ones
            block = int(np.argwhere(mesh.device_ids == shard.device.id)[0] @ [2, 1, 0, 0])
            np.testing.assert_array_equal(shard.data, values[2 * block : 2 * block + 2])


def test_constrain_moves_an_activation(mesh):
    table = rules('2d')
    f = jax.jit(lambda x: constrain(2 * x, ('batch', 'length', 'act_mlp'), table))
    x = jnp.ones((4, 3, 6))
    with jax.set_mesh(mesh):
        assert f(x).sharding.is_equivalent_to(NamedSharding(mesh, P(('data', 'fsdp'), 'sequence', 'tensor')), 3)
        assert 'sharding_constraint' in str(jax.make_jaxpr(f)(x))
        odd = f(jnp.ones((4, 3, 5)))  # five do not divide over two devices
        assert odd.sharding.is_equivalent_to(NamedSharding(mesh, P(('data', 'fsdp'), None, None)), 3)


def test_constrain_without_a_mesh_does_nothing_but_check_names():
    x = jnp.ones((2, 3))
    assert constrain(x, ('batch', 'length'), rules()) is x
    with pytest.raises(UserError, match='unknown logical axis'):
        constrain(x, ('batch', 'len'), rules())


@pytest.mark.parametrize('kind', KINDS)
def test_models_constrain_their_activations(kind):
    """Embedding, queries, keys, values, attention and MLP outputs: the length goes over the sequence axis."""
    docs = documents(np.random.default_rng(0), [(2, 3)] * 2)
    batch = batch_of(kind, [[d] for d in docs], target_length=8, source_length=4)

    def constraints():
        return str(jax.make_jaxpr(model_of(kind).hidden)(params_of(kind), batch)).split('sharding_constraint[')[1:]

    assert constraints() == []
    with jax.set_mesh(make_mesh(MeshConfig(2, 1, 1, 4))):
        found = constraints()
    assert len(found) >= 7
    assert sum("'sequence'" in text[:300] for text in found) >= 5
