"""The caches of a mixture: data that is not here costs a line, what is wrong costs the run, rows may be left out."""

import functools
import json

import pytest

from jaxit.core.errors import UnavailableError, UserError
from jaxit.tasks import caching, mixture_caches, registry
from jaxit.tasks.registry import Mixture
from jaxit.tasks.sources import Jsonl, Python
from jaxit.text.examples import TokenFormat
from jaxit.text.tokenizers import ByteTokenizer


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """What a test registers is gone after it."""
    registry.names()
    for table in ('_TASKS', '_MIXTURES'):
        monkeypatch.setattr(registry, table, dict(getattr(registry, table)))


def plan_of(root, **fields):
    return functools.partial(
        caching.plan,
        split='train',
        tokenizer=ByteTokenizer(),
        token_format=TokenFormat(True, 64, 16),
        root=root,
        **fields,
    )


def ensure(mixture, root, **fields):
    return mixture_caches.ensure(mixture, 'train', plan_of(root), **fields)


def two(split, seed):
    return [{'inputs': 'a', 'targets': 'b'}, {'inputs': 'c', 'targets': 'd'}]


def breaks_off(split, seed):
    yield from two(split, seed)
    raise OSError('the disk is gone')


def unfetched(split, seed):
    raise UnavailableError('it is not here; fetch it')


def bug(split, seed):
    raise KeyError('x')


def add(name, function, **fields):
    return registry.add_task(name, Python(function, size={'train': 2}), **fields)


def test_missing_caches_are_built(tmp_path):
    components, left_out = ensure('primer_capital', tmp_path)
    assert [(c.name, c.rate, c.folder.parent) for c in components] == [
        ('primer_capital', 1.0, tmp_path)
    ] and not left_out
    size = registry.size_of(registry.get_task('primer_capital'))
    assert components[0].cache.num_examples == size


def test_progress_is_told_by_task(tmp_path):
    add('one', two)
    add('other', two)
    seen = []
    ensure(
        Mixture('m', (('one', 1.0), ('other', 1.0))), tmp_path, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 2), (2, 2)]


def test_a_task_whose_data_is_not_here_costs_a_line(tmp_path, caplog):
    for name, function in (('fine', two), ('absent', unfetched), ('breaking', breaks_off), ('fine_too', two)):
        add(name, function)
    mixture = Mixture('m', (('fine', 3.0), ('absent', 1.0), ('breaking', 1.0), ('fine_too', 1.0)))
    components, left_out = ensure(mixture, tmp_path)
    assert [(c.name, c.rate) for c in components] == [('fine', 3.0), ('fine_too', 1.0)]
    assert left_out == {'absent': 'it is not here; fetch it', 'breaking': 'OSError: the disk is gone'}
    assert caplog.messages == [f"mixture 'm' without {task!r}: {why}" for task, why in left_out.items()]
    assert sorted(path.name.split('-')[0] for path in tmp_path.iterdir()) == ['fine', 'fine_too']


def test_what_breaks_off_later_is_left_out_too(tmp_path, monkeypatch):
    add('fine', two)
    task = add('breaking', breaks_off)
    monkeypatch.setattr(type(task.source), 'fingerprint', lambda self, split: self.function.__name__)
    components, left_out = ensure(Mixture('m', (('fine', 1.0), ('breaking', 1.0))), tmp_path)
    assert [c.name for c in components] == ['fine']
    assert left_out == {'breaking': "task 'breaking': OSError: the disk is gone"}
    assert [path.name.split('-')[0] for path in tmp_path.iterdir()] == ['fine']
    with pytest.raises(UnavailableError, match="task 'breaking': OSError: the disk is gone"):
        ensure(Mixture('m', (('fine', 1.0), ('breaking', 1.0))), tmp_path, strict=True)


