"""Suites judged on loaded weights, for the commands that come after training."""

import dataclasses
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from jaxit.checkpoints import loading
from jaxit.checkpoints import weights as weights_lib
from jaxit.cli import caching, console
from jaxit.cli.experiment import DataConfig
from jaxit.cli.loaded import Layout, Loaded
from jaxit.core.errors import UserError
from jaxit.evaluation.results import Evaluation
from jaxit.evaluation.suite import Judging, Suite, run_suite
from jaxit.evaluation.suite_files import load_suite


def suites_of(
    names: Sequence[str],
    *,
    modules: Sequence[str] = (),
    limit: int | None = None,
    chat_format: str | None = None,
    seed: int = 0,
) -> list[Suite]:
    """Returns suites by name, or by path of a `.jsonl` file.

    Args:
        names: of registered suites, or files.
        modules: Python modules that register tasks and suites.
        limit: examples of each task.
        chat_format: writes the examples of registered suites as conversations.
        seed: of template draws.

    Raises:
        UserError: for an unknown or unreadable suite, or one named twice.
    """
    if limit is not None and limit < 1:
        raise UserError(f'--limit is {limit}; it must be at least 1')
    files = [name for name in names if name.endswith('.jsonl')]
    registered = tuple(name for name in names if not name.endswith('.jsonl'))
    found = {name: load_suite(name) for name in files}
    if limit is not None:
        found = {name: suite.limited(limit) for name, suite in found.items()}
    if registered:
        with tempfile.TemporaryDirectory(prefix='jaxit-') as folder:
            data = DataConfig(mixture='', modules=tuple(modules), cache_dir=folder, chat_format=chat_format)
            request = caching.Request(
                dataclasses.asdict(data),
                'bytes',
                encoder_decoder=False,
                seed=seed,
                suites=registered,
                limit=limit,
                text_limit=limit,
            )
            paths = caching.ask(request)['suites']
            found |= {name: load_suite(path) for name, path in paths.items()}
    suites = [found[name] for name in dict.fromkeys(names)]
    twice = [suite.name for suite in suites]
    if len(set(twice)) < len(twice):
        raise UserError(f'suites {", ".join(twice)}: two of them have one name')
    return suites


def evaluate(
    loaded: Loaded,
    suites: Sequence[Suite],
    *,
    label: str,
    path: Path,
    step: int | None = None,
    layout: Layout | None = None,
    max_new_tokens: int = 32,
    batch_size: int = 16,
) -> Evaluation:
    """Returns how weights do on suites.

    Args:
        loaded: the weights.
        suites: what is asked.
        label: of the evaluation.
        path: where the weights came from.
        step: of a run; None for the newest.
        layout: for weights that know none of their own.
        max_new_tokens: of each answer.
        batch_size: prompts decoded together.
    """
    if loaded.layout is None and layout is not None:
        loaded = dataclasses.replace(loaded, layout=layout)
    engine = loaded.engine(batch_size=batch_size, chat_format=loaded.chat_format())
    judging = Judging(max_new_tokens=max_new_tokens)
    results = {}
    for suite in suites:
        progress = _Progress(f'{label} {suite.name}')
        results[suite.name] = run_suite(
            engine, loaded.tokenizer, suite, loaded.suite_format(), judging, progress=progress
        )
    return Evaluation(label, str(path), step_of(path, step), results)


def step_of(path: Path, step: int | None) -> int:
    """Returns the step of a run's weights; 0 for weights that are no run."""
    if weights_lib.home_of(path.absolute()) is None:
        return 0
    home = path / weights_lib.CHECKPOINTS_FOLDER
    return int(loading.read_manifest(home if home.is_dir() else path, step)['step'])


class _Progress:
    """A line or a bar for each piece of work."""

    def __init__(self, label: str) -> None:
        self._label, self._since = label, time.monotonic()
        self._counting: dict[str, console.Counting] = {}

    def __call__(self, what: str, done: int, wanted: int) -> None:
        if what not in self._counting:
            self._counting[what] = console.Counting(f'{self._label}: {what}', started=self._since)
        self._counting[what](done, wanted)
        if done == wanted:
            self._since = time.monotonic()
