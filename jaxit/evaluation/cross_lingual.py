"""ROUGE-L for any script: over the pieces of a byte-level vocabulary, not stemmed (Super-NaturalInstructions' cross-lingual track).

The ROUGE of words keeps a-z and 0-9 only, so that an answer in Chinese scores 0 however right it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import tokenizers
from rouge_score import rouge_scorer

from jaxit.core.errors import UserError

METRIC = 'cross_lingual_rouge_l'
HOW = (
    "it is the path of a tokenizer.json of GPT-2's kind (for scores to compare with published ones, GPT-2's own), which "
    "register(..., tokenizer=PATH) of Natural Instructions names, or 'rouge_tokenizer' in the first line of a suite file"
)

_SPACE = 'Ġ'  # how byte-level vocabularies of GPT-2's kind write a space before a word


class _Encoding(Protocol):
    @property
    def tokens(self) -> list[str]: ...


class PieceTokenizer(Protocol):
    """A tokenizer that tells the pieces of a text, as `load` returns it."""

    def encode(self, sequence: str, *, add_special_tokens: bool) -> _Encoding:
        """Returns an encoding, whose `tokens` are the pieces."""
        ...


def load(path: str) -> PieceTokenizer:
    """Returns the tokenizer that answers and references are cut into pieces with.

    Raises:
        UserError: for a file that is not there, or none of GPT-2's kind.
    """
    try:
        tokenizer = tokenizers.Tokenizer.from_str(Path(path).read_text(encoding='utf-8'))
    except OSError as error:
        raise UserError(f'{METRIC}: {path}: {error.strerror}; {HOW}') from None
    except Exception as error:  # the library raises no narrower one
        raise UserError(f'{METRIC}: {path} is not a tokenizer.json: {error}; {HOW}') from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if not any(_SPACE in piece for piece in tokenizer.encode('a a', add_special_tokens=False).tokens):
        raise UserError(f'{METRIC}: {path} does not write a space as {_SPACE!r}; {HOW}')
    return tokenizer


def cross_lingual_rouge_l(prediction: str, references: str | Iterable[str], tokenizer: PieceTokenizer) -> float:
    """Returns ROUGE-L for any script, 0 to 1, for the best of the references.

    Args:
        prediction: an answer.
        references: right answers.
        tokenizer: GPT-2's, for scores to compare with published ones. The mark of a space before a word is dropped.
    """
    references = [references] if isinstance(references, str) else list(references)
    if not references:
        raise UserError(f'{METRIC}: there is no reference to compare with')
    scorer = rouge_scorer.RougeScorer(['rougeL'], tokenizer=_Pieces(tokenizer))
    return max(scorer.score(reference, prediction)['rougeL'].fmeasure for reference in references)


@dataclass(frozen=True)
class _Pieces:
    """What rouge_score calls a tokenizer."""

    tokenizer: PieceTokenizer

    def tokenize(self, text: str) -> list[str]:
        return [piece.lstrip(_SPACE) for piece in self.tokenizer.encode(text, add_special_tokens=False).tokens]
