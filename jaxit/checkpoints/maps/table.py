"""Import and export as data: one rule per leaf, applied in both directions by the functions here.

A rule names the foreign tensor, the path of our leaf, and how the dimensions of the one make the
other: `'(N H) D -> D N H'` says that the foreign tensor is [N * H, D] and ours [D, N, H]. A letter
in braces in the name, `layers.{L}.weight`, counts the layers, which our leaf stacks on a leading
dimension.
"""

import dataclasses
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from jaxit.core import tree
from jaxit.core.errors import UserError
from jaxit.core.types import Params

Sizes = Mapping[str, int]
_COUNTER = re.compile(r'\{(\w)\}')


@dataclasses.dataclass(frozen=True)
class Rule:
    """How one leaf of ours is stored elsewhere.

    Attributes:
        name: of the foreign tensor, with the letter of the layer count in braces where it is one of a stack.
        path: of our leaf.
        layout: foreign dimensions -> ours; a group in parentheses is one dimension.
        offset: added to the foreign values to make ours.
        copies: names under which some writers store the same tensor again.
    """

    name: str
    path: str
    layout: str
    offset: float = 0.0
    copies: tuple[str, ...] = ()

    def names(self, sizes: Sizes) -> list[str]:
        """Returns the foreign names, one per layer, or the only one."""
        counter = _COUNTER.search(self.name)
        return [self.name] if counter is None else [_COUNTER.sub(str(i), self.name) for i in range(sizes[counter[1]])]

    def stacked(self) -> bool:
        """Returns whether our leaf has a leading dimension of layers."""
        return _COUNTER.search(self.name) is not None

    def foreign_shape(self, sizes: Sizes) -> tuple[int, ...]:
        """Returns the shape of the foreign tensor."""
        return _shape(_groups(self.layout.split('->')[0]), sizes)

    def shape(self, sizes: Sizes) -> tuple[int, ...]:
        """Returns the shape of our leaf without its dimension of layers."""
        return _shape(_groups(self.layout.split('->')[1]), sizes)

    def import_(self, tensor: np.ndarray, sizes: Sizes) -> np.ndarray:
        """Returns a foreign tensor as a layer of our leaf."""
        source, target = self.layout.split('->')
        out = rearrange(tensor, source, target, sizes)
        return out if not self.offset else out.astype(np.float32) + np.float32(self.offset)

    def export(self, leaf: np.ndarray, sizes: Sizes) -> np.ndarray:
        """Returns a layer of our leaf as the foreign tensor; the inverse of `import_`."""
        source, target = self.layout.split('->')
        return rearrange(leaf - np.float32(self.offset) if self.offset else leaf, target, source, sizes)


