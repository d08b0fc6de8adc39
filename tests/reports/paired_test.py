"""Errors of paired differences: against the textbook formula, and against what the evaluation layer says of its own files."""

import numpy as np
import pytest

from jaxit.evaluation import metrics, results
from jaxit.reports.changes import change_of, headline
from jaxit.reports.runs import read_run
from jaxit.reports.scores import about

NUM_EXAMPLES = {'qa': 17, 'nli': 23, 'books': 13}


def result(seed: int, shift: float) -> dict[str, results.SuiteResult]:
    """Two suites; the examples of both evaluations are equally hard, so that pairs cancel."""
    hard = {task: np.random.default_rng(i).uniform(size=n) for i, (task, n) in enumerate(NUM_EXAMPLES.items())}
    noise = np.random.default_rng(seed)

    def task(name: str) -> results.TaskResult:
        n = NUM_EXAMPLES[name]
        ids = tuple(f'{name}{i}' for i in range(n))
        values = hard[name] + shift + 0.02 * noise.normal(size=n)
        if name == 'books':
            tokens = np.arange(5.0, 5.0 + n)
            return results.TaskResult(ids, {'perplexity': metrics.perplexity_values(values * tokens, tokens)})
        return results.TaskResult(ids, {'f1': metrics.mean_values(values)})

    return {
        'inner': results.SuiteResult('inner', 'held_in', {'qa': task('qa'), 'nli': task('nli')}),
        'text': results.SuiteResult('text', 'forgetting', {'books': task('books')}),
    }


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'run.json').write_text('{}')
    for label, seed, shift in (('base', 10, 0.0), ('tuned', 11, 0.03)):
        results.Evaluation(label, 'x', seed, result(seed, shift)).save(tmp_path / 'evaluation')
    return tmp_path


def test_errors_equal_those_of_the_evaluation_layer(folder):
    run = read_run(folder)
    loaded = [results.Evaluation.load(folder / 'evaluation', label) for label in ('base', 'tuned')]
    wanted = results.paired_difference(*loaded)
    found = 0
    for name, suite in wanted.items():
        for task, scores in {**suite['tasks'], '': suite['mean']}.items():
            for metric, score in scores.items():
                change = change_of(run, name, task, metric)
                assert change.delta == pytest.approx(score['value'])
                assert change.stderr == pytest.approx(score['stderr'])
                assert change.stderr < 0.3 * change._replace(paired=None).stderr
                found += 1
    assert found == 5


def test_a_mean_follows_the_textbook(folder):
    run = read_run(folder)
    before, after = (
        result(seed, shift)['inner'].tasks['qa'].values['f1'].sums for seed, shift in ((10, 0.0), (11, 0.03))
    )
    wanted = np.std(after - before, ddof=1) / np.sqrt(17)
    change = change_of(run, 'inner', 'qa', 'f1')
    assert change.stderr == pytest.approx(wanted)
    assert (
        change.verdict == 'better' and change._replace(paired=None).verdict == 'unclear'
    )  # pairs see what samples do not
    assert headline(run, 'held_in')[0].stderr == pytest.approx(change_of(run, 'inner', '', 'f1').stderr)
    assert 'example by example' in about([run])


@pytest.mark.parametrize('damage', ['missing', 'other examples', 'other values', 'torn'])
def test_what_cannot_be_paired_falls_back_to_independent_samples(folder, damage):
    path = folder / 'evaluation' / 'tuned.scores.jsonl'
    lines = path.read_text()
    if damage == 'missing':
        path.unlink()
    elif damage == 'other examples':
        path.write_text(lines.replace('qa3', 'qb3'))
    elif damage == 'other values':
        path.write_text(lines.replace(', 1.0]', ', 1.25]'))
    else:
        path.write_text(''.join(line + '\n' for line in lines.splitlines() if '"qa"' not in line) + lines[:30])
    change = change_of(read_run(folder), 'inner', 'qa', 'f1')
    assert change.paired is None
    assert change.stderr == pytest.approx(np.hypot(change.base.stderr, change.tuned.stderr))
    assert change_of(read_run(folder), 'inner', '', 'f1').paired is None
