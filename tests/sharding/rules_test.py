"""Logical names to mesh axes: the tables, and what is refused."""

import pytest
from jax.sharding import PartitionSpec as P

from jaxit.core.errors import UserError
from jaxit.sharding.rules import ACTIVATION_AXES, PARAM_AXES, PRESETS, rules, to_spec

SPLIT = {  # by preset: what each param axis is split over; the others are whole
    'dp': {},
    'fsdp': {'embed': 'fsdp'},
    'tp': {'heads': 'tensor', 'kv': 'tensor', 'mlp': 'tensor', 'vocab': 'tensor'},
    '2d': {'embed': 'fsdp', 'heads': 'tensor', 'kv': 'tensor', 'mlp': 'tensor', 'vocab': 'tensor'},
}


@pytest.mark.parametrize('preset', PRESETS)
def test_every_axis_of_every_preset(preset):
    table = dict(rules(preset))
    assert {axis: table[axis] for axis in PARAM_AXES} == {axis: SPLIT[preset].get(axis) for axis in PARAM_AXES}
    tensor = 'tensor' if preset in ('tp', '2d') else None
    assert {axis: table[axis] for axis in ACTIVATION_AXES} == {
        'batch': ('data', 'fsdp'),
        'length': 'sequence',
        'act_embed': None,
        'act_heads': tensor,
        'act_kv': tensor,
        'act_mlp': tensor,
        'act_vocab': tensor,
    }
    assert set(table) == {*PARAM_AXES, *ACTIVATION_AXES}


def test_specs():
    table = rules('2d')
    assert to_spec(('layers', 'embed', 'heads', 'head_dim'), table) == P(None, 'fsdp', 'tensor', None)
    assert to_spec(('batch', 'length', 'act_embed'), table) == P(('data', 'fsdp'), 'sequence', None)
    assert to_spec((None, 'mlp'), table) == P(None, 'tensor')
    assert to_spec((), table) == P()


def test_an_unknown_logical_axis_is_never_a_silent_replica():
    with pytest.raises(UserError, match=r"unknown logical axis 'head'; did you mean heads"):
        to_spec(('embed', 'head'), rules())


@pytest.mark.parametrize('axes', [('heads', 'mlp'), ('batch', 'embed'), ('embed', 'embed')])
def test_two_dimensions_on_one_mesh_axis_are_refused(axes):
    with pytest.raises(UserError, match='two dimensions on mesh axis'):
        to_spec(axes, rules('2d'))


def test_an_unknown_preset_names_its_neighbour():
    with pytest.raises(UserError, match=r"unknown sharding preset 'fdsp'.*did you mean fsdp"):
        rules('fdsp')
