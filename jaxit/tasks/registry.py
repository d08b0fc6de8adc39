"""Tasks and mixtures as values, and the names they are registered under.

A task is source + preprocessors + templates + metrics; it knows nothing of TensorFlow. Rates of a
mixture are numbers, or follow from the sizes of the sources with a cap (FLAN's mixing-rate maximum,
arXiv 2109.01652 section 2.1).
"""

import importlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jaxit.core.errors import UserError, unknown_name
from jaxit.tasks.preprocessors import Preprocessor
from jaxit.tasks.replay import OBJECTIVES, Objective
from jaxit.tasks.sources import Record, Source
from jaxit.text.chat import LOSS_TURNS, LossTurns
from jaxit.text.examples import Example
from jaxit.text.templates import Template

FewShotWriter = Callable[[Record, list[Record], int], list[tuple[list[str], str, str]]]

TRAIN = 'train'
LONG_CONVERSATIONS = ('cut', 'split', 'drop')
BUILT_IN_MODULES = ('jaxit.tasks.primer', 'jaxit.tasks.flan2021.mixtures')

_NAME = re.compile(r'[a-z][a-z0-9]*(_[a-z0-9]+)*')


@dataclass(frozen=True)
class Task:
    """What a model is taught or asked, from its source to its metrics.

    With neither templates nor `render`, records speak for themselves: inputs/targets,
    prompt/completion, messages, or text.

    Attributes:
        name: lower_snake.
        source: where the records come from.
        templates: wordings of inputs and targets; one is drawn for each row.
        render: makes an example of a record where templates are not enough: returns an `Example`, or a dict
            with `inputs` and `targets`.
        preprocessors: applied to each record, in this order.
        metrics: names of the metrics its answers are judged by (`docs/metrics.md`); where none of them is of ranks,
            rank accuracy comes with them if there are options.
        cluster: the kind of task; held-out suites hold out whole clusters.
        licence: of the data, for `jaxit tasks` and the report.
        language: of the data.
        answer_options: the answers to choose from, or the field that holds them; a dict gives either by template language.
        template_field: the field that holds the index of the template of a record.
        eval_template: the template of every other split than train; None draws there too.
        kind: 'instruction', or 'text' for plain text to be modelled as it is (replay).
        objective: what an encoder-decoder does with a plain text: what it was last pretrained with, 'span_corruption' or,
            where it was adapted to language modelling, 'prefix_lm'.
        shots: how many exemplars of the train split stand before each example, in the same template; fewer where the
            inputs are too long for all of them.
        few_shot: writes exemplars in a way of its own, up to `shots` of them: of a record and its exemplars, as the
            source has them, and the index of the template it makes (exemplars, inputs, targets) triples, all of them texts
            and at least one exemplar in each.
        loss_turns: which replies of a conversation bear loss: 'all', the 'last', or those 'marked' with a weight of 1.
        long_conversations: what becomes of a conversation that is longer than a row: it is 'cut', 'split' into several
            examples, or left out ('drop').
    """

    name: str
    source: Source
    templates: tuple[Template, ...] = ()
    render: Callable[[Record], Example | dict[str, str]] | None = None
    preprocessors: tuple[Preprocessor, ...] = ()
    metrics: tuple[str, ...] = ('exact_match',)
    cluster: str = ''
    licence: str = ''
    language: str = 'en'
    answer_options: tuple[str, ...] | str | Mapping[str, tuple[str, ...] | str] | None = None
    template_field: str | None = None
    eval_template: int | None = 0
    kind: Literal['instruction', 'text'] = 'instruction'
    objective: Objective = 'span_corruption'
    shots: int = 0
    few_shot: FewShotWriter | None = None
    loss_turns: LossTurns = 'all'
    long_conversations: Literal['cut', 'split', 'drop'] = 'cut'

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits of the source."""
        return self.source.splits


@dataclass(frozen=True)
class Mixture:
    """Tasks and mixtures with rates.

    Attributes:
        name: lower_snake.
        components: (name of a task or mixture, rate) pairs. Rates need not sum to one. All of them are None where
            the mixture is examples-proportional.
        maximum: with rates of None, a task counts with at most so many examples.
        split: whose sizes count.
    """

    name: str
    components: tuple[tuple[str, float | None], ...]
    maximum: int | None = None
    split: str = TRAIN


@dataclass(frozen=True)
class Family:
    """More names than one would register one by one.

    Attributes:
        make: returns the task or the mixture of a name, or None where the name is none of its own. It is asked for names
            that nothing is registered under; what it makes has the name it was asked for.
        tasks: names of its tasks that are listed.
        mixtures: names of its mixtures that are listed.
    """

    make: Callable[[str], Task | Mixture | None]
    tasks: tuple[str, ...] = ()
    mixtures: tuple[str, ...] = ()


_TASKS: dict[str, Task] = {}
_MIXTURES: dict[str, Mixture] = {}
_FAMILIES: list[Family] = []


def add_task(name: str, source: Source, **fields: Any) -> Task:
    """Registers a task; `fields` are those of `Task`.

    Raises:
        UserError: for a name that is taken or not lower_snake, or fields that contradict each other.
    """
    _import_built_in()
    task = Task(name, source, **fields)
    _check_name(name)
    _check_task(task)
    _TASKS[name] = task
    return task


def add_mixture(
    name: str, components: Iterable[str | tuple[str, float | None]], *, maximum: int | None = None, split: str = TRAIN
) -> Mixture:
    """Registers a mixture of registered tasks and mixtures.

    Args:
        name: lower_snake.
        components: names, or (name, rate) pairs.
        maximum: cap of the examples a task counts with, where rates follow from sizes.
        split: whose sizes count.
    """
    _import_built_in()
    pairs = tuple((item, None) if isinstance(item, str) else (item[0], item[1]) for item in components)
    _check_name(name)
    _check_components(name, pairs, maximum)
    _MIXTURES[name] = Mixture(name, pairs, maximum, split)
    return _MIXTURES[name]


def add_family(family: Family) -> None:
    """Registers many names at once."""
    _FAMILIES.append(family)


def get_task(name: str) -> Task:
    """Returns a registered task, or one of a family."""
    _import_built_in()
    found = _find(name)
    if not isinstance(found, Task):
        raise unknown_name('task', name, names())
    return found


def get_mixture(name: str) -> Mixture:
    """Returns a registered mixture, or one of a family; a task's name stands for the mixture of that task alone."""
    _import_built_in()
    found = _find(name)
    if found is None:
        raise unknown_name('task or mixture', name, [*names(), *mixture_names()])
    return Mixture(name, ((name, 1.0),)) if isinstance(found, Task) else found


