"""Plain text about the primer's world: what a base model reads before it is taught to follow instructions.

The text carries every fact that the tasks ask for, in statements, never in questions, so that a
model of it knows the words and must learn the instructions. Comparisons of numbers that
are held out there are held out here as well.
"""

import functools
from collections.abc import Callable, Iterator
from random import Random

from jaxit.tasks import primer_world as world
from jaxit.tasks.primer_records import NUMBERS, capitalized, split_of

NUM_DOCUMENTS = {'train': 8000, 'validation': 200, 'test': 200}
_PRONOUNS_DE = {'der': 'ihn', 'die': 'sie', 'das': 'es'}
_DEFINITE_OBJECTS_DE = {'der': 'den', 'die': 'die', 'das': 'das'}


def primer_text(split: str, seed: int) -> Iterator[dict[str, str]]:
    """Yields documents `{'text', 'language'}`; the documents of two splits are never equal."""
    rng = Random(f'{seed} text {split}')
    seen: set[str] = set()
    while len(seen) < NUM_DOCUMENTS[split]:
        language = rng.choice(('en', 'de'))
        text = _document(rng, language, seed)
        if text not in seen and split_of('text', text, seed) == split:
            seen.add(text)
            yield {'text': text, 'language': language}


def _document(rng: Random, language: str, seed: int) -> str:
    writers = WRITERS[language]
    return ' '.join(rng.choice(writers)(rng, seed) for _ in range(rng.randint(3, 5)))


def _opposite(rng: Random, seed: int) -> str:
    pair = rng.choice(world.OPPOSITES)
    left, right = rng.sample((pair.left, pair.right), 2)
    return rng.choice((f'The opposite of {left} is {right}.', f'What is not {left} is {right}.'))


def _opposite_de(rng: Random, seed: int) -> str:
    pair = rng.choice(world.OPPOSITES)
    left, right = rng.sample((pair.left_de, pair.right_de), 2)
    return rng.choice((f'Das Gegenteil von {left} ist {right}.', f'Was nicht {left} ist, ist {right}.'))


def _category(rng: Random, seed: int) -> str:
    noun = rng.choice(world.NOUNS)
    kind = world.category(noun.category)
    a_noun = capitalized(world.indefinite(noun.word))
    return rng.choice((f'{a_noun} is {kind.phrase}.', f'The category of {noun.word} is {kind.name}.'))


def _category_de(rng: Random, seed: int) -> str:
    noun = rng.choice(world.NOUNS)
    kind = world.category(noun.category)
    a_noun = capitalized(world.indefinite_de(noun))
    return rng.choice((f'{a_noun} ist {kind.phrase_de}.', f'Der Oberbegriff von {noun.word_de} ist {kind.name_de}.'))


def _word_pair(rng: Random) -> tuple[str, str]:
    pairs = [(noun.word, noun.word_de) for noun in world.NOUNS]
    pairs += [sides for pair in world.OPPOSITES for sides in ((pair.left, pair.left_de), (pair.right, pair.right_de))]
    return rng.choice([*pairs, *world.COLOURS])


def _translation(rng: Random, seed: int) -> str:
    word, word_de = _word_pair(rng)
    return rng.choice((f'The German word for {word} is {word_de}.', f'The English word for {word_de} is {word}.'))


def _translation_de(rng: Random, seed: int) -> str:
    word, word_de = _word_pair(rng)
    return rng.choice((f'Das deutsche Wort für {word} ist {word_de}.', f'Auf Englisch heißt {word_de} {word}.'))


def _plural(rng: Random, seed: int) -> str:
    noun = rng.choice(world.NOUNS)
    return rng.choice((f'Here is one {noun.word}, there are two {noun.plural}.', f'Many {noun.plural} are here.'))


def _plural_de(rng: Random, seed: int) -> str:
    noun = rng.choice(world.NOUNS)
    one = world.indefinite_de(noun)
    return rng.choice((f'Hier ist {one}, dort sind zwei {noun.plural_de}.', f'Viele {noun.plural_de} sind hier.'))


def _capital(rng: Random, seed: int) -> str:
    fact = rng.choice(world.CAPITALS)
    return rng.choice(
        (f'The capital of {fact.subject} is {fact.value}.', f'{fact.value} is the capital of {fact.subject}.')
    )


def _capital_de(rng: Random, seed: int) -> str:
    fact = rng.choice(world.CAPITALS)
    land, city = fact.subject_de, fact.value_de
    return rng.choice((f'Die Hauptstadt von {land} ist {city}.', f'{city} ist die Hauptstadt von {land}.'))


def _colour(rng: Random, seed: int) -> str:
    fact = rng.choice(world.COLOUR_FACTS)
    return f'{capitalized(fact.subject)} is {fact.value}.'


def _colour_de(rng: Random, seed: int) -> str:
    fact = rng.choice(world.COLOUR_FACTS)
    return f'{capitalized(fact.subject_de)} ist {fact.value_de}.'


def _deed(rng: Random, seed: int) -> str:
    name, verb, thing = rng.choice(world.NAMES), rng.choice(world.VERBS), world.indefinite(rng.choice(world.NOUNS).word)
    return rng.choice((f'Today {name} {verb.present} {thing}.', f'Yesterday {name} {verb.past} {thing}.'))


