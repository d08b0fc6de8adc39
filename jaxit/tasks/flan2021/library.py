"""The data sets of FLAN 2021 by name, and the tasks that are made of them when somebody asks for one.

| name | what it is |
|---|---|
| `{set}_{N}templates` | the first N templates, N in 1, 2, 4, 7, 10; training draws one for each row |
| `{set}_type_{i}` | template i alone, for evaluation by the metrics of the data set |
| `{set}_type_{i}_scoring_eval` | template i, judged by rank classification over the options it shows |
| `{set}_type_{i}_score_eval_no_options`, `..._score_flan_no_options` | the same without showing them |
| `{set}_all_prompts` | an older name of `{set}_10templates` |
| `continuations_{set}_type_0` | the example as plain text to be continued: what an untuned model is compared by |
| `continuations_{set}_type_0_scoring_eval` | the same, judged by rank classification |
| any of these with `_one_shot`, `_two_shot`, `_three_shot`, `_five_shot`, `_ten_shot`, `_multi_shot` | exemplars first |

There are thousands of such names, so they are made on demand; `jaxit tasks list` shows those with ten templates.
An inverted template asks for something other than the answer: there is no `_type_{i}` of it. The published code has two
names for ranking without options, meant for the untuned and for the tuned model, and one task behind them; so here.
"""

import dataclasses
import re

from jaxit.core.errors import UserError
from jaxit.tasks.flan2021 import (
    algebra,
    common_sense,
    conversational_qa,
    coreference,
    entailment,
    invented,
    linguistic_acceptability,
    open_domain_qa,
    paraphrase,
    question_classification,
    read_comp_and_common_sense,
    reading_comprehension,
    sentiment,
    structure_to_text,
    summarization,
    text_formatting,
    translation,
    word_disambiguation,
)
from jaxit.tasks.flan2021.continuations import continuation
from jaxit.tasks.flan2021.data_set import NUM_TEMPLATES, DataSet
from jaxit.tasks.registry import Task
from jaxit.tasks.tensorflow_sources import Tfds
from jaxit.text.templates import Template

# In the order in which FLAN numbers its clusters.
_MODULES = (
    summarization,
    structure_to_text,
    reading_comprehension,
    open_domain_qa,
    paraphrase,
    sentiment,
    text_formatting,
    common_sense,
    translation,
    coreference,
    entailment,
    algebra,
    conversational_qa,
    word_disambiguation,
    linguistic_acceptability,
    question_classification,
    read_comp_and_common_sense,
)
DATA_SETS: dict[str, DataSet] = {data_set.key: data_set for module in _MODULES for data_set in module.DATA_SETS}
CLUSTERS = tuple(dict.fromkeys(cluster for data_set in DATA_SETS.values() for cluster in data_set.clusters))
TEMPLATE_COUNTS = (1, 2, 4, 7, 10)
SHOTS = {
    '': 0,
    '_one_shot': 1,
    '_two_shot': 2,
    '_three_shot': 3,
    '_five_shot': 5,
    '_ten_shot': 10,
    '_multi_shot': 16,  # as many of them as fit
}
RANKED = ('rank_accuracy', 'rank_accuracy_per_token')
WITH_OPTIONS = '_scoring_eval'
RANKINGS = (WITH_OPTIONS, '_score_eval_no_options', '_score_flan_no_options')

_NAME = re.compile(
    rf'(?P<plain>continuations_)?(?P<key>\w+?)_(?:(?P<count>\d+)templates|all_prompts|'
    rf'type_(?P<index>\d)(?P<ranked>{"|".join(RANKINGS)})?)(?P<shot>{"|".join(SHOTS)})'
)


def make(name: str) -> Task | None:
    """Returns the task of a name, or None where the name is not one of FLAN 2021's."""
    match = _NAME.fullmatch(name)
    if match is None or match['key'] not in DATA_SETS:
        return None
    data_set = DATA_SETS[match['key']]
    templates = _templates(data_set, match)
    if not templates or (match['ranked'] and not data_set.classification):
        return None
    task = _task(name, data_set, templates, SHOTS[match['shot']])
    return dataclasses.replace(task, metrics=_ranked(data_set)) if match['ranked'] else task


def training_names(num_templates: int = 10, shot: str = '') -> tuple[str, ...]:
    """Returns the names of the training tasks of all data sets that have rows to train on."""
    if num_templates not in TEMPLATE_COUNTS or shot not in SHOTS:
        raise UserError(
            f'templates {num_templates} is none of {TEMPLATE_COUNTS}, or shot {shot!r} none of {list(SHOTS)}'
        )
    return tuple(f'{key}_{num_templates}templates{shot}' for key, d in DATA_SETS.items() if d.num_train)


def evaluation_names(key: str, suffix: str = '') -> tuple[str, ...]:
    """Returns the names of the evaluation tasks of a data set, one for each template that is not inverted."""
    templates = enumerate(DATA_SETS[key].templates)
    return tuple(f'{key}_type_{i}{suffix}' for i, template in templates if template.kind != 'inverted')


def _templates(data_set: DataSet, match: re.Match[str]) -> tuple[Template, ...]:
    """Returns the templates that a name asks for, or none where there is no such task."""
    index, ranked = match['index'], match['ranked']
    if match['plain']:
        return (continuation(data_set.key),) if index == '0' and ranked in (None, WITH_OPTIONS) else ()
    if index is None:
        count = int(match['count'] or NUM_TEMPLATES)
        return data_set.templates[:count] if count in TEMPLATE_COUNTS else ()
    template = data_set.templates[int(index)]
    if template.kind == 'inverted':
        return ()
    return (template if ranked in (None, WITH_OPTIONS) else dataclasses.replace(template, options_style='none'),)


def _ranked(data_set: DataSet) -> tuple[str, ...]:
    """Returns the metrics of ranked options: accuracy, and those of the data set as if the chosen option were written."""
    return (*RANKED, *(f'rank_{metric}' for metric in data_set.metrics if metric != 'exact_match'))


def _task(name: str, data_set: DataSet, templates: tuple[Template, ...], shots: int) -> Task:
    slices = {'train': data_set.train, 'dev': data_set.dev, 'test': data_set.test}
    source = Tfds(
        data_set.tfds,
        {split: theirs for split, theirs in slices.items() if theirs},
        sizes={'train': data_set.num_train} if data_set.num_train else {},
        invented=invented.ROWS[data_set.key],
    )
    return Task(
        name,
        source,
        templates=templates,
        preprocessors=data_set.preprocessors,
        metrics=data_set.metrics,
        cluster=', '.join(data_set.clusters),
        licence=data_set.licence,
        language=', '.join(data_set.languages),
        answer_options='options' if data_set.classification else None,
        shots=shots,
    )
