"""The mixtures of FLAN 2021: what is trained on when some clusters, data sets or templates are held out.

| name | what is trained on, or judged |
|---|---|
| `flan_{N}templates` | all data sets |
| `flan_inter_cluster_split_{i}_{N}templates_train`, `..._eval` | all clusters but the i-th and its kin; the i-th |
| `flan_intra_cluster_split_{k}_{N}templates_train`, `..._eval` | all but one group of data sets of each cluster; those |
| `flan_no_superglue_{N}templates_train` | all but SuperGLUE |
| `flan_no_superglue_{n}tasks_{N}templates_train` | n of them, n = 5, 10, ..., 55 |
| `flan_{c}clusters_{N}templates_train` | the first c clusters of the ablation of the paper's section 4.1 |
| `flan_{c}clusters_{n}each_{N}templates_train` | at most n data sets of each of them |

Names take the suffix of a number of shots before `_train` and `_eval`. Data sets are mixed in proportion to their rows,
at most 30,000 of which are used, and at most 3,000 of which count (section 2.1). Which data sets the paper drew for its
ablations is not published: ours follow from the seeds written here.
"""

import random
import re
from collections.abc import Iterable

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
NUM_INTRA_SPLITS = 10
SEED = 42  # of the order in which data sets are added to the ablations

# Rounds and versions of one data set are held out together.
_GROUPS = ('opinion_abstracts', 'squad', 'arc', 'anli', 'mnli')
_NAME = re.compile(
    r'flan(?:_inter_cluster_split_(?P<inter>\d+)|_intra_cluster_split_(?P<intra>\d+)|_no_superglue(?P<glue>)'
    r'(?:_(?P<tasks>\d+)tasks)?|_(?P<clusters>\d+)clusters(?:_(?P<each>\d+)each)?)?'
    rf'_(?P<count>\d+)templates(?P<shot>{"|".join(SHOTS)})(?P<side>_train|_eval)?'
)
_SUITE = re.compile(
    rf'flan_(?P<kind>inter|intra)_cluster_split_(?P<number>\d+)(?P<ranked>{"|".join(RANKINGS)})?'
    rf'(?P<shot>{"|".join(SHOTS)})_(?P<split>dev|test)'
)


def make(name: str) -> Mixture | None:
    """Returns the mixture of a name, or None where the name is not one of FLAN 2021's."""
    match = _NAME.fullmatch(name)
    if match is None or int(match['count']) not in TEMPLATE_COUNTS:
        return None
    parts = match.groupdict()
    if parts['inter'] is not None and int(parts['inter']) < len(CLUSTERS):
        held_out = _of_clusters({CLUSTERS[int(parts['inter'])]})
        trained = _without(_of_clusters(kin(CLUSTERS[int(parts['inter'])])))
    elif parts['intra'] is not None and int(parts['intra']) < NUM_INTRA_SPLITS:
        held_out = intra_held_out(int(parts['intra']))
        trained = _without(held_out)
    elif parts['glue'] is not None:
        held_out, trained = SUPERGLUE, _without(SUPERGLUE)
        if parts['tasks']:
            trained = _drawn(trained, int(parts['tasks']))
    elif parts['clusters'] is not None and 0 < int(parts['clusters']) <= len(ABLATION_CLUSTERS):
        held_out, trained = (), _of_ablation(int(parts['clusters']), int(parts['each'] or len(DATA_SETS)))
    elif parts['side'] is None and name.startswith(f'flan_{match["count"]}templates'):
        return _training(name, _without(()), match)
    else:
        return None
    if match['side'] == '_eval':
        return _evaluation(name, held_out, match) if held_out else None
    return _training(name, trained, match) if match['side'] else None


def suite_tasks(name: str) -> tuple[tuple[str, ...], str] | None:
    """Returns the tasks and the split of a suite, or None where the name is not one of FLAN 2021's.

    `flan_inter_cluster_split_{i}_test` judges every template of the held-out data sets, `..._dev` is where the best of
    them is chosen; one of `library.RANKINGS`, then a number of shots, may stand before the split.
    """
    match = _SUITE.fullmatch(name)
    if match is None:
        return None
    number = int(match['number'])
    if number >= (len(CLUSTERS) if match['kind'] == 'inter' else NUM_INTRA_SPLITS):
        return None
    keys = _of_clusters({CLUSTERS[number]}) if match['kind'] == 'inter' else intra_held_out(number)
    keys = tuple(key for key in keys if getattr(DATA_SETS[key], match['split']))
    if match['ranked']:
        keys = tuple(key for key in keys if DATA_SETS[key].classification)
    suffix = (match['ranked'] or '') + match['shot']
    tasks = tuple(task for key in keys for task in evaluation_names(key, suffix))
    return (tasks, match['split']) if tasks else None


def names(num_templates: int = 10, shot: str = '') -> tuple[str, ...]:
    """Returns the names of the training mixtures with so many templates and shots."""
    stems = ['flan']
    stems += [f'flan_inter_cluster_split_{i}' for i in range(len(CLUSTERS))]
    stems += [f'flan_intra_cluster_split_{k}' for k in range(NUM_INTRA_SPLITS)]
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


def _of_ablation(num_clusters: int, each: int) -> tuple[str, ...]:
    keys: list[str] = []
    for cluster in ABLATION_CLUSTERS[:num_clusters]:
        keys += _drawn(tuple(key for key in _of_clusters({cluster}) if DATA_SETS[key].num_train), each)
    return tuple(keys)


def _training(name: str, keys: tuple[str, ...], match: re.Match[str]) -> Mixture:
    suffix = f'_{match["count"]}templates{match["shot"]}'
    return Mixture(name, tuple((f'{key}{suffix}', None) for key in keys), MIXING_MAXIMUM)


def _evaluation(name: str, keys: Iterable[str], match: re.Match[str]) -> Mixture:
    tasks = [task for key in keys for task in evaluation_names(key, match['shot'])]
    return Mixture(name, tuple((task, None) for task in tasks), split='test')


add_family(Family(library.make, tasks=library.training_names()))
add_family(Family(make, mixtures=names()))
