"""What the tasks of a registered suite are judged by, and when its file is written anew."""

import dataclasses

import pytest

from jaxit.cli import suites as written
from jaxit.cli.experiment import DataConfig
from jaxit.evaluation.suite_files import load_suite
from jaxit.tasks import primer, registry, suites
from jaxit.tasks.flan2021 import library
from jaxit.tasks.sources import Python
from jaxit.tasks.suites import Suite, add_suite

RANKS = ('rank_accuracy', 'rank_accuracy_per_token')


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    registry.names()
    monkeypatch.setattr(registry, '_TASKS', dict(registry._TASKS))
    monkeypatch.setattr(suites, 'SUITES', dict(suites.SUITES))


def cb(split, seed):
    return [{'premise': f'p{i}', 'hypothesis': 'h', 'label': i % 3, 'idx': i} for i in range(5)]


def plain(split, seed):
    return [{'inputs': f'q{i}', 'targets': 'b', 'all': ['a', 'b'], 'some': ['b'] * (i % 2)} for i in range(4)]


def metrics_of(tmp_path, suite, **fields):
    path = written.write(suite, DataConfig(mixture='', cache_dir=str(tmp_path)), seed=0, limit=3, **fields)
    return {task.name: task.metrics for task in load_suite(path).tasks}


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('cb_type_0', (*RANKS, 'exact_match', 'macro_f1')),
        ('cb_type_0_scoring_eval', (*RANKS, 'rank_macro_f1')),
        ('cb_type_0_score_eval_no_options', (*RANKS, 'rank_macro_f1')),
        ('cb_10templates', (*RANKS, 'exact_match', 'macro_f1')),
    ],
)
def test_tasks_of_flan_keep_their_metrics_and_ranked_ones_only_rank(tmp_path, name, expected):
    task = dataclasses.replace(library.make(name), source=Python(cb, ('test',)))
    registry._TASKS[name] = task
    add_suite(Suite('mine', 'held_out', (name,)))
    assert metrics_of(tmp_path, 'mine') == {name: expected}


def test_tasks_of_ones_own(tmp_path):
    source = Python(plain, ('test',))
    registry.add_task('plain', source)
    registry.add_task('worded', source, metrics=('rouge_1', 'bleu'))
    registry.add_task('chosen', source, answer_options='all')
    registry.add_task('classes', source, answer_options='all', metrics=('binary_f1',))
    registry.add_task('ranked', source, answer_options='all', metrics=('rank_binary_f1',))
    registry.add_task('sometimes', source, answer_options='some', metrics=('f1',))
    names = ('plain', 'worded', 'chosen', 'classes', 'ranked', 'sometimes')
    add_suite(Suite('mine', 'held_in', names))
    assert metrics_of(tmp_path, 'mine') == {
        'plain': ('exact_match',),
        'worded': ('rouge_1', 'bleu'),
        'chosen': (*RANKS, 'exact_match'),
        'classes': (*RANKS, 'binary_f1'),
        'ranked': ('rank_binary_f1',),
        'sometimes': ('f1',),
    }


def test_the_primer_is_judged_as_ever(tmp_path):
    found = metrics_of(tmp_path, 'primer_held_in')
    with_options = {name for name in primer.TRAINED if registry.get_task(name).answer_options}
    assert 0 < len(with_options) < len(found)
    for name, chosen in found.items():
        assert chosen == ((*RANKS, 'exact_match') if name in with_options else ('exact_match',))
    assert metrics_of(tmp_path, 'primer_forgetting', text_limit=2) == {'primer_replay': ('perplexity', 'bits_per_byte')}


def test_other_metrics_are_another_file(tmp_path):
    task = registry.add_task('plain', Python(plain, ('test',)))
    add_suite(Suite('mine', 'held_in', ('plain',)))
    assert metrics_of(tmp_path, 'mine') == metrics_of(tmp_path, 'mine') == {'plain': ('exact_match',)}
    assert len(list(tmp_path.glob('suites/*.jsonl'))) == 1
    registry._TASKS['plain'] = dataclasses.replace(task, metrics=('f1',))
    assert metrics_of(tmp_path, 'mine') == {'plain': ('f1',)}
