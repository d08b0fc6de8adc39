"""Hooks with a folder to write to and a clock to wait for."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from jaxit.core.errors import EXIT_HANG, EXIT_PREEMPTED, Preempted
from jaxit.training import hooks
from jaxit.training.timing import Timing
from jaxit.training.tracking import RunFolder
from jaxit.training.trainer import Diverged, Moment


def step_metrics(loss=2.0, weight=1.0, in_a_row=0):
    sums = dict.fromkeys(('nll', 'correct', 'z_loss', 'loss_tokens', 'tokens'), np.float32(weight))
    last = {'grad_norm': 1.0, 'learning_rate': 0.1, 'skipped': in_a_row, 'skipped_in_a_row': in_a_row}
    by_task = {'task_loss': np.float32([loss]), 'task_weight': np.float32([weight])}
    return {'loss': np.float32(loss), 'weight': np.float32(weight), **sums, **last, **by_task}


def moment(step, num_steps=20, metrics=None, timing=None):
    return Moment(step, num_steps, None, metrics or step_metrics(), {'row': step}, timing or Timing())


def read(folder, name):
    path = folder / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_every_is_due_at_multiples_and_at_the_end_when_asked():
    for period, at_end, want in ((3, False, [3, 6]), (3, True, [3, 6, 7]), (0, True, [7]), (0, False, [])):
        called = []
        hook = hooks.Every(period, lambda m, called=called: called.append(m.step), at_end=at_end)
        for step in range(1, 8):
            hook(moment(step, 7))
        assert called == want


def test_metrics_are_written_after_the_first_step_at_the_period_and_at_the_end(tmp_path):
    shown = []
    hook = hooks.MetricsHook(
        RunFolder(tmp_path), ['a'], period=4, rollback_after=3, show=lambda step, values: shown.append(step)
    )
    for step in range(1, 11):
        hook(moment(step, 10, step_metrics(loss=step * step, weight=step)))
    lines = read(tmp_path, 'metrics.jsonl')
    assert [line['step'] for line in lines] == shown == [1, 4, 8, 10]
    spans = [(1, 1), (2, 4), (5, 8), (9, 10)]
    for line, (first, last) in zip(lines, spans, strict=True):  # sums over the steps since the line before
        steps = np.arange(first, last + 1)
        assert line['train/loss'] == pytest.approx((steps**2).sum() / steps.sum())
        assert line['task_weight/a'] == steps.sum()


def test_the_first_span_of_steps_is_the_compilation(tmp_path):
    hook, timing = hooks.MetricsHook(RunFolder(tmp_path), ['a'], period=2, rollback_after=3), Timing()
    for step in (1, 2):
        timing.seconds['step'] += 1.5
        timing.seconds['data_wait'] += 0.25
        hook(moment(step, timing=timing))
    events = [(e['event'], round(e['seconds'], 1), e['step']) for e in read(tmp_path, 'events.jsonl')]
    assert events == [('compile', 1.5, 1), ('data_wait', 0.2, 1), ('step', 1.5, 2), ('data_wait', 0.2, 2)]


def test_too_many_bad_steps_in_a_row_diverge_after_the_line_is_written(tmp_path):
    hook = hooks.MetricsHook(RunFolder(tmp_path), ['a'], period=1, rollback_after=3)
    for bad in (0, 1, 2):
        hook(moment(bad + 1, metrics=step_metrics(in_a_row=bad)))
    with pytest.raises(Diverged):
        hook(moment(4, metrics=step_metrics(in_a_row=3)))
    assert [line['step'] for line in read(tmp_path, 'metrics.jsonl')] == [1, 2, 3, 4]
    assert '3 steps in a row were not finite' in (tmp_path / 'log.txt').read_text()
    hook(moment(5, metrics=step_metrics(loss=4.0)))  # and it goes on with sums of its own
    assert read(tmp_path, 'metrics.jsonl')[-1]['train/loss'] == 4.0


def test_checkpoints_are_polled_each_step_and_saved_at_the_period_and_the_end():
    log = []
    hook = hooks.CheckpointHook(lambda m: log.append(f'save {m.step}'), lambda: log.append('poll'), period=3)
    timing = Timing()
    for step in range(1, 8):
        hook(moment(step, 7, timing=timing))
    assert log == ['poll', 'poll', 'poll', 'save 3', 'poll', 'poll', 'poll', 'save 6', 'poll', 'save 7']
    assert 'save' in timing.seconds


@pytest.mark.parametrize(('step', 'saves'), [(5, [5]), (6, [])])
def test_preemption_saves_unless_that_was_just_done(step, saves):
    saved = []
    hook = hooks.PreemptionHook(lambda m: saved.append(m.step), lambda at: at >= step, saved_period=3)
    for number in range(1, step):
        hook(moment(number))
    with pytest.raises(Preempted, match=f'saved step {step}') as caught:
        hook(moment(step))
    assert caught.value.exit_code == EXIT_PREEMPTED == 75
    assert saved == saves


def test_a_run_at_its_last_step_is_finished_not_preempted():
    hooks.PreemptionHook(lambda m: pytest.fail('saved'), lambda step: True, saved_period=3)(moment(20, 20))


HANGING = """
import sys, time
from jaxit.training.hooks import Watchdog
def stuck_in_the_runtime():
    time.sleep(60)
