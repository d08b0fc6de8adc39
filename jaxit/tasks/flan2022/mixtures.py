"""Flan 2022 (arXiv:2210.11416, arXiv:2301.13688): five submixtures, each with and without worked examples and options.

| name | what it is |
|---|---|
| `flan2022_submix` | all of it |
| `flan2021_submix`, `t0_submix`, `niv2_submix`, `cot_submix`, `dialog_submix` | one of the five |
| `flan_zsopt`, `t0_fsnoopt`, `cot_fsopt`, ... | a leaf: `zs` or `fs`, then `opt` or `noopt` |
| `palmflan_cot_zs_opt`, `palmflan_cot_ii_zs_opt`, ... | what a leaf with inversions is made of |
| `palmflan_flan_fs_noopt`, `palmflan_t0_zs_opt`, ... | another name of a leaf without them |
| `{set}_template_0to10_zero_shot`, `..._template_mix_five_shot`, ... | tasks; `member.py` lists the variants |

In a leaf, data sets count in proportion to their rows, up to the submixture's cap; an inversion counts for 0.3 of what it
inverts.
"""

import dataclasses
import functools
import itertools
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxit.core.errors import UserError, unknown_name
from jaxit.tasks import registry
from jaxit.tasks.flan2022 import cot, dialog, flan2021, niv2, t0
from jaxit.tasks.flan2022.member import VARIANTS, Member, Variant, first
from jaxit.tasks.flan2022.options import RandomOptions
from jaxit.tasks.flan2022.shots import Drawn, FewShot, Rows, max_shown, with_styles, without_options
from jaxit.tasks.registry import Family, Mixture, Task, add_family

ALL = 'flan2022_submix'
INVERSION_RATE = 0.3


@dataclass(frozen=True)
class Submixture:
    """One of the five.

    Attributes:
        name: of the mixture.
        rate: its share of the whole.
        stem: names of its leaves begin with it.
        cap: rows that a data set counts with at most; None for all.
        no_options: whether it has leaves without options.
    """

    name: str
    rate: float
    stem: str
    cap: int | None
    no_options: bool = False

    @property
    def leaves(self) -> dict[str, tuple[bool, bool]]:
        """The leaves: (shots, options) by name; each has the same share."""
        kinds = itertools.product((True, False) if self.no_options else (True,), (False, True))
        return {
            f'{self.stem}_{"fs" if shots else "zs"}{"opt" if options else "noopt"}': (shots, options)
            for options, shots in kinds
        }


SUBMIXTURES = (
    Submixture('flan2021_submix', 0.40, 'flan', 30_000, no_options=True),
    Submixture('t0_submix', 0.32, 't0', 20_000, no_options=True),
    # The published cap of 5,000 has no effect: there all tasks are one, here each counts with all its rows.
    Submixture('niv2_submix', 0.20, 'niv2', None),
    Submixture('cot_submix', 0.05, 'cot', 100_000),
    Submixture('dialog_submix', 0.03, 'dialog', 200_000),
)
INVERTED = ('cot', 'dialog')

_TASK = re.compile(rf'(?P<key>\w+?)_(?P<variant>{"|".join(VARIANTS)})')
_SIDE = re.compile(r'palmflan_(?P<stem>\w+?)(?P<inverted>_ii)?_(?P<shots>zs|fs)_(?P<options>opt|noopt)')


