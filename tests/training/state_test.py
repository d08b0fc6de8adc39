"""Where the arrays of a state live, and that its abstract form says the same."""

import jax
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec as P
from tiny_models import KINDS, model_of, params_of
from tiny_runs import everything, mesh_of

from jaxit.core import tree
from jaxit.layers import lora
from jaxit.sharding.rules import DEFAULT_RULES
from jaxit.training import state as state_lib
from jaxit.training.optimizers import OptimizerConfig, make_optimizer


def prepare_with(model):
    return lambda params, key: lora.add(params, model.logical_axes(params), key, rank=2)


@pytest.mark.parametrize('name', ['adamw', 'adafactor'])
@pytest.mark.parametrize('kind', KINDS)
def test_moments_live_where_their_params_do_and_the_abstract_state_agrees(kind, name):
    model, mesh = model_of(kind), mesh_of(2, 2, 2)
    optimizer, _ = make_optimizer(OptimizerConfig(name), 10)
    arguments = model, optimizer, everything, mesh, DEFAULT_RULES
    abstract = state_lib.abstract_state(*arguments, prepare=prepare_with(model))
    state = state_lib.initialize(*arguments, key=jax.random.key(0), prepare=prepare_with(model), params=params_of(kind))
    assert jax.tree.structure(abstract) == jax.tree.structure(state)
    params = tree.flatten(state.params)
    for (path, want), leaf in zip(tree.flatten(abstract).items(), jax.tree.leaves(state), strict=True):
        assert (leaf.shape, leaf.dtype) == (want.shape, want.dtype), path
        assert leaf.sharding.is_equivalent_to(want.sharding, leaf.ndim), path
        if path.startswith('opt_state'):
            owner = [p for p in params if path.endswith(f'/{p}') and params[p].shape == leaf.shape]
            spec = params[owner[0]].sharding.spec if owner else P()
            assert leaf.sharding.spec == spec, path
    for path, value in tree.flatten(params_of(kind)).items():
        np.testing.assert_array_equal(params[path], value)


def test_random_params_depend_on_the_key_and_not_on_the_mesh():
    model = model_of('decoder')
    made = []
    for seed, shape in ((0, (1, 1, 1)), (0, (2, 2, 2)), (1, (1, 1, 1))):
        arguments = model, optax.sgd(1.0), everything, mesh_of(*shape), DEFAULT_RULES
        made.append(jax.device_get(state_lib.initialize(*arguments, key=jax.random.key(seed))))
    one, eight, other = (tree.flatten(state.params) for state in made)
    for path in one:
        np.testing.assert_array_equal(one[path], eight[path])
    assert not np.array_equal(one['lm_head'], other['lm_head'])
    np.testing.assert_array_equal(made[0].rng, made[1].rng)
    assert made[0].rng.tolist() != made[2].rng.tolist()
