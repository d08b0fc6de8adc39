"""The primer: what it promises about splits, wordings, languages, size and determinism."""

import collections
import hashlib
import json
import os
import re
import subprocess
import sys
from random import Random

import pytest

from jaxit.tasks import primer, primer_records, primer_templates, primer_text, primer_world, registry
from jaxit.tasks.rendering import examples, render_row
from jaxit.tasks.sources import Python

TASKS = [registry.get_task(name) for name in registry.names() if name.startswith('primer_')]
ASKING = [task for task in TASKS if task.templates]
IDS = [task.name for task in ASKING]
# What an item is, for tasks that hold out whole items: two rows with the same value must be in the same split.
ITEM_FIELDS = ('sentence', 'words', 'a', 'left')
MEANT = {'facts': 'pairs', 'items': 'items', 'draws': 'items'}


def rows(task, split):
    return list(task.source.records(split))


def _what(fact):
    return [fact.get(field) for field in ('word', 'country', 'thing', 'a', 'b')]


def spec_of(task):
    return next(spec for spec in primer.SPECS if f'primer_{spec.name}' == task.name.removesuffix('_held_out_templates'))


def trained_tasks():
    return [registry.get_task(name) for name in primer.TRAINED]


def test_there_are_many_kinds_in_many_clusters():
    clusters = collections.Counter(task.cluster for task in trained_tasks())
    assert len(primer.TRAINED) == 25 and len(clusters) == 9
    assert len(primer.HELD_OUT_COMPOSITIONS) == 5 and len(primer.HELD_OUT_TEMPLATES) == 25


@pytest.mark.parametrize('task', trained_tasks(), ids=primer.TRAINED)
def test_no_test_row_is_a_training_row(task):
    splits = {split: rows(task, split) for split in ('train', 'validation', 'test')}
    asked = {
        split: {render_row(task, 'train', 0, row, seed=0)[0].inputs for row in rows if 'template' in row}
        for split, rows in splits.items()
    }
    for name, other in (('train', 'test'), ('train', 'validation'), ('validation', 'test')):
        assert not asked[name] & asked[other]
        if spec_of(task).how != 'facts':
            keys = [{row['key'] for row in splits[split]} for split in (name, other)]
            assert keys[0] and keys[1] and not keys[0] & keys[1]


def test_keys_tell_items_apart():
    """Rows of equal contents have equal keys, whatever the order of what is compared or added."""
    for name, fields in (('bigger_number', 'ab'), ('alphabet', ('left', 'right'))):
        task = registry.get_task(f'primer_{name}')
        seen = {
            split: {frozenset(row[field] for field in fields) for row in rows(task, split)} for split in task.splits
        }
        assert not seen['train'] & seen['test'] and not seen['train'] & seen['validation']
    for name, field in (('past', 'sentence'), ('topic', 'sentence'), ('sentence_to_german', 'sentence_de'), ('sentiment', 'sentence'),
                        ('category_of_last', 'words'), ('first_word', 'words_de'), ('count_words', 'words')):  # fmt: skip
        task = registry.get_task(f'primer_{name}')
        assert not {row[field] for row in rows(task, 'train')} & {row[field] for row in rows(task, 'test')}


def test_every_word_of_a_fact_is_seen_in_training():
    for spec in primer.SPECS:
        if spec.how == 'facts' and not spec.held_out:
            train = rows(registry.get_task(f'primer_{spec.name}'), 'train')
            seen = {(language, *_what(row)) for row in train for language in ['de' if row['template'] >= 5 else 'en']}
            assert len(seen) == 2 * len(spec.content()), spec.name


@pytest.mark.parametrize('task', ASKING, ids=IDS)
def test_templates_say_what_is_asked(task):
    assert collections.Counter(t.language for t in task.templates) == (
        {'en': 1, 'de': 1} if task.name.endswith('held_out_templates') else {'en': 5, 'de': 5}
    )
    row = rows(task, task.splits[0])[0]
    for template in task.templates:
        inputs, targets = template.render(row)
        assert (
            not re.search(r'[{}]|  |\bNone\b', inputs + targets)
            and inputs == inputs.strip()
            and targets == targets.strip()
        )
        assert 1 <= len(targets.split()) <= 5
        # every field shown is of the template's language, and what must be known to answer is shown
        shown = set(template.fields) - {'answer', 'answer_de'}
        assert shown and shown <= set(row) - {'key', 'options', 'options_de', 'template'}
        asked = {
            field
            for field in row
            if field.removesuffix('_de') in ('word', 'words', 'sentence', 'country', 'thing', 'a', 'b', 'left', 'right')
        }
        sides = {field.removesuffix('_de') for field in asked}
        assert {field.removesuffix('_de') for field in shown} == sides or 'translation' in task.cluster


