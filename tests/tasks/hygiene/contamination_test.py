"""Overlaps with suites, by hand and against a search that knows nothing of hashes."""

import gzip
import json
import random

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks import parallel, registry
from jaxit.tasks.hygiene import contamination
from jaxit.tasks.hygiene.contamination import find
from jaxit.tasks.hygiene.findings import rows_to_leave_out
from jaxit.tasks.suites import Suite, add_suite
from jaxit.text.templates import Template

FOX = 'the quick brown fox jumps over the lazy dog while seven cats look on'  # 14 words
NLI = Template('{premise} Is it true that: {hypothesis} {options}', '{answer}')


def spoken(start, count):
    return ' '.join(f'w{i}' for i in range(start, start + count))


@pytest.fixture
def suite(add):
    def made(name, *args, **fields):
        add(name, (), *args, **fields)
        add_suite(Suite(f'{name}_suite', 'held_out', (name,)))
        return [f'{name}_suite']

    return made


def test_thirteen_words_in_a_row_are_an_overlap_and_twelve_are_not(add, suite):
    suites = suite('asked', [('nothing here', 'x'), (f'Passage: {spoken(0, 30)}. Who?', 'me')])
    add(
        'trained',
        [
            (f'Before {spoken(5, 12)} after', 'x'),
            (f'Before, "{spoken(5, 13).upper()}"; after', 'x'),
            ('other', f'{spoken(3, 6)}'),
            (spoken(3, 6), spoken(9, 7)),  # the run begins in the inputs and ends in the targets
        ],
    )
    found = find('trained', suites)
    (report,) = found.reports
    assert [(m.row, m.other_task, m.other_row) for m in report.matches] == [(1, 'asked', 1), (3, 'asked', 1)]
    assert report.matches[0].what == spoken(5, 13)
    (judged,) = found.judged
    assert (judged.num_examples, judged.num_unjudged, judged.num_found) == (2, 1, 1)
    assert str(found).splitlines() == [
        '1 of 1 tasks overlap with the suites',
        f'trained: 2 of 4 rows (asked 2); row 1 and asked row 1: {spoken(5, 13)}',
        'asked: 1 of 2 examples are in training rows; 1 too short to tell',
    ]
    assert rows_to_leave_out(found.reports) == {'trained': (1, 3)}
    assert find('trained', suites, length=12).reports[0].rows == (0, 1, 3)


def test_a_short_text_counts_as_a_whole_from_eight_words_on(add, suite):
    asked = [{'premise': spoken(0, 8), 'hypothesis': spoken(100, 7), 'answer': 'yes'}]
    suites = suite('nli', asked, templates=(NLI,), answer_options=('yes', 'no'))
    rows = [(f'now {spoken(0, 8)} then', 'x'), (spoken(0, 7), 'x'), (spoken(100, 7), 'x')]
    add('trained', rows)
    assert [(m.row, m.what) for m in find('trained', suites).reports[0].matches] == [(0, spoken(0, 8))]
    with pytest.raises(UserError, match='length is 7; runs of fewer than 8 words overlap by chance'):
        find('trained', suites, length=7)


def test_the_words_of_templates_do_not_count(add, suite):
    template = Template(f'{FOX}: {{inputs}}', '{targets}')
    suites = suite('asked', [(spoken(100 * i, 14), 'x') for i in range(3)], templates=(template,))
    add('trained', [(FOX, 'x'), (spoken(100, 14), 'x')])
    assert find('trained', suites).reports[0].rows == (1,)
    add('same_template', [(spoken(50, 14), 'x')], templates=(template,))
    assert find('same_template', suites).reports[0].rows == ()


def test_an_instruction_in_many_examples_does_not_count_and_a_passage_in_some_does(add, suite):
    def trained_on(total, share):
        name = f'asked_{total}_{share}'
        suites = suite(
            name, [(f'{FOX} {i} ' + spoken(100 * i, 20) if i < share else str(i), 'x') for i in range(total)]
        )
        return find('trained', suites).reports[0].rows

    add('trained', [(FOX, 'x'), (spoken(100, 14), 'x')])
    assert trained_on(40, 11) == (1,)
    assert trained_on(40, 10) == (0, 1)
    assert trained_on(400, 11) == (0, 1)


def test_each_task_of_the_suites_is_named(add, suite):
    suites = [*suite('one', [(FOX, 'x')]), *suite('two', [('a', 'b'), (FOX + ' again', 'x'), (FOX, 'y')])]
    add('trained', [(FOX, 'x'), ('c', 'd'), (FOX[:-3], 'x')])
    found = find('trained', suites)
    assert found.reports[0].by_task == {'one': 2, 'two': 2} and found.reports[0].rows == (0, 2)
    assert [(judged.task, judged.num_found) for judged in found.judged] == [('one', 1), ('two', 2)]


def test_what_many_examples_share_is_found_once_and_counted_for_all(add, suite, monkeypatch):
    """A row brings one pair for each task, however many examples it meets: else the time grew with both."""
    seen = []
    scan = contamination.scan
    monkeypatch.setattr(contamination, 'scan', lambda *a, **k: seen.append(list(scan(*a, **k))) or iter(seen[-1]))
    suites = suite('asked', [(f'{FOX} {spoken(100 * i, 20)}' if i >= 476 else str(i), 'x') for i in range(500)])
    add('trained', [(FOX, 'x'), ('nothing', 'x'), (f'{FOX} {spoken(100 * 480, 20)}', 'x')])
    found = find('trained', suites)
    assert found.judged[0].num_found == 24
    assert [(m.row, m.other_row) for m in found.reports[0].matches] == [(0, 476), (2, 476)]
    assert [len(shared.pairs) for _, shared in seen[-1]] == [1, 0, 1]


