"""Blocks against adding one example after the other."""

import numpy as np
import pytest

from jaxit.core.errors import UserError
from jaxit.data.blocks import block_of, first_unsound, join, loss_lengths
from jaxit.data.cache import CacheWriter

HEADER = {
    'task': 'toy', 'split': 'train', 'vocab_size': 100, 'tokenizer_sha256': '', 'fingerprint': '', 'metadata': {},
}  # fmt: skip
EXAMPLES = [
    ([1, 5, 9, 2], [2], 7, 0),
    ([3, 4], [1], 8, 1),
    ([6, 5, 4, 3, 2, 1], [1, 3, 5], 11, 0),
    ([9, 9, 9], [1, 3], 11, 2),
]


def write(folder, add):
    with CacheWriter(folder, encoder_decoder=False, **HEADER) as out:
        add(out)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_block_writes_the_bytes_of_its_examples_one_by_one(tmp_path):
    one = write(tmp_path / 'a', lambda out: [out.add(*example) for example in EXAMPLES])
    whole = write(tmp_path / 'b', lambda out: out.add_block(block_of(EXAMPLES)))
    parts = [block_of(EXAMPLES[:1]), block_of([]), block_of(EXAMPLES[1:])]
    several = write(tmp_path / 'c', lambda out: [out.add_block(part) for part in parts])
    joined = write(tmp_path / 'd', lambda out: out.add_block(join(parts)))
    assert one == whole == several == joined


def test_examples_come_back(tmp_path):
    block = block_of(EXAMPLES)
    for i, (tokens, boundaries, row, _) in enumerate(EXAMPLES):
        found = block.example(i)
        assert (found[0].tolist(), found[1], found[2]) == (tokens, boundaries, row)
    assert len(join([])) == len(block_of([])) == 0


def test_loss_lengths_by_counting():
    lengths, boundaries, counts = np.array([4, 2, 6, 3]), np.array([2, 1, 1, 3, 5, 1, 3]), np.array([1, 1, 3, 2])
    assert loss_lengths(lengths, boundaries, counts).tolist() == [2, 1, 3, 2]
    assert loss_lengths(np.zeros(0, int), np.zeros(0, int), np.zeros(0, int)).tolist() == []


UNSOUND = [
    ([], [0], 'at least one'),
    ([1, 100], [1], r'0\.\.99'),
    ([1, -1], [1], r'0\.\.99'),
    ([1, 2], [], 'ascend'),
    ([1, 2, 3], [2, 1], 'ascend'),
    ([1, 2, 3], [1, 1], 'ascend'),
    ([1, 2, 3], [1, 4], 'ascend'),
    ([1, 2], [2], 'no token bears loss'),
    ([1, 2], [0], 'BOS'),
]


@pytest.mark.parametrize(('tokens', 'boundaries', 'message'), UNSOUND)
@pytest.mark.parametrize('place', [0, 2, 4])
def test_an_unsound_example_is_named_wherever_it_stands(tmp_path, tokens, boundaries, message, place):
    examples = [*EXAMPLES[:place], (tokens, boundaries, 40, 0), *EXAMPLES[place:]]
    assert first_unsound(block_of(examples), 100, encoder_decoder=False) == place
    with pytest.raises(UserError, match=f"task 'toy' source row 40.*{message}"):
        write(tmp_path / 'c', lambda out: out.add_block(block_of(examples)))
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_decoder_takes_one_boundary():
    assert first_unsound(block_of(EXAMPLES[:2]), 100, encoder_decoder=True) is None
    assert first_unsound(block_of(EXAMPLES), 100, encoder_decoder=True) == 2
    assert first_unsound(block_of(EXAMPLES), 100, encoder_decoder=False) is None
