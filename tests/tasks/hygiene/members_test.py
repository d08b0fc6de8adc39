"""Mixtures without some of their tasks, against shares computed by hand."""

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks import registry
from jaxit.tasks.hygiene.members import members, without


@pytest.fixture(autouse=True)
def tasks(add):
    for name, count in (('few', 3), ('some', 40), ('many', 700)):
        add(name, [('a', 'b')] * count)


def shares(mixture):
    rates = {task.name: rate for task, rate in registry.resolve(mixture)}
    return {name: pytest.approx(rate / sum(rates.values())) for name, rate in rates.items()}


def test_members_are_named_once_and_in_order():
    registry.add_mixture('sized', ['many', 'few'], maximum=10)
    registry.add_mixture('nested', [('some', 0.5), ('sized', 0.4), ('few', 0.1)])
    assert [(m.task.name, m.sized_split) for m in members('nested')] == [
        ('some', None), ('many', 'train'), ('few', 'train'),
    ]  # fmt: skip
    assert [m.task.name for m in members('few')] == ['few']


def test_a_plain_mixture_loses_components():
    registry.add_mixture('stated', [('few', 1), ('some', 2), ('many', 5)])
    reduced = without('stated', {'some': 'why'})
    assert reduced.mixture == registry.Mixture('stated', (('few', 1), ('many', 5)))
    assert reduced.lines == ["mixture 'stated' without 'some': why"]


def test_rates_that_follow_from_sizes_still_do_and_sources_are_not_read(add):
    def never(split, seed):
        raise AssertionError('read')

    registry.add_task('unread', registry.get_task('few').source.__class__(never))
    registry.add_mixture('sized', ['few', 'some', 'unread'], maximum=100)
    assert without('sized', {'some': ''}).mixture == registry.Mixture(
        'sized', (('few', None), ('unread', None)), maximum=100
    )


def test_what_is_nested_keeps_its_rate():
    registry.add_mixture('inner', ['few', 'some', 'many'], maximum=100)  # 3, 40, 100
    registry.add_mixture('outer', [('inner', 0.9), ('few', 0.1)])
    reduced = without('outer', {'some': ''}).mixture
    assert shares(reduced) == {'few': 0.1 + 0.9 * 3 / 103, 'many': 0.9 * 100 / 103}
    assert shares(without('outer', {'few': ''}).mixture) == {'some': 40 / 140, 'many': 100 / 140}
    assert shares(without('outer', {}).mixture) == shares('outer')


def test_nested_sizes_keep_their_own_maximum():
    registry.add_mixture('inner', ['some', 'many'], maximum=100)  # 40, 100
    registry.add_mixture('outer', ['inner', 'few'], maximum=2)  # 140, 2
    assert shares(without('outer', {'some': ''}).mixture) == {'many': 100 / 102, 'few': 2 / 102}


def test_a_nested_mixture_that_is_empty_goes():
    registry.add_mixture('inner', ['some'])
    registry.add_mixture('outer', [('inner', 0.9), ('few', 0.1)])
    assert shares(without('outer', {'some': ''}).mixture) == {'few': 1.0}
    with pytest.raises(UserError, match="no task of mixture 'outer' remains: some: a; few: b"):
        without('outer', {'some': 'a', 'few': 'b'})


def test_each_task_left_out_is_logged_with_a_line(caplog):
    registry.add_mixture('stated', [('few', 1), ('some', 2), ('many', 5)])
    without('stated', {'few': 'too few', 'many': 'too many'})
    assert caplog.messages == ["mixture 'stated' without 'few': too few", "mixture 'stated' without 'many': too many"]
