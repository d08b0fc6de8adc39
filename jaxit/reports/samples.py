"""Which samples a report shows: answers before and after, spread over outcomes and tasks."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence

from jaxit.reports.blocks import Block, Pair, Samples, Words
from jaxit.reports.records import Run, Sample

PER_OUTCOME = 6
_OUTCOMES = {
    (False, True): 'wrong, now right',
    (True, False): 'right, now wrong',
    (True, True): 'right both times',
    (False, False): 'wrong both times',
}


def sample_blocks(run: Run) -> list[Block]:
    """Returns samples of the evaluations, base against tuned; without them those taken during training."""
    base, tuned = run.base, run.tuned
    if base and tuned and (pairs := _matched(base.samples, tuned.samples)):
        return _blocks(pairs, (base.label, tuned.label))
    steps = sorted({sample.step for sample in run.samples if sample.step is not None})
    if not steps:
        return []
    first, last = ([sample for sample in run.samples if sample.step == step] for step in (steps[0], steps[-1]))
    return _blocks(_matched(first, last), (f'step {steps[0]:,}', f'step {steps[-1]:,}'))


def _matched(before: Sequence[Sample], after: Sequence[Sample]) -> list[Pair]:
    """Pairs the answers to the same prompt of the same task."""
    earlier = {(sample.suite, sample.task, sample.inputs): sample for sample in before}
    pairs = []
    for sample in after:
        if found := earlier.get((sample.suite, sample.task, sample.inputs)):
            judged = (found.correct, sample.correct)
            outcome = _OUTCOMES.get((bool(judged[0]), bool(judged[1])), '') if None not in judged else ''
            pairs.append(Pair(outcome, found, sample))
    return pairs


def _blocks(pairs: Sequence[Pair], labels: tuple[str, str]) -> list[Block]:
    shown = _chosen(pairs)
    if not shown:
        return []
    counts = Counter(pair.outcome for pair in pairs if pair.outcome)
    words = f'{len(shown):,} of {len(pairs):,} samples.' if len(shown) < len(pairs) else f'{len(pairs):,} samples.'
    if counts:
        words += (
            ' Of all: '
            + ', '.join(f'{counts[outcome]:,} {outcome}' for outcome in _OUTCOMES.values() if counts[outcome])
            + '.'
        )
    return [Words([words], small=True), Samples(shown, labels)]


def _chosen(pairs: Sequence[Pair]) -> list[Pair]:
    """A few of each outcome, taking turns among the tasks."""
    chosen = []
    for outcome in (*_OUTCOMES.values(), ''):
        by_task: dict[tuple[str, str], list[Pair]] = defaultdict(list)
        for pair in pairs:
            if pair.outcome == outcome:
                by_task[pair.after.suite, pair.after.task].append(pair)
        turns = itertools.zip_longest(*(by_task[key] for key in sorted(by_task)))
        chosen += [pair for turn in turns for pair in turn if pair][:PER_OUTCOME]
    return chosen
