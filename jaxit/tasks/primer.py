"""The primer: a mixture of small tasks that needs no download, generated from a seed.

Closed word lists in English and German (`primer_world.py`), short prompts, answers of one to five
words: a model of one to three million parameters learns it on a laptop in minutes. What it is
measured on was not trained: held-out instances of each task, held-out wordings, and held-out
compositions (trained on the opposite of the FIRST word and the category of the LAST, asked for the
opposite of the LAST and the category of the FIRST).

| tasks | held apart by |
|---|---|
| opposite, category, plural, word_to_*, capital, colour, add, *_translated | pairs of (item, template) |
| sentiment | whole items, each in all templates |
| all others | whole items, freshly drawn |
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jaxit.tasks import primer_records as made
from jaxit.tasks.primer_templates import Wording, Wordings, of_list, translated, wordings
from jaxit.tasks.primer_text import NUM_DOCUMENTS, primer_text
from jaxit.tasks.registry import Task, add_mixture, add_task
from jaxit.tasks.sources import Python
from jaxit.text.templates import Template

SEED = 0
LICENCE = 'Apache-2.0'
MAXIMUM = 1000  # of examples that a task counts with in the mixture
REPLAY_RATE = 0.05  # OPT-IML, section 4.5: gains up to ten per cent, five chosen

Records = Callable[..., Iterable[made.Item]]


@dataclass(frozen=True)
class Spec:
    """One task of the primer.

    Attributes:
        name: without 'primer_'.
        cluster: the kind of task.
        wordings: its templates.
        how: 'facts', 'items' or 'draws' of `primer_records`.
        content: the items of a list, or the function that draws one.
        options: whether its records hold answer options.
        held_out: whether the task is only evaluated.
        count: how many items are drawn for each split.
    """

    name: str
    cluster: str
    wordings: Wordings
    how: str
    content: Callable[..., Any]
    options: bool = False
    held_out: bool = False
    count: Mapping[str, int] = field(default_factory=lambda: made.NUM_DRAWS)


def _simple(name: str, cluster: str, how: str, content: Callable[..., Any], **fields: Any) -> Spec:
    return Spec(name, cluster, wordings(name), how, content, **fields)


def _of_list(function: str, position: str, facts: Callable[[], list[made.Item]], *, held_out: bool) -> Spec:
    draw = functools.partial(made.draw_of_list, facts=facts, place={'first': 0, 'last': -1}[position])
    name = f'{function}_of_{position}'
    return Spec(name, 'composition', of_list(function, position), 'draws', draw, held_out=held_out)


def _translated(function: str, facts: Callable[[], list[made.Item]], *, held_out: bool) -> Spec:
    items = functools.partial(made.swapped, facts)
    return Spec(f'{function}_translated', 'composition', translated(function), 'facts', items, held_out=held_out)


SPECS = (
    _simple('topic', 'classification', 'draws', made.draw_activity, options=True),
    _simple('sentiment', 'classification', 'items', made.opinions, options=True),
    _simple('opposite', 'lexicon', 'facts', made.opposites),
    _simple('category', 'lexicon', 'facts', made.categories, options=True),
    _simple('word_to_german', 'translation', 'facts', made.words),
    _simple('word_to_english', 'translation', 'facts', made.words),
    _simple('sentence_to_german', 'translation', 'draws', made.draw_state),
    _simple('sentence_to_english', 'translation', 'draws', made.draw_state),
    _simple('capital', 'knowledge', 'facts', made.capitals),
    _simple('colour', 'knowledge', 'facts', made.colours),
    _simple('first_word', 'structure', 'draws', functools.partial(made.draw_end_word, place=0)),
    _simple('last_word', 'structure', 'draws', functools.partial(made.draw_end_word, place=-1)),
    _simple('count_words', 'structure', 'draws', made.draw_count),
    _simple('contains', 'structure', 'draws', made.draw_membership, options=True),
    _simple('past', 'rewriting', 'draws', made.draw_deed),
    _simple('plural', 'rewriting', 'facts', made.plurals),
    _simple('add', 'arithmetic', 'facts', made.sums),
    _simple('bigger_number', 'ordering', 'draws', made.draw_numbers, count=made.NUM_PAIRS),
    _simple('alphabet', 'ordering', 'draws', made.draw_alphabet),
    # Each function and each position is met in a trained composition; what is held out is how they are joined.
    _of_list('opposite', 'first', made.opposites, held_out=False),
    _of_list('opposite', 'last', made.opposites, held_out=True),
    _of_list('category', 'first', made.categories, held_out=True),
    _of_list('category', 'last', made.categories, held_out=False),
    _of_list('plural', 'first', made.plurals, held_out=False),
    _of_list('plural', 'last', made.plurals, held_out=True),
    _of_list('translation', 'first', made.translations_of_nouns, held_out=True),
    _of_list('translation', 'last', made.translations_of_nouns, held_out=False),
    _translated('opposite', made.opposites, held_out=False),
    _translated('category', made.categories, held_out=False),
    _translated('plural', made.plurals, held_out=True),
)

TRAINED = tuple(f'primer_{spec.name}' for spec in SPECS if not spec.held_out)
HELD_OUT_COMPOSITIONS = tuple(f'primer_{spec.name}' for spec in SPECS if spec.held_out)
HELD_OUT_TEMPLATES = tuple(f'{name}_held_out_templates' for name in TRAINED)


def _source(spec: Spec, templates: int, splits: tuple[str, ...]) -> Python:
    if spec.how == 'draws':
        draw = functools.partial(made.draw_records, task=spec.name, draw=spec.content, count=spec.count)
        return Python(draw, splits, SEED, spec.count)
    if splits != made.SPLITS and spec.how == 'facts':
        records = functools.partial(made.all_records, items=spec.content, templates=templates)
    else:
        split_by = {'facts': made.fact_records, 'items': made.item_records}[spec.how]
        records = functools.partial(split_by, task=spec.name, items=spec.content, templates=templates)
    return Python(records, splits, SEED)


def _add(spec: Spec, name: str, patterns: tuple[Wording, ...], splits: tuple[str, ...]) -> Task:
    templates = tuple(
        Template(wording.inputs, wording.targets, language=wording.language, name=f'{name}/{index}')
        for index, wording in enumerate(patterns)
    )
    return add_task(
        name,
        _source(spec, len(templates), splits),
        templates=templates,
        cluster=spec.cluster,
        licence=LICENCE,
        language='en, de',
        answer_options={'en': 'options', 'de': 'options_de'} if spec.options else None,
        template_field=None if spec.how == 'draws' else 'template',
        eval_template=None,
    )


def _register() -> None:
    for spec in SPECS:
        name = f'primer_{spec.name}'
        if spec.held_out:
            _add(spec, name, spec.wordings.trained, ('test',))
        else:
            _add(spec, name, spec.wordings.trained, made.SPLITS)
            _add(spec, f'{name}_held_out_templates', spec.wordings.held_out, ('test',))
    add_task(
        'primer_replay',
        Python(primer_text, made.SPLITS, SEED, NUM_DOCUMENTS),
        kind='text',
        metrics=('perplexity',),
        cluster='text',
        licence=LICENCE,
        language='en, de',
    )
    add_mixture('primer', TRAINED, maximum=MAXIMUM)
    add_mixture('primer_with_replay', (('primer', 1 - REPLAY_RATE), ('primer_replay', REPLAY_RATE)))


_register()
