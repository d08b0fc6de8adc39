"""ROUGE-L, as the rouge-score package computes it."""

import functools
from collections.abc import Iterable

from rouge_score import rouge_scorer

from jaxit.core.errors import UserError


def rouge_l(prediction: str, references: str | Iterable[str]) -> float:
    """Returns the F-measure of the longest common subsequence, 0 to 1, for the best of the references.

    Words are stemmed; the package keeps a-z and 0-9 only, so text in other scripts scores 0.
    https://aclanthology.org/W04-1013, section 3.
    """
    references = [references] if isinstance(references, str) else list(references)
    if not references:
        raise UserError('rouge_l: there is no reference to compare with')
    return max(_scorer().score(reference, prediction)['rougeL'].fmeasure for reference in references)


@functools.cache
def _scorer() -> rouge_scorer.RougeScorer:
    return rouge_scorer.RougeScorer(['rougeL'], use_stemmer=True)
