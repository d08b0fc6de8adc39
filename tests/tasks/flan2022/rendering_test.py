"""What Flan 2022's rows become: draws that depend on nothing but (seed, row, task), styles of options, exemplars, dialogues."""

import dataclasses
import random
import re

import pytest

from jaxit.core.errors import UserError
from jaxit.data.cache import TokenCache
from jaxit.tasks import caching
from jaxit.tasks.flan2022 import dialog, flan2021, mixtures
from jaxit.tasks.flan2022.member import MIXED, NO_OPTIONS, NO_OPTIONS_SAME, RANDOM, SAME, VARIANTS, Member
from jaxit.tasks.flan2022.options import BETWEEN, FRAMES, LABELS, LEADS, MARKS, RandomOptions, Style, draw_style
from jaxit.tasks.flan2022.shots import ROW
from jaxit.tasks.hygiene.rows import own_texts, scan
from jaxit.tasks.rendering import examples, records, render_row
from jaxit.tasks.sources import Python
from jaxit.text.base import ByteTokenizer
from jaxit.text.chat import to_parts
from jaxit.text.examples import TokenFormat, tokenize
from jaxit.text.templates import Template

COLOURS = ['red', 'green', 'blue']


def rows(split, seed):
    return [{'thing': f'thing {i}', 'answer': COLOURS[i % 3], 'options': COLOURS} for i in range(60)]


TEMPLATES = (
    *(Template(f'{i}: What colour is {{thing}}?\n\n{{options}}', '{answer}') for i in range(8)),
    Template('8: Colour of {thing}?', '{answer}'),
    Template('9: Name a thing that is {answer}.', '{thing}', kind='inverted'),
)
MEMBER = Member('colours', Python(rows), (), TEMPLATES, 'colours', 'unknown', randomness=RandomOptions())


def task_of(variant, seed=0, member=MEMBER):
    return mixtures.task_of(f'{member.key}_{variant.suffix}', member, variant, seed)


@pytest.mark.parametrize('variant', VARIANTS.values(), ids=VARIANTS)
def test_draws_depend_on_seed_row_and_task_only(variant):
    task = task_of(variant)
    made = list(examples(task, 'train', seed=3))
    assert made == list(examples(task_of(variant), 'train', seed=3))
    alone = next(record for record in records(task, 'train', 3) if record[ROW] == 41)
    assert render_row(task, 'train', 41, alone, seed=3) == [e for e in made if e.source_row == 41]
    other = list(examples(task_of(variant, seed=1), 'train', seed=4))
    assert [e.parts for e in made] != [e.parts for e in other]


def test_a_style_by_hand():
    style = Style('Pick one:', labels=LABELS[0], frame='({})')
    assert style.write(['yes', 'no']) == 'Pick one:\n(A) yes\n(B) no'
    assert style.name_of(1) == '(B)'
    style = Style('CHOICES', labels=LABELS[3], frame='{}.', between=' | ')
    assert style.write(['a', 'b', 'c', 'd']) == 'CHOICES\ni. a | ii. b | iii. c | iv. d'
    assert style.name_of(3) == 'iv'
    assert Style('OPTIONS:', mark='* ').write(['yes', 'no']) == 'OPTIONS:\n* yes\n* no'
    assert Style('OPTIONS:', mark='* ').name_of(0) == ''


def test_styles_are_many_and_all_of_them_are_drawn():
    styles = [draw_style(random.Random(f'{i}'), [*COLOURS, 'grey']) for i in range(4000)]
    assert {style.lead for style in styles} == set(LEADS)
    assert len(set(LEADS)) == 16
    labelled = {(style.labels, style.frame) for style in styles if style.labels}
    assert len(labelled) == len(LABELS) * len(FRAMES) == 30
    assert {style.mark for style in styles if not style.labels} == set(MARKS)
    assert {style.between for style in styles} == set(BETWEEN)
    share = sum(bool(style.labels) for style in styles) / len(styles)
    assert share == pytest.approx(30 / 38, abs=0.03)
    assert not any(draw_style(random.Random(f'{i}'), [f'colour {n}' for n in range(27)]).labels for i in range(200))
    for labels in LABELS:
        assert len(set(labels)) == 26


