"""A fixture that the tests of tiny models share."""

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(autouse=True, scope='module')
def quick_compilation() -> Iterator[None]:
    """Tiny models compile in half the time without optimisation, and run too briefly to miss it."""
    jax.config.update('jax_disable_most_optimizations', True)
    yield
    jax.config.update('jax_disable_most_optimizations', False)
