"""How Super-NaturalInstructions is scored (Wang et al. 2022, arXiv:2204.07705): by category, over instances."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from rouge_score import rouge_scorer

from jaxit.core.errors import UserError
from jaxit.evaluation import metrics
from jaxit.evaluation.metrics import Score, Values
from jaxit.evaluation.results import SuiteResult

EXACT_MATCH = 'exact_match_with_articles'
ROUGE_L = 'rouge_l'

# The twelve categories that are held out, in the published order, and what each is judged by.
CATEGORY_METRICS: Mapping[str, str] = {
    'textual_entailment': EXACT_MATCH,
    'cause_effect_classification': EXACT_MATCH,
    'coreference_resolution': EXACT_MATCH,
    'dialogue_act_recognition': EXACT_MATCH,
    'answerability_classification': EXACT_MATCH,
    'word_analogy': EXACT_MATCH,
    'overlap_extraction': ROUGE_L,
    'keyword_tagging': ROUGE_L,
    'question_rewriting': ROUGE_L,
    'title_generation': ROUGE_L,
    'data_to_text': ROUGE_L,
    'grammar_error_correction': ROUGE_L,
}
ALL = 'all'

_SPACE = 'Ġ'  # how byte-level vocabularies of GPT-2's kind write a space before a word


class _Encoding(Protocol):
    @property
    def tokens(self) -> list[str]: ...


class PieceTokenizer(Protocol):
    """A tokenizer that tells the pieces of a text, as `tokenizers.Tokenizer.from_file('tokenizer.json')` does."""

    def encode(self, sequence: str, *, add_special_tokens: bool) -> _Encoding:
        """Returns an encoding, whose `tokens` are the pieces."""
        ...


def cross_lingual_rouge_l(prediction: str, references: str | Iterable[str], tokenizer: PieceTokenizer) -> float:
    """Returns ROUGE-L for any script, 0 to 1, for the best of the references: over the pieces of a vocabulary, not stemmed.

    Args:
        prediction: an answer.
        references: right answers.
        tokenizer: GPT-2's, for scores to compare with published ones. The mark of a space before a word is dropped.
    """
    references = [references] if isinstance(references, str) else list(references)
    if not references:
        raise UserError('cross_lingual_rouge_l: there is no reference to compare with')
    scorer = rouge_scorer.RougeScorer(['rougeL'], tokenizer=_Pieces(tokenizer))
    return max(scorer.score(reference, prediction)['rougeL'].fmeasure for reference in references)


def category_table(result: SuiteResult, categories: Mapping[str, str]) -> list[dict[str, Any]]:
    """Returns the scores of a suite by category, each over all instances of its tasks, then those over all of the suite.

    Args:
        result: of the suite; `Evaluation.load(folder, label).suites[name]` reads one back.
        categories: the category of each task, in lower_snake; `Registered.categories()` has them.

    Returns:
        Rows `{'category', 'metric', 'value', 'stderr', 'count', 'num_tasks'}`, values 0 to 1. A category that is none of
        the twelve is judged by ROUGE-L. The last two rows, 'all', are ROUGE-L and exact match over every instance.
    """
    missing = [name for name in result.tasks if name not in categories]
    if missing:
        raise UserError(
            f'suite {result.name!r}: the category of task {missing[0]!r} is not given ({len(missing)} in all)'
        )
    found = {categories[name] for name in result.tasks}
    order = [*(c for c in CATEGORY_METRICS if c in found), *sorted(found - set(CATEGORY_METRICS))]
    rows = [
        _row(
            category,
            CATEGORY_METRICS.get(category, ROUGE_L),
            result,
            [n for n in result.tasks if categories[n] == category],
        )
        for category in order
    ]
    return [*rows, *(_row(ALL, metric, result, list(result.tasks)) for metric in (ROUGE_L, EXACT_MATCH))]


def table_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Returns the rows of `category_table` as Markdown, in percent as they are published."""
    lines = ['| category | metric | score | tasks | instances |', '|---|---|---|---|---|']
    for row in rows:
        score = f'{100 * row["value"]:.2f}'
        score += '' if row['stderr'] is None else f' ± {100 * row["stderr"]:.2f}'
        lines.append(f'| {row["category"]} | {row["metric"]} | {score} | {row["num_tasks"]} | {row["count"]} |')
    return '\n'.join(lines)


@dataclass(frozen=True)
class _Pieces:
    """What rouge_score calls a tokenizer."""

    tokenizer: PieceTokenizer

    def tokenize(self, text: str) -> list[str]:
        return [piece.lstrip(_SPACE) for piece in self.tokenizer.encode(text, add_special_tokens=False).tokens]


def _row(category: str, metric: str, result: SuiteResult, names: list[str]) -> dict[str, Any]:
    for name in names:
        if metric not in result.tasks[name].values:
            raise UserError(
                f'suite {result.name!r}, task {name!r} was not judged by {metric}; run the evaluation again'
            )
    values = [result.tasks[name].values[metric] for name in names]
    joined = Values(np.concatenate([v.sums for v in values]), np.concatenate([v.weights for v in values]))
    score: Score = metrics.aggregate(metric, joined)
    return {'category': category, 'metric': metric, **score, 'num_tasks': len(names)}
