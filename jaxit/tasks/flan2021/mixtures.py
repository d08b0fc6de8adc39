"""The mixtures of FLAN 2021: what is trained on when some clusters, data sets or templates are held out.

| name | what is trained on, or judged |
|---|---|
| `flan_{N}templates` | all data sets |
| `flan_inter_cluster_split_{i}_{N}templates_train`, `..._eval` | all clusters but the i-th and its kin; the i-th |
| `flan_intra_cluster_split_{k}_{N}templates_train`, `..._eval` | all but one group of data sets of each cluster; those |
| `flan_no_superglue_{N}templates_train`, `..._eval` | all but SuperGLUE; SuperGLUE |
| `flan_no_superglue_{n}tasks_{N}templates_train` | n of them (5, 10, ..., 55 in the paper) |
| `flan_{c}clusters_{N}templates_train`, `..._eval` | the first c clusters of the ablation of the paper's section 4.1; entailment, common sense and closed-book questions, less the kin of what is trained on |
| `flan_{c}clusters_15task_limit_{N}templates_train` | at most 15 data sets of them, of each cluster in turn |
| `flan_{c}clusters_{n}each_{N}templates_train` | at most n data sets of each of them |
| `flan_all_overlap_{N}templates_train`, `..._eval` | all data sets on both sides |

Names take the suffix of a number of shots before `_train` and `_eval`. Data sets are mixed in proportion to their rows,
at most 30,000 of which are used, and at most 3,000 of which count (section 2.1). Which data sets an ablation adds first
follows from the seed written here.
"""

import itertools
import random
import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from jaxit.tasks.flan2021 import library
from jaxit.tasks.flan2021.data_set import MIXING_MAXIMUM
from jaxit.tasks.flan2021.library import CLUSTERS, DATA_SETS, RANKINGS, SHOTS, TEMPLATE_COUNTS, evaluation_names
from jaxit.tasks.registry import Family, Mixture, add_family

# A data set of one of these was seen by a model that was trained on the other (appendix A.3 of the paper).
KIN = (
    {'reading_comprehension', 'read_comp_and_common_sense'},
    {'common_sense', 'read_comp_and_common_sense'},
    {'paraphrase', 'entailment'},
)
SUPERGLUE = ('bool_q', 'cb', 'copa', 'multirc', 'record', 'rte', 'wic', 'wsc')
ABLATION_CLUSTERS = (
    'summarization',
    'translation',
    'reading_comprehension',
    'sentiment',
    'structure_to_text',
    'coreference',
    'conversational_qa',
    'paraphrase',
)
ABLATION_TESTS = ('open_domain_qa', 'common_sense', 'entailment')
TASK_LIMIT = 15
NUM_INTRA_SPLITS = 10
SEED = 42  # of the order in which data sets are added to the ablations

# Rounds and versions of one data set are held out together.
_GROUPS = ('opinion_abstracts', 'squad', 'arc', 'anli', 'mnli')
_NUMBER = r'0|[1-9]\d*'
_NUMBERS = ('inter', 'intra', 'tasks', 'clusters', 'limit', 'each')
_STEM = (
    rf'_inter_cluster_split_(?P<inter>{_NUMBER})|_intra_cluster_split_(?P<intra>{_NUMBER})|_all_overlap(?P<overlap>)'
    rf'|_no_superglue(?P<glue>)(?:_(?P<tasks>{_NUMBER})tasks)?'
    rf'|_(?P<clusters>{_NUMBER})clusters(?:_(?P<limit>{_NUMBER})task_limit|_(?P<each>{_NUMBER})each)?'
)
_NAME = re.compile(rf'flan(?:{_STEM})?_(?P<count>{_NUMBER})templates(?P<shot>{"|".join(SHOTS)})(?P<side>_train|_eval)?')
_SUITE = re.compile(rf'flan(?:{_STEM})(?P<ranked>{"|".join(RANKINGS)})?(?P<shot>{"|".join(SHOTS)})_(?P<split>dev|test)')


class Sides(NamedTuple):
    """The data sets of both sides of a hold-out.

    Attributes:
        trained: what is trained on.
        judged: what is judged.
    """

    trained: tuple[str, ...]
    judged: tuple[str, ...]


def make(name: str) -> Mixture | None:
    """Returns the mixture of a name, or None where the name is not one of FLAN 2021's."""
    match = _NAME.fullmatch(name)
    if match is None or int(match['count']) not in TEMPLATE_COUNTS:
        return None
    if name == f'flan_{match["count"]}templates{match["shot"]}':
        return _training(name, _without(()), match)
    sides = _sides(match)
    if sides is None or match['side'] is None:
        return None
    return (
        _training(name, sides.trained, match) if match['side'] == '_train' else _evaluation(name, sides.judged, match)
    )


def suite_tasks(name: str) -> tuple[tuple[str, ...], str] | None:
    """Returns the tasks and the split of a suite, or None where the name is not one of FLAN 2021's.

    `flan_inter_cluster_split_{i}_test` judges every template of the held-out data sets, `..._dev` is where the best of
    them is chosen; one of `library.RANKINGS`, then a number of shots, may stand before the split. So it is with
    `flan_intra_cluster_split_{k}`, `flan_no_superglue` and `flan_{c}clusters`.
    """
    match = _SUITE.fullmatch(name)
    if match is None or any(match[group] is not None for group in ('tasks', 'limit', 'each', 'overlap')):
        return None
    sides = _sides(match)
    if sides is None:
        return None
    keys = (key for key in sides.judged if getattr(DATA_SETS[key], match['split']))
    tasks = tuple(task for key in keys for task in evaluation_names(key, match['ranked'] or '', match['shot']))
    return (tasks, match['split']) if tasks else None


