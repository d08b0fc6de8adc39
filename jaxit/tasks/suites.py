"""Suites: named lists of tasks that a model is judged on, and what a result there means."""

from dataclasses import dataclass
from typing import Literal

from jaxit.core.errors import UserError, unknown_name
from jaxit.tasks import primer
from jaxit.tasks.flan2021 import mixtures as flan2021
from jaxit.tasks.registry import get_task
from jaxit.tasks.rendering import examples
from jaxit.text.examples import Example

Kind = Literal['held_in', 'held_out', 'forgetting']


@dataclass(frozen=True)
class Suite:
    """Tasks to be judged on.

    Attributes:
        name: lower_snake.
        kind: 'held_in' (trained tasks, other instances), 'held_out' (tasks or wordings never trained), or
            'forgetting' (what the base model could do before).
        tasks: names of registered tasks.
        split: the split that is read.
        by_category: whether scores are told by category of the tasks too, which are their clusters.
        rouge_tokenizer: path of the tokenizer.json that `cross_lingual_rouge_l` needs.
    """

    name: str
    kind: Kind
    tasks: tuple[str, ...]
    split: str = 'test'
    by_category: bool = False
    rouge_tokenizer: str = ''


SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite('primer_held_in', 'held_in', primer.TRAINED),
        Suite('primer_held_out_templates', 'held_out', primer.HELD_OUT_TEMPLATES),
        Suite('primer_held_out_compositions', 'held_out', primer.HELD_OUT_COMPOSITIONS),
        Suite('primer_forgetting', 'forgetting', ('primer_replay',)),
    )
}


def add_suite(suite: Suite) -> Suite:
    """Registers a suite; its tasks must be registered and have the split."""
    if suite.name in SUITES:
        raise UserError(f'suite {suite.name!r} is registered twice')
    if not suite.tasks:
        raise UserError(f'suite {suite.name!r} has no task')
    for name in suite.tasks:
        get_task(name).source.check_split(suite.split)
    SUITES[suite.name] = suite
    return suite


def get_suite(name: str) -> Suite:
    """Returns a registered suite, or one of FLAN 2021's hold-outs."""
    if name in SUITES:
        return SUITES[name]
    found = flan2021.suite_tasks(name)
    if found is None:
        raise unknown_name('suite', name, SUITES)
    return Suite(name, 'held_out', *found)


def suite_examples(
    name: str, limit: int | None = None, seed: int = 0, *, chat_format: str | None = None
) -> dict[str, list[Example]]:
    """Returns the rendered examples of a suite by task.

    Args:
        name: the suite.
        limit: at most so many of each task, spread evenly over its rows; all of them when None.
        seed: of the template draw.
        chat_format: writes every example as a conversation; see `text.chat`.
    """
    suite = get_suite(name)
    chosen = {}
    for task_name in suite.tasks:
        rows = list(examples(get_task(task_name), suite.split, seed=seed, chat_format=chat_format))
        if not rows:
            raise UserError(f'suite {name!r}: task {task_name!r} has no example in split {suite.split!r}')
        chosen[task_name] = _spread(rows, limit)
    return chosen


def _spread(rows: list[Example], limit: int | None) -> list[Example]:
    """Keeps `limit` rows at equal distances, so that no template or word at the end of a list is left out."""
    if limit is None or limit >= len(rows):
        return rows
    return [rows[i * len(rows) // limit] for i in range(limit)]
