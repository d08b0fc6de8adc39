"""Hold-outs: nothing of a held-out cluster or its kin is trained on; rates are those of capped sizes."""

import dataclasses

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks import registry, suites
from jaxit.tasks.flan2021 import library, mixtures
from jaxit.tasks.flan2021.library import CLUSTERS, DATA_SETS

# Written out by hand from appendix A.3 of the paper: what a model must not have seen when a cluster is judged.
KIN = {
    'reading_comprehension': ['read_comp_and_common_sense'],
    'common_sense': ['read_comp_and_common_sense'],
    'read_comp_and_common_sense': ['reading_comprehension', 'common_sense'],
    'paraphrase': ['entailment'],
    'entailment': ['paraphrase'],
}
SUPERGLUE = {'bool_q', 'cb', 'copa', 'multirc', 'record', 'rte', 'wic', 'wsc'}
ORDER = ('summarization translation reading_comprehension sentiment structure_to_text coreference conversational_qa '
         'paraphrase').split()  # fmt: skip
GROUPS = ('anli', 'squad', 'arc', 'mnli', 'opinion_abstracts')


def keys_of(mixture, suffix):
    return {name.removesuffix(suffix) for name, _ in mixture.components}


def split_of(cluster):
    i = CLUSTERS.index(cluster)
    return (
        keys_of(mixtures.make(f'flan_inter_cluster_split_{i}_10templates_train'), '_10templates'),
        {
            name.rsplit('_type_', 1)[0]
            for name, _ in mixtures.make(f'flan_inter_cluster_split_{i}_10templates_eval').components
        },
    )


def of(*clusters):
    return {key for key, data_set in DATA_SETS.items() if data_set.clusters[0] in clusters}


def judged_of(name):
    return {task.rsplit('_type_', 1)[0] for task, _ in mixtures.make(name).components}


@pytest.mark.parametrize('cluster', CLUSTERS)
def test_held_out_clusters_are_not_trained_on(cluster):
    trained, judged = split_of(cluster)
    assert judged == of(cluster)
    assert trained == set(DATA_SETS) - {'wsc273'} - of(cluster, *KIN.get(cluster, ()))


def test_kin_is_held_out_both_ways():
    assert not {'rte', 'glue_mrpc'} & split_of('entailment')[0] and 'rte' not in split_of('paraphrase')[0]
    assert 'record' not in split_of('reading_comprehension')[0] and 'copa' in split_of('reading_comprehension')[0]
    assert 'record' not in split_of('common_sense')[0] and 'bool_q' in split_of('common_sense')[0]
    assert not {'bool_q', 'copa'} & split_of('read_comp_and_common_sense')[0]


def test_a_data_set_of_one_text_is_in_no_other_cluster():
    """Two keys of one TFDS source (ANLI's rounds apart) would leak rows over a split."""
    by_source = {}
    for d in DATA_SETS.values():
        by_source.setdefault(d.tfds, set()).update(d.clusters)
    assert all(len(clusters) == 1 for clusters in by_source.values())


def test_groups_are_held_out_whole_and_every_split_differs():
    names = [f'flan_intra_cluster_split_{k}_10templates' for k in range(10)]
    held = [judged_of(f'{name}_eval') for name in names]
    assert len(set(map(frozenset, held))) == len(held)
    for name, keys in zip(names, held, strict=True):
        trained = keys_of(mixtures.make(f'{name}_train'), '_10templates')
        assert trained == set(DATA_SETS) - {'wsc273'} - keys
        for group in GROUPS:
            members = {key for key in DATA_SETS if key.startswith(group)}
            assert not members & keys or members <= keys
        for cluster in CLUSTERS:
            groups = {next((g for g in GROUPS if key.startswith(g)), key) for key in keys & of(cluster)}
            assert len(groups) == (
                cluster not in ('math', 'word_disambiguation', 'linguistic_acceptability', 'question_classification')
            )
        asked = suites.get_suite(f'{name.removesuffix("_10templates")}_test').tasks
        assert {task.rsplit('_type_', 1)[0] for task in asked} == keys
    assert set().union(*held) >= of('paraphrase', 'sentiment', 'common_sense', 'structure_to_text')


