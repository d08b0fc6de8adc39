"""What Flan 2022's rows become: draws that depend on nothing but (seed, row, task), styles of options, exemplars, dialogues."""

import dataclasses
import hashlib
import random
import re

import pytest

from jaxit.core.errors import UserError
from jaxit.data.cache import TokenCache
from jaxit.tasks import caching, registry
from jaxit.tasks.flan2022 import cot, dialog, flan2021, mixtures
from jaxit.tasks.flan2022.cot_templates import FORWARD, INVERTED
from jaxit.tasks.flan2022.member import MIXED, NO_OPTIONS, NO_OPTIONS_SAME, RANDOM, SAME, VARIANTS, Member
from jaxit.tasks.flan2022.options import BETWEEN, FRAMES, LABELS, LEADS, MARKS, RandomOptions, Style, draw_style
from jaxit.tasks.flan2022.shots import ROW
from jaxit.tasks.hygiene.rows import own_texts, scan
from jaxit.tasks.rendering import examples, records, render_row
from jaxit.tasks.sources import Python
from jaxit.text.base import ByteTokenizer
from jaxit.text.chat import to_parts
from jaxit.text.examples import TokenFormat
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
    styles = [draw_style(random.Random(f'{i}'), 4) for i in range(4000)]
    assert {style.lead for style in styles} == set(LEADS)
    assert len(set(LEADS)) == 16
    labelled = {(style.labels, style.frame) for style in styles if style.labels}
    assert len(labelled) == len(LABELS) * len(FRAMES) == 30
    assert {style.mark for style in styles if not style.labels} == set(MARKS)
    assert {style.between for style in styles} == set(BETWEEN)
    share = sum(bool(style.labels) for style in styles) / len(styles)
    assert share == pytest.approx(30 / 38, abs=0.03)
    assert not any(draw_style(random.Random(f'{i}'), 27).labels for i in range(200))
    for labels in LABELS:
        assert len(set(labels)) == 26


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
        user = ''.join(part.text for part in without.parts[:-1])
        turns = [{'role': 'user', 'content': user}, {'role': 'assistant', 'content': without.targets}]
        assert with_format == dataclasses.replace(without, parts=to_parts(turns, 'chatml'))


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


def test_a_row_that_says_the_same_is_no_worked_example():
    doubled = [{'thing': f'thing {i // 2}', 'answer': 'red', 'options': COLOURS} for i in range(12)]
    member = dataclasses.replace(MEMBER, source=Python(lambda split, seed: doubled))
    for example in examples(task_of(NO_OPTIONS_SAME, member=member), 'train'):
        shown = ''.join(part.text for part in example.parts if part.optional)
        assert not re.search(rf'\bthing {example.source_row // 2}\b', shown)


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


def test_wiki_dialog_asks_for_a_turn_of_the_second_speaker():
    record = {'title': 'Mars', 'utterances': [f'turn {i}' for i in range(7)], 'sentences': [], 'author_num': []}
    for members, inverted in ((dialog.members(None), False), (dialog.inversions(None), True)):
        task = task_of(RANDOM, member=members[0])
        replies = set()
        for row in range(200):
            (example,) = render_row(task, 'train', row, record | {ROW: row}, seed=0)
            said = [int(number) for number in re.findall(r'turn (\d)', example.inputs)]
            target = [int(number) for number in re.findall(r'turn (\d)', example.targets)]
            if inverted:
                assert len(said) == 1
                assert target in (list(range(said[0])), [said[0] - 1])
                replies |= set(said)
            else:
                assert said == list(range(target[0]))
                replies |= set(target)
        assert replies == {1, 3, 5}


def test_a_dash_in_place_of_a_name_has_nothing_around_it():
    speakers = member_of(dialog.members(None), 'qrecc').randomness
    texts = [speakers({'turns': ['turn 0', 'turn 1']}, random.Random(f'{i}'))['dialog'] for i in range(400)]
    dashed = [text for text in texts if '-' in text.splitlines()[-1].split()[0]]
    assert dashed and all(text.splitlines()[-1] == '- turn 0' for text in dashed)


def test_qrecc_keeps_what_has_much_before_it():
    task = task_of(RANDOM, member=dialog.members(None)[1])
    record = {'context': ['a?', 'b'], 'question': 'c?', 'answer': 'the reply', 'turn_id': 7, ROW: 0}
    (example,) = render_row(task, 'train', 0, record, seed=0)
    assert example.targets == 'the reply'
    assert all(text in example.inputs for text in ('a?', 'b', 'c?'))
    assert not render_row(task, 'train', 0, record | {'turn_id': 6}, seed=0)
    assert not render_row(task, 'train', 0, record | {'answer': ' '}, seed=0)


