"""Each preprocessor against records written by hand."""

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks import preprocessors as p

RECORD = {'question': '  a \n\n b\t c ', 'label': 1, 'empty': ' ', 'n': 3}


@pytest.mark.parametrize(
    ('step', 'expected'),
    [
        (p.rename({'question': 'inputs'}), {'inputs': '  a \n\n b\t c ', 'label': 1, 'empty': ' ', 'n': 3}),
        (p.keep(('n', 'label')), {'n': 3, 'label': 1}),
        (p.strip(('question',)), RECORD | {'question': 'a \n\n b\t c'}),
        (p.strip(), RECORD | {'question': 'a \n\n b\t c', 'empty': ''}),
        (p.clean_newlines(('question',)), RECORD | {'question': ' a b c '}),
        (p.filter_empty(('question', 'n')), RECORD),
        (p.filter_empty(('empty',)), None),
        (p.filter_empty(('absent',)), None),
        (p.keep_where('label', (0, 1)), RECORD),
        (p.keep_where('label', (0, 2)), None),
        (p.label_text('label', 'answer', ('no', 'yes')), RECORD | {'answer': 'yes'}),
    ],
)
def test_a_step(step, expected):
    before = dict(RECORD)
    assert step(RECORD) == expected
    assert before == RECORD


def test_steps_compose_in_order_and_may_multiply():
    def split_words(record):
        return [{'inputs': word} for word in record['question'].split()]

    steps = (p.strip(), split_words, p.keep_where('inputs', ('a', 'c')))
    assert p.apply(steps, RECORD) == [{'inputs': 'a'}, {'inputs': 'c'}]
    assert p.apply((p.filter_empty(('empty',)), split_words), RECORD) == []
    assert p.apply((), RECORD) == [RECORD]


@pytest.mark.parametrize(
    ('step', 'message'),
    [
        (p.rename({'answer': 'targets'}), "no field 'answer'; the record has empty, label, n, question"),
        (p.keep(('answer',)), "no field 'answer'"),
        (p.strip(('n',)), "field 'n' is int; it must be text"),
        (p.label_text('n', 'answer', ('no', 'yes')), "field 'n' is 3; it must be a label 0..1"),
        (p.label_text('empty', 'answer', ('no', 'yes')), "field 'empty' is ' '; it must be a label"),
    ],
)
def test_a_record_that_does_not_fit(step, message):
    with pytest.raises(UserError, match=message):
        step(RECORD)
