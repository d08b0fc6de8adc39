"""ROUGE, as the rouge-score package computes it, for the best of the references.

ROUGE-L is over stems, as Super-NaturalInstructions publishes it; the others are over words as they are written, as T5's
evaluation has them. The package keeps a-z and 0-9 only, so text in other scripts scores 0.
"""

import functools
from collections.abc import Iterable

from rouge_score import rouge_scorer

from jaxit.core.errors import UserError


def rouge_1(prediction: str, references: str | Iterable[str]) -> float:
    """Returns the F-measure of the words in common, 0 to 1 (https://aclanthology.org/W04-1013, section 2)."""
    return _best('rouge1', prediction, references)


def rouge_2(prediction: str, references: str | Iterable[str]) -> float:
    """Returns the F-measure of the pairs of words in common, 0 to 1 (https://aclanthology.org/W04-1013, section 2)."""
    return _best('rouge2', prediction, references)


def rouge_l(prediction: str, references: str | Iterable[str]) -> float:
    """Returns the F-measure of the longest common subsequence, 0 to 1 (https://aclanthology.org/W04-1013, section 3.1)."""
    return _best('rougeL', prediction, references, stems=True)


def rouge_lsum(prediction: str, references: str | Iterable[str]) -> float:
    """Returns the summary-level ROUGE-L, 0 to 1 (https://aclanthology.org/W04-1013, section 3.2).

    For each sentence of the reference, the union of its longest common subsequences with the sentences of the prediction
    counts. A sentence ends at a line break, or at a full stop between two blanks, as tokenised text has it; T5 and FLAN
    part sentences at the same places.
    """
    references = [references] if isinstance(references, str) else references
    return _best('rougeLsum', _lines(prediction), [_lines(reference) for reference in references])


def _best(kind: str, prediction: str, references: str | Iterable[str], *, stems: bool = False) -> float:
    references = [references] if isinstance(references, str) else list(references)
    if not references:
        raise UserError(f'{kind}: there is no reference to compare with')
    scorer = _scorer(kind, stems)
    return max(scorer.score(reference, prediction)[kind].fmeasure for reference in references)


def _lines(text: str) -> str:
    return text.replace(' . ', ' .\n')


@functools.cache
def _scorer(kind: str, stems: bool) -> rouge_scorer.RougeScorer:
    return rouge_scorer.RougeScorer([kind], use_stemmer=stems)
