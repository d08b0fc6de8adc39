"""The reader: resumed equals uninterrupted, refuses other data, accounts for every row."""

import hashlib
import json
import os
from collections import Counter

import numpy as np
import pytest

from jaxit.core.batch import validate
from jaxit.core.errors import UserError
from jaxit.data import reader as reader_module
from jaxit.data.loader import RowReader, trace, trace_rows
from jaxit.data.mixture import MixtureComponent

LENGTHS = {'inputs': None, 'targets': 256}
PAIR_LENGTHS = {'inputs': 128, 'targets': 64}


@pytest.fixture
def make_reader(decoder_mixture):
    def make(components=decoder_mixture, **changes):
        settings = {'seed': 4, 'lengths': LENGTHS, 'encoder_decoder': False, 'pack': True}
        return RowReader(components, **(settings | changes))

    return make


def digest(reader, num_rows, batch_size=8):
    """The sha256 of the next rows' arrays."""
    hasher = hashlib.sha256()
    for _ in range(num_rows // batch_size):
        for values in reader.materialise(reader.next_rows(batch_size)).values():
            hasher.update(values.tobytes())
    return hasher.hexdigest()


def rows_of(reader, window):
    return len(reader.plan(window))


@pytest.mark.parametrize('where', ['0', '1', 'window - 1', 'window', 'window + 1', 'far'])
def test_resumed_equals_uninterrupted(make_reader, where):
    straight = make_reader()
    window = rows_of(straight, 0)
    numbers = {'0': 0, '1': 1, 'window - 1': window - 1, 'window': window, 'window + 1': window + 1, 'far': 4001}
    check_resume_at(straight, make_reader, numbers[where])


def test_resumed_at_an_epoch_end_equals_uninterrupted(make_reader, make_component, decoder_mixture):
    """2,048 draws of a window are task d's: its epochs end exactly where windows do."""
    components = [make_component('d', 2048, 0.5), *decoder_mixture[1:]]
    straight = make_reader(components)
    number = rows_of(straight, 0)
    seen = straight.at(straight.position).next_rows(number)
    assert sorted(seen.example[seen.component == 0].tolist()) == list(range(2048))
    check_resume_at(straight, lambda **changes: make_reader(components, **changes), number)


def check_resume_at(straight, make, number):
    straight.skip(number)
    saved = json.loads(json.dumps(straight.position))
    assert saved['emitted'] == number
    resumed = make(position=saved)
    assert digest(straight, 200) == digest(resumed, 200)
    assert straight.position == resumed.position


def test_position_is_small_and_normal(make_reader):
    reader = make_reader()
    reader.skip(rows_of(reader, 0))
    position = reader.position
    assert (position['window'], position['row'], position['version'], position['seed']) == (1, 0, 1, 4)
    assert set(position) == {'version', 'fingerprint', 'seed', 'window', 'row', 'emitted'}
    assert len(json.dumps(position)) < 1024


def test_how_rows_are_asked_for_does_not_matter(make_reader):
    one, many = make_reader(), make_reader()
    sizes = [3, 1, 700, 17, 9, 350]
    many_rows = [many.next_rows(size) for size in sizes]
    whole = one.next_rows(sum(sizes))
    np.testing.assert_array_equal(np.concatenate([rows.example for rows in many_rows]), whole.example)
    assert one.position == many.position


@pytest.mark.parametrize(('pack', 'pair'), [(True, False), (False, False), (True, True), (False, True)])
def test_every_example_once_per_epoch(make_reader, encoder_decoder_mixture, decoder_mixture, pack, pair):
    if pair:
        reader = make_reader(encoder_decoder_mixture, lengths=PAIR_LENGTHS, encoder_decoder=True, pack=pack)
    else:
        reader = make_reader(pack=pack)
    num_windows = 4
    rows = reader.next_rows(sum(rows_of(reader, window) for window in range(num_windows)))
    assert reader.position['window'] == num_windows
    drawn = reader.mixture.drawn(num_windows)
    for index, cache in enumerate(reader.caches):
        counts = np.bincount(rows.example[rows.component == index], minlength=cache.num_examples)
        assert counts.sum() == drawn[index]
        assert counts.max() - counts.min() <= 1  # whole epochs, and one begun
    if not pack:
        assert (np.diff(rows.row_offsets) == 1).all()


@pytest.mark.parametrize('pair', [False, True])
def test_little_padding_and_valid_batches(make_reader, encoder_decoder_mixture, pair):
    if pair:
        reader = make_reader(encoder_decoder_mixture, lengths=PAIR_LENGTHS, encoder_decoder=True)
    else:
        reader = make_reader()
    batch = reader.materialise(reader.next_rows(rows_of(reader, 0)))
    validate(batch, encoder_decoder=pair, vocab_size=997, num_tasks=len(reader.caches))
    filled = [np.mean(batch[f'{side}_segment_ids'] > 0) for side in (('encoder', 'decoder') if pair else ('decoder',))]
    assert max(filled) > (0.97 if pair else 0.99)
    assert set(np.unique(batch['decoder_loss_weights'])) == {0, 1}
    assert not batch['decoder_loss_weights'][batch['decoder_segment_ids'] == 0].any()


def test_rows_of_a_window_are_shuffled(make_reader):
    """Best fit puts long examples in the first rows; the stream must not."""
    reader = make_reader()
    rows = reader.next_rows(rows_of(reader, 0))
    longest = np.maximum.reduceat(rows.length, rows.row_offsets[:-1])
    assert abs(np.corrcoef(longest, np.arange(len(rows)))[0, 1]) < 0.15


def test_each_window_is_shuffled_in_its_own_way(make_component):
    """Every window is one epoch of 4,096; the row of its k-th draw must not be the same in the next."""
    reader = RowReader([make_component('e', 4096, 1.0)], seed=0, lengths=LENGTHS, encoder_decoder=False, pack=False)
    places = []
    for window in range(2):
        order = np.argsort(reader.mixture.draws(window).example)
        places.append(np.argsort(reader.plan(window).example)[np.argsort(order)])
    assert (places[0] == places[1]).sum() < 12


def test_rows_hold_tasks_as_if_drawn_by_chance(make_reader):
    """The packer goes by length; it must not gather the examples of one task in one row."""
    reader = make_reader()
    rows = reader.next_rows(rows_of(reader, 0))
    counts = np.zeros((len(rows), 3))
    np.add.at(counts, (rows.row(), rows.component), 1)
    size, share = counts.sum(1), counts.sum(0) / counts.sum()
    dispersion = ((counts - size[:, None] * share) ** 2 / (size[:, None] * share * (1 - share))).mean(0)
    assert (np.abs(dispersion - 1) < 0.25).all()


def test_another_seed_is_another_stream(make_reader):
    assert digest(make_reader(seed=4), 16) != digest(make_reader(seed=5), 16)


def test_restore_refuses_by_name(make_reader, make_component, decoder_mixture):
    position = make_reader().position
    a, b, c = decoder_mixture
    cases = {
        'seed is 4, this run has 5': {'seed': 5},
        'lengths changed': {'lengths': {'inputs': None, 'targets': 257}},
        'packing changed': {'pack': False},
        'rates changed': {'components': [MixtureComponent('a', a.folder, 0.6), b, c]},
        'preprocessing changed': {'components': [make_component('a', 700, 0.5, header={'fingerprint': 'x'}), b, c]},
        'tasks, rates, preprocessing, examples changed': {'components': [a, b]},
    }
    for message, changes in cases.items():
        with pytest.raises(UserError, match=message):
            make_reader(position=position, **changes)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'version': 2}, 'version is 2'),
        ({'row': -1}, 'row is -1'),
        ({'window': '0'}, "window is '0'"),
        ({'emitted': True}, 'emitted is True'),
        ({'row': 10**6}, 'row 1000000 is beyond window 0'),
        ({'fingerprint': 7}, 'changed since it was saved'),
        ({'more': 1}, 'expected the fields'),
    ],
)
def test_a_damaged_position_is_refused(make_reader, change, message):
    reader = make_reader()
    with pytest.raises(UserError, match=message):
        reader.restore(reader.position | change)
    with pytest.raises(UserError, match='expected the fields'):
        reader.restore(None)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize('pair', [False, True])
