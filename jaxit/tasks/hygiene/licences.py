"""Classes of licences, and the mixture that holds only data of the permissive ones.

A licence is an SPDX identifier (https://spdx.org/licenses) or identifiers joined by AND and OR. Anything else that a
publisher wrote is 'other', however free it may be: nobody is told that data is permissive on a guess.

| class | licences |
|---|---|
| permissive | Apache-2.0, MIT, BSD-*, ISC, AFL-3.0, Unlicense, CC0, CC-BY-*, ODC-By-1.0, PDDL-1.0, CDLA-Permissive-* |
| share_alike | CC-BY-SA-*, ODbL-1.0, CDLA-Sharing-1.0 |
| non_commercial | CC-BY-NC-*, CC-BY-NC-SA-*, CC-BY-NC-ND-*, and words to that effect |
| other | stated, and none of these: no derivatives, research only, software licences with copyleft |
| unknown | nothing stated, or something stated to be unknown |
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from jaxit.core.errors import UserError, unknown_name
from jaxit.tasks.hygiene.members import Reduced, members, without
from jaxit.tasks.preprocessors import Record
from jaxit.tasks.registry import Mixture

CLASSES = ('permissive', 'share_alike', 'non_commercial', 'other', 'unknown')  # from free to unfree

_VERSION = r'(-\d\.\d(-[A-Z]{2,3})?)?'  # of a Creative Commons licence, with a country where it was ported
_KNOWN = {
    'permissive': (
        rf'APACHE-2\.0|MIT(-0)?|BSD-[\w-]+|0BSD|ISC|AFL-3\.0|UNLICENSE|CC0(-1\.0)?|CC-BY{_VERSION}|ODC-BY-1\.0|PDDL-1\.0'
        r'|CDLA-PERMISSIVE-\d\.\d'
    ),
    'share_alike': rf'CC-BY-SA{_VERSION}|ODBL-1\.0|CDLA-SHARING-1\.0',
    'non_commercial': rf'CC-BY-NC(-SA|-ND)?{_VERSION}',
}


def classify(licence: str) -> str:
    """Returns the class of a licence, one of `CLASSES`.

    Case does not matter, nor whether words are joined by hyphens or blanks ('CC BY-SA 4.0'). Of licences joined by AND,
    the least free one counts; of those joined by OR, the freest. Small `and` and `or` mean the same between identifiers
    alone: in a sentence they may mean anything. Parentheses may stand around the whole or around a choice.
    """
    licence = _bare(licence)
    joined = re.sub(r'\s(and|or)\s', lambda match: match[0].upper(), licence)
    if all(_of_one(term) for term in re.split(r'\s+(?:AND|OR)\s+', joined)):
        licence = joined
    return min((_of_all(_bare(choice)) for choice in re.split(r'\s+OR\s+', licence)), key=CLASSES.index)


def permissive(mixture: Mixture | str, *, also: Collection[str] = ()) -> Reduced:
    """Returns a mixture without the tasks whose data is not under a permissive licence, and why each was left out.

    Args:
        mixture: the whole.
        also: further classes that are kept, e.g. `('share_alike',)`.

    Raises:
        UserError: where no task remains.
    """
    return of_classes(mixture, ('permissive', *also))


def of_classes(mixture: Mixture | str, classes: Collection[str]) -> Reduced:
    """Returns a mixture without the tasks whose data is under a licence of another class, and why each was left out.

    Raises:
        UserError: for an unknown class, or where no task remains.
    """
    kept = _checked(classes)
    left_out = {}
    for task, _ in members(mixture):
        found = classify(task.licence)
        if found not in kept:
            stated = f'its licence {task.licence!r} is of class {found!r}' if task.licence else 'it states no licence'
            left_out[task.name] = stated
    return without(mixture, left_out)


@dataclass(frozen=True)
class keep_permissive:  # noqa: N801 (reads as a function in a task's list)
    """Keeps records under a permissive licence, for data sets that state one for each record.

    Attributes:
        field: holds the licence; without it a record is of the class 'unknown'.
        also: further classes that are kept.
    """

    field: str = 'licence'
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _checked(self.also)

    def __call__(self, record: Record) -> Record | None:
        licence = record.get(self.field) or ''
        if not isinstance(licence, str):
            raise UserError(f'field {self.field!r} is {type(licence).__name__}; it must be the text of a licence')
        return record if classify(licence) in {'permissive', *_checked(self.also)} else None


def _checked(classes: Collection[str]) -> set[str]:
    for name in classes:
        if name not in CLASSES:
            raise unknown_name('class of licences', name, CLASSES)
    return set(classes)


def _of_all(licence: str) -> str:
    terms = re.split(r'\s+AND\s+', licence)
    found = [_of_one(term) for term in terms]
    if None not in found:
        return max((name for name in found if name), key=CLASSES.index)
    if not licence or re.search(r'\bunknown\b', licence, re.IGNORECASE):
        return 'unknown'
    return 'non_commercial' if re.search(r'\bnon[\s-]?commercial\b', licence, re.IGNORECASE) else 'other'


def _of_one(term: str) -> str | None:
    term = re.sub(r'[\s_]+', '-', term.strip().upper())
    return next((name for name, pattern in _KNOWN.items() if re.fullmatch(pattern, term)), None)


def _bare(licence: str) -> str:
    """Returns an expression without the parentheses around the whole of it."""
    licence = licence.strip()
    inner = re.fullmatch(r'\(([^()]*)\)', licence)
    return inner[1].strip() if inner else licence