def _deed_de(rng: Random, seed: int) -> str:
    name, verb, thing = rng.choice(world.NAMES), rng.choice(world.VERBS), world.accusative_de(rng.choice(world.NOUNS))
    return rng.choice((f'{name} {verb.present_de} heute {thing}.', f'{name} {verb.past_de} gestern {thing}.'))


def _state(rng: Random, seed: int) -> str:
    noun, (is_so, _) = rng.choice(world.NOUNS), rng.choice(world.STATES)
    return f'The {noun.word} {is_so} {rng.choice(world.THING_ADJECTIVES)[0]}.'


def _state_de(rng: Random, seed: int) -> str:
    noun, (_, is_so) = rng.choice(world.NOUNS), rng.choice(world.STATES)
    return f'{capitalized(noun.article_de)} {noun.word_de} {is_so} {rng.choice(world.THING_ADJECTIVES)[1]}.'


def _activity(rng: Random, seed: int) -> str:
    topic, _ = rng.choice(world.TOPICS)
    does, _, _ = rng.choice(world.ACTIVITIES[topic])
    return f'{rng.choice(world.NAMES)} {does}. The topic is {topic}.'


def _activity_de(rng: Random, seed: int) -> str:
    topic, topic_de = rng.choice(world.TOPICS)
    _, verb, rest = rng.choice(world.ACTIVITIES[topic])
    return f'{rng.choice(world.NAMES)} {verb} {rest}. Das Thema ist {topic_de}.'


def _opinion(rng: Random, seed: int) -> str:
    feeling = rng.choice(list(world.OPINIONS))
    opinion, _ = rng.choice(world.OPINIONS[feeling])
    return f'I found {rng.choice(world.OPINION_SUBJECTS)[0]} {opinion}. That is {feeling}.'


def _opinion_de(rng: Random, seed: int) -> str:
    feeling = rng.choice(list(world.OPINIONS))
    _, opinion = rng.choice(world.OPINIONS[feeling])
    subject = capitalized(rng.choice(world.OPINION_SUBJECTS)[1])
    return f'{subject} ist {opinion}. Das ist {feeling.replace("ive", "iv")}.'


def _numbers(rng: Random, seed: int, bigger: str) -> str:
    if rng.random() < 0.5:
        return _sum(rng)
    return next(text for text in iter(lambda: _comparison(rng, seed, bigger), '') if text is not None)


def _sum(rng: Random) -> str:
    a, b = rng.randint(0, 9), rng.randint(0, 9)
    return f'{a} + {b} = {a + b}.'


def _comparison(rng: Random, seed: int, bigger: str) -> str | None:
    low, high = sorted(rng.sample(NUMBERS, 2))
    return f'{high} {bigger} {low}.' if split_of('bigger_number', f'{low} {high}', seed) == 'train' else None


def _copy(rng: Random, seed: int) -> str:
    first, second = rng.sample(world.NAMES, 2)
    words = ', '.join(rng.sample([noun.word for noun in world.NOUNS], rng.randint(2, 4)))
    return f'{first} writes: {words}. {second} copies: {words}.'


def _copy_de(rng: Random, seed: int) -> str:
    first, second = rng.sample(world.NAMES, 2)
    words = ', '.join(rng.sample([noun.word_de for noun in world.NOUNS], rng.randint(2, 4)))
    return f'{first} schreibt: {words}. {second} schreibt ab: {words}.'


def _story(rng: Random, seed: int) -> str:
    first, second = rng.sample(world.NAMES, 2)
    noun, (state, _), (colour, _) = (
        rng.choice(world.NOUNS),
        rng.choice(world.THING_ADJECTIVES[8:]),
        rng.choice(world.COLOURS),
    )
    return (
        f'{first} has {world.indefinite(noun.word)}. The {noun.word} is {colour} and {state}. '
        f'One day {first} loses the {noun.word}, but {second} finds it.'
    )


def _story_de(rng: Random, seed: int) -> str:
    first, second = rng.sample(world.NAMES, 2)
    noun, (_, state), (_, colour) = (
        rng.choice(world.NOUNS),
        rng.choice(world.THING_ADJECTIVES[8:]),
        rng.choice(world.COLOURS),
    )
    thing = world.accusative_de(noun)
    the_thing = f'{_DEFINITE_OBJECTS_DE[noun.article_de]} {thing.split()[1]}'
    return (
        f'{first} hat {thing}. {capitalized(noun.article_de)} {noun.word_de} ist {colour} und {state}. '
        f'Eines Tages verliert {first} {the_thing}, aber {second} findet {_PRONOUNS_DE[noun.article_de]}.'
    )


# A writer stands twice where its facts are many.
WRITERS: dict[str, tuple[Callable[[Random, int], str], ...]] = {
    'en': (
        *(_opposite, _category, _category, _translation, _translation, _translation, _plural, _plural, _capital),
        *(_colour, _deed, _deed, _state, _activity, _opinion, functools.partial(_numbers, bigger='is bigger than')),
        *(_story, _copy, _copy),
    ),
    'de': (
        *(_opposite_de, _category_de, _category_de, _translation_de, _translation_de, _translation_de, _plural_de),
        *(_plural_de, _capital_de, _colour_de, _deed_de, _deed_de, _state_de, _activity_de, _opinion_de),
        *(functools.partial(_numbers, bigger='ist größer als'), _story_de, _copy_de, _copy_de),
    ),
}