@pytest.mark.parametrize(
    ('options', 'unlike'),
    [
        (('2', '3', '4', '5'), 4),
        (('10', '20', '30'), 5),
        (('"B."', 'the first', 'none'), 3),
        (('C', '1', 'iii'), 0),
        (('I', 'you'), 3),
    ],
)
def test_labels_that_are_options_themselves_label_nothing(options, unlike):
    styles = [draw_style(random.Random(f'{i}'), options) for i in range(500)]
    drawn = {style.labels for style in styles if style.labels}
    assert len(drawn) == unlike
    for labels in drawn:
        assert not {label.lower() for label in labels[: len(options)]} & {
            option.lower().strip('".') for option in options
        }


def test_the_target_is_what_the_list_calls_the_answer():
    bullets = texts = 0
    for example in examples(task_of(RANDOM), 'train'):
        answer = COLOURS[example.source_row % 3]
        if example.template == 9:
            assert example.targets == f'thing {example.source_row}'
        elif example.template == 8 or example.targets == answer:
            texts += 1
            assert example.targets == answer
        else:
            bullets += 1
            label = re.escape(example.targets)
            assert re.search(rf'(?:\n| \| ){label}\S* (?:- )?{answer}(?: \| |\n|$)', example.inputs), example
    assert bullets > 20
    assert texts > 5


def test_an_answer_that_is_no_option_is_an_error():
    with pytest.raises(UserError, match="'pink' is not among the options"):
        RandomOptions()({'answer': 'pink', 'options': COLOURS}, random.Random(0))


def test_without_options_there_is_no_list():
    for example in examples(task_of(NO_OPTIONS), 'train'):
        assert not set('\n') & set(example.inputs)
        assert example.template == 9 or example.targets == COLOURS[example.source_row % 3]


@pytest.mark.parametrize('variant', [MIXED, SAME, NO_OPTIONS_SAME])
def test_worked_examples_come_first_and_never_the_row_itself(variant):
    counts = []
    for example in examples(task_of(variant), 'train'):
        shown = [part.text for part in example.parts if part.optional]
        assert example.parts[-1].loss
        assert not any(part.loss or part.optional for part in example.parts[len(shown) : -1])
        assert not any(re.search(rf'\bthing {example.source_row}\b', text) for text in shown)
        numbers = [re.search(r'(\d): ', text)[1] for text in shown]
        counts.append(len(shown))
        if variant is not MIXED:
            assert set(numbers) == {str(example.template)}
        question = example.parts[-2].text
        assert f'{example.template}: ' in question
    if variant is MIXED:
        assert set(counts) == {5}
    else:
        assert len(counts) < 60  # a row with none is left out
        assert min(counts) >= 1
        assert sum(counts) / len(counts) == pytest.approx(2.5 / (1 - 0.9**25), abs=0.6)


@pytest.mark.parametrize('variant', [MIXED, SAME, NO_OPTIONS_SAME])
def test_in_a_conversation_worked_examples_stand_in_the_users_turn(variant):
    plain = list(examples(task_of(variant), 'train'))
    chat = list(examples(task_of(variant), 'train', chat_format='chatml'))
    assert len(chat) == len(plain) > 40
    for with_format, without in zip(chat, plain, strict=True):
        user = ''.join(part.text for part in without.parts[:-1]).rstrip()
        turns = [{'role': 'user', 'content': user}, {'role': 'assistant', 'content': without.targets}]
        mark, begin, user, *end = to_parts(turns, 'chatml')
        texts = [*(part.text for part in without.parts[:-2]), without.parts[-2].text.rstrip()]
        pieces = [dataclasses.replace(user, text=text, optional=text is not texts[-1]) for text in texts]
        parts = (mark, begin, *pieces, *end)
        assert with_format == dataclasses.replace(without, parts=parts)


