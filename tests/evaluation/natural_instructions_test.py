"""The table by category against means by hand, and cross-lingual ROUGE-L against common subsequences counted by hand."""

import itertools
import json
import math

import pytest
import tokenizers

from jaxit.core.errors import UserError
from jaxit.evaluation.metrics import mean_values
from jaxit.evaluation.natural_instructions import (
    CATEGORY_METRICS,
    category_table,
    cross_lingual_rouge_l,
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
    assert len(CATEGORY_METRICS) == 12
    assert sum(metric == 'rouge_l' for metric in CATEGORY_METRICS.values()) == 6


def test_what_can_not_be_scored_is_told():
    with pytest.raises(UserError, match="the category of task 'titles' is not given \\(4 in all\\)"):
        category_table(SUITE, {})
    other = SuiteResult('s', 'held_out', {'entails': TaskResult(('0',), {'rouge_l': mean_values([1])})})
    with pytest.raises(UserError, match="task 'entails' was not judged by exact_match_with_articles"):
        category_table(other, CATEGORIES)
    with pytest.raises(UserError, match='no reference'):
        cross_lingual_rouge_l('a', [], pieces())


def pieces():
    """Byte-level pieces as GPT-2 has them, with the words `the` and ` the` joined."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    merges = [('t', 'h'), ('th', 'e'), ('Ġ', 'the')]
    words = [*alphabet, *(a + b for a, b in merges)]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE({word: i for i, word in enumerate(words)}, merges))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def f_measure(common, got, wanted):
    return 2 * common / (got + wanted)


def test_cross_lingual_rouge_l_is_over_pieces_without_the_mark_of_a_space():
    tokenizer = pieces()
    assert tokenizer.encode('the the').tokens == ['the', 'Ġthe']
    assert cross_lingual_rouge_l('the', 'the', tokenizer) == 1
    # ['the'] and ['a', 'the']: the mark is gone, so one piece is common.
    assert cross_lingual_rouge_l('the', 'a the', tokenizer) == pytest.approx(f_measure(1, 1, 2))
    # No stemming and no lower case: 'The' is ['T', 'h', 'e'] and shares nothing with 'the'.
    assert cross_lingual_rouge_l('The', 'the', tokenizer) == 0
    # 日 and 本 are three bytes each; 日本 against 日: three common of six and three.
    assert cross_lingual_rouge_l('日本', '日', tokenizer) == pytest.approx(f_measure(3, 6, 3))
    assert cross_lingual_rouge_l('日本', ['x', '日本', '日'], tokenizer) == 1
    assert cross_lingual_rouge_l('', 'x', tokenizer) == 0


def test_cross_lingual_rouge_l_equals_a_longest_common_subsequence():
    tokenizer = pieces()
    texts = ['a b c', 'b c a', 'the cat', 'cat the', 'あい', 'いあ x']
    for prediction, reference in itertools.product(texts, texts):
        got, wanted = ([t.lstrip('Ġ') for t in tokenizer.encode(text).tokens] for text in (prediction, reference))
        common = max(
            len(chosen)
            for size in range(len(got) + 1)
            for chosen in itertools.combinations(got, size)
            if _is_inside(chosen, wanted)
        )
        expected = f_measure(common, len(got), len(wanted))
        assert cross_lingual_rouge_l(prediction, reference, tokenizer) == pytest.approx(expected)


def _is_inside(chosen, sequence):
    rest = iter(sequence)
    return all(item in rest for item in chosen)
