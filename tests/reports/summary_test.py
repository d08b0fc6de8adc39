"""The figures of a run, against the formulas it was made by."""

import dataclasses
import json
import math

import pytest

from jaxit.reports.changes import Change, headline, lower_is_better
from jaxit.reports.goodput import goodput, idle_seconds, lives, wall_seconds
from jaxit.reports.records import Event, Score
from jaxit.reports.runs import read_run
from jaxit.reports.summary import summary


def test_figures_equal_the_formulas(run_folder, synthetic):
    numbers = summary(read_run(run_folder))
    drawn = [synthetic.drawn_of(task) for task in synthetic.TASKS]
    assert numbers['tokens'] == sum(d['tokens'] for d in drawn)
    assert numbers['loss_tokens'] == sum(d['loss_tokens'] for d in drawn)
    assert numbers['examples'] == sum(d['examples'] for d in drawn)
    assert (numbers['first_loss'], numbers['final_loss']) == (synthetic.loss_at(10), synthetic.loss_at(300))
    assert (numbers['steps'], numbers['tasks'], numbers['seed']) == (300, 5, 17)
    assert numbers['tokens_per_second'] == 4010.0  # the period of 30 steps makes 4000, 4010 and 4020 equally often
    wall = 12.5 + 41.0 + 30 * (20.0 + 0.25) + 30.0 + 4.0 + 7.0
    assert numbers['wall_seconds'] == pytest.approx(wall)
    assert numbers['step_share'] == pytest.approx(600 / wall)
    json.dumps(numbers, allow_nan=False)


@pytest.mark.parametrize(
    ('kind', 'metric', 'tasks'),
    [
        ('held_in', 'accuracy', ('rte', 'squad')),
        ('held_out', 'accuracy', ('boolq', 'wic')),
        ('forgetting', 'loss', ('books', 'code')),
    ],
)
def test_headlines_are_means_over_tasks(run_folder, synthetic, kind, metric, tasks):
    found = summary(read_run(run_folder))[kind]
    base, tuned = ([synthetic.score_of(label, task, metric) for task in tasks] for label in ('base', 'tuned'))
    assert found['metric'] == metric
    assert found['base'] == pytest.approx(sum(s['value'] for s in base) / 2)
    assert found['tuned'] == pytest.approx(sum(s['value'] for s in tuned) / 2)
    assert found['delta'] == pytest.approx(found['tuned'] - found['base'])
    variance = sum((s['stderr'] / 2) ** 2 for s in base + tuned)
    assert found['stderr'] == pytest.approx(math.sqrt(variance))


@pytest.mark.parametrize(
    ('metric', 'base', 'tuned', 'verdict'),
    [
        ('accuracy', Score(0.5, 0.03), Score(0.61, 0.04), 'better'),
        ('accuracy', Score(0.5, 0.03), Score(0.6, 0.04), 'unclear'),
        ('accuracy', Score(0.5), Score(0.4), 'worse'),
        ('loss', Score(2.0, 0.1), Score(2.4, 0.1), 'worse'),
        ('perplexity', Score(9.0), Score(8.0), 'better'),
        ('accuracy', Score(0.5), Score(0.5), 'unclear'),
        ('accuracy', Score(0.5, 0.0, 9), Score(1.0, 0.0, 9), 'unclear'),
        ('accuracy', Score(0.5, 0.0, 10), Score(1.0, 0.0, 10), 'better'),
        ('accuracy', None, Score(0.5), ''),
    ],
)
def test_verdicts(metric, base, tuned, verdict):
    assert Change(metric, base, tuned).verdict == verdict


def test_only_suites_scored_on_both_sides_count(run_folder):
    run = read_run(run_folder)
    base = run.evaluations['base']
    less = dataclasses.replace(base, suites={name: suite for name, suite in base.suites.items() if name != 'outer'})
    assert (
        headline(dataclasses.replace(run, evaluations={'base': less, 'tuned': run.evaluations['tuned']}), 'held_out')[
            0
        ].delta
        is None
    )
    only = headline(dataclasses.replace(run, evaluations={'tuned': run.evaluations['tuned']}), 'held_out')
    assert only[0].base is None and only[0].tuned.value == pytest.approx(summary(run)['held_out']['tuned'])
    assert headline(dataclasses.replace(run, evaluations={}), 'held_out') is None