def test_strict_stops_and_names_them_all(tmp_path):
    add('fine', two)
    add('absent', unfetched)
    with pytest.raises(UserError, match='1 of 2 tasks can not be read: absent: it is not here; fetch it'):
        ensure(Mixture('m', (('fine', 1.0), ('absent', 1.0))), tmp_path, strict=True)


def test_nothing_left_is_an_error(tmp_path):
    add('absent', unfetched)
    with pytest.raises(UserError, match="no task of mixture 'absent' remains: absent: it is not here"):
        ensure('absent', tmp_path)


@pytest.mark.parametrize(
    ('text', 'message'),
    [('{"inputs": "a", "targets": ""}', 'no token bears loss'), ('{"inputs"', 'line 1 is not JSON')],
)
def test_what_is_wrong_in_data_that_is_here_is_an_error(tmp_path, text, message):
    (tmp_path / 'rows.jsonl').write_text(text + '\n')
    add('fine', two)
    registry.add_task('wrong', Jsonl(tmp_path / 'rows.jsonl'))
    with pytest.raises(UserError, match=message):
        ensure(Mixture('m', (('fine', 1.0), ('wrong', 1.0))), tmp_path / 'caches')


def test_a_bug_is_no_missing_data(tmp_path):
    add('fine', two)
    add('bug', bug)
    with pytest.raises(KeyError):
        ensure(Mixture('m', (('fine', 1.0), ('bug', 1.0))), tmp_path)


def test_licences_choose(tmp_path):
    add('free', two, licence='MIT')
    add('unfree', two, licence='CC-BY-NC-4.0')
    add('shared', two, licence='CC-BY-SA-4.0')
    mixture = Mixture('m', (('free', 1.0), ('unfree', 1.0), ('shared', 2.0)))
    components, left_out = ensure(mixture, tmp_path, licences=('permissive',))
    assert [c.name for c in components] == ['free']
    assert left_out == {
        'unfree': "its licence 'CC-BY-NC-4.0' is of class 'non_commercial'",
        'shared': "its licence 'CC-BY-SA-4.0' is of class 'share_alike'",
    }
    both, _ = ensure(mixture, tmp_path, licences=('permissive', 'share_alike'))
    assert [(c.name, c.rate) for c in both] == [('free', 1.0), ('shared', 2.0)]
    with pytest.raises(UserError, match=r"unknown class of licences 'permisive'.*permissive"):
        ensure(mixture, tmp_path, licences=('permisive',))


def test_rows_are_left_out_by_task(tmp_path):
    left_out = {'primer_capital': (0, 2), 'another': (1,)}
    plan = plan_of(tmp_path)
    made = mixture_caches.ensure(
        'primer_capital', 'train', lambda task: plan(task, leave_out=left_out.get(task.name, ()))
    )
    assert not {0, 2} & set(made.components[0].cache.provenance[:, 0].tolist())


def test_apache_beam_builds_them_all(tmp_path):
    pytest.importorskip('apache_beam', reason="needs the extra 'beam'")
    local, _ = ensure('primer_capital', tmp_path / 'local')
    beam, _ = ensure('primer_capital', tmp_path / 'beam', beam=mixture_caches.Beam())
    for name in ('tokens.bin', 'manifest.json'):
        assert (local[0].folder / name).read_bytes() == (beam[0].folder / name).read_bytes()


def test_a_file_that_is_not_there(tmp_path):
    (tmp_path / 'rows.jsonl').write_text(json.dumps({'inputs': 'a', 'targets': 'b'}) + '\n')
    registry.add_task('here', Jsonl(tmp_path / 'rows.jsonl'))
    registry.add_task('gone', Jsonl(tmp_path / 'gone.jsonl'))
    components, left_out = ensure(Mixture('m', (('here', 1.0), ('gone', 1.0))), tmp_path / 'caches')
    assert [c.name for c in components] == ['here']
    assert left_out == {'gone': f'{tmp_path}/gone.jsonl: No such file or directory'}
