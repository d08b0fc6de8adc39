"""Registered suites as files, written by the child process that may import tasks."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from jaxit.cli.experiment import DataConfig
from jaxit.core.files import sha256_json
from jaxit.evaluation.metrics import CHOSEN_METRICS, RANK_METRICS
from jaxit.evaluation.suite import Suite, make_task
from jaxit.evaluation.suite_files import save_suite
from jaxit.tasks import suites
from jaxit.tasks.registry import get_task
from jaxit.text.examples import Example


def write(name: str, data: DataConfig, *, seed: int, limit: int | None, text_limit: int | None = None) -> Path:
    """Writes a registered suite as JSONL below the cache folder and returns its path.

    Args:
        name: of the suite.
        data: says where, and the chat format.
        seed: of template draws.
        limit: examples of each task.
        text_limit: texts of each task, where the suite is one of forgetting.
    """
    registered = suites.get_suite(name)
    limit = text_limit if registered.kind == 'forgetting' else limit
    examples = suites.suite_examples(name, limit, seed, chat_format=data.chat_format)
    tasks = tuple(
        make_task(task, rows, _metrics(task, registered.kind, rows), kind=registered.kind)
        for task, rows in examples.items()
    )
    categories = {task: get_task(task).cluster for task in examples} if registered.by_category else {}
    suite = Suite(name, registered.kind, tasks, categories, registered.rouge_tokenizer)
    further = [item for item in (categories, registered.rouge_tokenizer) if item]
    key = sha256_json([*(dataclasses.asdict(task) for task in tasks), *further])[:12]
    path = Path(data.cache_dir, 'suites', f'{name}-{key}.jsonl')
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        save_suite(suite, path)
    return path


def _metrics(task: str, kind: str, rows: Sequence[Example]) -> tuple[str, ...]:
    """Returns a task's own metrics, and rank accuracy before them where every row has options.

    A task that names metrics of ranks itself has those and no more. Plain texts have metrics that follow from the examples.
    """
    registered = get_task(task)
    if kind == 'forgetting' or registered.kind == 'text':
        return ()
    ranked = any(metric in registered.metrics for metric in (*RANK_METRICS, *CHOSEN_METRICS))
    if registered.answer_options is None or ranked or not all(row.options for row in rows):
        return registered.metrics
    return (*RANK_METRICS, *registered.metrics)
