"""Reports, their files, and differences between two of them."""

import dataclasses
import json
import math

import numpy as np
import pytest

from jaxit.core.errors import UserError
from jaxit.core.files import sha256_json
from jaxit.evaluation.forgetting import delta_table
from jaxit.evaluation.metrics import Values, mean_values, perplexity_values
from jaxit.evaluation.results import Evaluation, SuiteResult, TaskResult, example_id, paired_difference
from jaxit.text.examples import ordinary

SAMPLE = {'suite': 'answers', 'task': 'sums', 'inputs': '1+1', 'targets': '2', 'prediction': '3', 'correct': False}


def evaluation(label: str, sums: list[float], letters: list[float], nats: list[float], ids=('e', 'f')) -> Evaluation:
    tasks = {
        'sums': TaskResult(('a', 'b', 'c', 'd'), {'exact_match': mean_values(sums)}),
        'letters': TaskResult(
            ids,
            {'exact_match': mean_values(letters), 'rank_accuracy': mean_values([1, 1])},
            num_ties=2,
        ),
    }
    texts = {'web': TaskResult(('g', 'h', 'i'), {'perplexity': perplexity_values(nats, [2, 3, 5])})}
    suites = {
        'answers': SuiteResult('answers', 'held_out', tasks, (SAMPLE,)),
        'texts': SuiteResult('texts', 'forgetting', texts),
    }
    return Evaluation(label, 'runs/x/checkpoints/7', 7, suites)


BASE = evaluation('base', [0, 0, 1, 0], [0, 1], [2.0, 3.0, 5.0])
TUNED = evaluation('tuned', [1, 0, 1, 1], [1, 1], [3.0, 3.0, 5.0])


def test_the_report_has_the_shape_of_the_architecture():
    report = BASE.report()
    assert set(report) == {'label', 'checkpoint', 'step', 'suites', 'samples'}
    assert report['samples'] == [SAMPLE]
    answers = report['suites']['answers']
    assert set(answers) == {'kind', 'tasks', 'mean'}
    assert answers['kind'] == 'held_out'
    stderr = math.sqrt(0.25 / 4)  # variance of 0, 0, 1, 0 with 3 degrees of freedom: 0.75 / 3
    assert answers['tasks']['sums'] == {'exact_match': {'value': 0.25, 'stderr': pytest.approx(stderr), 'count': 4}}
    assert answers['tasks']['letters']['rank_accuracy']['ties'] == 2
    assert answers['mean']['exact_match'] == {
        'value': pytest.approx((0.25 + 0.5) / 2),
        'stderr': pytest.approx(math.hypot(0.25, 0.5) / 2),
        'count': 6,
    }
    assert report['suites']['texts']['tasks']['web']['perplexity']['value'] == pytest.approx(math.e)
    assert BASE.suites['answers'].metrics()['eval/answers/exact_match'] == pytest.approx(0.375)


def test_what_was_saved_is_loaded(tmp_path):
    TUNED.save(tmp_path / 'evaluation')
    assert json.loads((tmp_path / 'evaluation/tuned.json').read_text()) == TUNED.report()
    lines = [json.loads(line) for line in (tmp_path / 'evaluation/tuned.scores.jsonl').read_text().splitlines()]
    assert len(lines) == 9
    assert lines[0] == {'suite': 'answers', 'task': 'sums', 'example': 'a', 'values': {'exact_match': [1.0, 1.0]}}
    loaded = Evaluation.load(tmp_path / 'evaluation', 'tuned')
    assert loaded.report() == TUNED.report()
    assert paired_difference(BASE, loaded) == paired_difference(BASE, TUNED)


def test_paired_differences():
    found = paired_difference(BASE, TUNED)
    sums = found['answers']['tasks']['sums']['exact_match']
    assert sums['value'] == 0.5
    assert sums['stderr'] == pytest.approx(np.std([1, 0, 0, 1], ddof=1) / 2)
    assert found['answers']['mean']['exact_match']['value'] == pytest.approx(0.5)
    assert found['answers']['tasks']['letters']['rank_accuracy'] == {'value': 0.0, 'stderr': 0.0, 'count': 2}
    assert found['texts']['tasks']['web']['perplexity']['value'] == pytest.approx(math.exp(1.1) - math.e)


def test_tasks_that_one_side_lacks_are_left_out():
    short = Evaluation(
        'base', '', 0, {'answers': SuiteResult('answers', 'held_out', {'sums': BASE.suites['answers'].tasks['sums']})}
    )
    found = paired_difference(short, TUNED)
    assert list(found) == ['answers']
    assert list(found['answers']['tasks']) == ['sums']
    table = delta_table(short, TUNED, kinds=('held_out',))
    assert [(row.task, row.before, row.after) for row in table] == [('', 0.25, 0.75), ('sums', 0.25, 0.75)]


def test_other_examples_are_not_compared():
    with pytest.raises(UserError, match=r"suite 'answers', task 'letters'.*different examples"):
        paired_difference(BASE, evaluation('tuned', [1] * 4, [1, 1], [1.0] * 3, ids=('e', 'z')))
    with pytest.raises(UserError, match='no task in common'):
        paired_difference(BASE, Evaluation('tuned', '', 0, {}))


def test_forgetting_shows_what_got_worse():
    mean, web = delta_table(BASE, TUNED)
    assert mean._replace(task='web') == web
    assert web[:4] == ('texts', 'forgetting', 'web', 'perplexity')
    assert (web.before, web.after) == (pytest.approx(math.e), pytest.approx(math.exp(1.1)))
    # Influences: e^r (nats - r tokens) / 10 on each side, r = 1 and 1.1.
    moves = [math.exp(1.1) * d / 10 - 0.0 for d in (3 - 2.2, 3 - 3.3, 5 - 5.5)]
    assert web.stderr == pytest.approx(math.sqrt(3 / 2 * sum(move**2 for move in moves)))
    assert web.count == 3


def test_files_that_do_not_fit_are_refused(tmp_path):
    BASE.save(tmp_path)
    with pytest.raises(UserError, match=r'tuned\.json: No such file'):
        Evaluation.load(tmp_path, 'tuned')
    path = tmp_path / 'base.scores.jsonl'
    lines = path.read_text().splitlines()
    path.write_text('\n'.join(lines[:4]))
    with pytest.raises(UserError, match=r'does not fit base\.scores\.jsonl'):
        Evaluation.load(tmp_path, 'base')
    path.write_text('{"suite": "answers"}\n')
    with pytest.raises(UserError, match=r'base\.scores\.jsonl: line 1'):
        Evaluation.load(tmp_path, 'base')


def test_values_keep_their_weights(tmp_path):
    BASE.save(tmp_path)
    web = Evaluation.load(tmp_path, 'base').suites['texts'].tasks['web']
    np.testing.assert_array_equal(web.values['perplexity'], Values(np.array([2.0, 3, 5]), np.array([2.0, 3, 5])))
    assert web.example_ids == ('g', 'h', 'i')


def test_the_hash_of_an_example_is_as_old_as_the_example():
    old = ordinary('q', 'a', options=('a', 'b'), references=('a', 'A'), source_row=3, template=1, task='t')
    facts = {'parts': [{'text': 'q'}, {'text': 'a', 'loss': True}], 'source_row': 3, 'template': 1, 'task': 't'}
    facts |= {'options': ['a', 'b'], 'references': ['a', 'A']}
    assert example_id(old) == sha256_json(facts)[:12]
    others = [dataclasses.replace(old, group='1'), dataclasses.replace(old, gold_number=0.0)]
    assert len({example_id(example) for example in (old, *others)}) == 3
