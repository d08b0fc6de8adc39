"""Near duplicates: MinHash and locality-sensitive hashing propose, the words decide.

Most of a long passage is shared by all questions about it, so sharing most n-grams (Broder 1997) is not enough: two
inputs are near duplicates when they also differ nowhere by more than a few words in a row.
"""

import difflib
from typing import Any

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
        self._texts: list[np.ndarray] = []
        self._marks: list[Any] = []

    def find(self, codes: np.ndarray, mark: Any) -> int | None:
        """Returns the number of the first kept text that is near and has the same mark.

        Args:
            codes: [W] hashes of the words.
            mark: what must be equal, such as the targets.
        """
        if not len(codes):
            return None
        numbers: list[Any] = self._lsh.query(self._signature(codes))
        for number in sorted(numbers):
            if self._marks[number] == mark and are_near(codes, self._texts[number], self._near):
                return number
        return None

    def add(self, codes: np.ndarray, mark: Any) -> int:
        """Keeps a text and returns its number: 0, 1, ..."""
        number = len(self._texts)
        if len(codes):
            self._lsh.insert(number, self._signature(codes))
        self._texts.append(codes)
        self._marks.append(mark)
        return number

    def _signature(self, codes: np.ndarray) -> Any:
        signature = self._empty.copy()  # a new one would draw its permutations again
        signature.update_batch([shingle.tobytes() for shingle in shingles(codes)])
        return signature


def are_near(a: np.ndarray, b: np.ndarray, near: float) -> bool:
    """Says whether two texts, as [W] hashes of their words, are near duplicates."""
    shared = len(np.intersect1d(shingles(a), shingles(b), assume_unique=True))
    both = len(shingles(a)) + len(shingles(b)) - shared
    return shared >= near * both and longest_change(a, b) <= MAX_CHANGE


def longest_change(a: np.ndarray, b: np.ndarray) -> int:
    """Returns the most words in a row that one text has where the other has others, or none."""
    steps = difflib.SequenceMatcher(None, a.tolist(), b.tolist(), autojunk=False).get_opcodes()
    return max((max(i2 - i1, j2 - j1) for step, i1, i2, j1, j2 in steps if step != 'equal'), default=0)


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