def register(
    folder: str | os.PathLike[str] | None = None,
    *,
    t0: str | os.PathLike[str] | None = None,
    natural_instructions: str | os.PathLike[str] | None = None,
    cot: str | os.PathLike[str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    leave_out: tuple[str, ...] = (),
    max_rows: int | None = None,
    seed: int = 0,
    strict: bool = True,
) -> 'Flan2022':
    """Registers Flan 2022. Without a folder everything can be listed and planned, by the published sizes.

    Args:
        folder: holds `t0`, `natural_instructions` and `cot`, or some of them.
        t0: the released rows of P3, if elsewhere.
        natural_instructions: a checkout of it, if elsewhere; its test tasks are trained on as well.
        cot: the files with chains of thought, if elsewhere.
        data_dir: where TFDS has its data sets.
        leave_out: data sets to do without ('newsroom', 'cot_esnli'), their inversions too.
        max_rows: rows of a data set, or of a prompt of P3, that are read at most. Caps limit what a data set counts with and
            not what is cached: the whole is 257 million rows, of which 200,000 leave 54 million. Fewer than that, the largest
            cap, also change what some data sets count with.
        seed: of what is drawn beside a row's template and its worked examples, which follow the run's.
        strict: whether a file of natural-instructions that can't be used is an error.

    Raises:
        UserError: for a folder that does not exist, an unknown data set to leave out, names that are taken, or fewer rows
            than one.
    """
    if max_rows is not None and max_rows < 1:
        raise UserError(f'max_rows is {max_rows}; it must be 1 or more, or None for all rows')
    given = {'t0': t0, 'natural_instructions': natural_instructions, 'cot': cot}
    folders = {name: _folder(folder, name, path) for name, path in given.items()}
    made = Flan2022(folders['t0'], folders['natural_instructions'], folders['cot'], _text(data_dir), (), max_rows, seed)
    for key in leave_out:
        if key not in made.data_sets():
            raise unknown_name('data set', key, made.data_sets(), where='leave_out')
    made = dataclasses.replace(made, leave_out=tuple(leave_out))
    taken = {*registry.names(), *registry.mixture_names()} & {*made.task_names(), *made.mixture_names()}
    if taken:
        raise UserError(f'name {min(taken)!r} is registered twice; call register() once')
    niv2_tasks = {
        shots: niv2.names(made.natural_instructions, seed, strict, shots, max_rows) for shots in (False, True)
    }
    made = dataclasses.replace(made, zero_shot_niv2=niv2_tasks[False], few_shot_niv2=niv2_tasks[True])
    add_family(Family(made.make, made.task_names(), made.mixture_names()))
    return made


@dataclass(frozen=True)
class Flan2022:
    """Makes the tasks and mixtures of one call when they are asked for.

    Attributes:
        t0: folder of the released rows of P3.
        natural_instructions: folder of its checkout.
        cot: folder of the chains of thought.
        data_dir: of TFDS.
        leave_out: keys of data sets.
        max_rows: of a data set that are read; None for all.
        seed: of the draws.
        zero_shot_niv2: names of the tasks of natural-instructions without worked examples.
        few_shot_niv2: names of those with.
    """

    t0: str | None = None
    natural_instructions: str | None = None
    cot: str | None = None
    data_dir: str | None = None
    leave_out: tuple[str, ...] = ()
    max_rows: int | None = None
    seed: int = 0
    zero_shot_niv2: tuple[str, ...] = ()
    few_shot_niv2: tuple[str, ...] = ()

    def members(self, stem: str) -> tuple[Member, ...]:
        """Returns the data sets of a submixture; with `_ii` after its stem, their inversions."""
        return self._members[stem]

    @functools.cached_property
    def _members(self) -> dict[str, tuple[Member, ...]]:
        """All data sets by stem; made once, since each name that is looked up asks for them."""
        made = {
            'flan': flan2021.members(self.data_dir),
            'cot': cot.members(self.cot),
            'cot_ii': cot.inversions(self.cot),
            'dialog': dialog.members(self.data_dir),
            'dialog_ii': dialog.inversions(self.data_dir),
        }
        return {
            stem: tuple(
                dataclasses.replace(member, source=first(member.source, self.max_rows))
                for member in members
                if member.key.replace('_input_inversion', '') not in self.leave_out
            )
            for stem, members in made.items()
        }

    @functools.cached_property
    def _by_key(self) -> dict[str, Member]:
        return {member.key: member for members in self._members.values() for member in members}

    def data_sets(self) -> tuple[str, ...]:
        """Returns the keys of the data sets, without inversions."""
        return tuple(member.key for stem in ('flan', 'cot', 'dialog') for member in self.members(stem))

    def task_names(self) -> tuple[str, ...]:
        """Returns the names that are listed: of all tasks in the leaves; those of natural-instructions are listed by themselves."""
        found = [
            name for part in SUBMIXTURES for leaf in part.leaves.values() for name in self._listed(part.stem, *leaf)
        ]
        return tuple(dict.fromkeys(found))

    def mixture_names(self) -> tuple[str, ...]:
        """Returns the names of all mixtures, from the whole to the leaves."""
        leaves = tuple(leaf for part in SUBMIXTURES for leaf in part.leaves)
        return (ALL, *(part.name for part in SUBMIXTURES), *leaves)

    def make(self, name: str) -> Task | Mixture | None:
        """Returns the task or the mixture of a name, or None where it is none of Flan 2022's."""
        return self._mixture(name) or self._task(name) or t0.make(name, self.t0, self.max_rows) or niv2.make(name)

    def _mixture(self, name: str) -> Mixture | None:
        if name == ALL:
            return Mixture(name, tuple((part.name, part.rate) for part in SUBMIXTURES))
        for part in SUBMIXTURES:
            if name == part.name:
                return Mixture(name, tuple((leaf, 1.0) for leaf in part.leaves))
            if name in part.leaves:
                return self._leaf(name, part, *part.leaves[name])
        match = _SIDE.fullmatch(name)
        part = next((part for part in SUBMIXTURES if match and part.stem == match['stem']), None)
        return None if match is None or part is None else self._side(name, part, match)

    def _side(self, name: str, part: Submixture, match: re.Match[str]) -> Mixture | None:
        shots, options = match['shots'] == 'fs', match['options'] == 'opt'
        if (shots, options) not in part.leaves.values():
            return None
        if part.stem in INVERTED:
            return _proportional(name, self._names(part.stem + (match['inverted'] or ''), shots, options), part.cap)
        return None if match['inverted'] else self._leaf(name, part, shots, options)

    def _leaf(self, name: str, part: Submixture, shots: bool, options: bool) -> Mixture:
        if part.stem in INVERTED:
            kind = 'fs' if shots else 'zs'
            sides = ((f'palmflan_{part.stem}_{kind}_opt', 1.0), (f'palmflan_{part.stem}_ii_{kind}_opt', INVERSION_RATE))
            return Mixture(name, sides)
        if part.stem == 't0':
            return _proportional(name, t0.names(self.t0, shots, options), part.cap)
        if part.stem == 'niv2':
            return _proportional(name, self.few_shot_niv2 if shots else self.zero_shot_niv2, part.cap)
        return _proportional(name, self._names(part.stem, shots, options), part.cap)

    def _names(self, stem: str, shots: bool, options: bool) -> tuple[str, ...]:
        members = self.members(stem)
        return tuple(f'{m.key}_{variant.suffix}' for m in members for variant in m.variants(shots, options))

    def _listed(self, stem: str, shots: bool, options: bool) -> tuple[str, ...]:
        if stem == 't0':
            return t0.names(None, shots, options) if self.t0 is None else ()
        if stem == 'niv2':
            return (niv2.ABSENT[shots],) if self.natural_instructions is None else ()
        inverted = self._names(f'{stem}_ii', shots, options) if stem in INVERTED else ()
        return (*self._names(stem, shots, options), *inverted)

    def _task(self, name: str) -> Task | None:
        match = _TASK.fullmatch(name)
        member = self._by_key.get(match['key']) if match else None
        return task_of(name, member, VARIANTS[match['variant']], self.seed) if match and member else None


def task_of(name: str, member: Member, variant: Variant, seed: int) -> Task:
    """Returns the task of a data set in a variant."""
    with_options = isinstance(member.randomness, RandomOptions)
    drawn = Drawn(
        member.preprocessors, None if with_options and variant.options != 'random' else member.randomness, name, seed
    )
    templates = member.templates
    if variant.options == 'none':
        templates = tuple(without_options(template) for template in templates)
    elif variant.options == 'random' and with_options:
        templates = tuple(with_styles(template, member.answers) for template in templates)
    facts: dict[str, Any] = {
        'cluster': member.cluster,
        'licence': member.licence,
        'language': member.language,
        'eval_template': None,
    }
    if variant.shots != 'none':
        facts |= {'shots': max_shown(variant.shots), 'few_shot': FewShot(drawn, templates, variant.shots)}
        facts |= {'needs_exemplars': variant.shots == 'same'}
    return Task(name, Rows(member.source), templates=templates, preprocessors=(drawn,), **facts)


def _proportional(name: str, tasks: tuple[str, ...], cap: int | None) -> Mixture:
    if not tasks:
        raise UserError(f'mixture {name!r}: leave_out leaves none of its data sets')
    return Mixture(name, tuple((task, None) for task in tasks), cap)


def _folder(whole: str | os.PathLike[str] | None, name: str, given: str | os.PathLike[str] | None) -> str | None:
    """Returns the folder of a part: the one that was given, or that of its name in the whole, if there is one."""
    if given is not None:
        if not Path(given).is_dir():
            raise UserError(f'{name}: {given} is not a folder')
        return str(given)
    if whole is None:
        return None
    if not Path(whole).is_dir():
        raise UserError(f'folder: {whole} is not a folder')
    path = Path(whole, name)
    return str(path) if path.is_dir() else None


def _text(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else str(path)
