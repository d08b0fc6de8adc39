"""Normalised answers, exact match and F1 by hand."""

import pytest

from jaxit.core.errors import UserError
from jaxit.text.answers import exact_match, f1, normalize


@pytest.mark.parametrize(
    ('text', 'wanted'),
    [
        ('  The  Eiffel\tTower!\n', 'eiffel tower'),
        ("It's a dog's life.", 'its dogs life'),
        ('An apple a day; the end', 'apple day end'),
        ('theatre another data', 'theatre another data'),  # articles are whole words
        ('well-known U.S.A.', 'wellknown usa'),
        ('ÉTÉ', 'été'),
        ('The.', ''),
        ('', ''),
    ],
)
def test_normalize(text, wanted):
    assert normalize(text) == wanted


def test_articles_can_stay():
    assert normalize('(A)', keep_articles=True) == 'a' and normalize('(A)') == ''
    assert exact_match('A', ['(a)'], keep_articles=True) == 1.0
    assert exact_match('A', ['the'], keep_articles=True) == 0.0
    assert exact_match('A', ['the']) == 1.0, 'both are empty without articles: why the option exists'
    assert f1('a b', 'a c', keep_articles=True) == 0.5


@pytest.mark.parametrize(
    ('prediction', 'references', 'match', 'score'),
    [
        ('The Denver Broncos', 'denver broncos.', 1.0, 1.0),
        ('Broncos', ['Denver Broncos', 'Carolina'], 0.0, 2 / 3),
        ('red red blue', ['red green'], 0.0, 2 * 1 / 5),  # a word counts as often as both have it
        ('red red blue', ['red red'], 0.0, 4 / 5),
        ('nothing alike', ['other'], 0.0, 0.0),
        ('', ['yes'], 0.0, 0.0),
        ('the', [''], 1.0, 1.0),
        ('b', ('a x', 'b'), 1.0, 1.0),
    ],
)
def test_exact_match_and_f1(prediction, references, match, score):
    assert exact_match(prediction, references) == match
    assert f1(prediction, references) == pytest.approx(score)


def test_no_reference_is_an_error():
    for metric in (exact_match, f1):
        with pytest.raises(UserError, match='no reference'):
            metric('a', [])
