"""Which rows the preprocessors leave out, and which answers count in evaluation: rows by hand, as their sources have them."""

import dataclasses

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks.flan2021.invented import ROWS
from jaxit.tasks.flan2021.library import DATA_SETS, make
from jaxit.tasks.flan2022 import flan2021
from jaxit.tasks.preprocessors import apply
from jaxit.tasks.rendering import examples
from jaxit.tasks.sources import Python


def made(key, **fields):
    """Applies the steps of a data set to its invented row with other values in some fields."""
    return apply(DATA_SETS[key].steps, ROWS[key] | fields)


def choices_of(*texts):
    return {'text': [*texts], 'label': [*'ABCD'[: len(texts)]]}


@pytest.mark.parametrize(
    ('key', 'fields'),
    [
        ('gigaword', {'document': 'unk said UNK rose'}),
        ('gigaword', {'summary': 'up ## percent'}),
        ('true_case', {'en': 'all of it is in small letters .'}),
        ('sentiment140', {'polarity': 2}),
        ('arc_easy', {'choices': choices_of('a', 'b', 'c'), 'answerKey': 'A'}),
        ('arc_challenge', {'answerKey': 'E'}),
        ('openbookqa', {'answerKey': 4}),
        ('openbookqa', {'answerKey': -1}),
        ('cosmos_qa', {'label': -1}),
        ('cosmos_qa', {'label': 4}),
        ('stsb', {'label': float('nan')}),
        ('stsb', {'label': -1.0}),
        ('snli', {'label': -1}),
        ('cb', {'label': -1}),
        ('wsc', {'label': -1}),
        ('copa', {'label': -1}),
        ('piqa', {'label': -1}),
        ('multirc', {'label': -1}),
        ('wic', {'label': -1}),
        ('cola', {'label': -1}),
        ('hellaswag', {'label': -1}),
    ],
)
def test_a_row_that_can_not_be_asked_is_left_out(key, fields):
    assert len(made(key)) == 1 and made(key, **fields) == []


@pytest.mark.parametrize(
    ('key', 'fields'),
    [
        ('sst2', {'sentence': ' '}),
        ('imdb_reviews', {'text': ''}),
        ('trivia_qa', {'answer': ROWS['trivia_qa']['answer'] | {'normalized_value': ''}}),
        ('math_dataset', {'answer': '  '}),
        ('samsum', {'summary': ''}),
        ('rte', {'premise': ''}),
        ('wmt14_enfr', {'fr': ' '}),
    ],
)
def test_a_row_with_nothing_to_write_is_left_out_whichever_template_it_draws(key, fields):
    assert made(key, **fields) == []
    member = next(member for member in flan2021.members(None) if member.key == key)
    assert apply(member.preprocessors, ROWS[key] | fields) == []
    rows = [ROWS[key] | fields, ROWS[key]]
    for name in (f'{key}_1templates', f'{key}_10templates'):
        task = dataclasses.replace(make(name), source=Python(lambda split, seed: rows))
        for seed in range(20):
            assert [example.source_row for example in examples(task, 'train', seed=seed)] == [1]


def test_a_pronoun_needs_no_asterisks():
    """What is said of them is blank in most rows."""
    (record,) = made('definite_pronoun_resolution')
    assert record['which'] == '' and record['answer'] in record['options']


def test_an_unknown_kind_of_question_is_named():
    with pytest.raises(UserError, match="field 'question' is 'reason'; it must be one of cause, effect"):
        made('copa', question='reason')


@pytest.mark.parametrize(
    ('written', 'meant'),
    [
        ('MIAMI, Florida (CNN) -- A man ran.', 'A man ran.'),
        ('(CNN)A man ran.', 'A man ran.'),
        ('LONDON, England (Reuters) - "No," he said.', '"No," he said.'),
        ('A man (CNN reports it) ran -- fast.', 'A man (CNN reports it) ran -- fast.'),
    ],
)
def test_datelines_are_cut_off(written, meant):
    assert made('cnn_dailymail', article=written)[0]['article'] == meant


def test_cells_in_brackets_are_no_facts():
    facts = [['[TABLECONTEXT]', '[TITLE]', 'Cup'], ['Cup', 'WINNER', 'Ann'], ['[TABLECONTEXT]', 'YEAR', '1990']]
    (record,) = made('dart', tripleset=[' '.join(fact) for fact in facts])
    assert record['facts'] == 'Cup; Cup WINNER Ann; YEAR 1990'


@pytest.mark.parametrize('key', ['web_nlg_en', 'common_gen', 'e2e_nlg', 'dart'])
def test_all_references_count_beside_the_target(key):
    (record,) = made(key, target='One.', references=['Two.', 'One. ', 'Three.'])
    assert (record['answer'], record['references']) == ('One.', ['One.', 'Two.', 'Three.'])


def test_all_spellings_of_a_trivia_answer_count():
    answer = {'normalized_value': 'usa', 'aliases': ['USA', 'U.S.A.'], 'normalized_aliases': ['usa', 'us a']}
    (record,) = made('trivia_qa', answer=ROWS['trivia_qa']['answer'] | answer)
    assert (record['answer'], record['references']) == ('usa', ['usa', 'USA', 'U.S.A.', 'us a'])


def test_all_answers_to_a_question_about_a_text_count():
    spans = {'answer_start': [0, 4, 4], 'text': ['in May', 'May', 'in May']}
    (record,) = made('squad_v1', answers=spans)
    assert (record['answer'], record['references']) == ('in May', ['in May', 'May'])
    (record,) = made('squad_v2', answers=spans, is_impossible=False)
    assert (record['answer'], record['references']) == ('in May', ['in May', 'May'])
    (record,) = made('squad_v2', answers={'answer_start': [], 'text': []}, is_impossible=True)
    assert (record['answer'], record['references']) == ('unanswerable', ['unanswerable'])
    (record,) = made('natural_questions', answer=['May', 'in May'])
    assert (record['answer'], record['references']) == ('May', ['May', 'in May'])
    query = {'query': '@placeholder ran.', 'entities': ['Ann', 'Bo', 'A. Lee'], 'answers': ['Ann', 'A. Lee']}
    (record,) = made('record', **query)
    assert (record['answer'], record['references']) == ('Ann ran.', ['Ann ran.', 'A. Lee ran.'])
    assert record['options'] == ['Ann ran.', 'Bo ran.', 'A. Lee ran.']


def test_quacs_mark_is_no_word_of_its_texts():
    answers = {'orig_answer': {'text': 'CANNOTANSWER', 'answer_start': 9}}
    answers |= {'answers': {'text': ['CANNOTANSWER', 'in May'], 'answer_start': [9, 0]}}
    (record,) = made('quac', context='It was in May. CANNOTANSWER', **answers)
    assert (record['answer'], record['references']) == ('unanswerable', ['unanswerable', 'in May'])
    assert record['article'].endswith('It was in May.')
    assert not [
        example
        for template in DATA_SETS['quac'].templates
        for example in template.render(record)
        if 'CANNOT' in example
    ]


def test_no_more_than_ten_opinions_are_shown():
    key = 'opinion_abstracts_rotten_tomatoes'
    field = next(name for name, value in ROWS[key].items() if isinstance(value, dict) and 'value' in value)
    opinions = {name: [*values] for name, values in ROWS[key][field].items()}
    opinions = {
        name: [f'opinion {i}' if name == 'value' else values[0] for i in range(14)] for name, values in opinions.items()
    }
    (record,) = made(key, **{field: opinions})
    assert record['reviews'].splitlines() == [f'{i + 1}. opinion {i}' for i in range(10)]