class TensorSource(Protocol):
    """Where foreign tensors are read from, one at a time."""

    @property
    def where(self) -> str:
        """The path, for messages."""
        ...

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Returns the shape of each tensor by name."""
        ...

    def read(self, name: str) -> np.ndarray:
        """Returns a tensor; a view of the file where the format allows it."""
        ...


def rearrange(array: np.ndarray, source: str, target: str, sizes: Sizes) -> np.ndarray:
    """Returns the array with the dimensions of `source` put in the order and the groups of `target`."""
    groups_in, groups_out = _groups(source), _groups(target)
    letters_in, letters_out = ''.join(groups_in), ''.join(groups_out)
    split = array.reshape([sizes[letter] for letter in letters_in])
    return split.transpose([letters_in.index(letter) for letter in letters_out]).reshape(_shape(groups_out, sizes))


def check(rules: Sequence[Rule], sizes: Sizes, source: TensorSource) -> None:
    """Checks that the tensors are those of the rules: nothing missing, nothing left over, every shape right.

    Raises:
        UserError: names the tensors.
    """
    shapes = source.shapes()
    wanted = {name: rule for rule in rules for name in rule.names(sizes)}
    copies = {copy: rule for rule in rules for copy in rule.copies}
    if missing := [name for name in wanted if name not in shapes]:
        raise UserError(f'{source.where}: {_list(missing)} missing; the config asks for it')
    if extra := [name for name in shapes if name not in wanted and name not in copies]:
        raise UserError(
            f'{source.where}: {_list(extra)} not known for this architecture; the model would not be the same'
        )
    for name, rule in (wanted | copies).items():
        expected = rule.foreign_shape(sizes)
        if name in shapes and tuple(shapes[name]) != expected:
            raise UserError(
                f'{source.where}: tensor {name!r} has shape {tuple(shapes[name])}; the config asks for {expected}'
            )


def to_params(
    rules: Sequence[Rule],
    sizes: Sizes,
    source: TensorSource,
    *,
    dtype: Any = np.float32,
    shardings: Any = None,
    check_finite: bool = True,
) -> dict[str, Any]:
    """Reads every leaf, tensor by tensor into its stack, or onto its devices.

    Args:
        rules: of the model; checked against the source first.
        sizes: of the letters in the layouts.
        source: of the foreign tensors.
        dtype: of the leaves.
        shardings: a tree of shardings shaped like the params; each device then reads its own part.
        check_finite: refuse NaN and infinity.

    Raises:
        UserError: for tensors that do not fit the rules, copies that differ, or values that are not finite.
    """
    check(rules, sizes, source)
    _compare_copies(rules, source)
    places = None if shardings is None else tree.flatten(shardings)
    leaves: dict[str, Any] = {}
    for rule in rules:
        part = _reader(rule, sizes, source, np.dtype(dtype), check_finite)
        shape = (len(rule.names(sizes)),) * rule.stacked() + rule.shape(sizes)
        if places is None:
            leaves[rule.path] = jnp.asarray(part((slice(None),) * len(shape)))
        else:
            leaves[rule.path] = jax.make_array_from_callback(shape, places[rule.path], part)
    return tree.unflatten(leaves)


def to_tensors(rules: Sequence[Rule], sizes: Sizes, params: Params) -> Iterator[tuple[str, np.ndarray]]:
    """Yields the foreign tensors of our params, one leaf on the host at a time.

    Raises:
        UserError: when the leaves are not those of the rules.
    """
    leaves = tree.flatten(params)
    check_leaves(rules, sizes, leaves)
    for rule in rules:
        leaf = np.asarray(leaves[rule.path])
        layers: Iterable[np.ndarray] = leaf if rule.stacked() else [leaf]
        for name, layer in zip(rule.names(sizes), layers, strict=True):
            yield name, rule.export(layer, sizes)


def check_leaves(rules: Sequence[Rule], sizes: Sizes, leaves: Mapping[str, Any]) -> None:
    """Checks that flat params are those of the rules.

    Raises:
        UserError: names the leaves.
    """
    wanted = {rule.path: rule for rule in rules}
    if missing := [path for path in wanted if path not in leaves]:
        raise UserError(f'params: {_list(missing, "leaf")} missing; the config asks for it')
    if extra := [path for path in leaves if path not in wanted]:
        raise UserError(f'params: {_list(extra, "leaf")} not known for this architecture')
    for path, rule in wanted.items():
        expected = (len(rule.names(sizes)),) * rule.stacked() + rule.shape(sizes)
        if tuple(leaves[path].shape) != expected:
            raise UserError(
                f'params: leaf {path!r} has shape {tuple(leaves[path].shape)}; the config asks for {expected}'
            )


def _reader(
    rule: Rule, sizes: Sizes, source: TensorSource, dtype: np.dtype, check_finite: bool
) -> Callable[[Any], np.ndarray]:
    """Returns a function from an index into our leaf to that part of it."""
    names = rule.names(sizes)

    def layer(name: str, index: tuple[slice, ...]) -> np.ndarray:
        part = rule.import_(source.read(name), sizes)[index].astype(dtype)
        if check_finite and not np.isfinite(part).all():
            raise UserError(f'{source.where}: tensor {name!r} holds values that are not finite')
        return part

    def read(index: tuple[slice, ...]) -> np.ndarray:
        if not rule.stacked():
            return layer(names[0], index)
        chosen = names[index[0]]
        first = layer(chosen[0], index[1:])
        out = np.empty((len(chosen), *first.shape), dtype)
        out[0] = first
        for i, name in enumerate(chosen[1:], start=1):
            out[i] = layer(name, index[1:])
        return out

    return read


def _compare_copies(rules: Sequence[Rule], source: TensorSource) -> None:
    shapes = source.shapes()
    for rule in rules:
        for copy in rule.copies:
            if copy in shapes and not np.array_equal(source.read(copy), source.read(rule.name)):
                raise UserError(
                    f'{source.where}: {copy!r} differs from {rule.name!r}, but the config says they are one'
                )


def _groups(side: str) -> list[str]:
    """Returns the letters of each dimension: '(N H) D' -> ['NH', 'D']."""
    return [group.replace(' ', '').strip('()') for group in re.findall(r'\([^)]*\)|\w', side)]


def _shape(groups: Sequence[str], sizes: Sizes) -> tuple[int, ...]:
    return tuple(math.prod(sizes[letter] for letter in group) for group in groups)


def _list(names: Sequence[str], kind: str = 'tensor') -> str:
    """Returns 'tensor 'a' is', or 'tensors 'a', 'b' and 3 more are'."""
    shown = ', '.join(repr(name) for name in names[:3])
    more = f' and {len(names) - 3} more' if len(names) > 3 else ''
    plural = {'tensor': 'tensors', 'leaf': 'leaves'}[kind]
    return f'{kind} {shown} is' if len(names) == 1 else f'{plural} {shown}{more} are'