@pytest.mark.parametrize('variant', [MIXED, SAME])
def test_a_row_that_is_left_out_is_no_worked_example(variant):
    task, left_out = task_of(variant), frozenset(range(0, 60, 2))
    shown = set()
    for row, record in enumerate(records(task, 'train', 0, left_out)):
        made = render_row(task, 'train', row, record, seed=0)
        texts = [part.text for example in made for part in example.parts if part.optional]
        shown |= {int(number) for text in texts for number in re.findall(r'\bthing (\d+)\b', text)}
    assert shown == set(range(1, 60, 2))


def test_a_cache_keeps_left_out_rows_from_being_worked_examples(tmp_path):
    tokenizer, left_out = ByteTokenizer(), range(1, 60, 3)
    token_format = TokenFormat(True, 4000, 99)
    folder = caching.build(task_of(MIXED), 'train', tokenizer, token_format, tmp_path, leave_out=left_out)
    cache = TokenCache.open(folder)
    texts = [tokenizer.decode(cache.example(i)[0].tolist()) for i in range(cache.num_examples)]
    said = {int(number) for text in texts for number in re.findall(r'\bthing (\d+)\b', text)}
    assert cache.num_examples == 40 and said == set(range(60)) - set(left_out)


@pytest.mark.parametrize('variant', [MIXED, SAME, NO_OPTIONS_SAME, NO_OPTIONS])
def test_rows_whose_worked_examples_are_all_too_long_are_counted_and_left_out_of_x_shot(variant, tmp_path):
    whole = task_of(variant)
    made = len(list(examples(whole, 'train')))
    for length, lost in ((9000, 0), (60, made)):
        folder = tmp_path / f'{length}'
        token_format = TokenFormat(False, length, 99, cut='end')
        if lost and variant.shots == 'same':
            with pytest.raises(UserError, match='has no example to cache'):
                caching.build(whole, 'train', ByteTokenizer(), token_format, folder)
            continue
        cache = TokenCache.open(caching.build(whole, 'train', ByteTokenizer(), token_format, folder))
        assert cache.num_examples == made
        assert cache.manifest['counts'].get('lost_exemplars', 0) == (lost if variant.shots == 'mixed' else 0)


def test_some_rows_of_x_shot_lose_their_worked_examples(tmp_path):
    whole = task_of(NO_OPTIONS_SAME)
    made = list(examples(whole, 'train'))
    token_format = TokenFormat(False, 75, 99)
    fitting = [e.source_row for e in made if tokenize(e, ByteTokenizer(), token_format).num_exemplars]
    by_hand = [e.source_row for e in made if len(e.parts[0].text + e.parts[-2].text) <= 75]
    assert fitting == by_hand and 0 < len(fitting) < len(made)
    cache = TokenCache.open(caching.build(whole, 'train', ByteTokenizer(), token_format, tmp_path))
    assert cache.provenance[:, 0].tolist() == fitting
    assert cache.manifest['counts']['lost_exemplars'] == len(made) - len(fitting)


@pytest.mark.parametrize('variant', [MIXED, SAME, NO_OPTIONS_SAME])
def test_a_row_that_says_the_same_is_no_worked_example(variant):
    doubled = [{'idx': i, 'thing': f'thing {i // 2}', 'answer': 'red', 'options': COLOURS} for i in range(12)]
    member = dataclasses.replace(MEMBER, source=Python(lambda split, seed: doubled))
    for example in examples(task_of(variant, member=member), 'train'):
        shown = ''.join(part.text for part in example.parts if part.optional)
        assert shown and not re.search(rf'\bthing {example.source_row // 2}\b', shown)


