"""ROUGE-L by hand: F = 2PR / (P + R) of the longest common subsequence."""

import pytest

from jaxit.core.errors import UserError
from jaxit.text.rouge import rouge_l


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


def test_no_reference_is_an_error():
    with pytest.raises(UserError, match='no reference'):
        rouge_l('a', [])
