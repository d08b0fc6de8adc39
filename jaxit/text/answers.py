"""Short answers: SQuAD's normalisation, exact match and F1 (https://arxiv.org/abs/1606.05250, section 6.1)."""

import collections
import re
import string
from collections.abc import Callable, Iterable

from jaxit.core.errors import UserError

_ARTICLES = re.compile(r'\b(a|an|the)\b')
_PUNCTUATION = str.maketrans('', '', string.punctuation)


def normalize(text: str, *, keep_articles: bool = False) -> str:
    """Returns the text in lower case without ASCII punctuation, English articles and spare blank space.

    Args:
        text: an answer.
        keep_articles: leaves 'a', 'an' and 'the', which carry meaning in options ('a' of a, b, c) and other languages.
    """
    text = text.lower().translate(_PUNCTUATION)
    return ' '.join((text if keep_articles else _ARTICLES.sub(' ', text)).split())


def exact_match(prediction: str, references: str | Iterable[str], *, keep_articles: bool = False) -> float:
    """Returns 1 when the normalised prediction equals one of the normalised references, else 0."""
    return _best(lambda a, b: float(a == b), prediction, references, keep_articles)


def f1(prediction: str, references: str | Iterable[str], *, keep_articles: bool = False) -> float:
    """Returns the F1 of the words shared with the best of the references, 0 to 1."""
    return _best(_word_f1, prediction, references, keep_articles)


def _best(
    score: Callable[[str, str], float], prediction: str, references: str | Iterable[str], keep_articles: bool
) -> float:
    references = [references] if isinstance(references, str) else list(references)
    if not references:
        raise UserError('there is no reference to compare the answer with')
    answer = normalize(prediction, keep_articles=keep_articles)
    return max(score(answer, normalize(reference, keep_articles=keep_articles)) for reference in references)


def _word_f1(prediction: str, reference: str) -> float:
    got, wanted = prediction.split(), reference.split()
    if not got or not wanted:  # nothing is right only where nothing was asked for
        return float(got == wanted)
    shared = (collections.Counter(got) & collections.Counter(wanted)).total()
    return 2 * shared / (len(got) + len(wanted))
