"""Trees as flat paths."""

import collections
import hashlib

import jax
import numpy as np
import pytest

from jaxit.core import rng, tree

Pair = collections.namedtuple('Pair', ['left', 'right'])
TREE = {'b': {'kernel': np.ones((2, 3)), 'bias': np.zeros(3)}, 'a': np.arange(4)}


def test_paths_and_back():
    flat = tree.flatten(TREE)
    assert list(flat) == ['a', 'b/bias', 'b/kernel']
    back = tree.unflatten(flat)
    assert jax.tree.structure(back) == jax.tree.structure(TREE)
    assert all(x is y for x, y in zip(jax.tree.leaves(back), jax.tree.leaves(TREE), strict=True))


def test_paths_of_lists_and_named_tuples():
    assert list(tree.flatten([Pair(1, {'x': 2}), (3,)])) == ['0/left', '0/right/x', '1/0']


def test_map_with_path():
    mapped = tree.map_with_path(
        lambda path, x, y: f'{path} {np.size(x)} {y}', TREE, {'b': {'kernel': 1, 'bias': 2}, 'a': 3}
    )
    assert mapped == {'b': {'kernel': 'b/kernel 6 1', 'bias': 'b/bias 3 2'}, 'a': 'a 4 3'}


def test_partition_and_combine():
    kept, rest = tree.partition(TREE, lambda path: tree.matches(path, (r'kernel$',)))
    assert list(tree.flatten(kept)) == ['b/kernel'] and list(tree.flatten(rest)) == ['a', 'b/bias']
    assert jax.tree.structure(tree.combine(kept, rest)) == jax.tree.structure(TREE)
    everything, nothing = tree.partition(TREE, lambda path: True)
    assert nothing == {} and len(tree.flatten(everything)) == 3
    with pytest.raises(ValueError, match="'b/kernel' is in two"):
        tree.combine(kept, TREE)


def test_num_params_counts_elements():
    assert tree.num_params(TREE) == 6 + 3 + 4
    assert tree.num_params(jax.ShapeDtypeStruct((5, 7), np.float32)) == 35


def test_streams_are_functions_of_seed_and_purpose():
    assert rng.hash32('init') == int.from_bytes(hashlib.sha256(b'init').digest()[:4], 'little')
    keys = [rng.stream(seed, purpose) for seed, purpose in ((0, 'init'), (0, 'init'), (0, 'dropout'), (1, 'init'))]
    data = [jax.random.key_data(key).tolist() for key in keys]
    assert data[0] == data[1] and len({tuple(d) for d in data}) == 3
