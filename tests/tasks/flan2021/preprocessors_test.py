"""Rows as the sources have them, and what the preprocessors of their data sets make of them."""

import pytest

from jaxit.tasks.flan2021.coreference import WHICH
from jaxit.tasks.flan2021.library import DATA_SETS
from jaxit.tasks.preprocessors import apply


def made(key, **row):
    (record,) = apply(DATA_SETS[key].preprocessors, row)
    return record


@pytest.mark.parametrize(
    ('written', 'meant'),
    [
        (
            '[header] How to clean a rug [title] Vacuum it. [step] Go over it twice.',
            'How to clean a rug. Vacuum it. Go over it twice.',
        ),
        ('[header] How to sleep [title] Go to bed early. [title] Read.', 'How to sleep. Go to bed early. Read.'),
        ('[title] Rest. [step] Then, [title] walk.', 'Rest. Then, walk.'),
        ('[header] Is it late? [title] Hurry! [substeps] Run.', 'Is it late? Hurry! Run.'),
    ],
)
def test_hellaswags_titles_end_what_stands_before_them(written, meant):
    row = {'activity_label': 'Home', 'label': 1, 'context': written, 'endings': [written, 'b.', 'c.', 'd.']}
    record = made('hellaswag', **row)
    assert (record['context'], record['options']) == (meant, [meant, 'b.', 'c.', 'd.'])


@pytest.mark.parametrize(
    ('written', 'said'),
    [
        ('1918-March-3', '3 March 1918'),
        ('-March-3', '3 March'),
        ('1918', '1918'),
        ('2-1', '2-1'),
        ('the 1918-March-3 treaty', 'the 1918-March-3 treaty'),
    ],
)
def test_drops_dates_read_as_dates(written, said):
    record = made('drop', passage='p', question='q', answer=written, validated_answers=[written, 'in spring'])
    assert (record['answer'], record['references']) == (said, [said, 'in spring'])


@pytest.mark.parametrize('dash', ['\u2013 ', '\u2014 ', ' \u2013 ', '- '])
def test_summaries_of_multi_news_begin_without_a_dash(dash):
    record = made('multi_news', document='One.|||||Two.', summary=f'{dash}Jobless claims fell \u2013 by 2%.')
    assert record['answer'] == 'Jobless claims fell \u2013 by 2%.'
    assert made('multi_news', document='One.', summary='-5 degrees in May.')['answer'] == '-5 degrees in May.'


def test_entities_in_tweets_become_characters():
    record = made('sentiment140', text=' @ann I &lt;3 &quot;Up&quot; &amp; popcorn ', polarity=4)
    assert (record['text'], record['answer']) == ('@ann I <3 "Up" & popcorn', 'positive')


SENTENCE = 'Ann told Bo that she could not come, and that, sadly, she never would.'


def test_a_pronoun_of_wsc_that_occurs_twice_is_marked_where_the_source_means_it():
    row = {'text': SENTENCE, 'span1_text': 'Ann', 'span1_index': 0, 'span2_text': 'she', 'label': 1}
    record = made('wsc', **row, span2_index=4)
    assert record['text'] == 'Ann told Bo that *she* could not come, and that, sadly, she never would.'
    assert record['which'] == WHICH
    record = made('wsc', **row, span2_index=11)
    assert record['text'] == 'Ann told Bo that she could not come, and that, sadly, *she* never would.'
    inputs, _ = DATA_SETS['wsc'].templates[0].render(record)
    assert 'Does the word "she" (the one between asterisks) point back to "Ann" here?' in inputs


@pytest.mark.parametrize(
    ('text', 'place', 'marked'),
    [
        ('"It broke," he said. "Pity, for (it\'s) new."', 6, '"It broke," he said. "Pity, for (*it*\'s) new."'),
        ('The cup broke, for it was thin; its bits lay there.', 4, None),
        ('I dropped it and it broke.', 99, None),
    ],
)
def test_a_pronoun_of_wsc_that_is_clear_stays_as_it_is(text, place, marked):
    row = {'text': text, 'span1_text': 'x', 'span1_index': 0, 'span2_text': 'it', 'span2_index': place, 'label': 0}
    record = made('wsc', **row)
    assert (record['text'], record['which']) == ((marked, WHICH) if marked else (text, ''))


def test_the_first_of_two_pronouns_is_meant_in_definite_pronoun_resolution():
    row = {'pronoun': 'she', 'candidates': ['Ann', ' Bo'], 'label': 0}
    record = made('definite_pronoun_resolution', sentence=SENTENCE, **row)
    assert record['sentence'] == 'Ann told Bo that *she* could not come, and that, sadly, she never would.'
    assert (record['which'], record['answer']) == (WHICH, 'Ann')
    once = 'Ann told Bo that she was ill.'
    record = made('definite_pronoun_resolution', sentence=once, **row)
    assert (record['sentence'], record['which']) == (once, '')


@pytest.mark.parametrize(
    ('text', 'bare'),
    [
        ('It was -5 C, said Bo, not 3.5.', 'It was -5 C said Bo not 3.5'),
        ('a well-known club-7 song', 'a wellknown club7 song'),
        ('Go to www.example.com, please.', None),
        ('See https://example.com!', None),
        ('Write to info@example.com.', None),
        ('Meet me @ noon.', 'Meet me @ noon'),
    ],
)
def test_numbers_keep_their_minus_and_addresses_are_left_out(text, bare):
    records = apply(DATA_SETS['fix_punct'].preprocessors, {'en': text})
    assert [record['bare'] for record in records] == ([] if bare is None else [bare])