def names() -> tuple[str, ...]:
    """Returns the names of all tasks, sorted; of a family, those that it lists."""
    _import_built_in()
    return tuple(sorted([*_TASKS, *(name for family in _FAMILIES for name in family.tasks)]))


def mixture_names() -> tuple[str, ...]:
    """Returns the names of all mixtures, sorted; of a family, those that it lists."""
    _import_built_in()
    return tuple(sorted([*_MIXTURES, *(name for family in _FAMILIES for name in family.mixtures)]))


def resolve(mixture: Mixture | str) -> list[tuple[Task, float]]:
    """Returns the tasks of a mixture with their rates, nested mixtures flattened.

    A nested mixture shares its rate among its tasks in proportion to its own rates; a task met
    twice has the sum. Without rates, a nested mixture counts with its own capped sizes.
    """
    mixture = get_mixture(mixture) if isinstance(mixture, str) else mixture
    rates: dict[str, float] = {}
    for name, rate in mixture.components:
        inner = _sizes_or_rates(name, mixture, proportional=rate is None)
        total = sum(inner.values())
        for task, share in inner.items():
            rates[task] = rates.get(task, 0.0) + (share if rate is None else rate * share / total)
    return [(get_task(name), rate) for name, rate in rates.items()]


def members(mixture: Mixture | str) -> tuple[str, ...]:
    """Returns the names of the tasks of a mixture, nested mixtures flattened; unlike `resolve`, it asks no source for its size."""
    mixture = get_mixture(mixture) if isinstance(mixture, str) else mixture
    found = [(name, _find(name)) for name, _ in mixture.components]
    nested = [members(part) if isinstance(part, Mixture) else (name,) for name, part in found]
    return tuple(dict.fromkeys(name for names in nested for name in names))


def size_of(task: Task, split: str = TRAIN) -> int:
    """Returns the number of records of a split; an error where the source cannot tell."""
    size = task.source.num_examples(split)
    if size is None:
        raise UserError(f'task {task.name!r} has no known size, so its rate cannot follow from it; give a rate')
    return size


