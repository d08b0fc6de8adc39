"""Written answers as values of metrics, and what examples must have for a metric to be one."""

from collections.abc import Iterable, Sequence

import numpy as np

from jaxit.core.errors import UserError
from jaxit.evaluation import class_metrics, correlations, cross_lingual, metrics
from jaxit.evaluation.cross_lingual import PieceTokenizer
from jaxit.evaluation.metrics import Values
from jaxit.text.examples import Example


def answer_values(
    wanted: Iterable[str],
    examples: Sequence[Example],
    answers: Sequence[str],
    pieces: PieceTokenizer | None = None,
) -> dict[str, Values]:
    """Returns the values of those metrics that a written answer has; articles count where it is one of the options.

    Args:
        wanted: names of metrics; those that are none of `metrics.WRITTEN_METRICS` are left out.
        examples: what was asked.
        answers: what was written, one for each example.
        pieces: what metrics in `metrics.PIECE_METRICS` cut texts with.
    """
    wanted = [metric for metric in wanted if metric in metrics.WRITTEN_METRICS]
    return {metric: _values(metric, examples, answers, pieces) for metric in wanted}


def check_examples(wanted: Iterable[str], examples: Sequence[Example], *, where: str) -> None:
    """Raises `UserError` where an example lacks what a metric of written answers, or of chosen options, is made of."""
    wanted = {metrics.CHOSEN_METRICS.get(metric, metric) for metric in wanted}
    for metric in sorted(wanted & set(metrics.CLASS_METRICS)):
        _check_classes(metric, examples, where)
    for metric in sorted(wanted & set(metrics.NUMBER_METRICS)):
        for row, example in enumerate(examples):
            if _gold_number(example) is None:
                raise UserError(
                    f'{where}, example {row}: targets {example.targets!r} are no number; {metric} needs one'
                )
    for metric in sorted(wanted & set(metrics.GROUP_METRICS)):
        for row, example in enumerate(examples):
            if not example.group:
                raise UserError(f'{where}, example {row} has no group; {metric} needs one')


def _values(
    metric: str, examples: Sequence[Example], answers: Sequence[str], pieces: PieceTokenizer | None = None
) -> Values:
    rows = list(zip(examples, answers, strict=True))
    if metric in metrics.PIECE_METRICS:
        if pieces is None:
            raise UserError(f'{metric} needs a tokenizer: {cross_lingual.HOW}')
        return metrics.mean_values(cross_lingual.cross_lingual_rouge_l(a, _references(e), pieces) for e, a in rows)
    if metric in metrics.CORPUS_METRICS:
        return metrics.corpus_values(metric, [(answer, _references(example)) for example, answer in rows])
    if metric in metrics.CLASS_METRICS:
        return metrics.row_values(_class_counts(metric, *row) for row in rows)
    if metric in metrics.NUMBER_METRICS:
        return metrics.row_values(_numbers(*row) for row in rows)
    if metric == 'group_exact_match':
        matches = _values('exact_match', examples, answers).sums
        return metrics.group_values(matches, [example.group for example in examples])
    function = metrics.ANSWER_METRICS[metric]
    return metrics.mean_values(function(a, _references(e), keep_articles=bool(e.options)) for e, a in rows)


def _references(example: Example) -> tuple[str, ...]:
    return example.references or (example.targets,)


def _class_counts(metric: str, example: Example, answer: str) -> np.ndarray:
    right, chosen = (class_metrics.choice(text, example.options) for text in (example.targets, answer))
    assert right is not None  # see _check_classes
    if metric == 'macro_f1':
        return class_metrics.macro_counts(chosen, right, len(example.options))
    return class_metrics.binary_counts(chosen, right)


def _numbers(example: Example, answer: str) -> np.ndarray:
    """Returns [2] the number that is answered and the right one."""
    gold = _gold_number(example)
    assert gold is not None  # see check_examples
    return np.array([correlations.answered(answer), gold])


def _gold_number(example: Example) -> float | None:
    return correlations.number(example.targets) if example.gold_number is None else example.gold_number


def _check_classes(metric: str, examples: Sequence[Example], where: str) -> None:
    options = examples[0].options
    if len({class_metrics.choice(option, options) for option in options}) < max(len(options), 2):
        raise UserError(f'{where}: the options are {list(options)}; {metric} needs two or more that differ')
    if metric != 'macro_f1' and len(options) > 2:
        raise UserError(f'{where}: there are {len(options)} options; {metric} is for two, macro_f1 for more')
    for row, example in enumerate(examples):
        if example.options != options:
            raise UserError(
                f'{where}, example {row}: the options are {list(example.options)}, those of example 0 {list(options)}; '
                f'{metric} needs the same classes throughout'
            )
        if class_metrics.choice(example.targets, options) is None:
            raise UserError(f'{where}, example {row}: targets {example.targets!r} are none of {list(options)}')