def test_a_conversation_that_was_cut_off_elsewhere_is_no_worked_example():
    doubled = [{'utterances': [f'turn {i // 2}-{turn}' for turn in range(12)], 'title': f'{i}'} for i in range(12)]
    member = dataclasses.replace(dialog.members(None)[0], source=Python(lambda split, seed: doubled))
    made = list(examples(task_of(MIXED, member=member), 'train'))
    assert len(made) == 12
    for example in made:
        shown = ''.join(part.text for part in example.parts if part.optional)
        assert shown and f'turn {example.source_row // 2}-' not in shown


def test_the_answer_to_the_question_looks_like_those_above_it():
    """For a decoder, whose separator begins a line."""
    tokenizer = ByteTokenizer()
    made = [example for example in examples(task_of(NO_OPTIONS_SAME), 'train') if example.template != 9]
    assert len({example.parts[-2].text[-9:] for example in made}) >= 8  # layouts
    for example in made:
        *shown, question, _ = example.parts
        ids = tokenize(example, tokenizer, TokenFormat(False, 4000, 99)).tokens.tolist()
        assert tokenizer.decode(ids) == ''.join(part.text for part in example.parts)
        for part in shown:
            thing = re.search(r'\bthing \d+\b', part.text)[0]
            assert part.text.startswith(question.text.replace(f'thing {example.source_row}', thing))


@pytest.mark.parametrize('variant', [MIXED, SAME])
def test_what_is_a_rows_own_is_not_in_its_worked_examples(variant):
    """Overlaps with a test set are looked for in the row itself."""
    found = [texts for _, made in scan(task_of(variant), 'train', own_texts) for texts in made]
    for row, texts in enumerate(found):
        assert re.findall(r'\bthing \d+\b', '\n'.join(texts)) == [f'thing {row}']
    assert len(found) == 60


def test_every_data_set_of_flan_2021_shows_its_options_in_a_slot_that_can_be_restyled():
    for member in flan2021.members(None):
        for template, restyled in zip(member.templates, task_of(RANDOM, member=member).templates, strict=True):
            if member.randomness and template.kind != 'inverted' and '{options}' in template.inputs:
                slots = re.findall('{(options_text|unlabelled_text|choice|answer)}', restyled.inputs + restyled.targets)
                assert slots in (['options_text', 'choice'], ['unlabelled_text', 'answer'])
            else:
                assert restyled == template


def test_a_row_of_rte_in_every_variant():
    member = next(member for member in flan2021.members(None) if member.key == 'rte')
    record = {'premise': 'A dog sleeps.', 'hypothesis': 'An animal rests.', 'label': 0, 'idx': 0}
    member = dataclasses.replace(
        member, source=Python(lambda split, seed: [record | {'idx': i, 'label': i % 2} for i in range(20)])
    )
    for variant in VARIANTS.values():
        made = list(examples(task_of(variant, member=member), 'train'))
        assert len(made) >= 15
        assert all(example.inputs.strip() and example.targets.strip() for example in made)


def test_a_wording_that_spells_out_its_answers_gets_them_spelled():
    member = member_of(flan2021.members(None), 'rte')
    task = task_of(RANDOM, member=member)
    record = {'premise': 'A dog sleeps.', 'hypothesis': 'An animal rests.', 'label': 0, 'idx': 0}
    by_template = {
        index: [render_row(task, 'train', row, record | {ROW: row}, seed=0, template=index)[0] for row in range(60)]
        for index in (4, 5)
    }
    assert 'Decide, yes or no,' in by_template[4][0].inputs and 'yes' not in task.templates[5].inputs
    assert {example.targets for example in by_template[4]} == {'yes'}
    assert all(re.search(r'\byes(?:\n| \| )\W*no\Z', example.inputs) for example in by_template[4])
    assert {'yes', '(A)', 'i'} < {example.targets for example in by_template[5]}


def member_of(members, key):
    return next(member for member in members if member.key == key)
