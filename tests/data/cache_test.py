"""The token cache: bytes, atomicity, and damage found at opening."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from jaxit.core.errors import DiskFullError, UserError
from jaxit.core.files import sha256_file, sha256_json
from jaxit.data import manifest as manifest_module
from jaxit.data import streams
from jaxit.data.cache import CacheWriter, TokenCache

EXAMPLES = [([1, 5, 9, 2], [2], 7, 0), ([3, 4], [1], 8, 1), ([6, 5, 4, 3, 2, 1], [1, 3, 5], 11, 0)]


def writer(folder, **changes):
    settings = {
        'task': 'toy',
        'split': 'train',
        'vocab_size': 100,
        'encoder_decoder': False,
        'tokenizer_sha256': 'ab',
        'fingerprint': 'cd',
        'metadata': {'licence': 'CC0'},
    }
    return CacheWriter(folder, **(settings | changes))


def write(folder, examples=EXAMPLES, **changes):
    with writer(folder, **changes) as out:
        for example in examples:
            out.add(*example)
    return folder


def big(folder, num_tokens):
    """A cache with more blocks than a quick opening samples."""
    tokens = np.random.default_rng(0).integers(0, 60_000, num_tokens)
    return write(folder, [(part, [1], i, 0) for i, part in enumerate(np.split(tokens, 50))], vocab_size=60_000)


def flip(path, byte, bit=0):
    data = bytearray(path.read_bytes())
    data[byte] ^= 1 << bit
    path.write_bytes(data)


def test_round_trip_equals_the_hand_made_arrays(tmp_path):
    cache = TokenCache.open(write(tmp_path / 'c'), verify='full')
    assert (cache.name, cache.num_examples, cache.num_tokens) == ('toy', 3, 12)
    np.testing.assert_array_equal(np.fromfile(tmp_path / 'c/tokens.bin', '<u2'), [1, 5, 9, 2, 3, 4, 6, 5, 4, 3, 2, 1])
    np.testing.assert_array_equal(np.load(tmp_path / 'c/offsets.npy'), np.array([0, 4, 6, 12], np.int64))
    np.testing.assert_array_equal(np.load(tmp_path / 'c/boundaries.npy'), np.array([2, 1, 1, 3, 5], np.int32))
    np.testing.assert_array_equal(np.load(tmp_path / 'c/boundary_offsets.npy'), [0, 1, 2, 5])
    np.testing.assert_array_equal(np.load(tmp_path / 'c/provenance.npy'), [[7, 0], [8, 1], [11, 0]])
    np.testing.assert_array_equal(cache.lengths, [4, 2, 6])
    np.testing.assert_array_equal(cache.input_lengths, [2, 1, 1])
    assert cache.lengths.dtype == cache.input_lengths.dtype == np.int32
    tokens, boundaries = cache.example(2)
    assert (tokens.tolist(), boundaries) == ([6, 5, 4, 3, 2, 1], (1, 3, 5))


def test_manifest_counts_by_hand(tmp_path):
    with writer(tmp_path / 'c') as out:
        for example in EXAMPLES:
            out.add(*example)
        out.count('dropped')
        out.count('cut_inputs', 3)
    manifest = TokenCache.open(tmp_path / 'c').manifest
    assert manifest['num_loss_tokens'] == 2 + 1 + (2 + 1)  # the third: tokens 1, 2 and 5
    assert manifest['counts'] == {'dropped': 1, 'cut_inputs': 3}
    assert manifest['longest'] == {'tokens': 6, 'inputs': 2, 'targets': 5}
    assert manifest['metadata'] == {'licence': 'CC0'}
    assert manifest['files']['tokens.bin']['sha256'] == sha256_file(tmp_path / 'c/tokens.bin')


def test_equal_calls_give_equal_bytes_also_over_an_older_cache(tmp_path):
    write(tmp_path / 'a')
    write(tmp_path / 'b', EXAMPLES[:1])
    write(tmp_path / 'b')
    assert {p.name: p.read_bytes() for p in (tmp_path / 'a').iterdir()} == {
        p.name: p.read_bytes() for p in (tmp_path / 'b').iterdir()
    }
    assert sorted(p.name for p in tmp_path.iterdir()) == ['a', 'b']


def test_streams_more_than_one_buffer(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, 'BUFFER_BYTES', 16)
    rng = np.random.default_rng(3)
    examples = [(rng.integers(0, 100, 2 + i % 5).tolist(), [1], i, 0) for i in range(40)]
    cache = TokenCache.open(write(tmp_path / 'c', examples), verify='full')
    assert [cache.example(i)[0].tolist() for i in range(40)] == [example[0] for example in examples]


@pytest.mark.parametrize(('vocab_size', 'dtype', 'last'), [(65_536, 'uint16', 65_535), (65_537, 'int32', 65_536)])
def test_token_width_follows_the_vocabulary(tmp_path, vocab_size, dtype, last):
    cache = TokenCache.open(write(tmp_path / 'c', [([0, last], [1], 0, 0)], vocab_size=vocab_size))
    assert cache.tokens.dtype == dtype
    assert cache.example(0)[0].tolist() == [0, last]


@pytest.mark.parametrize(
    ('tokens', 'boundaries', 'encoder_decoder', 'message'),
    [
        ([], [0], False, 'at least one'),
        ([1, 100], [1], False, r'0\.\.99'),
        ([1, -1], [1], False, r'0\.\.99'),
        ([1, 2], [], False, 'ascend'),
        ([1, 2, 3], [2, 1], False, 'ascend'),
        ([1, 2, 3], [1, 1], False, 'ascend'),
        ([1, 2, 3], [1, 4], False, 'ascend'),
        ([1, 2], [2], False, 'no token bears loss'),
        ([1, 2], [0], False, 'BOS'),
        ([1, 2, 3], [1, 2], True, 'one boundary'),
    ],
)
def test_an_untrainable_example_is_refused_by_task_and_row(tmp_path, tokens, boundaries, encoder_decoder, message):
    with pytest.raises(UserError, match=f'toy.*row 41.*{message}'):
        write(tmp_path / 'c', [(tokens, boundaries, 41, 0)], encoder_decoder=encoder_decoder)
    assert not list(tmp_path.iterdir())


def test_an_exception_leaves_the_place_as_it_was(tmp_path):
    write(tmp_path / 'c')
    before = sha256_file(tmp_path / 'c/manifest.json')
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / 'c', (example if i < 2 else 1 // 0 for i, example in enumerate(EXAMPLES)))
    assert sha256_file(tmp_path / 'c/manifest.json') == before
    with pytest.raises(UserError, match='no example'):
        write(tmp_path / 'd', [])
    assert [p.name for p in tmp_path.iterdir()] == ['c']


def test_a_folder_that_is_no_cache_is_not_replaced(tmp_path):
    (tmp_path / 'c').mkdir()
    (tmp_path / 'c/thesis.tex').write_text('years of work')
    with pytest.raises(UserError, match='not a cache'):
        write(tmp_path / 'c')
    assert (tmp_path / 'c/thesis.tex').exists()


def test_full_disk_is_its_own_error(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(DiskFullError, match='disk is full'):
        write(tmp_path / 'c')
    assert not list(tmp_path.iterdir())


def test_killed_writer_leaves_no_cache_and_the_next_one_cleans_up(tmp_path):
    script = (
        'import sys, os, signal\n'
        'from jaxit.data.cache import CacheWriter\n'
        'out = CacheWriter(sys.argv[1], task="toy", split="train", vocab_size=100, encoder_decoder=False,\n'
        '                  tokenizer_sha256="ab", fingerprint="cd", metadata={"licence": "CC0"})\n'
        'out.add([1, 2, 3], [1], 0, 0)\n'
        'os.kill(os.getpid(), signal.SIGKILL)\n'
    )
    (tmp_path / '.c.notes').write_text('of someone else')
    done = subprocess.run([sys.executable, '-c', script, str(tmp_path / 'c')], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(UserError, match='holds no cache'):
        TokenCache.open(tmp_path / 'c')
    TokenCache.open(write(tmp_path / 'c'), verify='full')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['.c.notes', 'c']


@pytest.mark.parametrize('verify', ['quick', 'full'])
@pytest.mark.parametrize('name', [*manifest_module.FILES, 'manifest.json'])
def test_bit_flips_are_found_and_named(tmp_path, name, verify):
    path = write(tmp_path / 'c') / name
    original = path.read_bytes()
    for byte in np.random.default_rng(1).integers(0, len(original), 12):
        flip(path, byte, bit=byte % 8)
        with pytest.raises(UserError, match=name):
            TokenCache.open(tmp_path / 'c', verify=verify)
        path.write_bytes(original)
    TokenCache.open(tmp_path / 'c', verify=verify)


@pytest.mark.parametrize('name', [*manifest_module.FILES, 'manifest.json'])
@pytest.mark.parametrize('verify', ['quick', 'none'])
def test_a_file_cut_short_or_gone_is_named(tmp_path, name, verify):
    path = write(tmp_path / 'c') / name
    path.write_bytes(path.read_bytes()[:-1] if name != 'manifest.json' else b'{')
    with pytest.raises(UserError, match=name):
        TokenCache.open(tmp_path / 'c', verify=verify)
    path.unlink()
    with pytest.raises(UserError, match=name):
        TokenCache.open(tmp_path / 'c', verify=verify)


def test_quick_samples_blocks_and_full_reads_all(tmp_path, monkeypatch):
    monkeypatch.setattr(manifest_module, 'BLOCK_BYTES', 1000)
    folder = big(tmp_path / 'c', 10_000)  # 20 blocks, of which 4 are looked at
    flip(folder / 'tokens.bin', 4321)
    with pytest.raises(UserError, match=r'tokens\.bin is damaged'):
        TokenCache.open(folder, verify='full')
    found = 0
    for _ in range(200):
        try:
            TokenCache.open(folder, verify='quick')
        except UserError:
            found += 1
    assert 10 < found < 80  # expected 40 of 200: each opening looks elsewhere


def test_full_checks_the_structure_below_right_hashes(tmp_path):
    folder = write(tmp_path / 'c')
    np.save(folder / 'offsets.npy', np.array([0, 9, 6, 12], np.int64))
    manifest = json.loads((folder / 'manifest.json').read_text())
    manifest['files']['offsets.npy'] = manifest_module.describe(folder / 'offsets.npy')
    del manifest['digest']
    (folder / 'manifest.json').write_text(json.dumps(manifest | {'digest': sha256_json(manifest)}))
    with pytest.raises(UserError, match=r'offsets\.npy does not fit'):
        TokenCache.open(folder, verify='full')


def test_released_tokens_come_back_and_hold_no_descriptor(tmp_path):
    caches = [TokenCache.open(write(tmp_path / f'{i}')) for i in range(5)]
    before = len(os.listdir('/proc/self/fd'))
    for cache in caches:
        cache.example(0)
        cache.release()
    assert len(os.listdir('/proc/self/fd')) == before
    assert caches[0].example(0)[0].tolist() == [1, 5, 9, 2]


def test_loss_lengths_equal_a_loop(tmp_path):
    cache = TokenCache.open(
        write(tmp_path / 'c', [*EXAMPLES, ([1, 2, 3, 4, 5], [1, 2, 4], 0, 0), ([1, 2], [1, 2], 0, 0)])
    )
    expected = []
    for index in range(cache.num_examples):
        tokens, boundaries = cache.example(index)
        expected.append(sum(sum(place >= b for b in boundaries) % 2 for place in range(len(tokens))))
    assert cache.loss_lengths.tolist() == expected
    assert sum(expected) == cache.manifest['num_loss_tokens']
