"""Published models by their published numbers of params; configs through JSON."""

import dataclasses
import json

import jax
import pytest
from tiny_models import CONFIGS, KINDS

from jaxit.core import tree
from jaxit.core.errors import UserError
from jaxit.layers.rope import RopeScaling
from jaxit.models import described, families
from jaxit.models.decoder import DecoderConfig
from jaxit.models.registry import build

COUNTS = {  # of the weights as published, tied matrices once
    'llama2_7b': 6_738_415_616,
    'llama3_1_8b': 8_030_261_248,
    'llama3_2_1b': 1_235_814_400,
    'smollm2_135m': 134_515_008,
    'gemma3_270m': 268_098_176,
    'gemma3_1b': 999_885_952,
    't5_small': 60_506_624,
    't5_1_1_small': 76_961_152,
    't5_1_1_base': 247_577_856,
    't5_1_1_large': 783_150_080,
    't5_1_1_xl': 2_849_757_184,
}


@pytest.mark.parametrize('name', COUNTS)
def test_numbers_of_params(name):
    model = build(getattr(families, name)())
    assert tree.num_params(jax.eval_shape(model.init, jax.random.key(0))) == COUNTS[name]


def test_primer_models_are_small():
    for config in (families.primer_tiny(), families.primer_tiny_t5()):
        assert tree.num_params(jax.eval_shape(build(config).init, jax.random.key(0))) < 2_000_000


@pytest.mark.parametrize('name', [*COUNTS, 'primer_tiny', 'primer_tiny_t5', *KINDS])
def test_configs_survive_json(name):
    config = CONFIGS[name] if name in KINDS else getattr(families, name)()
    value = json.loads(json.dumps(described.to_json(config)))
    assert value['kind'] == ('decoder' if isinstance(config, DecoderConfig) else 't5')
    assert described.from_json(value) == config


def test_rope_scaling_comes_back_as_what_it_was():
    config = dataclasses.replace(families.llama3_2_1b(), rope_scaling=RopeScaling('linear', 3.0))
    assert described.from_json(described.to_json(config)).rope_scaling == RopeScaling('linear', 3.0)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'kind': 'rnn'}, "x.json: model kind is 'rnn'; it must be one of decoder, t5"),
        ({'kind': None}, 'model kind is None'),
        ({'num_experts': 3}, r'x.json: .*num_experts'),
        ({'head_dim': 5}, 'head_dim=5 is odd'),
        ({'rope_scaling': {'kind': 'linear', 'beta': 2}}, r'x.json: .*beta'),
        ({'rope_scaling': {'kind': 'yarn'}}, "unknown rope scaling 'yarn'"),
    ],
)
def test_what_is_no_config_is_refused(change, message):
    value = {**described.to_json(CONFIGS['decoder']), **change}
    with pytest.raises(UserError, match=message):
        described.from_json(value, where='x.json')


def test_sliding_layers_are_all_but_each_nth():
    config = families.gemma3_1b()
    assert [config.is_sliding(i) for i in range(12)] == [True] * 5 + [False] + [True] * 5 + [False]
    assert not any(families.llama2_7b().is_sliding(i) for i in range(32))


def test_heads_that_do_not_divide_are_refused():
    with pytest.raises(UserError, match='num_heads=4 is not a multiple of num_kv_heads=3'):
        dataclasses.replace(CONFIGS['decoder'], num_kv_heads=3)
