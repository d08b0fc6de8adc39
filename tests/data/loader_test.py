"""Batches for a run and for an evaluation: hosts, threads, and no example lost or repeated."""

import gc
import threading

import numpy as np
import pytest

from jaxit.core.batch import validate
from jaxit.core.errors import UserError
from jaxit.data.loader import Loader, RowReader, evaluation_batches

LENGTHS = {'inputs': None, 'targets': 128}
PAIR_LENGTHS = {'inputs': 96, 'targets': 48}


@pytest.fixture
def make_reader(decoder_mixture):
    def make(position=None):
        return RowReader(decoder_mixture, seed=4, lengths=LENGTHS, encoder_decoder=False, pack=True, position=position)

    return make


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = threading.active_count()
    yield
    gc.collect()
    assert threading.active_count() == before


def take(loader, number):
    return [next(loader) for _ in range(number)]


@pytest.mark.parametrize('process_count', [1, 2, 4])
def test_any_number_of_processes_makes_the_same_global_batches(make_reader, process_count):
    reader = make_reader()
    expected = [reader.materialise(reader.next_rows(12)) for _ in range(5)]
    parts = []
    for process_index in range(process_count):
        with Loader(make_reader(), 12, process_index=process_index, process_count=process_count) as loader:
            parts.append(take(loader, 5))
    for step, whole in enumerate(expected):
        for name in whole:
            joined = np.concatenate([part[step][0][name] for part in parts])
            np.testing.assert_array_equal(joined, whole[name])
    assert len({str(part[4][1]) for part in parts}) == 1


def test_the_number_of_processes_may_change_at_a_resume(make_reader):
    with Loader(make_reader(), 12) as loader:
        expected = [batch for batch, _ in take(loader, 7)]
    with Loader(make_reader(), 12, process_index=1, process_count=2) as loader:
        position = take(loader, 4)[-1][1]
    for index in range(4):
        with Loader(make_reader(position), 12, process_index=index, process_count=4) as loader:
            for step, (batch, _) in enumerate(take(loader, 3), 4):
                for name, values in batch.items():
                    np.testing.assert_array_equal(values, expected[step][name][3 * index : 3 * index + 3])


def test_the_position_belongs_to_the_batch_however_far_the_thread_is(make_reader):
    reader = make_reader()
    with Loader(make_reader(), 8, prefetch=6) as loader:
        for _ in range(9):
            _, position = next(loader)
            reader.next_rows(8)
            assert position == reader.position


def test_an_error_in_the_thread_arrives_and_stays(make_reader, monkeypatch):
    reader = make_reader()
    good, failures = reader.materialise, iter([False, False, True])

    def materialise(rows):
        if next(failures):
            raise RuntimeError('disk gone')
        return good(rows)

    monkeypatch.setattr(reader, 'materialise', materialise)
    with Loader(reader, 8) as loader:
        take(loader, 2)
        for _ in range(2):
            with pytest.raises(RuntimeError, match='disk gone'):
                next(loader)


def test_close_ends_the_thread_and_the_iteration(make_reader):
    loader = Loader(make_reader(), 8, prefetch=3)
    next(loader)
    loader.close()
    loader.close()
    assert not [thread for thread in threading.enumerate() if thread.name == 'data loader']
    assert list(loader) == []


def test_a_loader_that_is_dropped_ends_its_thread(make_reader):
    loader = Loader(make_reader(), 8)
    thread = loader._thread
    next(loader)
    del loader
    gc.collect()
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_a_batch_that_cannot_be_shared_is_refused(make_reader):
    with pytest.raises(UserError, match='10 rows cannot be shared by 4'):
        Loader(make_reader(), 10, process_count=4)
    with pytest.raises(UserError, match='process index 2'):
        Loader(make_reader(), 10, process_index=2, process_count=2)


def segments(batches, feature, segment_ids):
    """The values of each segment of each row, in order."""
    for batch in batches:
        for values, ids in zip(batch[feature], batch[segment_ids], strict=True):
            yield from (values[ids == number].tolist() for number in range(1, ids.max() + 1))


@pytest.mark.parametrize('pack', [False, True])
@pytest.mark.parametrize('batch_size', [1, 8, 64])
def test_evaluation_has_each_example_once_in_order(decoder_mixture, pack, batch_size):
    cache = decoder_mixture[0].cache
    batches = list(evaluation_batches(cache, batch_size, LENGTHS, pack=pack, task_id=2))
    assert {batch['decoder_input_tokens'].shape for batch in batches} == {(batch_size, 128)}
    found = list(segments(batches, 'decoder_target_tokens', 'decoder_segment_ids'))
    assert found == [cache.example(i)[0][1:].tolist() for i in range(700)]
    weight = sum(batch['decoder_loss_weights'].sum() for batch in batches)
    assert weight == cache.manifest['num_loss_tokens']
    tasks = np.concatenate([batch['task_ids'][batch['decoder_segment_ids'] > 0] for batch in batches])
    assert set(tasks.tolist()) == {2}
    if not pack:
        last = batches[-1]['decoder_segment_ids'].any(1)
        assert last.sum() == (700 % batch_size or batch_size)


@pytest.mark.parametrize('pack', [False, True])
def test_evaluation_of_an_encoder_decoder(encoder_decoder_mixture, pack):
    cache = encoder_decoder_mixture[0].cache
    batches = list(evaluation_batches(cache, 32, PAIR_LENGTHS, pack=pack))
    inputs = list(segments(batches, 'encoder_input_tokens', 'encoder_segment_ids'))
    targets = list(segments(batches, 'decoder_target_tokens', 'decoder_segment_ids'))
    examples = [cache.example(i) for i in range(cache.num_examples)]
    assert inputs == [tokens[: first[0]].tolist() for tokens, first in examples]
    assert targets == [tokens[first[0] :].tolist() for tokens, first in examples]
    for batch in batches:
        validate(batch, encoder_decoder=True, vocab_size=997, num_tasks=1)
    assert len(batches) == (19 if not pack else len(batches)) and (not pack or len(batches) < 15)


def test_evaluation_is_shared_by_processes(decoder_mixture):
    cache = decoder_mixture[1].cache
    whole = list(evaluation_batches(cache, 24, LENGTHS, pack=True))
    parts = [
        list(evaluation_batches(cache, 24, LENGTHS, pack=True, process_index=i, process_count=3)) for i in range(3)
    ]
    for step, batch in enumerate(whole):
        for name in batch:
            joined = np.concatenate([part[step][name] for part in parts])
            np.testing.assert_array_equal(joined, batch[name])
    assert {len(part) for part in parts} == {len(whole)}


def test_evaluation_refuses_what_does_not_fit(decoder_mixture):
    with pytest.raises(UserError, match="'a' source row"):
        next(evaluation_batches(decoder_mixture[0].cache, 8, {'inputs': None, 'targets': 20}))
