"""Words and their n-grams as numbers, and which n-grams are the wording of a data set rather than its content.

A word is what stands between blanks, in lower case and without punctuation (GPT-3, arXiv:2005.14165, appendix C); a
Chinese character or one of kana is a word of its own. Words and n-grams are 64-bit hashes, the same in every process.
"""

import functools
import hashlib
import math
import re
import unicodedata
from collections.abc import Sequence

import numpy as np

# An n-gram that more rows than this share, and more than this part of them, is wording: an instruction, a list of labels.
WORDING_ROWS = 10
WORDING_SHARE = 0.05

_UNSPACED = re.compile('([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])')
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no word of an n-gram loses a bit


class _WithoutPunctuation(dict):
    """A table for `str.translate` that is filled as characters are met."""

    def __missing__(self, number: int) -> int | None:
        self[number] = None if unicodedata.category(chr(number))[0] in 'PS' else number
        return self[number]


_WITHOUT_PUNCTUATION = _WithoutPunctuation()


def words(text: str) -> list[str]:
    """Returns the words of a text."""
    text = unicodedata.normalize('NFKC', text).lower().translate(_WITHOUT_PUNCTUATION)
    return _UNSPACED.sub(r' \1 ', text).split()


def codes(words: Sequence[str]) -> np.ndarray:
    """Returns [W] uint64, a hash of each word."""
    return np.fromiter(map(_code, words), np.uint64, len(words))


def grams(codes: np.ndarray, length: int) -> np.ndarray:
    """Returns [W - length + 1] uint64, a hash of each run of `length` words; none where there are fewer words."""
    num_grams = max(len(codes) - length + 1, 0)
    total = np.zeros(num_grams, np.uint64)
    for start in range(length):
        total = total * _FACTOR + codes[start : start + num_grams]
    return total


def wording(rows: Sequence[np.ndarray], most: float = math.inf) -> np.ndarray:
    """Returns the sorted n-grams that so many rows share that they are not the content of any of them.

    Args:
        rows: the n-grams of each row.
        most: what more rows than these share is wording, however small a part of all they are.
    """
    if not rows:
        return np.zeros(0, np.uint64)
    found, counts = np.unique(np.concatenate([np.unique(row) for row in rows]), return_counts=True)
    return found[counts > max(WORDING_ROWS, min(WORDING_SHARE * len(rows), most))]


def is_in(grams: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Returns bool of the shape of `grams`, True where one is in a sorted table."""
    if not len(table):
        return np.zeros(len(grams), bool)
    places = np.minimum(np.searchsorted(table, grams), len(table) - 1)
    return table[places] == grams


@functools.lru_cache(maxsize=1 << 18)
def _code(word: str) -> int:
    digest = hashlib.blake2b(word.encode('utf-8', 'surrogatepass'), digest_size=8)
    return int.from_bytes(digest.digest(), 'little')
