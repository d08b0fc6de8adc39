"""Entailment held out, on real rows: no training row says what a judged row says, and where one does it stays out of the cache."""

import dataclasses
import functools
import itertools

import pytest
from real_rows import ADAPTERS, JUDGED

from jaxit.data.cache import TokenCache
from jaxit.tasks import caching, registry, suites
from jaxit.tasks.flan2021 import library, mixtures
from jaxit.tasks.flan2021.library import CLUSTERS
from jaxit.tasks.hygiene import contamination, duplicates
from jaxit.tasks.hygiene.findings import rows_to_leave_out
from jaxit.tasks.registry import Mixture
from jaxit.tasks.sources import Python
from jaxit.text.base import ByteTokenizer
from jaxit.text.examples import TokenFormat

STEM = f'flan_inter_cluster_split_{CLUSTERS.index("entailment")}_10templates'
NUM_ROWS = 2000  # of a data set
JUDGED_TASKS = ('rte_type_0', 'cb_type_0')
FORMAT = TokenFormat(False, 8000, 400)


def _rows(split, seed, *, read, folder):
    return list(itertools.islice(read(folder), NUM_ROWS))


@pytest.fixture(autouse=True)
def real(monkeypatch, shared_data):
    """Puts real rows behind the names of FLAN's tasks: RTE's and CB's test rows behind those that judge."""
    registry.names()
    monkeypatch.setattr(registry, '_TASKS', dict(registry._TASKS))
    monkeypatch.setattr(suites, 'SUITES', dict(suites.SUITES))
    readers = {f'{key}_10templates': read for key, read in ADAPTERS.items()}
    readers |= {f'{key}_type_0': read for key, read in JUDGED.items()}
    for name, read in readers.items():
        put(name, Python(functools.partial(_rows, read=read, folder=shared_data), ('train', 'test')))
    suites.add_suite(suites.Suite('judged', 'held_out', JUDGED_TASKS))


def put(name, source):
    registry._TASKS[name] = dataclasses.replace(library.make(name), source=source)


def names_of(mixture):
    """Returns the tasks of a mixture whose rows are here."""
    return tuple(name for name, _ in mixtures.make(mixture).components if name in registry._TASKS)


def with_rates(names):
    return Mixture('real', tuple((name, 1.0) for name in names))


def found_by(names):
    """Returns what is found of the judged rows in tasks, and all that is to be left out."""
    overlaps = contamination.find(with_rates(names), ['judged'])
    doubles = duplicates.find(with_rates([*names, *JUDGED_TASKS]), near=0.8, first=JUDGED_TASKS)
    near = {report.task: [m.row for m in report.matches if m.other_task in JUDGED_TASKS] for report in doubles}
    trained = [report for report in doubles if report.task in names]
    shared = {report.task: report.rows for report in overlaps.reports}
    return shared, {name: near[name] for name in names}, rows_to_leave_out([*overlaps.reports, *trained])


def test_the_kin_of_what_is_judged_is_not_among_what_is_trained_on():
    trained = names_of(f'{STEM}_train')
    assert {name.removesuffix('_10templates') for name in trained} == set(ADAPTERS) - {'glue_mrpc', 'rte', 'cb'}
    assert set(JUDGED_TASKS) <= set(names_of(f'{STEM}_eval'))


def test_no_training_row_is_near_a_judged_one():
    pytest.importorskip('datasketch')
    trained = names_of(f'{STEM}_train')
    shared, near, doubled = found_by(trained)
    assert shared == {name: () for name in trained} and near == {name: [] for name in trained}
    # The search does find what there is: rows that the mixture has twice.
    assert {'multirc_10templates', 'trec_10templates', 'bool_q_10templates'} <= set(doubled)


def test_what_is_found_where_entailment_is_trained_on_stays_out_of_the_caches(tmp_path, shared_data):
    """One row of RTE's test set is added with a word changed; that its train set quotes the same news is real."""
    pytest.importorskip('datasketch')
    rows = list(ADAPTERS['rte'](shared_data))
    judged = list(JUDGED['rte'](shared_data))
    number = max(range(len(judged)), key=lambda i: len(judged[i]['premise'].split()))
    words = judged[number]['premise'].split()
    rows.append(judged[number] | {'premise': ' '.join([*words[:-1], 'indeed'])})
    put('rte_10templates', Python(lambda split, seed: rows))
    trained = ('rte_10templates', 'cb_10templates')
    assert set(trained) <= set(names_of('flan_10templates'))

    shared, near, left_out = found_by(trained)
    assert (len(shared['rte_10templates']), len(shared['cb_10templates'])) == (76, 3)
    assert near == {'rte_10templates': [len(rows) - 1], 'cb_10templates': []}
    assert set(left_out['rte_10templates']) > set(shared['rte_10templates']) and set(left_out) == set(trained)

    for name in trained:
        task = registry.get_task(name)
        records = list(task.source.records('train'))
        folder = caching.build(task, 'train', ByteTokenizer(), FORMAT, tmp_path, leave_out=left_out[name])
        cached = sorted(TokenCache.open(folder).provenance[:, 0].tolist())
        assert cached == [row for row in range(len(records)) if row not in left_out[name]]
        kept = [records[row] for row in cached]
        put(name, Python(functools.partial(lambda split, seed, kept: kept, kept=kept)))
    assert found_by(trained) == ({name: () for name in trained}, {name: [] for name in trained}, {})
