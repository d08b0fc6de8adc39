"""The records behind the primer's tasks: what is asked and answered, without any wording.

Three ways to keep training and test apart, one per task:

- `facts`: each word must be seen to be known, so pairs of (item, template) are held out;
- `items`: few items, each met in every template; whole items are held out;
- `draws`: more items than one could list; fresh ones are drawn, and no item is in two splits.

An item is a dict with the English fields and, with `_de` behind the name, the German ones.
"""

import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

from jaxit.tasks import primer_world as world

Item = dict[str, Any]

SPLITS = ('train', 'validation', 'test')
NUM_DRAWS = {'train': 2000, 'validation': 200, 'test': 200}
NUM_PAIRS = {'train': 1000, 'validation': 100, 'test': 100}  # of numbers
NUMBERS = range(1, 41)
LIST_LENGTHS = (3, 4)


def split_of(task: str, key: str, seed: int) -> str:
    """Returns the split to which an item belongs: of ten, eight go to train, one to each of the others."""
    bucket = hashlib.sha256(f'{seed} {task} {key}'.encode()).digest()[0] * 10 // 256
    return {8: 'validation', 9: 'test'}.get(bucket, 'train')


def fact_records(
    split: str, seed: int, *, task: str, items: Callable[[], list[Item]], templates: int
) -> Iterator[Item]:
    """Yields (item, template) pairs of one split; templates of one language stand side by side."""
    for index, item in enumerate(items()):
        for template in range(templates):
            language, place = divmod(template, templates // 2)
            if _split_of_pair(task, f'{index} {language}', place, templates // 2, seed) == split:
                yield item | {'template': template}


def _split_of_pair(task: str, item: str, place: int, places: int, seed: int) -> str:
    """Holds out at most two of an item's pairs in a language, so that each word is met in training; a tenth in all."""
    digest = hashlib.sha256(f'{seed} {task} {item}'.encode()).digest()
    held_out = {digest[1] * 2 * places // 256: 'validation', digest[0] * 2 * places // 256: 'test'}
    return held_out.get(place, 'train')


def item_records(
    split: str, seed: int, *, task: str, items: Callable[[], list[Item]], templates: int
) -> Iterator[Item]:
    """Yields the items of one split, each in every template."""
    for item in items():
        if split_of(task, item['key'], seed) == split:
            for template in range(templates):
                yield item | {'template': template}


def draw_records(
    split: str, seed: int, *, task: str, draw: Callable[[Random], Item], count: Mapping[str, int]
) -> Iterator[Item]:
    """Yields freshly drawn items of one split, all different."""
    rng = Random(f'{seed} {task} {split}')
    seen: set[str] = set()
    for _ in range(100 * count[split]):
        item = draw(rng)
        contents = str(item)
        if len(seen) == count[split]:
            break
        if contents not in seen and split_of(task, item['key'], seed) == split:
            seen.add(contents)
            yield item


def all_records(split: str, seed: int, *, items: Callable[[], list[Item]], templates: int) -> Iterator[Item]:
    """Yields every item in every template: for a task that is never trained on."""
    for item in items():
        for template in range(templates):
            yield item | {'template': template}


def capitalized(text: str) -> str:
    """Returns a text with its first letter in upper case and the rest as it was."""
    return text[:1].upper() + text[1:]


# Facts: lists of items.


@functools.cache
def opposites() -> list[Item]:
    """Adjectives and their opposites, in both directions."""
    items = []
    for pair in world.OPPOSITES:
        items.append({'word': pair.left, 'answer': pair.right, 'word_de': pair.left_de, 'answer_de': pair.right_de})
        items.append({'word': pair.right, 'answer': pair.left, 'word_de': pair.right_de, 'answer_de': pair.left_de})
    return items


@functools.cache
def categories() -> list[Item]:
    """Nouns and their categories."""
    options = [kind.name for kind in world.CATEGORIES]
    options_de = [kind.name_de for kind in world.CATEGORIES]
    return [
        _noun(noun)
        | {'answer': noun.category, 'answer_de': world.category(noun.category).name_de}
        | {'options': options, 'options_de': options_de}
        for noun in world.NOUNS
    ]


@functools.cache
def plurals() -> list[Item]:
    """Nouns and their plurals."""
    return [_noun(noun) | {'answer': noun.plural, 'answer_de': noun.plural_de} for noun in world.NOUNS]


@functools.cache
def words() -> list[Item]:
    """Nouns, adjectives and colours with their translations."""
    pairs = [(item['word'], item['word_de']) for item in opposites()]
    return [_noun(noun) for noun in world.NOUNS] + [{'word': a, 'word_de': b} for a, b in (*pairs, *world.COLOURS)]


def capitals() -> list[Item]:
    """Countries and their capitals."""
    return [
        {'country': f.subject, 'answer': f.value, 'country_de': f.subject_de, 'answer_de': f.value_de}
        for f in world.CAPITALS
    ]


def colours() -> list[Item]:
    """Things and their colours."""
    return [
        {'thing': f.subject, 'answer': f.value, 'thing_de': f.subject_de, 'answer_de': f.value_de}
        for f in world.COLOUR_FACTS
    ]


def sums() -> list[Item]:
    """Sums of two digits: facts, as in the tables that children learn."""
    return [{'a': str(a), 'b': str(b), 'answer': str(a + b)} for a in range(10) for b in range(10)]


def swapped(items: Callable[[], list[Item]]) -> list[Item]:
    """Returns facts with the answer in the other language: 'opposite of big' -> 'klein'."""
    return [item | {'answer': item['answer_de'], 'answer_de': item['answer']} for item in items()]


# Items: few enough to be listed, with a key that tells them apart.


def opinions() -> list[Item]:
    """Sentences of opinion, a third of all: enough to learn from, and the mixture stays small."""
    items = []
    for feeling, words_of_feeling in world.OPINIONS.items():
        for s, (subject, subject_de) in enumerate(world.OPINION_SUBJECTS):
            for o, (opinion, opinion_de) in enumerate(words_of_feeling):
                frame, frame_de = world.OPINION_FRAMES[(s + o) % len(world.OPINION_FRAMES)]
                items.append(
                    {
                        'key': f'{subject} {opinion}',
                        'sentence': frame.format(subject=subject, Subject=capitalized(subject), opinion=opinion),
                        'sentence_de': frame_de.format(
                            subject=subject_de, Subject=capitalized(subject_de), opinion=opinion_de
                        ),
                        'answer': feeling,
                        'answer_de': feeling.replace('ive', 'iv'),
                        'options': ['positive', 'negative'],
                        'options_de': ['positiv', 'negativ'],
                    }
                )
    return items


# Draws: one fresh item for each call.


def draw_activity(rng: Random) -> Item:
    """A sentence about somebody's doing, and its topic."""
    topic, topic_de = rng.choice(world.TOPICS)
    does, verb, rest = rng.choice(world.ACTIVITIES[topic])
    name, (when, when_de) = rng.choice(world.NAMES), rng.choice(world.ADVERBS)
    return {
        'key': f'{name} {does} {when}',
        'sentence': f'{name} {does} {when}.',
        'sentence_de': f'{name} {verb} {when_de} {rest}.',
        'answer': topic,
        'answer_de': topic_de,
        'options': [name for name, _ in world.TOPICS],
        'options_de': [name for _, name in world.TOPICS],
    }


def draw_state(rng: Random) -> Item:
    """A short sentence and its translation."""
    noun, (state, state_de) = rng.choice(world.NOUNS), rng.choice(world.THING_ADJECTIVES)
    is_so, is_so_de = rng.choice(world.STATES)
    return {
        'key': f'{noun.word} {is_so} {state}',
        'sentence': f'The {noun.word} {is_so} {state}.',
        'sentence_de': f'{capitalized(noun.article_de)} {noun.word_de} {is_so_de} {state_de}.',
    }


def draw_deed(rng: Random) -> Item:
    """A sentence in the present and in the past."""
    name, verb, noun = rng.choice(world.NAMES), rng.choice(world.VERBS), rng.choice(world.NOUNS)
    thing, thing_de = world.indefinite(noun.word), world.accusative_de(noun)
    return {
        'key': f'{name} {verb.present} {noun.word}',
        'sentence': f'{name} {verb.present} {thing}.',
        'sentence_de': f'{name} {verb.present_de} {thing_de}.',
        'answer': f'{name} {verb.past} {thing}.',
        'answer_de': f'{name} {verb.past_de} {thing_de}.',
    }


def draw_end_word(rng: Random, place: int) -> Item:
    """A list of words, and the one at a place (0 or -1)."""
    item, chosen = _draw_list(rng, words(), rng.choice(LIST_LENGTHS))
    return item | {'answer': chosen[place]['word'], 'answer_de': chosen[place]['word_de']}


def draw_count(rng: Random) -> Item:
    """A list of two to six words, and how many they are."""
    length = rng.randint(2, 6)
    item, _ = _draw_list(rng, words(), length)
    return item | {'answer': str(length), 'answer_de': str(length)}


def draw_membership(rng: Random) -> Item:
    """A list of words, a word, and whether it is among them: as often yes as no."""
    item, chosen = _draw_list(rng, words(), 4)
    inside = rng.random() < 0.5
    asked = rng.choice(chosen[:3]) if inside else chosen[3]
    shown = chosen[:3]
    return {
        'key': f'{item["key"]} {inside} {asked["word"]}',
        'word': asked['word'],
        'word_de': asked['word_de'],
        'words': ', '.join(fact['word'] for fact in shown),
        'words_de': ', '.join(fact['word_de'] for fact in shown),
        'answer': 'yes' if inside else 'no',
        'answer_de': 'ja' if inside else 'nein',
        'options': ['yes', 'no'],
        'options_de': ['ja', 'nein'],
    }


def draw_numbers(rng: Random) -> Item:
    """Two numbers, and the bigger one."""
    a, b = rng.sample(NUMBERS, 2)
    return {'key': f'{min(a, b)} {max(a, b)}', 'a': str(a), 'b': str(b), 'answer': str(max(a, b))}


def draw_alphabet(rng: Random) -> Item:
    """Two words with different first letters in both languages, and the one that stands earlier."""
    while True:
        left, right = rng.sample(words(), 2)
        english, german = (left['word'], right['word']), (left['word_de'], right['word_de'])
        if _first_letters_differ(english) and _first_letters_differ(german):
            break
    return {
        'key': ' '.join(sorted(english)),
        'left': left['word'],
        'right': right['word'],
        'left_de': left['word_de'],
        'right_de': right['word_de'],
        'answer': min(english, key=str.lower),
        'answer_de': min(german, key=str.lower),
    }


def draw_of_list(rng: Random, facts: Callable[[], list[Item]], place: int) -> Item:
    """A list of words, and a fact about the one at a place (0 or -1)."""
    item, chosen = _draw_list(rng, facts(), 3)
    return item | {'answer': chosen[place]['answer'], 'answer_de': chosen[place]['answer_de']}


@functools.cache
def translations_of_nouns() -> list[Item]:
    """Nouns with the translation as the answer."""
    return [_noun(noun) | {'answer': noun.word_de, 'answer_de': noun.word} for noun in world.NOUNS]


def _noun(noun: world.Noun) -> Item:
    return {'word': noun.word, 'word_de': noun.word_de}


def _first_letters_differ(pair: tuple[str, str]) -> bool:
    return pair[0][0].lower() != pair[1][0].lower()


def _draw_list(rng: Random, facts: list[Item], length: int) -> tuple[Item, list[Item]]:
    chosen = rng.sample(facts, length)
    item = {key: ', '.join(fact[of] for fact in chosen) for key, of in (('words', 'word'), ('words_de', 'word_de'))}
    return item | {'key': item['words']}, chosen
