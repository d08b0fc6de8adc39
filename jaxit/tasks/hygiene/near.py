"""Near duplicates: MinHash and locality-sensitive hashing propose, the words decide.

Most of a long passage is shared by all questions about it, so sharing most n-grams (Broder 1997) is not enough: two
inputs are near duplicates when they also differ nowhere by more than a few words in a row.
"""

import difflib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxit.core.errors import UserError, missing_extra
from jaxit.tasks.hygiene.words import grams, is_in

SHINGLE_WORDS = 5
MAX_CHANGE = 3  # words in a row that may differ
NUM_PERMUTATIONS = 128
RECALL = 0.95  # of pairs that share just as much as is asked for; the more they share, the surer they are found


class NearIndex:
    """Texts that were kept, to be asked for one that is near a new text."""

    def __init__(self, near: float) -> None:
        """Starts without texts.

        Args:
            near: share of the shingles of both texts that they have in common, from 0.5 to below 1.
        """
        if not 0.5 <= near < 1:
            raise UserError(f'near is {near}; it must be from 0.5 to below 1 (0.8 is usual)')
        try:
            from datasketch import MinHash, MinHashLSH
        except ImportError:
            raise missing_extra('datasketch', 'hygiene') from None
        self._near = near
        self._empty = MinHash(num_perm=NUM_PERMUTATIONS)
        self._lsh = MinHashLSH(num_perm=NUM_PERMUTATIONS, params=bands(near))
        self._kept: list[tuple[Text, Any]] = []

    def text(self, codes: np.ndarray) -> 'Text':
        """Returns a text as `find` and `add` take it.

        Args:
            codes: [W] hashes of the words.
        """
        signature = self._empty.copy()  # a new one would draw its permutations again
        signature.update_batch([shingle.tobytes() for shingle in shingles(codes)])
        return Text(codes, shingles(codes), signature)

    def find(self, text: 'Text', mark: Any) -> int | None:
        """Returns the number of the first kept text that is near and has the same mark.

        Args:
            text: of `text`.
            mark: what must be equal, such as the targets.
        """
        if not len(text.codes):
            return None
        numbers: list[Any] = self._lsh.query(text.signature)
        for number in sorted(numbers):
            kept, theirs = self._kept[number]
            if theirs == mark and are_near(text, kept, self._near):
                return number
        return None

    def add(self, text: 'Text', mark: Any) -> int:
        """Keeps a text and returns its number: 0, 1, ..."""
        number = len(self._kept)
        if len(text.codes):
            self._lsh.insert(number, text.signature)
        self._kept.append((text._replace(signature=None), mark))
        return number


class Text(NamedTuple):
    """The words of a text, made ready to be compared with many.

    Attributes:
        codes: [W] uint64, hashes of its words.
        shingles: [S] uint64, its n-grams, each once.
        signature: its MinHash.
    """

    codes: np.ndarray
    shingles: np.ndarray
    signature: Any = None


def are_near(a: Text, b: Text, near: float) -> bool:
    """Says whether two texts are near duplicates. Nearly all that share no more than an instruction fail the first test."""
    ours, theirs = _changed(a.codes, b.codes)
    if _has_own_run(ours, theirs) or _has_own_run(theirs, ours):
        return False
    shared = len(np.intersect1d(a.shingles, b.shingles, assume_unique=True))
    both = len(a.shingles) + len(b.shingles) - shared
    return shared >= near * both and longest_change(a.codes, b.codes) <= MAX_CHANGE


def longest_change(a: np.ndarray, b: np.ndarray) -> int:
    """Returns the most words in a row that one text has where the other has others, or none."""
    steps = difflib.SequenceMatcher(None, *_changed(a, b), autojunk=False).get_opcodes()
    return max((max(i2 - i1, j2 - j1) for step, i1, i2, j1, j2 in steps if step != 'equal'), default=0)


def _changed(a: np.ndarray, b: np.ndarray) -> tuple[list[int], list[int]]:
    """Returns both texts without the words that they begin and end with alike."""
    before = _num_alike(a, b)
    a, b = a[before:], b[before:]
    after = _num_alike(a[::-1], b[::-1])
    return a[: len(a) - after].tolist(), b[: len(b) - after].tolist()


def _num_alike(a: np.ndarray, b: np.ndarray) -> int:
    length = min(len(a), len(b))
    alike = a[:length] == b[:length]
    return length if alike.all() else int(alike.argmin())


def _has_own_run(a: Sequence[int], b: Sequence[int]) -> bool:
    """Says whether `a` has more than MAX_CHANGE words in a row that stand nowhere in `b`: no alignment makes less of them."""
    known, run = set(b), 0
    for word in a:
        run = 0 if word in known else run + 1
        if run > MAX_CHANGE:
            return True
    return False


def shingles(codes: np.ndarray) -> np.ndarray:
    """Returns the n-grams of a text, each once; a short text is one."""
    return np.unique(grams(codes, max(min(SHINGLE_WORDS, len(codes)), 1)))


def content(codes: np.ndarray, wording: np.ndarray) -> np.ndarray:
    """Returns the words that stand in no shingle of the data set's wording."""
    starts = np.flatnonzero(is_in(grams(codes, SHINGLE_WORDS), wording))
    keep = np.ones(len(codes), bool)
    keep[(starts[:, None] + np.arange(SHINGLE_WORDS)[None, :]).ravel()] = False
    return codes[keep]


def bands(near: float) -> tuple[int, int]:
    """Returns (bands, rows of each) of the index: the longest bands that still find `RECALL` of the pairs."""
    rows = max(
        rows
        for rows in range(1, NUM_PERMUTATIONS // 2 + 1)
        if 1 - (1 - near**rows) ** (NUM_PERMUTATIONS // rows) >= RECALL
    )
    return NUM_PERMUTATIONS // rows, rows
