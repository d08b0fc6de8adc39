"""Trees of params as flat paths: `decoder/layers/attention/query/kernel`."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax

Tree = Any


def flatten(tree: Tree) -> dict[str, Any]:
    """Returns the leaves by path, in the tree's own order."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {path_string(path): leaf for path, leaf in leaves}


def unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the nested dict whose paths are given; the inverse of `flatten` for dicts."""
    tree: dict[str, Any] = {}
    for path, leaf in flat.items():
        *parents, name = path.split('/')
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = leaf
    return tree


def path_string(path: Iterable[Any]) -> str:
    """Returns a jax key path as `a/b/c`."""
    return '/'.join(str(getattr(k, 'key', getattr(k, 'name', getattr(k, 'idx', k)))) for k in path)


def map_with_path(function: Callable[..., Any], tree: Tree, *rest: Tree) -> Tree:
    """Maps `function(path, leaf, *others)` over a tree."""
    return jax.tree_util.tree_map_with_path(lambda path, *leaves: function(path_string(path), *leaves), tree, *rest)


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Returns whether any of the regular expressions is found in the path."""
    return any(re.search(pattern, path) for pattern in patterns)


def partition(tree: Mapping[str, Any], keep: Callable[[str], bool]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Splits a tree of dicts by path into (kept, rest); empty branches vanish."""
    flat = flatten(tree)
    return (
        unflatten({path: leaf for path, leaf in flat.items() if keep(path)}),
        unflatten({path: leaf for path, leaf in flat.items() if not keep(path)}),
    )


def combine(*trees: Mapping[str, Any]) -> dict[str, Any]:
    """Joins trees with disjoint paths; the inverse of `partition`."""
    flat: dict[str, Any] = {}
    for tree in trees:
        for path, leaf in flatten(tree).items():
            if path in flat:
                raise ValueError(f'path {path!r} is in two of the trees')
            flat[path] = leaf
    return unflatten(flat)


def num_params(tree: Tree) -> int:
    """Returns the number of elements of all leaves."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree))