watchdog = Watchdog(0.3, lambda line: print(line, flush=True), poll_seconds=0.05)
for step in range(4):
    time.sleep(0.01)
    watchdog(None)
if 'close' in sys.argv:
    watchdog.close()
    sys.exit(0)
stuck_in_the_runtime()
"""


def run_child(*arguments):
    command = [sys.executable, '-c', HANGING, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=55, env={**os.environ, 'JAX_PLATFORMS': 'cpu'}
    )


def test_a_hang_ends_the_process_with_76_and_the_stacks():
    done = run_child()
    assert done.returncode == EXIT_HANG == 76
    assert 'this is a hang' in done.stdout
    assert 'stuck_in_the_runtime' in done.stderr


def test_a_closed_watchdog_lets_the_process_end():
    assert run_child('close').returncode == 0


def test_the_watchdog_waits_for_the_first_step_and_for_ten_medians():
    """The first step compiles, however long that takes; slow steps may vary."""
    lines = []
    watchdog = hooks.Watchdog(0.05, lines.append, poll_seconds=0.01)
    time.sleep(0.3)  # no step yet
    watchdog(moment(1))
    time.sleep(0.2)  # one step: nothing to compare with
    for step in range(2, 4):
        time.sleep(0.1)
        watchdog(moment(step))
    time.sleep(0.4)  # under ten medians of 0.1 s, though over the limit of 0.05 s
    watchdog.close()
    assert lines == []


def test_the_watchdog_ignores_the_time_of_hooks_that_may_take_long():
    lines, called = [], []
    watchdog = hooks.Watchdog(0.05, lines.append, poll_seconds=0.01)
    slow = watchdog.ignoring(lambda m: (time.sleep(0.5), called.append(m.step)))
    for step in range(1, 6):  # medians of 1 ms: 0.5 s would be a hang
        time.sleep(0.001)
        watchdog(moment(step))
        if step in (3, 5):
            slow(moment(step))
    watchdog.close()
    assert lines == [] and called == [3, 5]


def test_a_profile_covers_its_steps(monkeypatch):
    log = []
    monkeypatch.setattr(hooks.jax.profiler, 'start_trace', lambda folder: log.append(('start', folder)))
    monkeypatch.setattr(hooks.jax.profiler, 'stop_trace', lambda: log.append('stop'))
    hook = hooks.Profile('there', first_step=3, num_steps=2)
    for step in range(1, 7):
        hook(moment(step))
        log.append(step)
    assert log == [1, ('start', 'there'), 2, 3, 'stop', 4, 5, 6]
