"""Duplicates in one data set and across two, and whose row is kept."""

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks import parallel, registry
from jaxit.tasks.hygiene import duplicates
from jaxit.tasks.hygiene.duplicates import find
from jaxit.tasks.hygiene.findings import rows_to_leave_out
from jaxit.text.templates import Template

STORY = 'Ann went to the market on Saturday to buy apples, pears and a loaf of bread for her {}, who was ill at home.'


def matches(reports):
    return {
        report.task: [(m.row, m.other_task, m.other_row, m.what) for m in report.matches]
        for report in reports
        if report.matches
    }


def test_case_and_blank_space_do_not_tell_rows_apart_and_punctuation_does(add):
    add('one', [('2 + 3', '5'), ('2 - 3', '-1'), (' 2  +\n3 ', '5'), ('Ｗhat', 'ok'), ('what', 'OK'), ('what', 'no')])
    (report,) = find('one')
    assert matches([report]) == {'one': [(2, 'one', 0, 'exact'), (4, 'one', 3, 'exact')]}
    assert (report.num_rows, report.num_bad, report.rows) == (6, 0, (2, 4))
    assert str(report) == 'one: 2 of 6 rows (one 2); row 2 and one row 0: exact'


def test_inputs_and_targets_keep_apart(add):
    add('one', [('a b', 'c'), ('a', 'b c'), ('a b c', '')])
    assert matches(find('one')) == {}


def test_the_first_task_keeps_its_rows(add):
    add('one', [('a', 'x'), ('b', 'x'), ('b', 'x')])
    add('two', [('c', 'x'), ('b', 'x'), ('a', 'x')])
    registry.add_mixture('both', ['one', 'two'])
    assert matches(find('both')) == {
        'one': [(2, 'one', 1, 'exact')],
        'two': [(1, 'one', 1, 'exact'), (2, 'one', 0, 'exact')],
    }
    preferred = find('both', first=('two',))
    assert [report.task for report in preferred] == ['two', 'one']
    assert matches(preferred) == {'one': [(0, 'two', 2, 'exact'), (1, 'two', 1, 'exact'), (2, 'two', 1, 'exact')]}
    assert rows_to_leave_out(preferred) == {'one': (0, 1, 2)}
    assert rows_to_leave_out([*find('both'), *preferred]) == {'one': (0, 1, 2), 'two': (1, 2)}
    assert rows_to_leave_out(preferred, 'test') == {}
    with pytest.raises(UserError, match="unknown task 'tow' in first; did you mean two"):
        find('both', first=('tow',))


def test_a_record_that_comes_twice_is_found_whatever_template_each_row_draws(add):
    templates = tuple(Template(f'Wording {i}: {{inputs}}', '{targets}') for i in range(9))
    add('drawn', [('same', 'x')] * 4, templates=templates)
    assert matches(find('drawn')) == {'drawn': [(i, 'drawn', 0, 'exact') for i in (1, 2, 3)]}


def test_rows_that_make_several_examples_or_none(add):
    def letters(record):
        return [{'inputs': letter, 'targets': 'x'} for letter in record['inputs']]

    add('several', [('ab', ''), ('ba', ''), ('bc', ''), ('', ''), ('cc', ''), ('dd', '')], preprocessors=(letters,))
    assert matches(find('several')) == {'several': [(1, 'several', 0, 'exact'), (4, 'several', 2, 'exact')]}


def test_rows_that_can_not_be_rendered_are_counted(add):
    add('bad', [('a', 'x'), {'inputs': 'a'}, ('a', 'x')])
    (report,) = find('bad')
    assert report.num_bad == 1 and report.rows == (2,)
    assert str(report) == 'bad: 1 of 3 rows (bad 1); 1 can not be rendered; row 2 and bad row 0: exact'


def test_plain_texts_are_compared_too(add, stand_in):
    texts = [STORY.format('aunt'), STORY.format('aunt').upper(), STORY.format('uncle')]
    add('texts', [{'text': text} for text in texts], kind='text')
    assert matches(find('texts')) == {'texts': [(1, 'texts', 0, 'exact')]}
    assert matches(find('texts', near=0.6)) == {'texts': [(1, 'texts', 0, 'exact'), (2, 'texts', 0, 'near')]}


def test_near_duplicates_have_the_same_targets(add, stand_in):
    add('one', [(STORY.format('aunt'), 'yes'), (STORY.format('uncle'), 'Yes'), (STORY.format('mother'), 'no')])
    add('two', [(STORY.format('cousin').replace(',', ''), 'no')])
    registry.add_mixture('both', ['one', 'two'])
    assert matches(find('both')) == {}
    assert matches(find('both', near=0.6)) == {'one': [(1, 'one', 0, 'near')], 'two': [(0, 'one', 2, 'near')]}
    assert matches(find('both', near=0.8)) == {}  # five of 22 shingles differ: 17 of 27 are shared


def test_rows_that_share_their_instruction_alone_are_not_near(add, stand_in):
    instruction = ' '.join(f'word{i}' for i in range(60))
    add('taught', [(f'{instruction}. Name number {i}', 'x') for i in range(40)])
    assert matches(find('taught', near=0.8)) == {}
    add('few', [(f'{instruction}. Name number {i}', 'x') for i in range(10)])  # too few to tell what is wording
    assert len(matches(find('few', near=0.8))['few']) == 9


def test_what_many_rows_share_is_wording_however_large_the_data_set_is(add, stand_in, monkeypatch):
    """Each instruction stands in a thirtieth of the rows, less than the share that makes it wording."""
    monkeypatch.setattr(duplicates, 'WORDING_MOST', 12)
    instructions = [' '.join(f'word{k}x{i}' for i in range(60)) for k in range(30)]

    def added(name, each):
        add(name, [(f'{instructions[i // each]}. Name number {i}', 'x') for i in range(30 * each)])
        return len(matches(find(name, near=0.8)).get(name, ()))

    assert (added('twelve', 12), added('thirteen', 13)) == (30 * 11, 0)


def test_the_outcome_is_the_same_for_any_number_of_workers(add, stand_in, monkeypatch):
    monkeypatch.setattr(parallel, 'CHUNK_ROWS', 8)
    monkeypatch.setattr(parallel, 'ALONE_CHUNKS', 1)
    stories = [' '.join(f'w{i % 50}x{j if j != i % 7 else i}' for j in range(40)) for i in range(150)]
    add('many', [(story, f'{i % 2}') for i, story in enumerate(stories)])
    one, two = (find('many', near=0.6, num_workers=workers) for workers in (1, 2))
    assert one == two
    # Rows i, i + 50 and i + 100 are one story with another slip each; 50 and 100 do not change whether i is even.
    assert [(m.row, m.other_row) for m in one[0].matches] == [(i, i % 50) for i in range(50, 150)]


def test_real_instructions_have_their_first_fifty_twice(shared_data, add):
    import json

    path = shared_data / 'natural_instructions' / 'tasks' / 'task073_commonsenseqa_answer_generation.json'
    instances = json.loads(path.read_text())['Instances']
    add('task073', [(instance['input'], instance['output'][0]) for instance in instances])
    said = [(' '.join(i['input'].lower().split()), ' '.join(i['output'][0].lower().split())) for i in instances]
    (report,) = find('task073')
    assert len(report.rows) == len(said) - len(set(said)) == 50
