"""Tasks of a few rows, and a stand-in for the library that proposes near duplicates: it proposes every pair."""

import functools
import sys
import types

import pytest

from jaxit.tasks import registry, suites
from jaxit.tasks.sources import Python


def _rows(split, seed, *, by_split):
    return by_split[split]


@pytest.fixture(autouse=True)
def clean_registry(monkeypatch):
    registry.names()  # the built-in ones are in
    monkeypatch.setattr(registry, '_TASKS', dict(registry._TASKS))
    monkeypatch.setattr(registry, '_MIXTURES', dict(registry._MIXTURES))
    monkeypatch.setattr(suites, 'SUITES', dict(suites.SUITES))


@pytest.fixture
def add():
    """Registers a task: `add('name', [(inputs, targets), ...], test=[...])`; rows may be whole records."""

    def added(name, rows=(), test=(), **fields):
        by_split = {
            split: [
                row if isinstance(row, dict) else dict(zip(('inputs', 'targets'), row, strict=True)) for row in some
            ]
            for split, some in (('train', rows), ('test', test))
        }
        return registry.add_task(name, Python(functools.partial(_rows, by_split=by_split), ('train', 'test')), **fields)

    return added


class _MinHash:
    def __init__(self, num_perm):
        self.length, self.items = num_perm, frozenset()

    def copy(self):
        return _MinHash(self.length)

    def update_batch(self, items):
        assert all(type(item) is bytes for item in items)
        self.items |= frozenset(items)


class _MinHashLSH:
    def __init__(self, num_perm, params):
        assert params[0] * params[1] <= num_perm
        self.length, self.kept = num_perm, {}

    def insert(self, key, minhash):
        assert key not in self.kept and minhash.items and minhash.length == self.length
        self.kept[key] = minhash.items

    def query(self, minhash):
        assert minhash.items
        return sorted(self.kept, reverse=True)


@pytest.fixture
def stand_in(monkeypatch):
    """Puts the stand-in where the library is imported from."""
    library = types.ModuleType('datasketch')
    library.MinHash, library.MinHashLSH = _MinHash, _MinHashLSH
    monkeypatch.setitem(sys.modules, 'datasketch', library)
