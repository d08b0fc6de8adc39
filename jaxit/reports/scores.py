"""Tables of evaluations: before against after, and runs against one another."""

from collections.abc import Iterator, Sequence

from jaxit.reports import text
from jaxit.reports.blocks import Cell, Row, Table
from jaxit.reports.changes import FEWEST, KINDS, change_of, score_of
from jaxit.reports.figures import kind_title
from jaxit.reports.records import Evaluation, Run, Score

MAX_OTHERS = 4
ABOUT_BASES = 'Base is that of the first run that has one; each change is from the base of its own run. '


def about(runs: Sequence[Run]) -> str:
    """Returns how the tables are to be read."""
    paired = [bool(run.paired) for run in runs]
    error = 'is of the differences example by example' if all(paired) else 'takes the two samples as independent'
    if any(paired) and not all(paired):
        error = 'is of the differences example by example where a run has kept them'
    words = f'± is one standard error; that of a change {error}. Changes that may be chance are grey: '
    words += f'those within two standard errors or over fewer than {FEWEST} examples.'
    return (ABOUT_BASES if len(runs) > 1 else '') + words


def score_kinds(runs: Sequence[Run]) -> list[str]:
    """Returns the kinds of suites any run was evaluated on, the known ones first."""
    found = {
        suite.kind for run in runs for evaluation in run.evaluations.values() for suite in evaluation.suites.values()
    }
    return [kind for kind in KINDS if kind in found] + sorted(found - set(KINDS))


def evaluation_tables(runs: Sequence[Run], kinds: Sequence[str]) -> list[Table]:
    """Returns one table for each kind of suite that was evaluated."""
    found = score_kinds(runs)
    make = _one_run if len(runs) == 1 else _several_runs
    return [make(runs, kind) for kind in kinds if kind in found]


def _one_run(runs: Sequence[Run], kind: str) -> Table:
    """Base against tuned, with other evaluations between; those of single steps are left to the curves."""
    run = runs[0]
    base, tuned = run.base, run.tuned
    others = [e for e in run.evaluations.values() if e is not base and e is not tuned and e.label != f'step_{e.step}']
    others = sorted(others, key=lambda e: (e.step or 0, e.label))[:MAX_OTHERS]
    rows = []
    for suite, task, metric in _keys([e for e in (base, *others, tuned) if e], kind):
        change = change_of(run, suite, task, metric)
        cells = [
            task or suite,
            metric,
            _shown(change.base),
            *(_shown(score_of(other, suite, task, metric)) for other in others),
            _shown(change.tuned),
            Cell(text.signed(change.delta), change.verdict, _error(change.stderr)),
            _number_of_examples(change.tuned or change.base),
        ]
        rows.append(Row(cells, kind='' if task else 'total'))
    labels = [other.label for other in others]
    headers = ['task', 'metric', 'base', *labels, tuned.label if tuned else 'tuned', 'change', 'examples']
    return Table(f'{kind_title(kind)} suites', headers, rows, num_text=2)


def _several_runs(runs: Sequence[Run], kind: str) -> Table:
    """One column a run: its value after training, and below it the change from its own base."""
    rows = []
    evaluations = [e for run in runs for e in (run.base, run.tuned) if e]
    for suite, task, metric in _keys(evaluations, kind):
        changes = [change_of(run, suite, task, metric) for run in runs]
        cells = [
            Cell(
                text.fixed(change.tuned.value) if change.tuned else '–',
                change.verdict,
                _error(change.tuned.stderr) if change.tuned else '',
                below=text.signed(change.delta) if change.delta is not None else '',
            )
            for change in changes
        ]
        base = next((change.base for change in changes if change.base), None)
        rows.append(Row([task or suite, metric, _shown(base), *cells], kind='' if task else 'total'))
    return Table(f'{kind_title(kind)} suites', ['task', 'metric', 'base', *(r.name for r in runs)], rows, num_text=2)


def _keys(evaluations: Sequence[Evaluation], kind: str) -> Iterator[tuple[str, str, str]]:
    """Yields (suite, task, metric); the mean over a suite comes first, with an empty task."""
    names = sorted({name for e in evaluations for name, suite in e.suites.items() if suite.kind == kind})
    for name in names:
        suites = [e.suites[name] for e in evaluations if name in e.suites]
        tasks = sorted({task for suite in suites for task in suite.tasks})
        only = tasks == [name]  # a suite of one task of the same name needs no line for its mean
        for metric in [] if only else sorted({metric for suite in suites for metric in suite.mean}):
            yield name, '', metric
        for task in tasks:
            for metric in sorted({metric for suite in suites for metric in suite.tasks.get(task, {})}):
                yield name, task, metric


def _shown(score: Score | None) -> Cell:
    return Cell('–') if score is None else Cell(text.fixed(score.value), error=_error(score.stderr))


def _error(stderr: float | None) -> str:
    return '' if stderr is None else text.fixed(stderr)


def _number_of_examples(score: Score | None) -> str:
    return f'{score.num_examples:,}' if score and score.num_examples is not None else '–'