def test_chains_come_before_or_after_the_answer_and_inversions_ask_for_something_else():
    assert set(FORWARD) == set(cot.SIZES)
    wordings = [template.inputs for templates in FORWARD.values() for template in templates]
    assert len(wordings) == len(set(wordings)) == 90
    for template in (t for templates in FORWARD.values() for t in templates):
        assert template.inputs.count('{question}') == 1
        assert template.fields == tuple(dict.fromkeys(('question', *template.fields[1:])))
        assert sorted(template.fields) == ['answer', 'chain', 'question']
    assert len(INVERTED) == 10
    kept = {template.targets for template in INVERTED}
    assert {'{question}', '{chain}', '{answer}'} < kept
    for template in INVERTED:
        assert template.kind == 'inverted'
        assert not set(re.findall(r'{\w+}', template.inputs)) & set(re.findall(r'{\w+}', template.targets))


def test_rows_of_chains_are_cleaned():
    record = {'question': 'Which?\\nOptions:\\n(A) x ', 'answer': '(A)', 'chain': 'a = 1\\nb = 2'}
    assert cot.clean(record) == {'question': 'Which?\nOptions:\n(A) x', 'answer': '(A)', 'chain': 'a = 1\nb = 2.'}
    for chain, ended in (
        ('Done!', 'Done!'),
        ('(It is "so.")', '(It is "so.")'),
        ('Area = 2 cm2;', 'Area = 2 cm2.'),
        ('Look at the diagram below:', 'Look at the diagram below.'),
        ('59/13 = 7 (Remainder)', '59/13 = 7 (Remainder).'),
    ):
        assert cot.clean(record | {'chain': chain})['chain'] == ended
    assert cot.clean(record | {'answer': ' '}) is None


def test_chains_are_read_from_tables_and_json_lines(tmp_path):
    (tmp_path / 'qed_train.tsv').write_text('q\ta\tbecause\n')
    (tmp_path / 'esnli.jsonl').write_text('{"question": "q2", "answer": "a2", "chain": "c2"}\n')
    for key, wanted in (('stream_qed', 'because'), ('cot_esnli', 'c2')):
        task = task_of(VARIANTS['template_0to10_zero_shot'], member=member_of(cot.members(str(tmp_path)), key))
        (example,) = examples(task, 'train')
        assert wanted in example.targets
        assert task.source.num_examples('train') == 1


# Ten rendered rows of each set, read by eye.
GOLDEN = {
    'cot_gsm8k': '4efc1f29b35fed01',
    'cot_strategyqa': 'cb71bd18b52d72f5',
    'cot_creak': '1c27924124897fe1',
    'cot_qasc': '7648445c57d1071c',
    'cot_ecqa': 'b69bc47c6acd3708',
    'cot_sensemaking': '0e5902578b58cee0',
    'stream_aqua': 'd7f00986688ccd4c',
    'cot_input_inversion_gsm8k': '948c1fcfc06a5c7e',
    'cot_input_inversion_strategyqa': '1d41548986568239',
    'cot_input_inversion_creak': 'd404516b3e3404fe',
    'cot_input_inversion_qasc': 'df9198a3900932e4',
    'cot_input_inversion_ecqa': '3b0b6bf8b7aecfeb',
    'cot_input_inversion_sensemaking': 'a06c69c0a1fc6176',
    'stream_input_inversion_aqua': 'dceb2a1616ace72d',
}


@pytest.mark.parametrize('key', GOLDEN)
def test_the_first_ten_rows_read_as_they_did(shared_data, key):
    folder = str(shared_data / 'flan_cot')
    member = member_of((*cot.members(folder), *cot.inversions(folder)), key)
    task = task_of(VARIANTS['template_0to10_zero_shot'], member=member)
    made = examples(task, 'train')
    text = '\0'.join(f'{e.template}\0{e.inputs}\0{e.targets}' for e, _ in zip(made, range(10), strict=False))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == GOLDEN[key]


def test_names_of_tasks_lead_back_to_their_members(monkeypatch):
    registry.names()
    monkeypatch.setattr(registry, '_FAMILIES', list(registry._FAMILIES))
    mixtures.register()
    task = registry.get_task('stream_input_inversion_aqua_template_0to10_zero_shot')
    assert task.templates == INVERTED
    assert task.source.num_examples('train') == 2728