def test_trace_says_what_the_batch_holds(make_reader, encoder_decoder_mixture, pair):
    if pair:
        reader = make_reader(encoder_decoder_mixture, lengths=PAIR_LENGTHS, encoder_decoder=True)
    else:
        reader = make_reader()
    batch_size = 7
    reader.skip(92 * batch_size)
    batch = reader.materialise(reader.next_rows(batch_size))
    reader.skip(5)
    position = reader.position
    traced = trace(reader, 92, batch_size)
    assert reader.position == position
    covered = np.zeros_like(batch['decoder_segment_ids'])
    for item in traced:
        cache = reader.caches[item.component]
        assert item.task == reader.mixture.components[item.component].name
        assert [item.source_row, item.template] == [1000 + 3 * item.example, item.example % 5]
        tokens, boundaries = cache.example(item.example)
        place = item.row, slice(item.start, item.start + item.length)
        expected = tokens[boundaries[0] :] if pair else tokens[1:]
        np.testing.assert_array_equal(batch['decoder_target_tokens'][place], expected)
        covered[place] += 1
        if pair:
            place = item.row, slice(item.inputs_start, item.inputs_start + item.inputs_length)
            np.testing.assert_array_equal(batch['encoder_input_tokens'][place], tokens[: boundaries[0]])
    np.testing.assert_array_equal(covered, batch['decoder_segment_ids'] > 0)


