"""The digest against a loop over elements in numpy, on every mesh, and against single changed elements."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxit.checkpoints import digest
from jaxit.core.errors import UserError

DTYPES = ('float32', 'bfloat16', 'float16', 'int32', 'uint32', 'int16', 'uint8', 'int8', 'bool', 'float8_e4m3fn')
MASK = 2**32 - 1


def random_leaf(dtype: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    if dtype == 'bool':
        return generator.integers(0, 2, shape).astype(bool)
    kind = jnp.dtype(dtype)
    size = int(np.prod(shape)) * kind.itemsize
    return np.frombuffer(generator.bytes(size), kind).reshape(shape)


def mix(x: int) -> int:
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & MASK
    x = ((x ^ (x >> 15)) * 0x846CA68B) & MASK
    return x ^ (x >> 16)


def oracle(leaf: np.ndarray) -> str:
    """The definition, one element at a time, in Python integers."""
    bits = np.ascontiguousarray(leaf).reshape(-1).view({1: np.uint8, 2: np.uint16, 4: np.uint32}[leaf.itemsize])
    rows = leaf.shape[0] if leaf.ndim else 1
    halves = []
    for seed, stride in ((0x243F6A88, 0x9E3779B9), (0x85A308D3, 0x7F4A7C16)):
        total = 0
        for index, value in enumerate(bits.tolist()):
            first = index // (bits.size // rows) if leaf.ndim else 0
            total += mix(value ^ mix(((index + first * stride) & MASK) ^ seed))
        halves.append(f'{total & MASK:08x}')
    return ''.join(halves)


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('shape', [(), (5,), (3, 7), (2, 3, 5)])
def test_equals_the_definition(dtype, shape):
    leaf = random_leaf(dtype, shape)
    assert digest.tree_digest({'x': jnp.asarray(leaf)}) == {'x': oracle(leaf)}


def test_paths_follow_the_tree_and_empty_leaves_are_zero():
    leaves = {'b': [jnp.ones((2,)), jnp.zeros((0, 3))], 'a': jnp.int32(4)}
    got = digest.tree_digest(leaves)
    assert list(got) == ['a', 'b/0', 'b/1']
    assert got['b/1'] == '0' * 16 and got['b/0'] == oracle(np.ones(2, np.float32))
    assert digest.tree_digest({}) == {}


def test_prng_keys_are_digested_by_their_data():
    key = jax.random.key(7)
    data = np.asarray(jax.random.key_data(key))
    assert digest.tree_digest({'rng': key}) == {'rng': oracle(data)}


@pytest.mark.parametrize('shape', [(1, 1), (8, 1), (4, 2), (2, 4)])
@pytest.mark.parametrize('dtype', ['float32', 'bfloat16', 'uint8', 'bool'])
def test_every_mesh_gives_the_same_digest(shape, dtype):
    mesh = jax.make_mesh(shape, ('data', 'model'), (AxisType.Auto,) * 2, devices=jax.devices()[: shape[0] * shape[1]])
    leaf = random_leaf(dtype, (16, 24))
    specs = {'rows': P('data'), 'columns': P(None, ('model', 'data')), 'both': P('model', 'data'), 'whole': P()}
    got = digest.tree_digest({name: jax.device_put(leaf, NamedSharding(mesh, spec)) for name, spec in specs.items()})
    assert set(got.values()) == {oracle(leaf)}


def test_leaves_on_different_devices_are_digested_together():
    leaf = random_leaf('float32', (3, 5))
    leaves = {str(i): jax.device_put(leaf, jax.devices()[i]) for i in range(3)}
    assert digest.tree_digest(leaves) == dict.fromkeys(leaves, oracle(leaf))


@pytest.mark.parametrize('dtype', ['float32', 'bfloat16', 'uint8'])
def test_every_single_bit_flip_and_every_swap_changes_the_digest(dtype):
    leaf = random_leaf(dtype, (3, 4))
    raw = leaf.tobytes()
    copies = [leaf]
    for bit in range(8 * len(raw)):
        damaged = bytearray(raw)
        damaged[bit // 8] ^= 1 << bit % 8
        copies.append(np.frombuffer(bytes(damaged), leaf.dtype).reshape(leaf.shape))
    for i in range(1, leaf.size):
        swapped = leaf.reshape(-1).copy()
        swapped[[0, i]] = swapped[[i, 0]]
        copies.append(swapped.reshape(leaf.shape))
    distinct = {copy.tobytes() for copy in copies}
    got = digest.tree_digest({str(i): jnp.asarray(copy) for i, copy in enumerate(copies)})
    assert len(set(got.values())) == len(distinct)


def test_signed_zeros_and_nan_payloads_are_told_apart():
    bits = np.array([0x00000000, 0x80000000, 0x7FC00000, 0x7FC00001, 0xFFC00000, 0x00000001], np.uint32)
    leaves = {str(i): jnp.asarray(bits[i : i + 1].view(np.float32)) for i in range(len(bits))}
    assert len(set(digest.tree_digest(leaves).values())) == len(bits)


def test_combined_depends_on_paths_and_digests_but_not_on_order():
    one = digest.combined({'a': '0' * 16, 'b': '1' * 16})
    assert one == digest.combined({'b': '1' * 16, 'a': '0' * 16})
    assert len({one, digest.combined({'b': '0' * 16, 'a': '1' * 16}), digest.combined({'a': '0' * 16})}) == 3
    assert len(one) == 16


def test_the_digest_keeps_no_copy_of_the_leaf():
    leaf = jnp.zeros((1024, 1024))
    memory = digest._leaf_digest.lower(leaf).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 64 * 1024


@pytest.mark.parametrize('leaf', [3, 1.5, np.ones(2, np.float32)])
def test_anything_but_a_jax_array_is_refused_by_name(leaf):
    with pytest.raises(UserError, match=r"'a/b'.*jax arrays only"):
        digest.tree_digest({'a': {'b': leaf}})
