"""The rule by hand, and how often it is right on real paragraphs, questions and captions."""

import gzip
import json
from collections import Counter

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks.hygiene.languages import COMMON_WORDS, LANGUAGES, keep_language, language_of


@pytest.mark.parametrize(
    ('text', 'language'),
    [
        ('The dog is on the mat.', 'en'),
        ('Der Hund liegt auf der Matte.', 'de'),
        ('Le chien est sur le tapis.', 'fr'),
        ('El perro está en la alfombra.', 'es'),
        ('Il cane è sul tappeto e non si muove.', 'it'),
        ('De hond ligt op het kleed.', 'nl'),
        ('O cachorro não está com uma bola.', 'pt'),
        ('Собака лежит на ковре', 'ru'),
        ('狗在垫子上', 'zh'),
        ('犬はマットの上にいる', 'ja'),
        ('개가 매트 위에 있다', 'ko'),
        ('Ο σκύλος είναι στο χαλί', 'el'),
        ('कुत्ता चटाई पर है', 'hi'),
        ('Bonjour', None),
        ('yes', None),
        ('42 + 7', None),
        ('', None),
        ('ჯაზი', None),  # a script of which the rule knows nothing
    ],
)
def test_the_rule_by_hand(text, language):
    assert language_of(text) == language


def test_common_words_are_listed_once():
    for language, text in COMMON_WORDS.items():
        assert max(Counter(text.split()).values()) == 1 and text == text.lower(), language


def test_records_are_kept_in_the_language_or_where_nobody_can_tell():
    step = keep_language(('inputs', 'targets'), ('en', 'fr'))
    for inputs, kept in (('What is the name of it?', True), ('Quel est le nom de la ville?', True), ('OK', True),
                         ('Wie ist der Name von der Stadt?', False)):  # fmt: skip
        record = {'inputs': inputs, 'targets': 'Rom'}
        assert step(record) == (record if kept else None)
    with pytest.raises(UserError, match="field 'targets' is missing"):
        step({'inputs': 'a'})
    with pytest.raises(UserError, match="unknown language 'english' in keep_language; "):
        keep_language(('inputs',), ('english',))
    assert set(COMMON_WORDS) < set(LANGUAGES)


def shares(texts, language):
    found = Counter(language_of(text) for text in texts)
    return found[language] / len(texts), 1 - (found[language] + found[None]) / len(texts)


@pytest.mark.parametrize('language', ['de', 'en', 'es', 'zh'])
def test_real_paragraphs_and_questions(shared_data, language):
    with gzip.open(shared_data / 'xquad' / f'xquad.{language}.json.gz', 'rt') as f:
        paragraphs = [paragraph for article in json.load(f)['data'] for paragraph in article['paragraphs']]
    right, wrong = shares([paragraph['context'] for paragraph in paragraphs], language)
    assert right > 0.98 and wrong < 0.01
    right, wrong = shares([qa['question'] for paragraph in paragraphs for qa in paragraph['qas']], language)
    assert right > 0.88 and wrong < 0.01


@pytest.mark.parametrize('language', ['de', 'en', 'fr'])
def test_real_captions(shared_data, language):
    with gzip.open(shared_data / 'multi30k' / f'test_2016_flickr.{language}.gz', 'rt') as f:
        right, wrong = shares(f.read().splitlines(), language)
    assert right > 0.95 and wrong < 0.01
