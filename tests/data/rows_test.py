"""Rows as arrays: every token, weight and position equals what a loop over tokens puts there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxit.core.batch import validate
from jaxit.core.errors import UserError
from jaxit.data.cache import TokenCache
from jaxit.data.mixture import Draws
from jaxit.data.rows import Rows, check_fit, concatenate, materialise

DECODER = {'inputs': None, 'targets': 71}
ENCODER_DECODER = {'inputs': 53, 'targets': 29}


def raw_example(folder, index):
    """An example from the files alone: (tokens, whether each bears loss)."""
    tokens = np.fromfile(folder / 'tokens.bin', '<u2')
    offsets, toggles = np.load(folder / 'offsets.npy'), np.load(folder / 'boundary_offsets.npy')
    boundaries = np.load(folder / 'boundaries.npy')[toggles[index] : toggles[index + 1]].tolist()
    ids = tokens[offsets[index] : offsets[index + 1]].tolist()
    loss, flags = False, []
    for place in range(len(ids)):
        loss ^= place in boundaries
        flags.append(loss)
    return ids, flags


def empty_batch(num_rows, lengths):
    names = ['input_tokens', 'target_tokens', 'loss_weights', 'segment_ids', 'positions']
    batch = {f'decoder_{name}': np.zeros((num_rows, lengths['targets']), int) for name in names}
    batch |= {name: np.zeros((num_rows, lengths['targets']), int) for name in ('task_ids', 'decoder_causal_attention')}
    if lengths['inputs']:
        names = ['input_tokens', 'segment_ids', 'positions']
        batch |= {f'encoder_{name}': np.zeros((num_rows, lengths['inputs']), int) for name in names}
    return batch


def put(batch, name, row, start, values):
    batch[name][row, start : start + len(values)] = values


def slow_batch(grouped, components, lengths):
    """`grouped`: for each row its (component, example) in order."""
    batch = empty_batch(len(grouped), lengths)
    for row, segments in enumerate(grouped):
        encoder_at, decoder_at = 0, 0
        for number, (component, example) in enumerate(segments, 1):
            ids, flags = raw_example(components[component].folder, example)
            first = flags.index(True)
            if lengths['inputs']:
                inputs, targets = ids[:first], ids[first:]
                put(batch, 'encoder_input_tokens', row, encoder_at, inputs)
                put(batch, 'encoder_segment_ids', row, encoder_at, [number] * len(inputs))
                put(batch, 'encoder_positions', row, encoder_at, range(len(inputs)))
                encoder_at += len(inputs)
                before, after, weights = [0, *targets[:-1]], targets, [1] * len(targets)
            else:
                before, after, weights = ids[:-1], ids[1:], flags[1:]
            put(batch, 'decoder_input_tokens', row, decoder_at, before)
            put(batch, 'decoder_target_tokens', row, decoder_at, after)
            put(batch, 'decoder_loss_weights', row, decoder_at, weights)
            put(batch, 'decoder_segment_ids', row, decoder_at, [number] * len(after))
            put(batch, 'decoder_positions', row, decoder_at, range(len(after)))
            put(batch, 'task_ids', row, decoder_at, [component] * len(after))
            put(batch, 'decoder_causal_attention', row, decoder_at, [int(j < first) for j in range(len(after))])
            decoder_at += len(after)
    return batch


def fitting_rows(picked, components, lengths):
    """Groups (component, example) pairs into rows, the next row where one is full."""
    grouped, room = [], None
    for component, example in picked:
        ids, flags = raw_example(components[component].folder, example)
        first = flags.index(True)
        takes = (first, len(ids) - first) if lengths['inputs'] else (0, len(ids) - 1)
        if room is None or takes[0] > room[0] or takes[1] > room[1]:
            grouped.append([])
            room = (lengths['inputs'] or 0, lengths['targets'])
        room = room[0] - takes[0], room[1] - takes[1]
        grouped[-1].append((component, example))
    return grouped


def plan(grouped, caches):
    """The same rows as a plan, from segments shuffled within the plan's own order of components."""
    flat = [(component, example, row) for row, segments in enumerate(grouped) for component, example in segments]
    by_component = sorted(flat, key=lambda segment: segment[0])
    component, example, row = np.array(by_component, np.int64).T
    return Rows.of_draws(Draws(component, example), caches).regroup(row, len(grouped))


@pytest.mark.parametrize('encoder_decoder', [False, True])
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_equals_a_loop_over_tokens(decoder_mixture, encoder_decoder_mixture, encoder_decoder, data):
    components = encoder_decoder_mixture if encoder_decoder else decoder_mixture
    lengths = ENCODER_DECODER if encoder_decoder else DECODER
    caches = [component.cache for component in components]
    pair = st.tuples(st.integers(0, len(components) - 1), st.integers(0, 599))
    grouped = fitting_rows(data.draw(st.lists(pair, min_size=1, max_size=25)), components, lengths)
    rows = plan(grouped, caches)
    # The plan orders a row's segments by component; the oracle takes over that order and nothing else.
    grouped = [sorted(segments, key=lambda segment: segment[0]) for segments in grouped]
    batch = materialise(rows, caches, lengths, prefix_lm=True)
    expected = slow_batch(grouped, components, lengths)
    assert set(batch) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(batch[name], values, err_msg=name)
    validate(batch, encoder_decoder=encoder_decoder, vocab_size=997, num_tasks=len(components))


