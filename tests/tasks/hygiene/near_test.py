"""What is near, by hand and against sets; the real library where it is installed."""

import difflib
import random
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxit.core.errors import UserError
from jaxit.tasks.hygiene import near as near_lib
from jaxit.tasks.hygiene.near import MAX_CHANGE, NearIndex, Text, are_near, bands, content, longest_change, shingles
from jaxit.tasks.hygiene.words import codes, grams, words

PASSAGE = (
    'The mill stood by the river for two hundred years before the flood of 1910 took its wheel, and since then nobody '
    'has ground corn there. Children of the village still call the place the grinder, and old people remember how '
    'their fathers carried sacks up the narrow path behind the church on the first Monday of every month.'
)


def numbers(text):
    return codes(words(text))


def near(a, b, share):
    return are_near(*(Text(codes(spoken), shingles(codes(spoken))) for spoken in (a, b)), share)


@given(st.lists(st.sampled_from('abc'), max_size=30))
def test_shingles_are_sets_of_five_words(spoken):
    length = min(5, len(spoken))
    expected = {tuple(spoken[i : i + length]) for i in range(len(spoken) - length + 1)} if spoken else set()
    assert len(shingles(codes(spoken))) == len(expected)


@pytest.mark.parametrize(
    ('a', 'b', 'expected'),
    [
        ('a b c d e f', 'a b c d e f', 0),
        ('a b c d e f', 'a b x y d e f', 2),
        ('a b c d e f', 'a b c d e f g h i', 3),
        ('a b c d e f', 'c d e f', 2),
        ('a b', 'x', 2),
    ],
)
def test_the_longest_change(a, b, expected):
    assert longest_change(codes(a.split()), codes(b.split())) == expected


def test_a_slip_of_the_pen_is_near_and_another_question_is_not():
    typo = PASSAGE.replace('narrow', 'steep') + ' Who carried the sacks?'
    asked, other = PASSAGE + ' Who carried the sacks?', PASSAGE + ' What took the wheel of the mill?'
    assert near(words(asked), words(typo), 0.8)
    assert not near(words(asked), words(other), 0.8)
    ours, theirs = (set(zip(*(words(text)[i:] for i in range(5)), strict=False)) for text in (asked, other))
    assert len(ours & theirs) / len(ours | theirs) > 0.8  # it is not for the shingles


def test_the_share_of_shingles_decides_too():
    spoken = [f'w{i}' for i in range(40)]
    changed = ['x' if i % 9 == 4 else word for i, word in enumerate(spoken)]  # each change costs five shingles
    shared = 36 - len({i for i in range(36) for j in range(i, i + 5) if j % 9 == 4})
    share = shared / (72 - shared)
    assert longest_change(codes(spoken), codes(changed)) == 1 and share < 0.5
    assert not near(spoken, changed, 0.5)


def test_content_is_what_stands_in_no_shingle_of_the_wording():
    text = 'please tell me how you feel about it tom and ann please tell me'
    table = np.sort(grams(codes('please tell me how you feel about it'.split()), 5))
    assert content(codes(text.split()), table).tolist() == codes('tom and ann please tell me'.split()).tolist()
    assert content(codes(['a', 'b']), table).tolist() == codes(['a', 'b']).tolist()


@pytest.mark.parametrize('near', [0.5, 0.7, 0.8, 0.95, 0.99])
def test_bands_find_what_they_should(near):
    number, rows = bands(near)
    draw = random.Random(0)
    found = sum(any(all(draw.random() < near for _ in range(rows)) for _ in range(number)) for _ in range(2000))
    assert number * rows <= 128 and found / 2000 > 0.93
    assert 1 - (1 - near ** (rows + 1)) ** (128 // (rows + 1)) < 0.95  # longer bands would not


def test_the_first_that_is_near_and_has_the_same_mark_is_found(stand_in):
    index = NearIndex(0.8)

    def find(text, mark):
        return index.find(index.text(numbers(text)), mark)

    assert find(PASSAGE, 'yes') is None
    texts = [PASSAGE, PASSAGE.replace('corn', 'flour'), 'quite another text of more than five words', '']
    assert [index.add(index.text(numbers(text)), 'yes') for text in texts] == [0, 1, 2, 3]
    assert find(PASSAGE.replace('corn', 'wheat'), 'yes') == 0
    assert find(PASSAGE, 'no') is None
    assert find('', 'yes') is None


@pytest.mark.parametrize('near', [0, 0.4, 1, 80])
def test_other_shares_are_refused(stand_in, near):
    with pytest.raises(UserError, match=r'it must be from 0.5 to below 1'):
        NearIndex(near)


def test_without_the_library_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'datasketch', None)
    with pytest.raises(UserError, match=r"datasketch is not installed; .*pip install 'jaxit\[hygiene\]'"):
        NearIndex(0.8)


def test_the_library_proposes_the_pairs_that_are_there():
    pytest.importorskip('datasketch')
    draw = random.Random(0)
    texts = [[f'w{draw.randrange(5000)}' for _ in range(60)] for _ in range(300)]
    index = NearIndex(0.8)
    for text in texts:
        index.add(index.text(codes(text)), 'x')
    for _ in range(2):  # the same twice
        found = [index.find(index.text(codes([*text[:30], 'slip', *text[31:]])), 'x') for text in texts]
        assert all(number in (None, i) for i, number in enumerate(found))
        assert sum(number is not None for number in found) >= 0.93 * len(texts)
    assert index.find(index.text(codes([f'x{i}' for i in range(60)])), 'x') is None


def test_the_changes_are_those_of_the_standard_library():
    a, b = words(PASSAGE), words(PASSAGE.replace('two hundred', 'many').replace('still call', 'call'))
    blocks = difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    expected = max(max(i2 - i1, j2 - j1) for step, i1, i2, j1, j2 in blocks if step != 'equal')
    assert longest_change(codes(a), codes(b)) == expected == 2


@given(st.lists(st.sampled_from('abcdefgh'), max_size=16), st.lists(st.sampled_from('abcdefghxyz'), max_size=16))
def test_what_is_refused_at_once_has_a_long_change(a, b):
    """The quick test never refuses what the alignment would let pass."""
    quick = [near_lib._has_own_run(*pair) for pair in ((a, b), (b, a))]
    steps = difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    if any(quick):
        assert max(max(i2 - i1, j2 - j1) for step, i1, i2, j1, j2 in steps if step != 'equal') > MAX_CHANGE
    runs = {tuple(a[i : i + MAX_CHANGE + 1]) for i in range(len(a) - MAX_CHANGE)}
    assert quick[0] == any(not set(run) & set(b) for run in runs)


def test_texts_that_share_an_instruction_alone_are_never_aligned(monkeypatch):
    """Aligning is slow, and there are as many such pairs as the square of the rows."""
    monkeypatch.setattr(near_lib.difflib, 'SequenceMatcher', None)
    instruction = [f'i{n}' for n in range(90)]
    for own in (8, 4):
        a, b = ([*instruction, *(f'{name}{n}' for n in range(own)), 'Answer'] for name in 'ab')
        assert len(set(shingles(codes(a))) & set(shingles(codes(b)))) > 0.8 * 94
        assert not near(a, b, 0.8)