def suite_names() -> tuple[str, ...]:
    """Returns the names of the suites that ask for written answers without exemplars."""
    stems = [f'flan_{kind}_cluster_split_{i}' for kind, i in _splits()]
    stems += ['flan_no_superglue', *(f'flan_{c}clusters' for c in range(1, len(ABLATION_CLUSTERS) + 1))]
    return tuple(f'{stem}_{split}' for stem in stems for split in ('dev', 'test') if suite_tasks(f'{stem}_{split}'))


def names(num_templates: int = 10, shot: str = '') -> tuple[str, ...]:
    """Returns the names of the training mixtures with so many templates and shots."""
    stems = ['flan']
    stems += [f'flan_{kind}_cluster_split_{i}' for kind, i in _splits()]
    stems += ['flan_no_superglue', *(f'flan_no_superglue_{n}tasks' for n in range(5, 60, 5))]
    stems += [f'flan_{c}clusters' for c in range(1, len(ABLATION_CLUSTERS) + 1)]
    side = {'flan': ''}
    return tuple(f'{stem}_{num_templates}templates{shot}{side.get(stem, "_train")}' for stem in stems)


def kin(cluster: str) -> set[str]:
    """Returns a cluster and those that a model must not have seen either when it is held out."""
    return {cluster}.union(*(group for group in KIN if cluster in group))


def intra_held_out(split: int) -> tuple[str, ...]:
    """Returns the data sets that an intra-cluster split holds out: one group of every cluster that has two or more."""
    held_out: list[str] = []
    for number, cluster in enumerate(CLUSTERS):
        keys = [key for key in _of_clusters({cluster}) if DATA_SETS[key].num_train]
        groups = list(dict.fromkeys(_group(key) for key in keys))
        if len(groups) > 1:
            order = np.random.RandomState(number).permutation(len(groups))
            chosen = groups[order[split % len(groups)]]
            held_out += [key for key in keys if _group(key) == chosen]
    return tuple(held_out)


def _splits() -> list[tuple[str, int]]:
    return [('inter', i) for i in range(len(CLUSTERS))] + [('intra', k) for k in range(NUM_INTRA_SPLITS)]


def _sides(match: re.Match[str]) -> Sides | None:
    """Returns what the stem of a name trains on and judges; None where a number in it is none that there is."""
    number = {group: None if match[group] is None else int(match[group]) for group in _NUMBERS}
    if number['inter'] is not None:
        return _inter(number['inter']) if number['inter'] < len(CLUSTERS) else None
    if number['intra'] is not None:
        held_out = intra_held_out(number['intra'])
        return Sides(_without(held_out), held_out) if number['intra'] < NUM_INTRA_SPLITS else None
    if match['glue'] is not None:
        return _no_superglue(number['tasks'])
    if match['overlap'] is not None:
        return Sides(_without(()), tuple(DATA_SETS))
    if number['clusters'] is not None:
        return _of_ablation(number['clusters'], number['each'], number['limit'])
    return None


def _inter(split: int) -> Sides:
    cluster = CLUSTERS[split]
    return Sides(_without(_of_clusters(kin(cluster))), _of_clusters({cluster}))


def _no_superglue(num: int | None) -> Sides | None:
    trained = _without(SUPERGLUE)
    if num is None:
        return Sides(trained, SUPERGLUE)
    return Sides(_drawn(trained, num), SUPERGLUE) if 1 <= num <= len(trained) else None


def _group(key: str) -> str:
    return next((group for group in _GROUPS if key.startswith(group)), key)


def _of_clusters(clusters: Iterable[str]) -> tuple[str, ...]:
    wanted = set(clusters)
    return tuple(key for key, data_set in DATA_SETS.items() if wanted & set(data_set.clusters))


def _without(held_out: Iterable[str]) -> tuple[str, ...]:
    excluded = set(held_out)
    return tuple(key for key, data_set in DATA_SETS.items() if key not in excluded and data_set.num_train)


def _drawn(keys: tuple[str, ...], num: int) -> tuple[str, ...]:
    order = sorted(keys)
    random.Random(SEED).shuffle(order)
    return tuple(order[:num])


def _of_ablation(num_clusters: int, each: int | None, limit: int | None) -> Sides | None:
    """Returns the first clusters, or some of their data sets, and what they are judged by."""
    if not 1 <= num_clusters <= len(ABLATION_CLUSTERS) or limit not in (None, TASK_LIMIT):
        return None
    clusters = ABLATION_CLUSTERS[:num_clusters]
    ordered = [
        _drawn(tuple(key for key in _of_clusters({cluster}) if DATA_SETS[key].num_train), len(DATA_SETS))
        for cluster in clusters
    ]
    if each is not None and not 1 <= each <= max(map(len, ordered)):
        return None
    in_turn = [key for round in itertools.zip_longest(*ordered) for key in round if key is not None][:limit]
    chosen = {key for keys in ordered for key in keys[:each]}.intersection(in_turn)
    seen = set().union(*map(kin, clusters))
    judged = _of_clusters(cluster for cluster in ABLATION_TESTS if cluster not in seen)
    return Sides(tuple(key for keys in ordered for key in keys if key in chosen), judged)


def _training(name: str, keys: tuple[str, ...], match: re.Match[str]) -> Mixture:
    suffix = f'_{match["count"]}templates{match["shot"]}'
    return Mixture(name, tuple((f'{key}{suffix}', None) for key in keys), MIXING_MAXIMUM)


def _evaluation(name: str, keys: Iterable[str], match: re.Match[str]) -> Mixture:
    tasks = [task for key in keys for task in evaluation_names(key, shot=match['shot'])]
    return Mixture(name, tuple((task, None) for task in tasks), split='test')


add_family(Family(library.make, tasks=library.training_names()))
add_family(Family(make, mixtures=names()))
