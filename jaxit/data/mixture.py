"""Mixtures: how often each task is drawn, exactly, and which example each draw is.

Draws are counted, not sampled. After n draws a task with share w (its rate over the sum of the rates) has
been drawn floor(n * w + 1/2) times, for every n that is a multiple of 4,096: window i holds the draws between
n = 4096 * i and n = 4096 * (i + 1). So at every window boundary each task is within 1/2 of its exact due,
for ever, and a task far too rare for one window still gets its draws in time. The price of rounding each task
apart is that a window may hold a few draws more or less than 4,096, at worst one for each task.

The k-th draw of a task is example permutation(k % N) of epoch k // N, each epoch with its own permutation: every
example comes exactly once per epoch. All is a pure function of (seed, window).
"""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxit.core.errors import UserError
from jaxit.core.files import sha256_json
from jaxit.data.cache import TokenCache, Verify
from jaxit.data.permutation import permutation_key, permute

WINDOW_DRAWS = 4096


@dataclasses.dataclass(frozen=True)
class MixtureComponent:
    """One task of a mixture.

    Attributes:
        name: unique in the mixture; the shuffle depends on it.
        folder: the task's cache.
        rate: relative weight; rates need not sum to one.
        verify: how the cache is checked when it is first used.
    """

    name: str
    folder: Path
    rate: float
    verify: Verify = 'quick'

    @functools.cached_property
    def cache(self) -> TokenCache:
        """The opened cache."""
        return TokenCache.open(self.folder, self.verify)


class Draws(NamedTuple):
    """Examples drawn, ordered by component.

    Attributes:
        component: [n] int64, index in the mixture.
        example: [n] int64, index in the component's cache.
    """

    component: np.ndarray
    example: np.ndarray


class Mixture:
    """Components with exact shares."""

    def __init__(self, components: Sequence[MixtureComponent], *, seed: int) -> None:
        """Checks the components and opens their caches.

        Raises:
            UserError: for an empty mixture, a name given twice, a rate that is not positive and finite, or caches
                of different tokenizers or kinds.
        """
        self.components = tuple(components)
        self.seed = seed
        _check_components(self.components)
        rates = [Fraction(float(component.rate)) for component in self.components]
        denominator = math.lcm(*(rate.denominator for rate in rates))
        self._weights = [int(rate * denominator) for rate in rates]
        self._total = sum(self._weights)
        self._sizes = np.array([component.cache.num_examples for component in self.components], np.int64)
        self._key = functools.lru_cache(maxsize=4 * len(self.components))(self._permutation_key)

    @property
    def encoder_decoder(self) -> bool:
        """Whether the examples are those of an encoder-decoder."""
        return self.components[0].cache.encoder_decoder

    def drawn(self, window: int) -> np.ndarray:
        """Returns how often each component was drawn before a window, [C] int64; exact integers throughout."""
        twice = 2 * window * WINDOW_DRAWS
        total = self._total
        return np.array([(twice * weight + total) // (2 * total) for weight in self._weights], np.int64)

    def draw_counts(self, window: int) -> np.ndarray:
        """Returns how often each component is drawn in a window, [C] int64; together 4,096, give or take a few."""
        return self.drawn(window + 1) - self.drawn(window)

    def draws(self, window: int) -> Draws:
        """Returns the examples drawn in a window, in an order that says nothing (packing shuffles the rows)."""
        before, after = self.drawn(window), self.drawn(window + 1)
        counts = after - before
        component = np.repeat(np.arange(len(counts)), counts)
        firsts = np.cumsum(counts) - counts
        number = np.arange(component.size) + np.repeat(before - firsts, counts)
        return Draws(component, self._examples(component, number))

    def epoch_examples(self, component: int, start: int, stop: int) -> np.ndarray:
        """Returns the examples of the draws start..stop-1 of one component, [stop - start] int64."""
        number = np.arange(start, stop)
        return self._examples(np.full(number.shape, component), number)

    def _examples(self, component: np.ndarray, number: np.ndarray) -> np.ndarray:
        sizes = self._sizes[component]
        epoch = number // sizes
        starts = np.flatnonzero(np.diff(component, prepend=-1) | np.diff(epoch, prepend=-1))
        keys = [self._key(c, e) for c, e in zip(component[starts].tolist(), epoch[starts].tolist(), strict=True)]
        runs = np.diff(starts, append=component.size)
        return permute(number % sizes, sizes, np.repeat(np.array(keys, np.uint64), runs))

    def _permutation_key(self, component: int, epoch: int) -> int:
        return permutation_key(self.seed, self.components[component].name, epoch)

    def fingerprint(self, lengths: Mapping[str, int | None], *, pack: bool) -> str:
        """Returns what determines the stream of rows beside the seed, as `field=hash` parts.

        Separate hashes let a refused resume name what has changed, not only that something has.
        """
        caches = [component.cache.manifest for component in self.components]
        fields = {
            'tasks': [component.name for component in self.components],
            'rates': [str(Fraction(weight, self._total)) for weight in self._weights],
            'tokenizer': caches[0]['tokenizer_sha256'],  # that of all, see _check_components
            'preprocessing': [cache['fingerprint'] for cache in caches],
            'examples': [{name: facts['sha256'] for name, facts in cache['files'].items()} for cache in caches],
            'lengths': dict(lengths),
            'packing': [pack, WINDOW_DRAWS],
        }
        return ' '.join(f'{field}={sha256_json(value)[:16]}' for field, value in fields.items())


def _check_components(components: Sequence[MixtureComponent]) -> None:
    if not components:
        raise UserError('the mixture has no component; name at least one task')
    seen: dict[str, MixtureComponent] = {}
    for component in components:
        if component.name in seen:
            raise UserError(f'task {component.name!r} is in the mixture twice; add up its rates')
        seen[component.name] = component
        if not (math.isfinite(component.rate) and component.rate > 0):
            raise UserError(f'task {component.name!r} has the rate {component.rate}; a rate is a number above zero')
    first = components[0]
    for component in components:
        for field in ('tokenizer_sha256', 'encoder_decoder'):
            if component.cache.manifest[field] != first.cache.manifest[field]:
                raise UserError(
                    f'tasks {first.name!r} and {component.name!r} were cached with different {field}; '
                    'cache one of them again'
                )
