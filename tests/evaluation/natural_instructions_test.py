"""The table by category against means by hand."""

import json
import math

import pytest

from jaxit.core.errors import UserError
from jaxit.evaluation.metrics import mean_values
from jaxit.evaluation.natural_instructions import (
    CATEGORY_METRICS,
    category_table,
    table_text,
)
from jaxit.evaluation.results import Evaluation, SuiteResult, TaskResult


def result(exact, rouge):
    ids = tuple(str(i) for i in range(len(exact)))
    return TaskResult(ids, {'exact_match_with_articles': mean_values(exact), 'rouge_l': mean_values(rouge)})


TASKS = {
    'titles': result([0, 0], [0.2, 0.4]),
    'entails': result([1, 0, 1], [1.0, 0.5, 1.0]),
    'infers': result([1], [1.0]),
    'mine': result([0, 1, 0, 0], [0.0, 1.0, 0.0, 0.0]),
}
CATEGORIES = {
    'titles': 'title_generation',
    'entails': 'textual_entailment',
    'infers': 'textual_entailment',
    'mine': 'a_category_of_my_own',
    'elsewhere': 'word_analogy',
}
SUITE = SuiteResult('natural_instructions_test', 'held_out', TASKS)


def test_the_table_is_over_instances():
    rows = category_table(SUITE, CATEGORIES)
    assert [(row['category'], row['metric'], row['count'], row['num_tasks']) for row in rows] == [
        ('textual_entailment', 'exact_match_with_articles', 4, 2),
        ('title_generation', 'rouge_l', 2, 1),
        ('a_category_of_my_own', 'rouge_l', 4, 1),
        ('all', 'rouge_l', 10, 4),
        ('all', 'exact_match_with_articles', 10, 4),
    ]
    values = [row['value'] for row in rows]
    assert values == pytest.approx([3 / 4, 0.3, 1 / 4, (0.6 + 2.5 + 1 + 1) / 10, 4 / 10])
    assert rows[0]['stderr'] == pytest.approx(math.sqrt(3 * 0.25**2 + 0.75**2) / math.sqrt(3 * 4))
    assert rows[1]['stderr'] == pytest.approx(0.1)


def test_a_saved_result_gives_the_same_table_and_text(tmp_path):
    Evaluation('tuned', 'runs/x', 3, {SUITE.name: SUITE}).save(tmp_path)
    again = Evaluation.load(tmp_path, 'tuned').suites[SUITE.name]
    rows = category_table(again, CATEGORIES)
    assert rows == category_table(SUITE, CATEGORIES)
    assert json.loads(json.dumps(rows)) == rows
    assert table_text(rows[1:2]).splitlines() == [
        '| category | metric | score | tasks | instances |',
        '|---|---|---|---|---|',
        '| title_generation | rouge_l | 30.00 ± 10.00 | 1 | 2 |',
    ]
    assert '| 30.00 |' in table_text([rows[1] | {'stderr': None}])


def test_the_twelve_categories():
    """In the order of the authors' own script, which judges the first six by exact match, the others by ROUGE-L."""
    exact = (
        'Textual Entailment, Cause Effect Classification, Coreference Resolution, Dialogue Act Recognition, '
        'Answerability Classification, Word Analogy'
    )
    rouge = (
        'Overlap Extraction, Keyword Tagging, Question Rewriting, Title Generation, Data to Text, '
        'Grammar Error Correction'
    )
    expected = [(name, 'exact_match_with_articles') for name in exact.split(', ')]
    expected += [(name, 'rouge_l') for name in rouge.split(', ')]
    assert list(CATEGORY_METRICS.items()) == [('_'.join(name.lower().split()), metric) for name, metric in expected]


def test_the_cross_lingual_table_is_of_cross_lingual_scores():
    """What that track is judged by stands in the table wherever ROUGE-L stands in the other."""
    tasks = {}
    for name, task in TASKS.items():
        values = dict(task.values)
        tasks[name] = TaskResult(task.example_ids, {'cross_lingual_rouge_l': values.pop('rouge_l'), **values})
    rows = category_table(SuiteResult('s', 'held_out', tasks), CATEGORIES)
    usual = [row | {'metric': row['metric'].replace('cross_lingual_', '')} for row in rows]
    assert usual == category_table(SUITE, CATEGORIES) and rows[-2]['metric'] == 'cross_lingual_rouge_l'
    with pytest.raises(UserError, match="task 'infers' is not judged by cross_lingual_rouge_l"):
        category_table(SuiteResult('s', 'held_out', tasks | {'infers': TASKS['infers']}), CATEGORIES)


def test_what_can_not_be_scored_is_told():
    with pytest.raises(UserError, match="the category of task 'titles' is not given \\(4 in all\\)"):
        category_table(SUITE, {})
    other = SuiteResult('s', 'held_out', {'entails': TaskResult(('0',), {'rouge_l': mean_values([1])})})
    with pytest.raises(UserError, match="task 'entails' is not judged by exact_match_with_articles"):
        category_table(other, CATEGORIES)
