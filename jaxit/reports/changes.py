"""What got better or worse: scores before and after, and whether the difference is clear."""

import collections
import math
from typing import NamedTuple

from jaxit.reports.records import Evaluation, Run, Score, Suite, mean_score

KINDS = ('held_in', 'held_out', 'forgetting')
CLEAR = 2.0  # a difference counts as clear from this many standard errors on
FEWEST = 10  # examples below which no difference counts as clear: a standard error says little then
_LOWER_IS_BETTER = ('loss', 'perplexity', 'nll', 'bits_per', 'edit_distance', 'error', 'wer')
_PREFERRED = ('accuracy', 'rank_accuracy', 'exact_match', 'f1', 'rouge_l', 'perplexity', 'bits_per_byte', 'loss')


class Change(NamedTuple):
    """A metric before and after; `paired` is the standard error of the difference on the same examples, if known."""

    metric: str
    base: Score | None
    tuned: Score | None
    paired: float | None = None

    @property
    def delta(self) -> float | None:
        """After minus before."""
        return self.tuned.value - self.base.value if self.base and self.tuned else None

    @property
    def stderr(self) -> float | None:
        """The standard error of the difference; without pairs, of two independent samples."""
        if self.paired is not None:
            return self.paired
        if not self.base or not self.tuned or self.base.stderr is None or self.tuned.stderr is None:
            return None
        return math.hypot(self.base.stderr, self.tuned.stderr)

    @property
    def verdict(self) -> str:
        """'better' or 'worse' where the change is clear, 'unclear' where it may be chance, '' without two sides."""
        if self.delta is None:
            return ''
        sizes = [score.num_examples for score in (self.base, self.tuned) if score and score.num_examples is not None]
        if min(sizes, default=FEWEST) < FEWEST:
            return 'unclear'
        if abs(self.delta) <= CLEAR * (self.stderr or 0.0):
            return 'unclear'
        return 'better' if (self.delta > 0) != lower_is_better(self.metric) else 'worse'


def lower_is_better(metric: str) -> bool:
    """Returns whether a smaller value of this metric is the better one."""
    return any(word in metric.lower() for word in _LOWER_IS_BETTER)


def score_of(evaluation: Evaluation | None, suite: str, task: str, metric: str) -> Score | None:
    """Returns a score; task '' stands for the mean over the suite."""
    if evaluation is None or suite not in evaluation.suites:
        return None
    found = evaluation.suites[suite]
    return (found.tasks.get(task, {}) if task else found.mean).get(metric)


def change_of(run: Run, suite: str, task: str, metric: str) -> Change:
    """Returns how a score moved from base to tuned; task '' stands for the mean over the suite."""
    scores = (score_of(evaluation, suite, task, metric) for evaluation in (run.base, run.tuned))
    return Change(metric, *scores, paired=run.paired.get((suite, task, metric)))


def suites_of(evaluation: Evaluation | None, kind: str) -> dict[str, Suite]:
    """Returns the suites of one kind by name."""
    suites = evaluation.suites if evaluation else {}
    return {name: suite for name, suite in sorted(suites.items()) if suite.kind == kind}


def headline(run: Run, kind: str) -> tuple[Change, int] | None:
    """Returns the change of the leading metric over all suites of a kind, and how many suites it is the mean of.

    The leading metric is the one most suites have, and of those the one most examples have; only suites scored both before and after count,
    unless one of the sides was not evaluated at all.
    """
    base, tuned = suites_of(run.base, kind), suites_of(run.tuned, kind)
    names = sorted(set(base) & set(tuned)) if base and tuned else sorted(tuned or base)
    metrics = {name: set.intersection(*(set(side[name].mean) for side in (base, tuned) if side)) for name in names}
    counts = collections.Counter(metric for name in names for metric in metrics[name])
    if not counts:
        return None
    sizes = {m: sum((tuned or base)[n].mean[m].num_examples or 0 for n in names if m in metrics[n]) for m in counts}
    metric = min(counts, key=lambda m: (-counts[m], -sizes[m], _preference(m), m))
    changes = [change_of(run, name, '', metric) for name in names if metric in metrics[name]]
    errors = [change.stderr for change in changes if change.stderr is not None]
    found = Change(
        metric,
        mean_score([change.base for change in changes if change.base]) if base else None,
        mean_score([change.tuned for change in changes if change.tuned]) if tuned else None,
        math.hypot(*errors) / len(errors) if len(errors) == len(changes) else None,
    )
    return found, len(changes)


def _preference(metric: str) -> int:
    return _PREFERRED.index(metric) if metric in _PREFERRED else len(_PREFERRED)
