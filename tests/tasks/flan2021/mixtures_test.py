"""Hold-outs: nothing of a held-out cluster or its kin is trained on; rates are those of capped sizes."""

import itertools

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks import registry, suites
from jaxit.tasks.flan2021 import mixtures
from jaxit.tasks.flan2021.library import CLUSTERS, DATA_SETS


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


@pytest.mark.parametrize('cluster', CLUSTERS)
def test_held_out_clusters_are_not_trained_on(cluster):
    trained, judged = split_of(cluster)
    own = {key for key, d in DATA_SETS.items() if cluster in d.clusters}
    assert judged == own and not trained & own
    assert trained | own | {key for key, d in DATA_SETS.items() if set(d.clusters) & mixtures.kin(cluster)} >= {
        key for key, d in DATA_SETS.items() if d.num_train
    }


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
    held = [mixtures.intra_held_out(k) for k in range(mixtures.NUM_INTRA_SPLITS)]
    assert len(set(held)) == len(held)
    for keys in held:
        for group in ('anli', 'squad', 'arc', 'mnli', 'opinion_abstracts'):
            members = {key for key in DATA_SETS if key.startswith(group)}
            assert not members & set(keys) or members <= set(keys)
        assert not {'math_dataset', 'wic', 'cola', 'trec'} & set(keys)  # alone in their clusters


def test_ablations():
    no_glue = keys_of(mixtures.make('flan_no_superglue_4templates_train'), '_4templates')
    assert not no_glue & set(mixtures.SUPERGLUE)
    five, ten = (
        keys_of(mixtures.make(f'flan_no_superglue_{n}tasks_10templates_train'), '_10templates') for n in (5, 10)
    )
    assert len(five) == 5 and five < ten and ten < no_glue
    clusters = [keys_of(mixtures.make(f'flan_{c}clusters_10templates_train'), '_10templates') for c in range(1, 9)]
    assert all(a < b for a, b in itertools.pairwise(clusters))
    assert {DATA_SETS[key].clusters[0] for key in clusters[1]} == {'summarization', 'translation'}
    assert len(keys_of(mixtures.make('flan_3clusters_2each_10templates_train'), '_10templates')) == 6


def test_rates_are_capped_sizes():
    resolved = registry.resolve('flan_10templates')
    rates = {task.name: rate for task, rate in resolved}
    assert len(rates) == 69
    assert rates['cb_10templates'] == 200 and rates['glue_qqp_10templates'] == 3_000
    assert rates['copa_10templates'] == 350 and sum(rates.values()) == pytest.approx(188_330, rel=0.01)


@pytest.mark.parametrize(
    'name',
    ['flan_3templates', 'flan_inter_cluster_split_17_10templates_train', 'flan_9clusters_10templates_train', 'flan_10templates_eval',
     'flan_intra_cluster_split_10_10templates_train', 'flan_inter_cluster_split_0_10templates'],
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