def import_module_tasks(module: str) -> None:
    """Imports a user's module, which registers its tasks."""
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(f'{error.name}.')):
            raise
        raise UserError(f'no module {module!r}; run from its folder, or put that folder on PYTHONPATH') from None


def _sizes_or_rates(name: str, mixture: Mixture, *, proportional: bool) -> dict[str, float]:
    """Returns task -> rate inside one component."""
    found = _find(name)
    if isinstance(found, Task):
        return {name: float(_capped(found, mixture)) if proportional else 1.0}
    return {task.name: rate for task, rate in resolve(name)}


def _find(name: str) -> Task | Mixture | None:
    for table in (_TASKS, _MIXTURES):
        if name in table:
            return table[name]
    return next((made for family in _FAMILIES if (made := family.make(name)) is not None), None)


def _capped(task: Task, mixture: Mixture) -> int:
    size = size_of(task, mixture.split)
    if not size:
        raise UserError(
            f'task {task.name!r} has no example in split {mixture.split!r}; leave it out of {mixture.name!r}'
        )
    return size if mixture.maximum is None else min(size, mixture.maximum)


def _import_built_in() -> None:
    for module in BUILT_IN_MODULES:
        importlib.import_module(module)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UserError(f'name {name!r} is not lower_snake: small letters and digits, joined by single underscores')
    if _find(name) is not None:
        raise UserError(f'name {name!r} is registered twice; names of tasks and mixtures must differ')


def _check_task(task: Task) -> None:
    where = f'task {task.name!r}'
    if task.templates and task.render:
        raise UserError(f'{where} has templates and render; give one of them')
    if task.kind not in ('instruction', 'text'):
        raise UserError(f"{where}: kind is {task.kind!r}; it must be 'instruction' or 'text'")
    if task.objective not in OBJECTIVES:
        raise unknown_name('objective', task.objective, OBJECTIVES, where=where)
    if task.objective != Task.objective and task.kind != 'text':
        raise UserError(f"{where}: objective {task.objective!r} is for plain texts, kind='text'")
    if task.shots < 0 or (task.shots and (task.kind == 'text' or TRAIN not in task.splits)):
        raise UserError(f'{where}: shots is {task.shots}; exemplars need instructions and a split {TRAIN!r}')
    if task.few_shot and not (task.shots and task.templates):
        raise UserError(f'{where}: few_shot needs shots and templates')
    if task.loss_turns not in LOSS_TURNS:
        raise UserError(f'{where}: loss_turns is {task.loss_turns!r}; it must be one of {", ".join(LOSS_TURNS)}')
    if task.long_conversations not in LONG_CONVERSATIONS:
        choices = ', '.join(LONG_CONVERSATIONS)
        raise UserError(f'{where}: long_conversations is {task.long_conversations!r}; it must be one of {choices}')
    if task.shots and task.long_conversations == 'split':
        raise UserError(f'{where}: a conversation with exemplars before it can not be split')
    if task.template_field and not task.templates:
        raise UserError(f'{where}: template_field needs templates')
    if task.templates and task.eval_template is not None and not 0 <= task.eval_template < len(task.templates):
        raise UserError(f'{where}: eval_template is {task.eval_template}; there are {len(task.templates)} templates')


def _check_components(name: str, pairs: tuple[tuple[str, float | None], ...], maximum: int | None) -> None:
    where = f'mixture {name!r}'
    if not pairs:
        raise UserError(f'{where} has no component')
    explicit = [rate for _, rate in pairs if rate is not None]
    if len({component for component, _ in pairs}) < len(pairs):
        raise UserError(f'{where} names a component twice')
    if explicit and len(explicit) < len(pairs):
        raise UserError(f'{where} has rates for some components only; give all of them a rate, or none')
    if explicit and maximum is not None:
        raise UserError(f'{where} has rates and a maximum; the maximum is for rates that follow from sizes')
    if maximum is not None and maximum < 1:
        raise UserError(f'{where}: maximum is {maximum}; it must be 1 or more')
    for component, rate in pairs:
        found = _find(component)
        if found is None:
            raise unknown_name('task or mixture', component, [*names(), *mixture_names()], where=where)
        inner_rates = [inner for _, inner in found.components] if isinstance(found, Mixture) else []
        if rate is None and any(inner is not None for inner in inner_rates):
            raise UserError(f'{where}: {component!r} has rates of its own, so no size; give it a rate here')
        if rate is not None and not 0 < rate < float('inf'):
            raise UserError(f'{where}: the rate of {component!r} is {rate}; it must be above 0')