def test_superglue_is_held_out():
    trained = keys_of(mixtures.make('flan_no_superglue_4templates_train'), '_4templates')
    assert trained == set(DATA_SETS) - {'wsc273'} - SUPERGLUE
    assert judged_of('flan_no_superglue_4templates_eval') == SUPERGLUE
    asked = suites.get_suite('flan_no_superglue_test').tasks
    assert {task.rsplit('_type_', 1)[0] for task in asked} == SUPERGLUE
    five, ten = (
        keys_of(mixtures.make(f'flan_no_superglue_{n}tasks_10templates_train'), '_10templates') for n in (5, 10)
    )
    assert len(five) == 5 and five < ten and ten < trained
    assert keys_of(mixtures.make('flan_no_superglue_61tasks_4templates_train'), '_4templates') == trained


def test_clusters_are_added_one_by_one():
    names = [f'flan_{c}clusters_10templates' for c in range(1, 9)]
    for count, name in enumerate(names, 1):
        trained = keys_of(mixtures.make(f'{name}_train'), '_10templates')
        assert trained == of(*ORDER[:count]) - {'wsc273'}
        # Paraphrase is the eighth, and entailment its kin.
        tests = ['open_domain_qa', 'common_sense', *(['entailment'] if count < 8 else [])]
        assert judged_of(f'{name}_eval') == of(*tests)
        asked = suites.get_suite(f'flan_{count}clusters_dev').tasks
        assert {task.rsplit('_type_', 1)[0] for task in asked} == of(*tests)
    sizes = [len(mixtures.make(f'{name}_train').components) for name in names]
    assert sizes == [11, 19, 25, 29, 33, 36, 38, 42]


def test_clusters_may_be_cut_short():
    each = [keys_of(mixtures.make(f'flan_3clusters_{n}each_10templates_train'), '_10templates') for n in (1, 2, 11)]
    assert [[len(keys & of(cluster)) for cluster in ORDER[:3]] for keys in each] == [[1, 1, 1], [2, 2, 2], [11, 8, 6]]
    assert each[0] < each[1] < each[2]
    limited = {
        c: keys_of(mixtures.make(f'flan_{c}clusters_15task_limit_10templates_train'), '_10templates') for c in (1, 2, 7)
    }
    assert limited[1] == of('summarization') and len(limited[2]) == len(limited[7]) == 15
    assert [len(limited[2] & of(cluster)) for cluster in ORDER[:2]] == [8, 7]
    assert [len(limited[7] & of(cluster)) for cluster in ORDER[:7]] == [3, 2, 2, 2, 2, 2, 2]


def test_both_sides_may_be_all_data_sets():
    trained = keys_of(mixtures.make('flan_all_overlap_10templates_train'), '_10templates')
    assert trained == set(DATA_SETS) - {'wsc273'} == judged_of('flan_all_overlap_10templates_eval') - {'wsc273'}


def test_what_is_judged_counts_with_all_its_test_rows():
    mixture = mixtures.make('flan_inter_cluster_split_5_10templates_eval')
    assert (mixture.maximum, mixture.split) == (None, 'test')
    assert not [rate for _, rate in mixture.components if rate is not None]


def test_rates_are_capped_sizes():
    resolved = registry.resolve('flan_10templates')
    rates = {task.name: rate for task, rate in resolved}
    assert len(rates) == 69
    assert rates['cb_10templates'] == 200 and rates['glue_qqp_10templates'] == 3_000
    assert rates['copa_10templates'] == 350 and sum(rates.values()) == 188_330