def test_chinese_text_is_compared_by_characters(add, suite):
    suites = suite('asked', [('问：长江发源于青藏高原的唐古拉山脉各拉丹冬峰。', '答')])
    add('trained', [('据说长江发源于青藏高原的唐古拉山脉！', 'x'), ('长江发源于青藏高原。', 'x')])
    assert find('trained', suites).reports[0].rows == (0,)


def test_rows_that_can_not_be_rendered_are_counted(add, suite):
    suites = suite('asked', [(FOX, 'x')])
    add('trained', [{'inputs': 'a'}, (FOX, 'x')])
    (report,) = find('trained', suites).reports
    assert (report.num_rows, report.num_bad, report.rows) == (2, 1, (1,))


def test_a_suite_without_anything_to_look_for_finds_nothing(add, suite):
    suites = [*suite('empty', []), *suite('short', [('a b c', 'd')])]
    add('trained', [(FOX, 'x')])
    found = find('trained', suites)
    assert [(j.num_examples, j.num_unjudged, j.num_found) for j in found.judged] == [(0, 0, 0), (1, 1, 0)]
    assert str(found).startswith('0 of 1 tasks overlap') and found.reports[0].matches == ()


def naive(trained, asked, length):
    """Returns the (row, example) pairs that share `length` words, by comparing lists of words."""
    runs = [
        {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}
        for words in (f'{inputs} {targets}'.split() for inputs, targets in trained)
    ]
    wanted = []
    for inputs, targets in asked:
        texts = [inputs.split(), targets.split()]
        wanted.append({tuple(words[i : i + length]) for words in texts for i in range(len(words) - length + 1)})
        wanted[-1] |= {tuple(words) for words in texts if 8 <= len(words) < length}
    shorter = [
        {tuple(words[i : i + size]) for size in range(8, length) for i in range(len(words) - size + 1)}
        for words in (f'{inputs} {targets}'.split() for inputs, targets in trained)
    ]
    return {(i, j) for i in range(len(trained)) for j in range(len(asked)) if wanted[j] & (runs[i] | shorter[i])}


@pytest.mark.parametrize('length', [8, 10, 13])
def test_the_search_finds_what_comparing_everything_finds(add, suite, length):
    draw = random.Random(length)
    pool = [draw.choice('abcdefgh') for _ in range(400)]

    def text(longest):
        start, count = draw.randrange(400), draw.randrange(longest)
        return ' '.join(draw.choice('xyz') if draw.random() < 0.04 else word for word in pool[start : start + count])

    trained, asked = [(text(40), text(12)) for _ in range(80)], [(text(40), text(12)) for _ in range(60)]
    suites = suite('asked', asked)
    add('trained', trained)
    found, expected = find('trained', suites, length=length), naive(trained, asked, length)
    assert found.reports[0].rows == tuple(sorted({i for i, _ in expected}))
    assert found.judged[0].num_found == len({j for _, j in expected})
    assert 5 < len(found.reports[0].rows) < 80


def test_the_outcome_is_the_same_for_any_number_of_workers(add, suite, monkeypatch):
    monkeypatch.setattr(parallel, 'CHUNK_ROWS', 8)
    monkeypatch.setattr(parallel, 'ALONE_CHUNKS', 1)
    suites = suite('asked', [(spoken(20 * i, 20), 'x') for i in range(20)])
    add('trained', [(spoken(7 * i, 13 + i % 3), 'x') for i in range(80)])
    one, two = (find('trained', suites, num_workers=workers) for workers in (1, 2))
    assert one == two and len(one.reports[0].rows) > 10


def test_real_inference_sets_are_found_where_they_are_planted(shared_data, add, suite):
    def read(name):
        with gzip.open(shared_data / 'olora_benchmark' / f'{name}.jsonl.gz', 'rt') as f:
            return [json.loads(line) for line in f]

    asked = []
    for row in read('NLI_CB_test'):
        premise, hypothesis = row['sentence'].removeprefix('sentence 1: ').split('\nsentence 2: ')
        asked.append({'premise': premise, 'hypothesis': hypothesis, 'answer': row['label']})
    suites = suite('cb', asked, templates=(NLI,), answer_options=('yes', 'no'))
    with gzip.open(shared_data / 'p3_t0_templates' / 't0_train_by_template.jsonl.gz', 'rt') as f:
        p3 = [(row['prompt'], row['completion']) for row in map(json.loads, f)][::4]
    planted = {7 * i: example for i, example in enumerate(asked)}
    for row, example in planted.items():
        p3[row] = (f'Suppose {example["premise"]}\nCan we infer that "{example["hypothesis"]}"?', example['answer'])
    add('p3', p3)
    registry.add_mixture('mixed', ['p3'])
    found = find('mixed', suites)
    assert found.reports[0].rows == tuple(planted)
    assert found.judged[0].num_found == len(asked) == 56 and found.judged[0].num_unjudged == 0
