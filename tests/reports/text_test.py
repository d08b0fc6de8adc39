"""Numbers and hostile text as shown."""

import math
import unicodedata

import pytest

from jaxit.reports import text


@pytest.mark.parametrize(
    ('form', 'value', 'shown'),
    [
        (text.fixed, 0.4125, '0.412'),
        (text.fixed, 41.256, '41.26'),
        (text.fixed, -412.53, '−412.5'),
        (text.fixed, 0.00012, '0.00012'),
        (text.fixed, 0.0, '0.000'),
        (text.fixed, math.nan, 'nan'),
        (text.fixed, -math.inf, '−∞'),
        (text.fixed, None, '–'),
        (text.signed, 0.05, '+0.050'),
        (text.signed, -0.05, '−0.050'),
        (text.signed, 0.0, '0.000'),
        (text.count, 950, '950'),
        (text.count, 12_400, '12,400'),
        (text.count, 1_244_000, '1.24 M'),
        (text.count, 999_999, '1 M'),
        (text.count, 247_577_856, '248 M'),
        (text.count, 7.1e9, '7.1 B'),
        (text.count, 3e16, '30,000 T'),
        (text.percent, 0.3333, '33.3 %'),
        (text.duration, 4.21, '4.2 s'),
        (text.duration, 200, '3 min 20 s'),
        (text.duration, 18_720, '5 h 12 min'),
        (text.duration, 187_200, '2 d 4 h'),
        (text.moment, 1.76e9, '2025-10-09 08:53 UTC'),
        (text.moment, 1e29, ''),
    ],
)
def test_numbers(form, value, shown):
    assert form(value).replace('\xa0', ' ') == shown


@pytest.mark.parametrize(
    ('hostile', 'shown'),
    [
        ('\x1b[1;31mred\x1b[0m', 'red'),
        ('\x1b]0;title\x07after', 'after'),
        ('\x1b]8;;http://x\x1b\\link', 'link'),
        ('a\x9b2Jb\x00\x7f', 'a2Jb'),
        ('\u202egnp.exe\u2066', 'gnp.exe'),
        ('half \ud800 pair', 'half ? pair'),
        ('שלום é 語', 'שלום é 語'),
        ('line\n\tline', 'line\n\tline'),
    ],
)
def test_clean(hostile, shown):
    assert text.clean(hostile, 100) == shown


def test_clean_bounds_the_length_and_says_so():
    assert text.clean('x' * 5000, 10) == 'x' * 10 + '…'
    assert text.clean('x' * 10, 10) == 'x' * 10
    assert len(text.clean('\x1b[0m' * 5000 + 'tail', 10)) <= 11


def test_every_character_that_is_left_is_one_to_see():
    everything = ''.join(map(chr, range(0x3000))) + '\ud800\udfff\ufeff\uffff'
    kept = text.clean(everything, 20_000)
    assert {c for c in kept if unicodedata.category(c) in ('Cc', 'Cs')} == {'\n', '\t'}
    assert not set(kept) & set('\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069')
    assert len(kept) > 0x2F00


def test_name_is_one_short_line():
    assert text.name('a\n  b\tc') == 'a b c'
    assert text.name('n' * 5000) == 'n' * 95 + '…'


def test_table_aligns():
    shown = text.table([['rte', 0.5], ['a\x1b[31m_long_one', 12]], ['task', 'score'])
    assert shown.splitlines() == ['task        score', '----------  -----', 'rte           0.5', 'a_long_one     12']