def test_trace_ahead_starts_from_the_reader(make_reader, monkeypatch):
    reader = make_reader()
    reader.skip(3000)
    expected = trace(make_reader(), 400, 8)
    planned = []
    monkeypatch.setattr(
        RowReader, 'plan', lambda self, window, plan=RowReader.plan: planned.append(window) or plan(self, window)
    )
    assert trace(reader, 400, 8) == expected
    assert min(planned) == reader.position['window'] > 0


def test_drawn_counts_what_was_emitted(make_reader):
    reader = make_reader()
    counts = {name: Counter(examples=0, tokens=0, loss_tokens=0) for name in 'abc'}
    for size in (5, 900, 407, 333):
        batch_rows = reader.next_rows(size)
        for item in trace_rows(reader, batch_rows):
            tokens, boundaries = reader.caches[item.component].example(item.example)
            ends = [*boundaries, len(tokens)]
            loss_tokens = sum(stop - start for start, stop in zip(ends[::2], ends[1::2], strict=False))
            counts[item.task].update(examples=1, tokens=len(tokens), loss_tokens=loss_tokens)
        assert reader.drawn() == {name: dict(count) for name, count in counts.items()}
    assert counts['a']['examples'] > 2 * 700
    assert make_reader(position=reader.position).drawn() == reader.drawn()


def test_empty_windows_are_passed_over(make_component):
    """Ten thousand equal tasks: nobody is due in the first window."""
    shared = make_component('t0', 23, 1.0)
    components = [MixtureComponent(f't{i}', shared.folder, 1.0) for i in range(10_000)]
    for component in components:
        component.__dict__['cache'] = shared.cache
    reader = RowReader(components, seed=0, lengths=LENGTHS, encoder_decoder=False, pack=True)
    start = reader.position
    rows = reader.next_rows(3)
    assert len(rows) == 3
    reader.restore(start)
    np.testing.assert_array_equal(reader.next_rows(3).example, rows.example)


def test_many_tasks_do_not_run_out_of_descriptors(make_component, monkeypatch):
    monkeypatch.setattr(reader_module, 'MAX_MAPPED', 4)
    components = [make_component(f't{i}', 11, 1.0, seed=i) for i in range(12)]
    reader = RowReader(components, seed=0, lengths=LENGTHS, encoder_decoder=False, pack=True)
    before = len(os.listdir('/proc/self/fd'))
    first = reader.materialise(reader.next_rows(40))
    assert len(os.listdir('/proc/self/fd')) - before <= 4
    again = reader.at(reader.position | {'row': 0, 'emitted': 0})
    for name, values in again.materialise(again.next_rows(40)).items():
        np.testing.assert_array_equal(values, first[name])


def test_prefix_lm_and_wrong_lengths(make_reader):
    reader = make_reader(prefix_lm=True)
    batch = reader.materialise(reader.next_rows(4))
    assert not (batch['decoder_causal_attention'] * batch['decoder_loss_weights'])[
        batch['decoder_positions'] == 0
    ].all()
    assert reader.position == make_reader().position | {'row': 4, 'emitted': 4}
    with pytest.raises(UserError, match=r"'[abc]' source row [0-9]+: .* a row has 30"):
        make_reader(lengths={'inputs': None, 'targets': 30})
