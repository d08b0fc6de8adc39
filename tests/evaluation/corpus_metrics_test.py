"""BLEU against sacreBLEU on the whole corpus and by hand, edits against a table of distances, errors against the bootstrap."""

import math

import numpy as np
import pytest
from sacrebleu.metrics import BLEU

from jaxit.evaluation import metrics
from jaxit.evaluation.results import Evaluation, SuiteResult, TaskResult

RNG = np.random.default_rng(3)
WORDS = 'the a cat dog house runs sees old red under over quickly , .'.split()


def sentence(length):
    return ' '.join(RNG.choice(WORDS, length))


def corpus(num):
    references = [[sentence(RNG.integers(6, 14)) for _ in range(2)] for _ in range(num)]
    predictions = []
    for first, _ in references:
        words = [word if RNG.random() < 0.7 else RNG.choice(WORDS) for word in first.split()]
        predictions.append(' '.join(words[: RNG.integers(4, len(words) + 1)]))
    return list(zip(predictions, references, strict=True))


def test_bleu_is_that_of_the_whole_corpus():
    pairs = corpus(40)
    values = metrics.corpus_values('bleu', pairs)
    streams = [[references[i] for _, references in pairs] for i in range(2)]
    whole = BLEU().corpus_score([prediction for prediction, _ in pairs], streams).score / 100
    assert metrics.total('bleu', values) == pytest.approx(whole) and 0.2 < whole < 0.8
    alone = np.mean([metrics.total('bleu', metrics.corpus_values('bleu', [pair])) for pair in pairs])
    assert abs(alone - whole) > 0.01  # a mean over sentences is another number


def test_bleu_by_hand():
    values = metrics.corpus_values('bleu', [('the cat sat on the mat', ['the cat sat on a mat'])])
    precisions = 5 / 6 * 3 / 5 * 2 / 4 * 1 / 3
    assert metrics.total('bleu', values) == pytest.approx(precisions**0.25)
    short = metrics.corpus_values('bleu', [('the cat sat on', ['the cat sat on the mat'])])
    assert metrics.total('bleu', short) == pytest.approx(math.exp(1 - 6 / 4))


def test_the_standard_error_of_bleu_is_near_the_bootstraps():
    values = metrics.corpus_values('bleu', corpus(120))
    draws = RNG.integers(0, 120, (400, 120))
    spread = np.std([metrics.total('bleu', metrics.Values(values.sums[d], values.weights[d])) for d in draws])
    score = metrics.aggregate('bleu', values)
    assert score['count'] == 120 and score['stderr'] == pytest.approx(spread, rel=0.2)
    difference = metrics.difference('bleu', values, values)
    assert difference['value'] == 0 and difference['stderr'] == 0


@pytest.mark.parametrize(
    ('prediction', 'references', 'distance', 'length'),
    [
        ('kitten', ['sitting'], 3, 7),
        ('abc', ['abc'], 0, 3),
        ('', ['ab'], 2, 2),
        ('ab', ['', 'abcd'], 2, 4),
        ('Ä', ['A', 'Äx'], 1, 2),
    ],
)
def test_edits_by_hand(prediction, references, distance, length):
    values = metrics.corpus_values('edit_distance', [(prediction, references)])
    assert (values.sums[0], values.weights[0]) == (distance, length)


def test_edit_distance_is_edits_over_characters():
    values = metrics.corpus_values('edit_distance', [('kitten', ['sitting']), ('abc', ['abc'])])
    assert metrics.total('edit_distance', values) == pytest.approx(3 / 10)


def test_scores_come_back_from_their_file(tmp_path):
    pairs = corpus(5)
    values = {name: metrics.corpus_values(name, pairs) for name in metrics.CORPUS_METRICS}
    task = TaskResult(tuple('abcde'), values)
    Evaluation('tuned', '', 3, {'s': SuiteResult('s', 'held_out', {'t': task})}).save(tmp_path)
    loaded = Evaluation.load(tmp_path, 'tuned').suites['s'].tasks['t']
    assert loaded.report() == task.report()
    for name in values:
        np.testing.assert_array_equal(loaded.values[name].sums, values[name].sums)
