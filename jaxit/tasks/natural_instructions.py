"""Super-NaturalInstructions (Wang et al. 2022, arXiv:2204.07705): 1,600 tasks with their instructions, one task per file.

A module of the user's calls `register` with the folder of a checkout, which holds `tasks/*.json` and
`splits/<track>/{train,test,excluded}_tasks.txt`. Registering reads the lists and the names of the files; a task that is
asked for, by the suite too, is known by the two ends of its file, and a file is parsed when its size or its instances
are wanted.
"""

import functools
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxit.core.errors import UserError, unknown_name
from jaxit.tasks import registry
from jaxit.tasks.natural_instructions_encoding import Encoding, Render, encodings, has_output
from jaxit.tasks.natural_instructions_files import TEST, TaskFile, facts_of, survey_of
from jaxit.tasks.registry import TRAIN, Family, Mixture, Task, add_family
from jaxit.tasks.suites import Suite, add_suite

TRACKS = ('default', 'xlingual')
LISTS = ('train', 'test', 'excluded')
METRICS = {
    'default': ('exact_match', 'exact_match_with_articles', 'rouge_l'),
    'xlingual': ('exact_match', 'exact_match_with_articles', 'cross_lingual_rouge_l'),
}
MAX_TRAIN = 100  # instances of a task; the paper sees no gain from more than 64
MAX_TEST = 100  # label-balanced, and stored first for that

# Lists and files of different commits know this task by different names.
RENAMED = {'task121_atomic_question_rewriting': 'task121_zest_question_rewriting'}
RENAMED |= {new: old for old, new in RENAMED.items()}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Registered:
    """What `register` made known.

    Attributes:
        mixture: of the training tasks, in proportion to their instances.
        suite: of the test tasks.
        train: names of the training tasks.
        test: names of the test tasks.
        others: names of the tasks on neither list, which have a train split all the same.
    """

    mixture: str
    suite: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    others: tuple[str, ...]

    def categories(self) -> dict[str, str]:
        """Returns the category of each test task, for `evaluation.natural_instructions.category_table`."""
        return {name: registry.get_task(name).cluster for name in self.test}


def register(
    folder: str | os.PathLike[str],
    splits: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]] | None = None,
    track: str = 'default',
    encoding: str | Encoding | tuple[Encoding, ...] = 'def_2pos',
    *,
    test_encoding: str | Encoding | tuple[Encoding, ...] | None = None,
    max_train: int | None = MAX_TRAIN,
    max_test: int | None = MAX_TEST,
    seed: int = 0,
    prefix: str = '',
    strict: bool = True,
    tokenizer: str | os.PathLike[str] | None = None,
) -> Registered:
    """Registers a task per file, the mixture `natural_instructions` and the suite `natural_instructions_test`.

    A task is named as its file is, in lower_snake. Those of the test list have the split 'test', all others 'train'.

    Args:
        folder: a checkout; its `tasks/*.json` are read.
        splits: the folder of the split lists, `<folder>/splits/<track>` by default; or the file of each list, by
            'train', 'test' and 'excluded'.
        track: 'default' (English) or 'xlingual', which ends the names of the mixture and the suite `_xlingual`.
        encoding: a name of `ENCODINGS`, an `Encoding`, or several, one of which is drawn for each instance.
        test_encoding: of the test tasks; None for the same one, and for 'def_2pos' where `encoding` is mixed.
        max_train: instances of a training task, drawn by (seed, task); None for all.
        max_test: instances of a test task, the first ones; None for all.
        seed: of the draws of instances, encodings and outputs.
        prefix: of all names, so that one module can register several encodings.
        strict: whether what can't be used is an error; if not, it is left out with a line in the log.
        tokenizer: the tokenizer.json that the cross-lingual track is scored with, GPT-2's for scores to compare with; without
            it that suite can't be asked.

    Raises:
        UserError: for a list or a name on it that does not exist, or names that are taken.
    """
    if track not in TRACKS:
        raise unknown_name('track', track, TRACKS)
    if tokenizer is not None and track != 'xlingual':
        raise UserError("tokenizer is for track='xlingual'; the ROUGE-L of words, which this track has, needs none")
    files = _files(Path(folder), prefix, strict)
    lists = _lists(Path(folder, 'splits', track) if splits is None else splits, files, strict)
    train, test = lists.get('train', ()), lists.get('test', ())
    title = f'{prefix}natural_instructions' + ('' if track == 'default' else f'_{track}')
    others = tuple(name for name in files if name not in {*train, *test})
    made = Registered(title, f'{title}_test', train, test if strict else _usable(test, files), others)
    _check_free([*files, title])
    kinds = {
        TRAIN: _Kind(TRAIN, encodings(encoding), max_train, seed, METRICS[track]),
        TEST: _Kind(TEST, _test_encodings(encoding, test_encoding), max_test, seed, METRICS[track]),
    }
    collection = _Collection(files, made, {name: kinds[TEST if name in test else TRAIN] for name in files}, strict)
    add_family(Family(collection.make, tasks=tuple(files), mixtures=(title,) if train else ()))
    if made.test:
        path = '' if tokenizer is None else os.path.abspath(tokenizer)
        add_suite(Suite(made.suite, 'held_out', made.test, by_category=True, rouge_tokenizer=path))
    return made


