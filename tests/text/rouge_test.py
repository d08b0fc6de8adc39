"""ROUGE by hand: F = 2PR / (P + R) of words, pairs of words, or the longest common subsequence."""

import pytest

from jaxit.core.errors import UserError
from jaxit.text.rouge import rouge_1, rouge_2, rouge_l, rouge_lsum


@pytest.mark.parametrize(
    ('prediction', 'references', 'score'),
    [
        ('the cat sat', ['the cat sat'], 1.0),
        ('the cats sat', ['the cat sat on mats'], 2 * 1 * 0.6 / 1.6),  # stemmed: 3 of 3 and 3 of 5
        ('police killed the gunman', 'police kill the gunman', 1.0),
        ('gunman the police kill', 'police kill the gunman', 0.5),  # order counts: 2 of 4
        ('a b c', ['x y', 'a c q z'], 2 * (2 / 3) * 0.5 / (2 / 3 + 0.5)),  # the best reference
        ('', ['a'], 0.0),
        ('word', [''], 0.0),
    ],
)
def test_hand_computed(prediction, references, score):
    assert rouge_l(prediction, references) == pytest.approx(score)


def f_measure(shared, written, wanted):
    return 2 * shared / (written + wanted)


def test_words_and_pairs_by_hand():
    prediction, reference = 'the cat sat on the mat', 'on the mat the cat slept'
    assert rouge_1(prediction, reference) == pytest.approx(f_measure(5, 6, 6))  # the, the, cat, on, mat
    assert rouge_2(prediction, reference) == pytest.approx(f_measure(3, 5, 5))  # the cat, on the, the mat
    assert rouge_2('word', 'word') == 0  # it has no pair
    assert rouge_1('two cats', 'two cat') == rouge_lsum('two cats', 'two cat') == 0.5  # no stems, unlike rouge_l
    assert rouge_l('two cats', 'two cat') == 1.0
    assert rouge_1('a a a', 'a b') == pytest.approx(f_measure(1, 3, 2))  # no word counts oftener than it is wanted


def test_each_measure_takes_its_own_best_reference():
    prediction, references = 'a b c d', ['d c b a', 'a b x y z']
    assert rouge_1(prediction, references) == 1.0
    assert rouge_2(prediction, references) == pytest.approx(f_measure(1, 3, 4))
    assert rouge_l(prediction, references) == rouge_lsum(prediction, references) == pytest.approx(f_measure(2, 4, 5))


def test_sentences_of_a_summary_count_by_themselves():
    # Sentences have changed places. As one sequence the longest in common has three words; by sentences all six count.
    prediction, reference = 'police kill gunman\nthe crowd fled', 'the crowd fled\npolice kill gunman'
    assert rouge_l(prediction, reference) == pytest.approx(f_measure(3, 6, 6))
    assert rouge_lsum(prediction, reference) == 1.0
    assert rouge_lsum(prediction.replace('\n', ' . '), [reference.replace('\n', ' . ')]) == 1.0
    assert rouge_lsum(prediction.replace('\n', '. '), reference.replace('\n', '. ')) == pytest.approx(0.5)
    # The union of what two sentences have in common with one (section 3.2 of the paper: 4 of 5 words).
    united = rouge_lsum('w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5', 'w1 w2 w3 w4 w5')
    assert united == pytest.approx(f_measure(4, 10, 5))


@pytest.mark.parametrize('measure', [rouge_1, rouge_2, rouge_l, rouge_lsum])
def test_no_reference_is_an_error(measure):
    with pytest.raises(UserError, match='no reference'):
        measure('a', [])