def test_templates_of_a_task_differ_also_from_the_held_out_ones():
    for spec in primer.SPECS:
        patterns = [wording.inputs for wording in (*spec.wordings.trained, *spec.wordings.held_out)]
        assert len(patterns) == len(set(patterns)) == 12


ENGLISH = {
    'the',
    'what',
    'which',
    'give',
    'word',
    'list',
    'name',
    'is',
    'of',
    'this',
    'sentence',
    'or',
    'and',
    'how',
    'you',
}
GERMAN = {'das', 'der', 'welche', 'nenne', 'wort', 'ist', 'von', 'dieses', 'ins', 'satz', 'oder', 'und', 'wie', 'auf'}


def test_each_template_speaks_its_language():
    for task in ASKING:
        for template in task.templates:
            words = set(re.findall(r'\w+', re.sub(r'\{\w+\}', '', template.inputs).lower()))
            assert not words & (GERMAN if template.language == 'en' else ENGLISH), template.inputs


def test_answers_are_right():
    """Each kind of answer is computed a second time, from the rendered English or German question."""
    plurals = {n.word: n.plural for n in primer_world.NOUNS} | {n.word_de: n.plural_de for n in primer_world.NOUNS}
    opposites = {}
    for pair in primer_world.OPPOSITES:
        for left, right in ((pair.left, pair.right), (pair.left_de, pair.right_de)):
            opposites |= {left: right, right: left}
    categories = {c.name: c.name_de for c in primer_world.CATEGORIES}
    kinds = {n.word: n.category for n in primer_world.NOUNS} | {
        n.word_de: categories[n.category] for n in primer_world.NOUNS
    }
    both = [(n.word, n.word_de) for n in primer_world.NOUNS] + list(categories.items())
    both += [sides for p in primer_world.OPPOSITES for sides in ((p.left, p.left_de), (p.right, p.right_de))]
    both += [(n.plural, n.plural_de) for n in primer_world.NOUNS]
    translations = {side: {other for a in both if side in a for other in a} for pair in both for side in pair}
    functions = {'opposite': opposites, 'category': kinds, 'plural': plurals}
    for task in ASKING:
        name = task.name.removeprefix('primer_').removesuffix('_held_out_templates')
        for row in rows(task, task.splits[-1])[:60]:
            for ending in ('', '_de'):
                answer = row.get(f'answer{ending}', row.get('answer'))
                words = [word for word in row.get(f'words{ending}', '').split(', ') if word]
                if name in functions:
                    assert answer == functions[name][row[f'word{ending}']]
                elif name.endswith('_translated'):
                    assert answer in translations[functions[name.split('_')[0]][row[f'word{ending}']]]
                elif '_of_' in name:
                    function, place = name.split('_of_')
                    word = words[{'first': 0, 'last': -1}[place]]
                    assert answer in (translations[word] if function == 'translation' else [functions[function][word]])
                elif name == 'count_words':
                    assert answer == str(len(words))
                elif name in ('first_word', 'last_word'):
                    assert answer == words[0 if name == 'first_word' else -1]
                elif name == 'contains':
                    assert (row[f'word{ending}'] in words) == (answer in ('yes', 'ja'))
                elif name == 'add':
                    assert int(answer) == int(row['a']) + int(row['b'])
                elif name == 'bigger_number':
                    assert int(answer) == max(int(row['a']), int(row['b']))
                elif name == 'alphabet':
                    assert answer == sorted([row[f'left{ending}'], row[f'right{ending}']], key=str.lower)[0]


@pytest.mark.parametrize('name', ['topic', 'sentiment', 'category', 'contains'])
def test_the_answer_is_among_the_options(name):
    for suffix in ('', '_held_out_templates'):
        for example in examples(registry.get_task(f'primer_{name}{suffix}'), 'test'):
            assert example.targets in example.options and len(set(example.options)) == len(example.options)


def test_closed_answers_are_balanced():
    for name, classes in (('topic', 5), ('contains', 2), ('sentiment', 2)):
        counts = collections.Counter(row['answer'] for row in rows(registry.get_task(f'primer_{name}'), 'train'))
        assert len(counts) == classes and max(counts.values()) < 1.4 * min(counts.values())


def test_prompts_and_answers_are_short():
    for task in ASKING:
        for example in examples(task, task.splits[-1]):
            assert len(re.findall(r'\w+|[^\w\s]', example.inputs)) <= 40 and len(example.targets) <= 50


