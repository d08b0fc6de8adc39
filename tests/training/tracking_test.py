"""The files of a run, line by line, and the trackers that get a copy."""

import json

import pytest

from jaxit.core.errors import UserError
from jaxit.training.timing import Timing
from jaxit.training.tracking import RunFolder, make_trackers


class Recorder:
    """A tracker that remembers."""

    def __init__(self):
        self.calls = []

    def scalars(self, step, values):
        self.calls.append((step, dict(values)))

    def close(self):
        self.calls.append('closed')


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_kind_of_record_goes_to_its_file(tmp_path):
    tracker = Recorder()
    run = RunFolder(tmp_path, trackers=(tracker,))
    run.metrics(3, {'train/loss': 1.5})
    run.metrics(4, {'train/loss': 1.25})
    run.sample({'step': 4, 'prediction': 'é\n'})
    run.event('save', 0.123456, step=4)
    run.log('one\x1b[31m line')
    run.write('run.json', {'b': 1, 'a': [2]})
    run.close()
    first, second = lines(tmp_path / 'metrics.jsonl')
    assert (first['step'], first['train/loss'], second['step']) == (3, 1.5, 4) and second['time'] >= first['time'] > 1e9
    assert lines(tmp_path / 'samples.jsonl') == [{'step': 4, 'prediction': 'é\n'}]
    [event] = lines(tmp_path / 'events.jsonl')
    assert (event['event'], event['seconds'], event['step']) == ('save', 0.1235, 4)
    assert (tmp_path / 'log.txt').read_text().endswith(' one[31m line\n')  # no control character reaches a terminal
    assert json.loads((tmp_path / 'run.json').read_text()) == {'a': [2], 'b': 1}
    assert tracker.calls == [(3, {'train/loss': 1.5}), (4, {'train/loss': 1.25}), 'closed']


def test_only_one_process_writes(tmp_path):
    tracker = Recorder()
    run = RunFolder(tmp_path, writes=False, trackers=(tracker,))
    run.metrics(1, {'a': 1.0})
    run.sample({})
    run.event('step', 1.0)
    run.log('x')
    run.write('run.json', {})
    run.close()
    assert list(tmp_path.iterdir()) == [] and tracker.calls == []


def test_tensorboard_files_hold_the_numbers(tmp_path):
    pytest.importorskip('tensorboardX', reason="the extra 'tracking'")
    [tracker] = make_trackers(('tensorboard',), tmp_path, {})
    tracker.scalars(7, {'train/loss': 1.5})
    tracker.close()
    [file] = (tmp_path / 'tensorboard').iterdir()
    content = file.read_bytes()
    assert b'train/loss' in content and len(content) > 60


def test_an_unknown_tracker_names_its_neighbour(tmp_path):
    with pytest.raises(UserError, match="unknown tracker 'tensorbord'; did you mean tensorboard"):
        make_trackers(('tensorbord',), tmp_path, {})


def test_timing_adds_by_kind_and_starts_again_when_taken(monkeypatch):
    now = iter([0.0, 10.0, 11.5, 20.0, 20.25, 30.0, 34.0, 50.0])
    monkeypatch.setattr('jaxit.training.timing.time.monotonic', lambda: next(now))
    timing = Timing()
    with timing.of('step'):
        pass
    with timing.of('step'):
        pass
    with pytest.raises(KeyError), timing.of('save'):
        raise KeyError
    assert timing.take() == {'step': 1.75, 'save': 4.0}
    assert timing.take() == {}
    assert timing.elapsed == 50.0
