"""What Flan 2022 has beyond FLAN 2021: rows taken apart by hand, and which mixtures have them."""

import pytest

from jaxit.tasks.flan2021 import mixtures as flan2021
from jaxit.tasks.flan2021.library import DATA_SETS, make
from jaxit.tasks.flan2022 import additions, mixtures
from jaxit.tasks.preprocessors import apply


def made(data_set, **record):
    return apply(data_set.preprocessors, record)


def test_a_passage_is_cut_before_its_last_word():
    passage = "`` what ? ''  he asked .\n`` nothing , '' said ann , and closed  the door \n"
    (record,) = made(additions.LAMBADA, passage=passage)
    assert record['context'] == '" what ? "  he asked .\n" nothing , " said ann , and closed  the'
    assert record['answer'] == 'door'
    assert record['passage'] == record['context'] + ' door'
    assert made(additions.LAMBADA, passage=' door\n') == []


SCIENCE = r'Which layer is solid? \n (A) outer core (B) the ocean\n(C) Inner core (D) air '


@pytest.mark.parametrize('output', ['Inner core', 'inner core '])
def test_options_stand_in_the_input_and_the_answer_is_one_of_them(output):
    (record,) = made(additions.UNIFIED_QA_SCIENCE_INST, input=SCIENCE, output=output)
    assert record['question'] == 'Which layer is solid?'
    assert record['options'] == ['outer core', 'the ocean', 'Inner core', 'air']
    assert record['answer'] == 'Inner core'


@pytest.mark.parametrize(
    ('text', 'output'),
    [
        (SCIENCE, 'mantle'),
        (SCIENCE + '(E) mantle', 'air'),
        (SCIENCE.replace('(D) air', ''), 'the ocean'),
        (SCIENCE.replace('(C)', '(B)'), 'air'),
        (SCIENCE.replace('outer core', 'air'), 'air'),
        (SCIENCE.replace('Which layer is solid?', ''), 'air'),
        ('Which layer is solid?', 'air'),
    ],
)
def test_a_row_without_four_options_or_without_a_right_one_is_left_out(text, output):
    assert made(additions.UNIFIED_QA_SCIENCE_INST, input=text, output=output) == []


def test_they_belong_to_flan_2022_alone():
    keys = {data_set.key for data_set in additions.DATA_SETS}
    assert keys == {'lambada', 'unified_qa_science_inst'}
    assert not keys & set(DATA_SETS) and not [key for key in keys if make(f'{key}_10templates')]
    trained = [name for name, _ in flan2021.make('flan_10templates').components]
    assert len(trained) == 69 and not [name for name in trained if name.startswith(tuple(keys))]
    members = {member.key: member for member in mixtures.Flan2022().members('flan')}
    assert keys < set(members)
    assert [members[key].source.num_examples('train') for key in sorted(keys)] == [4_860, 590]
    assert members['lambada'].randomness is None and members['unified_qa_science_inst'].randomness is not None
    assert not {'lambada'} & set(mixtures.Flan2022(leave_out=('lambada',)).data_sets())