def test_a_decoder_row_by_hand(tmp_path, make_component):
    """[7 8 | 9] and [5 | 6 | 4 | 3]: bars are boundaries, the second is a conversation."""
    from jaxit.data.cache import CacheWriter

    header = {'task': 't', 'split': 's', 'vocab_size': 10, 'tokenizer_sha256': '', 'fingerprint': '', 'metadata': {}}
    with CacheWriter(tmp_path / 'c', encoder_decoder=False, **header) as out:
        out.add([7, 8, 9], [2], 0, 0)
        out.add([5, 6, 4, 3], [1, 2, 3], 1, 0)
    caches = [TokenCache.open(tmp_path / 'c')]
    rows = Rows.of_draws(Draws(np.zeros(2, np.int64), np.arange(2)), caches).regroup(np.array([0, 0]), 1)
    batch = materialise(rows, caches, {'inputs': None, 'targets': 6}, prefix_lm=True)
    assert {name: values.tolist()[0] for name, values in batch.items()} == {
        'decoder_input_tokens': [7, 8, 5, 6, 4, 0],
        'decoder_target_tokens': [8, 9, 6, 4, 3, 0],
        'decoder_loss_weights': [0, 1, 1, 0, 1, 0],
        'decoder_segment_ids': [1, 1, 2, 2, 2, 0],
        'decoder_positions': [0, 1, 0, 1, 2, 0],
        'decoder_causal_attention': [1, 1, 1, 0, 0, 0],
        'task_ids': [0, 0, 0, 0, 0, 0],
    }


def test_slices_concatenate_to_the_whole(decoder_mixture):
    caches = [component.cache for component in decoder_mixture]
    component = np.sort(np.random.default_rng(0).integers(0, 3, 40))
    rows = Rows.of_draws(Draws(component, np.arange(40)), caches).regroup(np.arange(40) % 17, 17)
    parts = concatenate([rows.slice(0, 5), rows.slice(5, 6), rows.slice(6, 17)])
    for name in ('row_offsets', 'component', 'example', 'source', 'length', 'input_length'):
        np.testing.assert_array_equal(getattr(parts, name), getattr(rows, name))
    lengths = {'inputs': None, 'targets': 256}
    whole, part = materialise(rows, caches, lengths), materialise(rows.slice(3, 9), caches, lengths)
    for name in whole:
        np.testing.assert_array_equal(part[name], whole[name][3:9])


def test_padded_rows_are_zero(encoder_decoder_mixture):
    caches = [component.cache for component in encoder_decoder_mixture]
    rows = Rows.of_draws(Draws(np.ones(3, np.int64), np.arange(3)), caches)
    batch = materialise(rows.pad(5), caches, ENCODER_DECODER | {'inputs': 40})
    assert all(not values[3:].any() and values.shape[0] == 5 for values in batch.values())
    assert batch['task_ids'][:3].any()
    nothing = materialise(rows.slice(3, 3).pad(2), caches, ENCODER_DECODER)
    assert all(values.shape[0] == 2 and not values.any() for values in nothing.values())


def test_too_long_an_example_names_task_and_source_row(make_component, decoder_mixture, encoder_decoder_mixture):
    cache = decoder_mixture[0].cache
    longest = int(cache.lengths.max())
    check_fit(cache, {'inputs': None, 'targets': longest - 1}, encoder_decoder=False)
    row = 1000 + 3 * int(cache.lengths.argmax())
    with pytest.raises(UserError, match=f"'a' source row {row}: .* take {longest - 1} positions"):
        check_fit(cache, {'inputs': None, 'targets': longest - 2}, encoder_decoder=False)
    cache = encoder_decoder_mixture[0].cache
    check_fit(cache, {'inputs': 40, 'targets': 23}, encoder_decoder=True)
    with pytest.raises(UserError, match=r"'x' source row [0-9]+: targets take 23 positions, a row has 22"):
        check_fit(cache, {'inputs': 40, 'targets': 22}, encoder_decoder=True)
    with pytest.raises(UserError, match=r"'x' source row [0-9]+: inputs take 40"):
        check_fit(cache, {'inputs': 39, 'targets': 23}, encoder_decoder=True)


@pytest.mark.parametrize('lengths', [{'inputs': 9, 'targets': 99}, {'targets': 99}, {'inputs': None, 'targets': 0}])
def test_lengths_of_another_kind_are_refused(decoder_mixture, lengths):
    with pytest.raises(UserError, match='a decoder need the lengths'):
        check_fit(decoder_mixture[0].cache, lengths, encoder_decoder=False)


def test_a_cache_of_the_other_kind_is_refused(decoder_mixture):
    with pytest.raises(UserError, match="'a' was not cached for an encoder-decoder"):
        check_fit(decoder_mixture[0].cache, ENCODER_DECODER, encoder_decoder=True)
