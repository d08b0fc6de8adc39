"""Filters keep the record as it is or leave it out."""

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks.fingerprints import describe
from jaxit.tasks.hygiene.filters import keep_characters, keep_words, limit_non_letters, non_letters
from jaxit.tasks.hygiene.languages import keep_language


@pytest.mark.parametrize(
    ('preprocessor', 'kept', 'left_out'),
    [
        (keep_words(('a',)), ['one', ' two words '], ['', ' \n']),
        (keep_words(('a',), 2, 3), ['one two', 'one  two\nthree'], ['one', 'one two three four']),
        (keep_characters(('a',), 3), ['abc', ' a c '], ['ab', '  ab  ']),
        (keep_characters(('a',), 0, 3), ['', 'abc', '  abc  '], ['abcd']),
        (limit_non_letters(('a',)), ['abc!!!', 'ab 12', '', 'это', 'नमस्ते'], ['ab!!!', '123', '###']),
        (limit_non_letters(('a',), 0.0), ['abc äöü'], ['abc.']),
    ],
)
def test_what_is_kept(preprocessor, kept, left_out):
    for text in kept:
        record = {'a': text, 'other': 1}
        assert preprocessor(record) == record
    for text in left_out:
        assert preprocessor({'a': text, 'other': 1}) is None
    assert describe(preprocessor)  # has a place in the fingerprint of a cache


def test_every_field_must_pass():
    both = keep_words(('a', 'b'), 2)
    assert both({'a': 'x y', 'b': 'x y'}) and both({'a': 'x y', 'b': 'x'}) is None


@pytest.mark.parametrize(
    ('text', 'share'), [('ab1 2', 0.5), ('', 0.0), ('  ', 0.0), ('é', 0.0), ('e\u0301', 0.0), ('1', 1.0)]
)
def test_the_share_of_non_letters(text, share):
    assert non_letters(text) == share


@pytest.mark.parametrize('record', [{}, {'a': 3}, {'a': None}])
@pytest.mark.parametrize('preprocessor', [keep_words(('a',)), keep_characters(('a',)), limit_non_letters(('a',))])
def test_a_field_that_is_not_text_is_an_error(preprocessor, record):
    with pytest.raises(UserError, match=r"field 'a' is (missing|int|NoneType); it must be text"):
        preprocessor(record)


def test_settings_that_keep_nothing_are_refused():
    with pytest.raises(UserError, match='keep_words: minimum is 5 and maximum 4'):
        keep_words(('a',), 5, 4)
    with pytest.raises(UserError, match='keep_characters: minimum is -1'):
        keep_characters(('a',), -1)
    with pytest.raises(UserError, match='maximum is 50; it must be a share from 0 to 1'):
        limit_non_letters(('a',), 50)


TALK = [
    {'role': 'user', 'content': 'Was steht in dem Brief?', 'input': 'Der Brief ist nicht für dich.'},
    {'role': 'assistant', 'content': '???'},
]


@pytest.mark.parametrize(
    ('preprocessor', 'kept'),
    [
        (keep_words(('messages',), 12, 12), True),
        (keep_words(('messages',), 13), False),
        (keep_characters(('messages',), 57, 57), True),
        (keep_characters(('messages',), 0, 56), False),
        (limit_non_letters(('messages',), 5 / 46), True),
        (limit_non_letters(('messages',), 4.9 / 46), False),
        (keep_language(('messages',), ('de',)), True),
        (keep_language(('messages',), ('en',)), False),
    ],
)
def test_a_conversation_is_one_text(preprocessor, kept):
    assert sum(map(len, (TALK[0]['content'], TALK[0]['input'], TALK[1]['content']))) + 2 == 57
    assert preprocessor({'messages': TALK}) == ({'messages': TALK} if kept else None)


@pytest.mark.parametrize(
    ('messages', 'message'),
    [
        (['a'], "field 'messages' is list; it must be text"),
        (3, "field 'messages' is int"),
        ([{'role': 'user', 'content': None}], 'the content of message 1 is NoneType'),
    ],
)
def test_what_is_no_conversation_is_an_error(messages, message):
    for preprocessor in (keep_words(('messages',)), keep_language(('messages',))):
        with pytest.raises(UserError, match=message):
            preprocessor({'messages': messages})