def test_the_held_out_templates_ask_about_the_items_of_the_test_split():
    task, other = (registry.get_task(f'primer_past{suffix}') for suffix in ('', '_held_out_templates'))
    assert [row['key'] for row in rows(task, 'test')] == [row['key'] for row in rows(other, 'test')]


def test_the_text_knows_the_words_and_gives_no_instruction():
    documents = {split: [row['text'] for row in primer_text.primer_text(split, 0)] for split in primer_records.SPLITS}
    assert [len(texts) for texts in documents.values()] == [8000, 200, 200]
    assert not set(documents['train']) & (set(documents['test']) | set(documents['validation']))
    text = ' '.join(documents['train'])
    assert '?' not in text and '{' not in text
    for noun in primer_world.NOUNS:
        for fact in (
            f'{primer_world.indefinite(noun.word)} is {primer_world.category(noun.category).phrase}.',
            f'{primer_world.indefinite_de(noun)} ist {primer_world.category(noun.category).phrase_de}.',
            f'one {noun.word}, there are two {noun.plural}.',
            f'dort sind zwei {noun.plural_de}.',
            f'The German word for {noun.word} is {noun.word_de}.',
        ):
            assert fact in text or primer_records.capitalized(fact) in text
    for pair in primer_world.OPPOSITES:
        assert (
            f'The opposite of {pair.left} is {pair.right}.' in text
            and f'Das Gegenteil von {pair.right_de} ist {pair.left_de}.' in text
        )
    for fact in primer_world.CAPITALS:
        assert f'The capital of {fact.subject} is {fact.value}.' in text


def test_the_text_holds_no_comparison_of_the_test_split():
    text = ' '.join(row['text'] for split in primer_records.SPLITS for row in primer_text.primer_text(split, 0))
    stated = {}
    for split in primer_records.SPLITS:
        pairs = {
            frozenset((int(row['a']), int(row['b']))) for row in rows(registry.get_task('primer_bigger_number'), split)
        }
        phrases = [
            f' {max(pair)} {words} {min(pair)}.' for pair in pairs for words in ('is bigger than', 'ist größer als')
        ]
        stated[split] = sum(phrase in text for phrase in phrases)
    assert stated['validation'] == stated['test'] == 0 and stated['train'] > 500


def digest():
    state = hashlib.sha256()
    for task in TASKS:
        for example in examples(task, task.splits[-1]):
            state.update(
                json.dumps([example.template, [part.text for part in example.parts], example.options]).encode()
            )
    return state.hexdigest()


def test_it_is_the_same_in_every_process():
    folder = os.path.dirname(__file__)
    code = f'import sys; sys.path.insert(0, {folder!r}); import primer_test; print(primer_test.digest())'
    environment = {**os.environ, 'PYTHONHASHSEED': '77'}
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == digest()


def test_another_seed_gives_another_primer():
    for task in (
        registry.get_task('primer_past'),
        registry.get_task('primer_replay'),
        registry.get_task('primer_opposite'),
    ):
        other = Python(task.source.function, task.splits, seed=1)
        assert other.fingerprint('test') != task.source.fingerprint('test')


def test_the_mixture_is_capped_and_replay_is_five_per_cent():
    rates = {task.name: rate for task, rate in registry.resolve('primer')}
    assert tuple(rates) == primer.TRAINED and max(rates.values()) == 1000
    for name, rate in rates.items():
        assert rate == min(1000, len(rows(registry.get_task(name), 'train')))
    shares = {task.name: rate for task, rate in registry.resolve('primer_with_replay')}
    assert shares['primer_replay'] / sum(shares.values()) == pytest.approx(0.05)


def test_weak_nouns_and_articles():
    nouns = {noun.word: noun for noun in primer_world.NOUNS}
    assert primer_world.accusative_de(nouns['raven']) == 'einen Raben'
    assert primer_world.accusative_de(nouns['cat']) == 'eine Katze'
    assert primer_world.accusative_de(nouns['bed']) == 'ein Bett'
    assert primer_world.indefinite_de(nouns['hat']) == 'ein Hut'
    assert [primer_world.indefinite(word) for word in ('owl', 'axe', 'bus')] == ['an owl', 'an axe', 'a bus']


def test_words_are_unambiguous():
    """A word has one category, one plural, one opposite and one translation, or the answer would be a guess."""
    for language in ('', '_de'):
        words = [row[f'word{language}'] for row in primer_records.words()]
        assert len(words) == len(set(words))


def test_a_draw_depends_on_its_generator_alone():
    assert primer_records.draw_deed(Random('x')) == primer_records.draw_deed(Random('x'))
    assert primer_templates.wordings('add') == primer_templates.wordings('add')
