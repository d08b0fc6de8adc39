"""FLOPs against numbers worked out by hand, against published parameter counts, and against the model's own program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxit.core import batch as batch_lib
from jaxit.models import families, registry
from jaxit.models.decoder import DecoderConfig
from jaxit.models.t5 import T5Config
from jaxit.planning.roofline import (
    Floor,
    StepShape,
    causal_pairs,
    model_flop_utilisation,
    step_floor,
    step_flops,
)
from jaxit.planning.topologies import parse
from jaxit.sharding.mesh import MeshConfig

SMALL = DecoderConfig(
    vocab_size=50, embed_dim=8, num_layers=2, num_heads=3, num_kv_heads=1, head_dim=4, mlp_dim=10, tied_head=True
)
SMALL_T5 = T5Config(
    vocab_size=50, embed_dim=8, num_encoder_layers=3, num_decoder_layers=2, num_heads=2, head_dim=5, mlp_dim=11
)


def test_decoder_by_hand() -> None:
    flops = step_flops(SMALL, StepShape(num_rows=5, target_length=7))
    # a layer: 8*12 queries, 2 * 8*4 keys and values, 12*8 outputs, 3 * 8*10 mlp = 496; two layers 992; 35 tokens
    assert flops.blocks == 6 * 992 * 35
    # 28 pairs in a row of 7, 5 rows, 2 layers, 12 numbers in all query heads
    assert flops.attention == 12 * 12 * (28 * 5 * 2)
    assert flops.head == 6 * 8 * 50 * 35
    assert flops.total == 208_320 + 40_320 + 84_000


def test_response_only_head_and_frozen_weights() -> None:
    shape = StepShape(num_rows=5, target_length=7, head_tokens=11)
    full, frozen = step_flops(SMALL, shape), step_flops(SMALL, shape, frozen=True)
    assert full.head == 6 * 8 * 50 * 11
    assert frozen == (4 * 992 * 35, full.attention, 4 * 8 * 50 * 11)


def test_t5_by_hand() -> None:
    flops = step_flops(SMALL_T5, StepShape(num_rows=2, target_length=4, source_length=6))
    # a projection has 8*10 = 80, the gated mlp 3 * 8*11 = 264; tokens: 8 target, 12 source
    encoder, decoder = 3 * (4 * 80 + 264), 2 * (6 * 80 + 264)
    cross_keys_values = 2 * (2 * 80)
    assert flops.blocks == 6 * (decoder * 8 + (encoder + cross_keys_values) * 12)
    # per row: 36 pairs in each encoder layer; 10 causal and 24 to the source in each decoder layer
    assert flops.attention == 12 * 10 * 2 * (3 * 36 + 2 * (10 + 24))
    assert flops.head == 6 * 8 * 50 * 8


def test_t5_without_a_gate() -> None:
    shape = StepShape(num_rows=1, target_length=1, source_length=1)
    plain = T5Config(**{**vars(SMALL_T5), 'gated': False})
    assert step_flops(SMALL_T5, shape).blocks - step_flops(plain, shape).blocks == 6 * 5 * 88


@pytest.mark.parametrize(('length', 'window'), [(7, None), (7, 3), (7, 7), (7, 9), (1, 1), (12, 1)])
def test_causal_pairs_are_those_of_the_mask(length: int, window: int | None) -> None:
    query, key = np.indices((length, length))
    mask = (key <= query) & (key > query - (window or length))
    assert causal_pairs(length, window) == mask.sum()


def test_sliding_layers_are_cheaper() -> None:
    """Gemma 3 1B: 26 layers, every sixth of them global, the others see 512 tokens; 4 heads of 256."""
    flops = step_flops(families.gemma3_1b(), StepShape(num_rows=1, target_length=2048))
    global_pairs, sliding_pairs = 2048 * 2049 // 2, 512 * 513 // 2 + 1536 * 512
    assert flops.attention == 12 * 1024 * (4 * global_pairs + 22 * sliding_pairs)


def test_llama_3_1_8b_is_six_times_its_published_params() -> None:
    """8,030,261,248 params, of which 128,256 * 4,096 are looked up and 65 * 4,096 are norms."""
    flops = step_flops(families.llama3_1_8b(), StepShape(num_rows=3, target_length=8192))
    assert flops.blocks + flops.head == 6 * (8_030_261_248 - 128_256 * 4096 - 65 * 4096) * 3 * 8192


def _dot_flops(jaxpr, repeats: int = 1) -> int:
    """Counts 2 m k n of every matrix product of a program, those in loops as often as they run."""
    total = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == 'dot_general':
            ((contracted, _), _), left = equation.params['dimension_numbers'], equation.invars[0].aval
            inner = int(np.prod([left.shape[i] for i in contracted]))
            total += 2 * inner * int(np.prod(equation.outvars[0].aval.shape)) * repeats
        inside = repeats * (equation.params['length'] if equation.primitive.name == 'scan' else 1)
        for value in equation.params.values():
            for part in value if isinstance(value, tuple | list) else (value,):
                if hasattr(part, 'eqns') or hasattr(part, 'jaxpr'):
                    total += _dot_flops(getattr(part, 'jaxpr', part), inside)
    return total


@pytest.mark.parametrize(
    ('config', 'shape'),
    [
        (SMALL, StepShape(num_rows=5, target_length=7)),
        (DecoderConfig(40, 12, 3, 4, 2, 6, 9, tied_head=False), StepShape(num_rows=2, target_length=5)),
        (SMALL_T5, StepShape(num_rows=2, target_length=4, source_length=6)),
        (T5Config(**{**vars(SMALL_T5), 'gated': False, 'activation': 'relu'}), StepShape(3, 5, source_length=2)),
    ],
)
def test_the_program_has_the_products_we_count(config: registry.ModelConfig, shape: StepShape) -> None:
    """Counts the products in the traced gradient; there a causal query is multiplied with every key of its row."""
    model = registry.build(config)
    batch = {}
    for name in batch_lib.features(encoder_decoder=model.encoder_decoder):
        length = shape.source_length if name.startswith('encoder_') else shape.target_length
        kind = jnp.float32 if name in batch_lib.FLOAT_FEATURES else jnp.int32
        batch[name] = jnp.ones((shape.num_rows, length), kind)
    params = jax.eval_shape(model.init, jax.random.key(0))
    program = jax.make_jaxpr(jax.grad(lambda params: model.apply(params, batch).sum()))(params)
    counted = step_flops(config, shape)
    num_causal = config.num_decoder_layers if isinstance(config, T5Config) else config.num_layers
    unseen = shape.target_length**2 - causal_pairs(shape.target_length)
    masked = 12 * config.num_heads * config.head_dim * shape.num_rows * num_causal * unseen
    assert _dot_flops(program.jaxpr) == counted.total + masked


def test_floor_by_hand() -> None:
    """Sixteen v5e chips, 4 x fsdp 2 x tensor 2: every term with its own numbers."""
    shape = StepShape(num_rows=64, target_length=512, num_microbatches=3)
    mesh = MeshConfig(data=4, fsdp=2, tensor=2)
    config = families.smollm2_135m()
    floor = step_floor(config, shape, parse('v5e:4x4'), mesh, num_params=1000_000_000, num_trained=400_000_000)
    flops = step_flops(config, shape, frozen=True).total
    assert floor.compute == pytest.approx(flops / (16 * 197e12))
    # weights: bfloat16, twice, half of them, three times; state: 12 bytes read and written, a quarter of it
    assert floor.memory == pytest.approx((2 * 2 * 0.5e9 * 3 + 2 * 12 * 0.1e9) / 819e9)
    gathered = 2 * (2 * 1e9 + 0.4e9) / 2 * (1 / 2) * 3
    reduced = 2 * 0.1e9 * 2 * (3 / 4)
    # 2 sublayers * 30 layers * 64 * 512 tokens * 576 wide, in bfloat16, over 8 shards, forward and backward
    activations = 2 * 2 * (2 * 30 * 64 * 512 * 576 / 8) * 2 * (1 / 2)
    assert floor.network == pytest.approx((gathered + reduced + activations) / 200e9)
    assert floor.seconds == max(floor) and floor.bound == 'network'


def test_floor_of_one_chip_and_of_halves() -> None:
    shape = StepShape(num_rows=8, target_length=64)
    one = step_floor(SMALL, shape, parse('v5e:1x1'), MeshConfig(), num_params=10**6, moment_bytes=0)
    assert one.network == 0.0
    assert one.memory == pytest.approx((4 * 1e6 + 8 * 1e6) / 819e9)
    halves = step_floor(SMALL, shape, parse('tpu7x:2x2x1'), MeshConfig(fsdp=8, data=1), num_params=10**6)
    # each of the two devices of a chip has half of its bandwidth
    assert halves.memory == pytest.approx((4 * 1e6 + 24 * 1e6 / 8) / (7380e9 / 2))
    assert halves.compute == pytest.approx(step_flops(SMALL, shape).total / (4 * 2307e12))


def test_floor_of_t5_counts_three_sublayers_of_the_decoder() -> None:
    shape = StepShape(num_rows=16, target_length=4, source_length=6)
    mesh = MeshConfig(data=1, tensor=4)
    floor = step_floor(SMALL_T5, shape, parse('v5e:2x2'), mesh, num_params=1)
    outputs = 16 * 8 * (2 * 3 * 6 + 3 * 2 * 4)
    assert floor.network == pytest.approx(2 * 2 * outputs * 2 * (3 / 4) / 200e9)


def test_floor_names_what_binds() -> None:
    assert Floor(compute=3.0, memory=2.0, network=1.0).bound == 'compute'
    assert Floor(compute=1.0, memory=2.0, network=0.0).bound == 'memory'
    assert Floor(compute=1.0, memory=2.0, network=0.0).seconds == 2.0


def test_utilisation_of_a_published_run() -> None:
    """AXLearn's 70B on 1,024 v5e chips: 4,194,304 tokens in 14.37 s, published as 59.87 %; that is 6 P per token."""
    peak = parse('v5e:16x16*4').peak_flops
    share = model_flop_utilisation(6 * 68_976_648_192 * 4_194_304, 14.37, peak)
    assert share == pytest.approx(0.5987, abs=2e-4)
