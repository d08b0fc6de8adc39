"""One task that can't be read does not stop the others, and nobody overlooks it."""

import json

import pytest

from jaxit.core.errors import UnavailableError, UserError
from jaxit.tasks import registry
from jaxit.tasks.hygiene.usable import usable
from jaxit.tasks.sources import Jsonl, Python


def breaks(split, seed):
    raise OSError('the disk is gone\nsecond line')


class Unsized(Python):
    def num_examples(self, split):
        raise UnavailableError('it tells its size to nobody')


def add_unsized(name):
    registry.add_task(name, Unsized(lambda split, seed: [{'inputs': 'a', 'targets': 'b'}]))


@pytest.fixture
def mixture(add, tmp_path):
    good = tmp_path / 'good.jsonl'
    good.write_text(json.dumps({'inputs': 'a', 'targets': 'b'}) + '\n')
    late = tmp_path / 'late.jsonl'
    late.write_text(good.read_text() + '{"inputs": "a"}\n')
    add('fine', [('a', 'b')])
    registry.add_task('file', Jsonl(good))
    registry.add_task('absent', Jsonl(tmp_path / 'absent.jsonl'))
    registry.add_task('late', Jsonl(late))
    registry.add_task('breaks', Python(breaks))
    add('empty')
    return ['fine', 'file', 'absent', 'late', 'breaks', 'empty']


def test_tasks_that_can_not_be_read_are_left_out_with_a_line_each(mixture, caplog, tmp_path):
    registry.add_mixture('stated', [(name, 1.0) for name in mixture])
    reduced = usable('stated')
    assert [task.name for task, _ in registry.resolve(reduced.mixture)] == ['fine', 'file', 'late']
    assert reduced.left_out == {
        'absent': f'{tmp_path}/absent.jsonl: No such file or directory',
        'breaks': 'OSError: the disk is gone',
        'empty': "split 'train' has no record",
    }
    assert caplog.messages == reduced.lines and len(reduced.lines) == 3


def test_where_rates_follow_from_sizes_sizes_are_read_too(mixture, tmp_path):
    add_unsized('unsized')
    registry.add_mixture('sized', ['fine', 'file', 'absent', 'unsized'])
    reduced = usable('sized')
    assert reduced.left_out['unsized'] == 'it tells its size to nobody'
    assert {task.name: rate for task, rate in registry.resolve(reduced.mixture)} == {'fine': 1, 'file': 1}


def test_strict_names_all_of_them(mixture):
    registry.add_mixture('stated', [(name, 1.0) for name in mixture])
    with pytest.raises(UserError, match=r'3 of 6 tasks can not be read: absent: .*; breaks: .*; empty: '):
        usable('stated', strict=True)
    registry.add_mixture('good', ['fine', 'file'])
    assert usable('good', strict=True) == (registry.get_mixture('good'), {})


def test_a_mixture_of_which_nothing_can_be_read_is_refused(mixture):
    registry.add_mixture('bad', ['absent', 'empty'])
    with pytest.raises(UserError, match="no task of mixture 'bad' remains: absent: "):
        usable('bad')


def test_the_other_split_may_be_asked_for(mixture):
    registry.add_mixture('two', [('fine', 1), ('empty', 1)])
    with pytest.raises(UserError, match=r'fine: split .test. has no record; empty: split .test. has no record'):
        usable('two', 'test')


def test_what_is_wrong_in_data_that_is_here_is_an_error(mixture, tmp_path):
    registry.add_mixture('sized', mixture)
    with pytest.raises(UserError, match=f"^{tmp_path}/late.jsonl: line 2 has no field 'targets'; it has inputs"):
        usable('sized')
    registry.add_mixture('split', [('fine', 1), ('file', 1)])
    with pytest.raises(UserError, match="unknown split 'test' in Jsonl"):
        usable('split', 'test')
