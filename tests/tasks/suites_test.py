"""Suites: what is in them, how a limit picks, and what is refused."""

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks import registry, suites
from jaxit.tasks.primer import HELD_OUT_COMPOSITIONS, TRAINED
from jaxit.tasks.sources import Python
from jaxit.tasks.suites import Suite


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    registry.names()
    monkeypatch.setattr(registry, '_TASKS', dict(registry._TASKS))
    monkeypatch.setattr(suites, 'SUITES', dict(suites.SUITES))


def test_the_suites_of_the_primer():
    kinds = {name: suite.kind for name, suite in suites.SUITES.items() if name.startswith('primer_')}
    assert kinds == {
        'primer_held_in': 'held_in',
        'primer_held_out_templates': 'held_out',
        'primer_held_out_compositions': 'held_out',
        'primer_forgetting': 'forgetting',
    }
    assert set(suites.suite_examples('primer_held_in', 1)) == set(TRAINED)
    held_out = suites.suite_examples('primer_held_out_compositions', 20)
    assert set(held_out) == set(HELD_OUT_COMPOSITIONS) and not set(held_out) & set(TRAINED)
    assert all(len(rows) == 20 for rows in held_out.values())
    (texts,) = suites.suite_examples('primer_forgetting', 3).values()
    assert [[part.loss for part in row.parts] for row in texts] == [[True]] * 3


def test_no_suite_shows_a_prompt_of_the_training_mixture():
    trained = {e.inputs for name in TRAINED for e in suites.examples(registry.get_task(name), 'train')}
    for name in ('primer_held_in', 'primer_held_out_templates', 'primer_held_out_compositions'):
        asked = {e.inputs for rows in suites.suite_examples(name).values() for e in rows}
        assert len(asked) > 1000 and not asked & trained


def make(split, seed):
    return [{'inputs': str(i), 'targets': 'x'} for i in range(10)]


def test_a_limit_spreads_over_the_rows():
    registry.add_task('ten', Python(make, ('test', 'train')))
    registry.add_task('none', Python(lambda split, seed: [], ('test',)))
    suites.add_suite(Suite('mine', 'held_out', ('ten',)))
    asked = {limit: [e.inputs for e in suites.suite_examples('mine', limit)['ten']] for limit in (1, 3, 10, 99, None)}
    assert asked[3] == ['0', '3', '6'] and asked[1] == ['0']
    assert asked[10] == asked[99] == asked[None] == [str(i) for i in range(10)]
    suites.add_suite(Suite('empty', 'held_out', ('none',)))
    with pytest.raises(UserError, match="suite 'empty': task 'none' has no example in split 'test'"):
        suites.suite_examples('empty')


def test_a_bad_suite_is_refused():
    for suite, message in (
        (Suite('primer_held_in', 'held_in', TRAINED), 'registered twice'),
        (Suite('mine', 'held_in', ()), 'has no task'),
        (Suite('mine', 'held_in', ('primer_topik',)), 'unknown task'),
        (Suite('mine', 'held_in', ('primer_topic',), 'tset'), "unknown split 'tset'"),
    ):
        with pytest.raises(UserError, match=message):
            suites.add_suite(suite)
    with pytest.raises(UserError, match="unknown suite 'primer_held'; did you mean primer_held_in"):
        suites.get_suite('primer_held')
