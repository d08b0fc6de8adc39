"""Classes of licences by hand, and what a mixture is without the unfree ones."""

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks import registry
from jaxit.tasks.hygiene.licences import CLASSES, classify, keep_permissive, permissive


@pytest.mark.parametrize(
    ('expected', 'licences'),
    [
        ('permissive', 'Apache-2.0; apache-2.0; MIT; MIT-0; BSD-2-Clause; BSD-3-Clause; 0BSD; ISC; AFL-3.0; Unlicense'),
        ('permissive', 'CC0-1.0; CC-BY-4.0; CC BY 3.0; CC-BY; CC-BY-2.5-AU; CC-BY-3.0-IGO; ODC-By-1.0; PDDL-1.0'),
        ('permissive', 'CDLA-Permissive-2.0; MIT AND Apache-2.0; CC-BY-NC-4.0 OR MIT; GPL-3.0-only OR MIT'),
        ('permissive', '(MIT OR Apache-2.0); MIT or Apache-2.0; ( mit and cc by 4.0 ); GPL-3.0 OR (MIT AND ISC)'),
        ('other', 'MIT or that of RACE; MIT and more; (MIT OR GPL-3.0) AND ISC; MIT and GPL-3.0'),
        ('non_commercial', 'non commercial use only; MIT and CC-BY-NC-4.0; (CC-BY-NC-4.0)'),
        ('share_alike', 'CC-BY-SA-4.0; CC BY-SA 3.0; CC-BY-SA; ODbL-1.0; MIT AND CC-BY-SA-4.0; CDLA-Sharing-1.0'),
        ('non_commercial', 'CC-BY-NC-4.0; CC-BY-NC-SA-3.0; CC-BY-NC-ND-4.0; CC-BY-NC; MIT AND CC-BY-NC-4.0 OR GPL-3.0'),
        ('non_commercial', 'for non-commercial research only; Non-Commercial use; for noncommercial purposes'),
        ('other', 'CC-BY-ND-4.0; GPL-3.0-only; for research; MIT, Apache-2.0; may be freely used for any purpose'),
        ('other', 'CC-BY-SA-4.0, MSR-LA, Apache-2.0 or that of RACE; CC0-1.0 for the packaging; MIT AND MSR-LA'),
        ('unknown', 'unknown; Unknown AND MIT; CC-BY-4.0 (Winograd schemas) and the rest unknown'),
    ],
)
def test_classes(expected, licences):
    for licence in licences.split('; '):
        assert classify(licence) == expected, licence
    assert classify('') == classify('  ') == 'unknown'


def test_free_text_after_a_known_licence_is_not_that_licence():
    for licence in ('MIT (code); texts unknown', 'CC-BY-4.0 (Winograd schemas); the rest unknown'):
        assert classify(licence) == 'unknown'


@pytest.fixture
def mixture(add):
    stated = {'free': 'MIT', 'alike': 'CC-BY-SA-4.0', 'paid': 'CC-BY-NC-4.0', 'silent': '', 'odd': 'ask us'}
    for name, licence in stated.items():
        add(name, [('a', 'b')], licence=licence)
    return registry.add_mixture('mixed', [(name, 1.0) for name in stated])


def test_a_mixture_without_the_unfree(mixture):
    reduced = permissive('mixed')
    assert reduced.mixture.components == (('free', 1.0),)
    assert reduced.left_out == {
        'alike': "its licence 'CC-BY-SA-4.0' is of class 'share_alike'",
        'paid': "its licence 'CC-BY-NC-4.0' is of class 'non_commercial'",
        'silent': 'it states no licence',
        'odd': "its licence 'ask us' is of class 'other'",
    }
    assert reduced.lines[0] == "mixture 'mixed' without 'alike': its licence 'CC-BY-SA-4.0' is of class 'share_alike'"


def test_other_classes_may_be_kept(mixture):
    assert [name for name, _ in permissive('mixed', also=('share_alike',)).mixture.components] == ['free', 'alike']
    assert permissive('mixed', also=CLASSES).mixture == mixture
    with pytest.raises(UserError, match="unknown class of licences 'share-alike'; did you mean share_alike"):
        permissive('mixed', also=('share-alike',))
    with pytest.raises(UserError, match="no task of mixture 'paid' remains: paid: its licence"):
        permissive('paid')


def test_flan_2021_by_licence():
    whole, reduced = registry.get_mixture('flan_10templates'), permissive('flan_10templates')
    assert len(reduced.mixture.components) + len(reduced.left_out) == len(whole.components)
    assert reduced.mixture.maximum == whole.maximum == 3000
    for name, _ in reduced.mixture.components:
        assert classify(registry.get_task(name).licence) == 'permissive'
    assert {'imdb_reviews_10templates', 'sst2_10templates'} & set(reduced.left_out)


def test_records_that_state_a_licence():
    step = keep_permissive('terms', also=('share_alike',))
    records = [{'terms': 'MIT'}, {'terms': 'CC BY-SA 4.0'}, {'terms': 'CC-BY-NC-4.0'}, {'terms': None}, {}]
    assert [step(record) is record for record in records] == [True, True, False, False, False]
    with pytest.raises(UserError, match="field 'terms' is list; it must be the text of a licence"):
        step({'terms': ['MIT']})
    with pytest.raises(UserError, match='unknown class of licences'):
        keep_permissive(also=('free',))
