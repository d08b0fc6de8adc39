"""Reading run folders: whole ones, torn ones, resumed ones, and folders that are none."""

import json
import math
import shutil

import numpy as np
import pytest

from jaxit.core.errors import UserError
from jaxit.reports.runs import read_run, timestamp


@pytest.fixture
def folder(run_folder, tmp_path):
    return shutil.copytree(run_folder, tmp_path / 'run')


def test_reads_what_was_written(run_folder, synthetic):
    run = read_run(run_folder)
    steps = list(range(10, 301, 10))
    loss = run.series('train/loss')
    np.testing.assert_array_equal(loss.steps, steps)
    np.testing.assert_array_equal(loss.values, [synthetic.loss_at(step) for step in steps])
    np.testing.assert_array_equal(run.series('eval/outer/loss').steps, [50, 100, 150, 200, 250, 300])
    assert run.keys('task_loss/') == sorted(f'task_loss/{task}' for task in synthetic.TASKS)
    assert (run.name, run.last_step, run.notes) == ('primer-lora', 300, ())
    assert {task: row._asdict() for task, row in run.drawn.items()} == {
        t: synthetic.drawn_of(t) for t in synthetic.TASKS
    }
    assert run.evaluations['tuned'].suites['inner'].tasks['squad']['accuracy'] == tuple(
        synthetic.score_of('tuned', 'squad', 'accuracy').values()
    )
    assert run.config.startswith("include 'base.gin'")


@pytest.mark.parametrize('name', ['metrics.jsonl', 'events.jsonl', 'samples.jsonl'])
def test_a_torn_last_line_is_dropped_quietly(folder, name):
    whole = read_run(folder)
    path = folder / name
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b''.join(lines) + lines[-1][: len(lines[-1]) // 2])
    torn = read_run(folder)
    assert torn.notes == ()
    assert (torn.train, torn.evals, torn.events, torn.samples) == (
        whole.train,
        whole.evals,
        whole.events,
        whole.samples,
    )


def test_a_line_torn_inside_a_character_is_dropped_quietly(folder):
    with open(folder / 'samples.jsonl', 'ab') as f:
        f.write('{"step": 1, "task": "é'.encode()[:-1])
    assert len(read_run(folder).samples) == 2
    assert read_run(folder).notes == ()


def test_lines_torn_in_the_middle_are_left_out_and_told(folder):
    lines = (folder / 'metrics.jsonl').read_text().splitlines()
    lines[3] = lines[3][:40] + lines[4]  # a kill, then a resume that appended to the torn line
    del lines[4]
    (folder / 'metrics.jsonl').write_text('\n'.join(lines))
    run = read_run(folder)
    assert run.notes == ('metrics.jsonl: 1 unreadable line left out',)
    np.testing.assert_array_equal(run.series('train/loss').steps, [10, 20, 30, *range(60, 301, 10)])


def test_after_a_resume_the_later_line_of_a_step_wins(folder):
    with open(folder / 'metrics.jsonl', 'a') as f:
        for step in (280, 290, 300, 310):
            f.write(json.dumps({'step': step, 'train/loss': step / 1000}) + '\n')
    run = read_run(folder)
    loss = run.series('train/loss')
    np.testing.assert_array_equal(loss.steps, range(10, 311, 10))
    np.testing.assert_array_equal(loss.values[-4:], [0.28, 0.29, 0.3, 0.31])
    assert 290 not in run.series('train/grad_norm').steps  # nothing of the earlier line is left
    assert run.series('eval/inner/loss').steps[-1] == 300  # and the evaluation of step 300 is


def test_evaluation_lines_of_one_step_are_joined(folder, synthetic):
    synthetic.write_lines(
        folder / 'metrics.jsonl',
        [{'step': 5, 'train/loss': 1.5}, {'step': 5, 'eval/a/loss': 2.5}, {'step': 5, 'eval/b/loss': 3.5}],
    )
    run = read_run(folder)
    assert dict(run.evals[5]) == {'step': 5, 'eval/a/loss': 2.5, 'eval/b/loss': 3.5}
    assert run.train[5]['train/loss'] == 1.5


def test_only_run_json_is_needed(tmp_path):
    (tmp_path / 'run.json').write_text('{}')
    run = read_run(tmp_path)
    assert run.name == tmp_path.name
    assert (run.last_step, run.config, run.events, run.evaluations) == (None, '', (), {})


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, 'not a run folder, it has no run.json'),
        ('[1]', 'must hold a JSON object, got list'),
        ('{"name": ', 'run.json: line 1 is not JSON'),
        ('{"seed": ' + '1' * 5000 + '}', 'run.json: not JSON that can be read'),
    ],
)
def test_a_folder_that_is_no_run_is_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / 'run.json').write_text(content)
    with pytest.raises(UserError, match=message) as error:
        read_run(tmp_path)
    assert '\n' not in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match='no such folder'):
        read_run(tmp_path / 'nothing')


def test_malformed_optional_files_are_told_and_left_out(folder):
    (folder / 'weights.json').write_text('{"a": [')
    (folder / 'evaluation' / 'tuned.json').write_text('not json')
    run = read_run(folder)
    assert run.weights == () and list(run.evaluations) == ['base']
    assert len(run.notes) == 2 and any('tuned.json: line 1' in note for note in run.notes)


def test_values_of_the_wrong_type_never_pass(folder, synthetic):
    lines = [
        {'step': 'one', 'train/loss': 1.0},
        {'step': 1, 'train/loss': '2.0', 'train/grad_norm': True, 'train/accuracy': 10**400, 'task_loss/x': math.nan},
        {'step': [1], 'train/loss': 3.0},
    ]
    synthetic.write_lines(folder / 'metrics.jsonl', lines)
    synthetic.write_json(folder / 'drawn.json', {'a': 5, 'b': {'examples': 'x'}, 'c': {'examples': 2}})
    synthetic.write_json(folder / 'weights.json', [3, {'path': 'a'}, {'path': 1, 'norm_initial': 1, 'norm_change': 2}])
    run = read_run(folder)
    assert list(run.train) == [1]
    assert run.keys('train/') == ['train/accuracy']
    assert run.series('train/accuracy').values[0] == math.inf
    assert math.isnan(run.series('task_loss/x').values[0])
    assert list(run.drawn) == ['c'] and run.drawn['c'] == (2.0, None, None)
    assert run.weights == (('', 1.0, 2.0, 0.0),)


def test_a_mean_of_the_file_is_kept_and_gets_its_error_when_it_is_the_same_mean(folder, synthetic):
    content = synthetic.evaluation('tuned', 300)
    content['suites']['inner']['mean'] = {'accuracy': 0.25, 'other': {'value': 7, 'stderr': 0.5}}
    synthetic.write_json(folder / 'evaluation' / 'tuned.json', content)
    suites = read_run(folder).evaluations['tuned'].suites
    errors = [synthetic.score_of('tuned', task, 'accuracy')['stderr'] for task in ('boolq', 'wic')]
    assert suites['outer'].mean['accuracy'].stderr == pytest.approx(np.sqrt(np.square(errors).sum()) / 2)
    assert suites['inner'].mean['accuracy'] == (0.25, None, None)
    assert suites['inner'].mean['other'] == (7.0, 0.5, None)


def test_timestamps_are_numbers_or_iso_texts():
    assert timestamp(12) == 12.0
    assert timestamp('1970-01-02T00:00:00+00:00') == 86400.0
    assert timestamp('1970-01-02') == 86400.0
    assert timestamp('yesterday') is None and timestamp(math.inf) is None and timestamp(None) is None