def test_the_latest_evaluation_stands_for_the_tuned_model(run_folder):
    run = read_run(run_folder)
    tuned = run.evaluations['tuned']
    others = {
        label: dataclasses.replace(tuned, label=label, step=step) for label, step in (('step_9', 9), ('step_100', 100))
    }
    assert dataclasses.replace(run, evaluations={'base': run.evaluations['base'], **others}).tuned.step == 100
    assert dataclasses.replace(run, evaluations={**run.evaluations, **others}).tuned.label == 'tuned'
    assert dataclasses.replace(run, evaluations={'base': run.evaluations['base']}).tuned is None


def test_goodput_sums_to_the_wall_time(run_folder):
    run = read_run(run_folder)
    shares = {share.event: share for share in goodput(run)}
    assert shares['step'].seconds == pytest.approx(600.0) and shares['step'].num_events == 30
    assert shares['other'].seconds == pytest.approx(7.0)
    assert math.fsum(share.share for share in shares.values()) == pytest.approx(1.0)
    assert math.fsum(share.seconds for share in shares.values()) == pytest.approx(wall_seconds(run))


def test_a_clock_set_back_gives_no_negative_time(run_folder):
    day = 86400.0
    events = (
        Event('init', 10.0, 1e9),
        Event('step', 5.0, 1e9 + 5),
        Event('step', 6.0, 1e9 + 11 - day),
        Event('save', 2.0, 1e9 + 14 - day),
    )
    run = dataclasses.replace(read_run(run_folder), events=events)
    assert wall_seconds(run) == pytest.approx(10 + 5 + 6 + 3)
    assert [(s.event, pytest.approx(s.seconds)) for s in goodput(run)] == [
        ('step', 11.0),
        ('init', 10.0),
        ('save', 2.0),
        ('other', 1.0),
    ]


def test_events_that_overlap_never_exceed_the_whole(run_folder):
    events = (Event('step', 10.0, 100.0), Event('save', 10.0, 100.0), Event('step', 10.0, None))
    shares = goodput(dataclasses.replace(read_run(run_folder), events=events))
    assert [(s.event, s.share) for s in shares] == [('step', pytest.approx(2 / 3)), ('save', pytest.approx(1 / 3))]
    assert goodput(dataclasses.replace(read_run(run_folder), events=())) == []


def test_which_metrics_are_better_when_smaller():
    assert all(map(lower_is_better, ['loss', 'eval_loss', 'Perplexity', 'nll', 'bits_per_byte', 'edit_distance']))
    assert not any(map(lower_is_better, ['accuracy', 'rouge_l', 'f1', 'exact_match', 'spearman', 'matthews']))


def test_a_run_that_was_killed_and_resumed_has_two_lives(run_folder):
    events = (
        Event('init', 10.0, 1000.0), Event('compile', 20.0, 1000.0), Event('step', 40.0, 1041.0),  # killed: no stop
        Event('init', 5.0, 1111.0), Event('restore', 6.0, 1111.01), Event('step', 30.0, 1145.0),
        Event('stop', 50.0, 1147.0),
    )  # fmt: skip
    run = dataclasses.replace(read_run(run_folder), events=events)
    assert [len(life) for life in lives(run)] == [3, 4]
    assert wall_seconds(run) == pytest.approx((10 + 20 + 41) + 50)
    assert idle_seconds(run) == pytest.approx(1111.0 - 11.0 - 1041.0)
    shares = {share.event: share.seconds for share in goodput(run)}
    assert shares == {
        'step': 70.0, 'compile': 20.0, 'init': 15.0, 'restore': 6.0, 'other': pytest.approx(121 - 111)
    }  # fmt: skip
    numbers = summary(run)
    assert (numbers['starts'], numbers['idle_seconds']) == (2, pytest.approx(59.0))