@pytest.mark.parametrize(
    'name',
    ['flan_3templates', 'flan_inter_cluster_split_17_10templates_train', 'flan_9clusters_10templates_train', 'flan_10templates_eval',
     'flan_intra_cluster_split_10_10templates_train', 'flan_inter_cluster_split_0_10templates', 'flan_010templates',
     'flan_inter_cluster_split_007_10templates_train', 'flan_no_superglue_0tasks_10templates_train',
     'flan_no_superglue_62tasks_10templates_train', 'flan_no_superglue_999tasks_10templates_train',
     'flan_0clusters_10templates_train', 'flan_3clusters_0each_10templates_train', 'flan_3clusters_12each_10templates_train',
     'flan_3clusters_10task_limit_10templates_train', 'flan_all_overlap_10templates', 'flan_10templates_train'],
)  # fmt: skip
def test_other_names_stand_for_nothing(name):
    assert mixtures.make(name) is None


def test_all_listed_names_can_be_made():
    for shot in ('', '_five_shot'):
        names = mixtures.names(7, shot)
        assert len(set(names)) == len(names) == 48
        for name in names:
            assert mixtures.make(name).components


def test_suites_ask_all_templates_of_what_is_held_out():
    i = CLUSTERS.index('entailment')
    suite = suites.get_suite(f'flan_inter_cluster_split_{i}_test')
    assert (suite.kind, suite.split) == ('held_out', 'test')
    assert 'rte_type_8' in suite.tasks and 'rte_type_9' not in suite.tasks  # the last one is inverted
    assert all(registry.get_task(name).splits for name in suite.tasks)
    ranked = suites.get_suite(f'flan_inter_cluster_split_{i}_scoring_eval_five_shot_dev')
    assert ranked.split == 'dev' and 'cb_type_0_scoring_eval_five_shot' in ranked.tasks
    hidden = suites.get_suite(f'flan_inter_cluster_split_{i}_score_flan_no_options_test')
    assert 'rte_type_8_score_flan_no_options' in hidden.tasks
    assert all(registry.get_task(name).splits for name in hidden.tasks)
    coreference = CLUSTERS.index('coreference')
    on_dev, on_test = (
        suites.get_suite(f'flan_inter_cluster_split_{coreference}_{split}').tasks for split in ('dev', 'test')
    )
    assert {name for name in on_test if name not in on_dev} == {f'wsc273_type_{i}' for i in range(10)}
    with pytest.raises(UserError, match='unknown suite'):
        suites.get_suite('flan_inter_cluster_split_17_test')
    with pytest.raises(UserError, match='did you mean flan_no_superglue_test'):
        suites.get_suite('flan_no_superglu_test')


@pytest.mark.parametrize('shot', ['_one_shot', '_five_shot', '_multi_shot'])
def test_what_has_no_rows_to_show_is_not_asked_with_exemplars(shot):
    i = CLUSTERS.index('coreference')
    for name in ('wsc273_type_0', 'continuations_wsc273_type_0', 'wsc273_type_3_scoring_eval'):
        assert library.make(name) is not None and library.make(f'{name}{shot}') is None
    for split in ('dev', 'test'):
        for ranked in ('', '_scoring_eval'):
            tasks = suites.get_suite(f'flan_inter_cluster_split_{i}{ranked}{shot}_{split}').tasks
            assert len(tasks) == 30 and all(registry.get_task(name).shots for name in tasks)
    judged = [name for name, _ in mixtures.make(f'flan_inter_cluster_split_{i}_10templates{shot}_eval').components]
    assert len(judged) == 30 and all(registry.get_task(name).shots for name in judged)


def test_what_a_family_makes_is_checked_like_any_other_task(monkeypatch):
    registry.names()
    monkeypatch.setattr(registry, '_FAMILIES', list(registry._FAMILIES))
    made = dataclasses.replace(library.make('wsc273_type_0'), name='mine', shots=2)
    registry.add_family(registry.Family(lambda name: made if name == 'mine' else None))
    with pytest.raises(UserError, match="task 'mine': shots is 2; exemplars need instructions and a split 'train'"):
        registry.get_task('mine')