@dataclass(frozen=True)
class _Kind:
    """What the training tasks, or the test tasks, have in common."""

    split: str
    encodings: tuple[Encoding, ...]
    limit: int | None
    seed: int
    metrics: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise UserError(f'max_{self.split} is {self.limit}; it must be 1 or more, or None for all instances')

    def task(self, name: str, path: Path) -> Task:
        """Returns the task of a file."""
        facts = facts_of(path)
        return Task(
            name,
            TaskFile(str(path), self.split, self.limit, self.seed),
            render=Render(self.encodings, name, self.seed),
            preprocessors=(has_output,),
            metrics=self.metrics,
            cluster='_'.join(next(iter(facts['Categories']), '').lower().split()),
            licence=_licence(facts['Instance License']),
            language=', '.join(dict.fromkeys((*facts['Input_language'], *facts['Output_language']))),
        )


@dataclass(frozen=True)
class _Collection:
    """Makes the tasks and the mixture of one call when they are asked for."""

    files: Mapping[str, Path]
    made: Registered
    kinds: Mapping[str, _Kind]
    strict: bool

    def make(self, name: str) -> Task | Mixture | None:
        """Returns the task or the mixture of a name, None where it is none of this collection."""
        if name in self.files:
            return self.kinds[name].task(name, self.files[name])
        if name != self.made.mixture or not self.made.train:
            return None
        names = self.made.train if self.strict else _usable(self.made.train, self.files)
        if not names:
            raise UserError(f'mixture {name!r}: none of its {len(self.made.train)} tasks can be used')
        return Mixture(name, tuple((task, None) for task in names))


def _refuse(message: str, strict: bool) -> None:
    if strict:
        raise UserError(message)
    _leave_out(message)


@functools.cache
def _leave_out(message: str) -> None:
    """Says once what is left out, however often a mixture is asked for."""
    _log.warning('left out: %s', message)


def _files(folder: Path, prefix: str, strict: bool) -> dict[str, Path]:
    """Returns the files by the names of their tasks."""
    try:
        paths = sorted(path for path in (folder / 'tasks').iterdir() if path.suffix == '.json')
    except OSError as error:
        raise UserError(
            f'{folder / "tasks"}: {error.strerror}; the folder must be a checkout of natural-instructions'
        ) from None
    if not paths:
        raise UserError(f'{folder / "tasks"} has no .json file; the folder must be a checkout of natural-instructions')
    files: dict[str, Path] = {}
    for path in paths:
        name = prefix + _snake(path.stem)
        if not re.fullmatch(r'[a-z][a-z0-9]*(_[a-z0-9]+)*', name):
            _refuse(f'{path}: its task would be {name!r}, which is not lower_snake; give another prefix', strict)
        elif name in files:
            _refuse(f'{path}: {files[name].name} is task {name!r} too; rename one', strict)
        else:
            files[name] = path
    return files


def _test_encodings(
    encoding: str | Encoding | tuple[Encoding, ...], test_encoding: str | Encoding | tuple[Encoding, ...] | None
) -> tuple[Encoding, ...]:
    """Two evaluations must ask the same, so that no mode is drawn where none was chosen."""
    if test_encoding is not None:
        return encodings(test_encoding)
    return encodings(encoding) if len(encodings(encoding)) == 1 else encodings('def_2pos')


def _lists(splits: Any, files: Mapping[str, Path], strict: bool) -> dict[str, tuple[str, ...]]:
    """Returns the names of tasks on each list."""
    if isinstance(splits, Mapping):
        for what in splits:
            if what not in LISTS:
                raise unknown_name('split list', what, LISTS)
        paths = {what: Path(path) for what, path in splits.items()}
    else:
        paths = {what: Path(splits, f'{what}_tasks.txt') for what in LISTS}
        if not paths['excluded'].exists():
            del paths['excluded']  # it names what is on neither of the others
    by_stem = {path.stem: name for name, path in files.items()}
    lists = {what: _listed(path, by_stem, strict) for what, path in paths.items()}
    both = [name for name in lists.get('train', ()) if name in set(lists.get('test', ()))]
    if both:
        raise UserError(
            f'{paths["train"]} and {paths["test"]} both name {files[both[0]].stem!r} '
            f'({len(both)} in all); a test task must not be trained on'
        )
    return lists


def _listed(path: Path, by_stem: Mapping[str, str], strict: bool) -> tuple[str, ...]:
    try:
        lines = path.read_text(encoding='utf-8').splitlines()
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}; name the split lists with splits=') from None
    except UnicodeDecodeError as error:
        raise UserError(f'{path}: not UTF-8 at byte {error.start}') from None
    names = []
    for number, line in enumerate(lines, 1):
        stem = line.strip().removesuffix('.json')
        stem = RENAMED.get(stem, stem) if stem not in by_stem else stem
        if stem in by_stem:
            names.append(by_stem[stem])
        elif stem and strict:
            raise unknown_name('task', stem, by_stem, where=f'{path} line {number}')
        elif stem:
            _leave_out(f'{path} line {number}: there is no {stem}.json')
    return tuple(dict.fromkeys(names))


def _check_free(names: list[str]) -> None:
    taken = {*registry.names(), *registry.mixture_names()} & set(names)
    if taken:
        raise UserError(f'name {min(taken)!r} is registered twice; give register() another prefix')


def _licence(stated: list[str]) -> str:
    """Returns the licences of a file as one: all of them hold."""
    return ' AND '.join(dict.fromkeys(stated)).replace('Unknown', 'unknown') or 'unknown'


def _snake(stem: str) -> str:
    return re.sub(r'[^a-z0-9]+', '_', stem.lower()).strip('_')


def _usable(names: tuple[str, ...], files: Mapping[str, Path]) -> tuple[str, ...]:
    """Returns the names whose files can be used, which parses them all."""
    problems = {name: survey_of(files[name]).problem for name in names}
    for problem in filter(None, problems.values()):
        _leave_out(problem)
    return tuple(name for name in names if not problems[name])
