"""Words and n-grams, against lists written by hand and sets of tuples."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxit.tasks.hygiene.words import codes, grams, is_in, wording, words


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('The cat, sat!  on\nthe "mat"...', ['the', 'cat', 'sat', 'on', 'the', 'mat']),
        ("It's 3.5 $ – isn’t IT?", ['its', '35', 'isnt', 'it']),
        ('ＡＢＣ ﬁne', ['abc', 'fine']),  # NFKC
        ('天気は良い ok', ['天', '気', 'は', '良', 'い', 'ok']),
        ('한국어 문장', ['한국어', '문장']),
        ('नमस्ते दुनिया', ['नमस्ते', 'दुनिया']),  # marks stay
        (' \n?! ', []),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


@given(st.lists(st.sampled_from('abcd'), max_size=40), st.integers(1, 6))
def test_equal_runs_of_words_have_equal_numbers(spoken, length):
    runs = list(itertools.pairwise(spoken)) if length == 2 else [
        tuple(spoken[i : i + length]) for i in range(len(spoken) - length + 1)
    ]  # fmt: skip
    numbers = grams(codes(spoken), length).tolist()
    assert len(numbers) == len(runs)
    for (a, x), (b, y) in itertools.combinations(zip(runs, numbers, strict=True), 2):
        assert (a == b) == (x == y)


def test_numbers_are_the_same_in_every_process():
    code = "from jaxit.tasks.hygiene.words import *; print(grams(codes(words('Straße, nach Rom')), 2).tolist())"
    here = grams(codes(words('Straße, nach Rom')), 2).tolist()
    for seed in ('1', '2'):
        done = subprocess.run(
            [sys.executable, '-c', code], capture_output=True, text=True, check=True, env={'PYTHONHASHSEED': seed}
        )
        assert done.stdout.strip() == str(here)


def test_half_of_a_surrogate_pair_is_a_word_like_any_other():
    assert codes(words('\ud800 a'))[1] == codes(['a'])[0]


def test_wording_is_what_more_than_ten_rows_and_one_in_twenty_share():
    def shared_by(count, total, **fields):
        rows = [np.array([7, 7, 100 + i] if i < count else [100 + i], np.uint64) for i in range(total)]
        return wording(rows, **fields).tolist()

    assert shared_by(10, 20) == [] and shared_by(11, 20) == [7]
    assert shared_by(50, 1000) == [] and shared_by(51, 1000) == [7]
    assert wording([]).tolist() == []
    assert shared_by(30, 1000, most=30) == [] and shared_by(31, 1000, most=30) == [7]
    assert shared_by(10, 1000, most=3) == [] and shared_by(51, 1000, most=300) == [7]


def test_a_table_is_looked_up():
    table = np.array([2, 5, 9], np.uint64)
    assert is_in(np.array([1, 2, 9, 10], np.uint64), table).tolist() == [False, True, True, False]
    assert is_in(np.array([1], np.uint64), table[:0]).tolist() == [False]
