"""The tasks of a mixture, and the mixture without some of them."""

import dataclasses
import logging
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from jaxit.core.errors import UserError
from jaxit.tasks.registry import Mixture, Task, get_mixture, get_task, resolve

_log = logging.getLogger(__name__)


class Member(NamedTuple):
    """A task of a mixture.

    Attributes:
        task: the task.
        sized_split: the split whose size decides its rate; None where the rate is stated.
    """

    task: Task
    sized_split: str | None


class Reduced(NamedTuple):
    """A mixture without some of its tasks.

    Attributes:
        mixture: what is left, under the same name.
        left_out: why each task was left out, in the order of the mixture.
    """

    mixture: Mixture
    left_out: Mapping[str, str]

    @property
    def lines(self) -> list[str]:
        """A line for each task that was left out."""
        return [f'mixture {self.mixture.name!r} without {task!r}: {why}' for task, why in self.left_out.items()]


def members(mixture: Mixture | str) -> list[Member]:
    """Returns the tasks of a mixture and of those nested in it, each once, in their order. No source is read."""
    found: dict[str, Member] = {}
    for member in _members(_as_value(mixture)):
        known = found.setdefault(member.task.name, member)
        if known.sized_split is None and member.sized_split is not None:
            found[member.task.name] = member
    return list(found.values())


def without(mixture: Mixture | str, left_out: Mapping[str, str]) -> Reduced:
    """Returns a mixture as if some tasks had never been in it or in those nested in it, and logs a line for each.

    What is nested keeps its rate, shared among the tasks that remain. The result has tasks only; its rates are stated
    where mixtures were nested, which reads the sizes of sources whose rates follow from them.

    Args:
        mixture: the whole.
        left_out: why, by name of a task.

    Raises:
        UserError: where no task remains.
    """
    result = Reduced(reduced(mixture, left_out), left_out)
    for line in result.lines:
        _log.warning('%s', line)
    return result


def reduced(mixture: Mixture | str, left_out: Mapping[str, str]) -> Mixture:
    """Returns what `without` returns, and logs nothing."""
    mixture = _as_value(mixture)
    remaining = _without(mixture, left_out) if left_out else mixture
    if remaining is None:
        raise UserError(f'no task of mixture {mixture.name!r} remains: {joined(left_out)}')
    return remaining


def joined(reasons: Mapping[str, str]) -> str:
    """Returns reasons by task in one line."""
    return '; '.join(f'{task}: {why}' for task, why in reasons.items())


def _without(mixture: Mixture, left_out: Collection[str]) -> Mixture | None:
    components = [item for item in mixture.components if item[0] not in left_out]
    if all(_is_task(name) for name, _ in components):
        return dataclasses.replace(mixture, components=tuple(components)) if components else None
    rates: dict[str, float] = {}
    for name, rate in components:
        inner = mixture if _is_task(name) else _without(get_mixture(name), left_out)
        if inner is None:
            continue
        pairs = ((name, rate),) if _is_task(name) else inner.components
        shares = {task.name: share for task, share in resolve(dataclasses.replace(inner, components=pairs))}
        scale = 1.0 if rate is None or _is_task(name) else rate / sum(shares.values())
        for task, share in shares.items():
            rates[task] = rates.get(task, 0.0) + scale * share
    return Mixture(mixture.name, tuple(rates.items()), split=mixture.split) if rates else None


def _members(mixture: Mixture) -> Iterator[Member]:
    for name, rate in mixture.components:
        if _is_task(name):
            yield Member(get_task(name), mixture.split if rate is None else None)
        else:
            yield from _members(get_mixture(name))


def _is_task(name: str) -> bool:
    """A task stands for the mixture of itself alone; no registered mixture has its own name among its components."""
    return get_mixture(name).components == ((name, 1.0),)


def _as_value(mixture: Mixture | str) -> Mixture:
    return get_mixture(mixture) if isinstance(mixture, str) else mixture
