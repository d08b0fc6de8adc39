"""Caches and suites are made in a child process, so that a trainer never imports what builds them.

The child reads a request (JSON), imports the modules that register tasks, builds what is
missing and answers with a JSON file: folders, rates, facts for the mixture table, suites.
"""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxit.core.errors import EXIT_DISK_FULL, EXIT_USER, DiskFullError, UserError
from jaxit.core.files import read_json, write_json
from jaxit.data.mixture import MixtureComponent

PROGRESS = 'progress: '  # begins the lines of the child that are passed on
PROGRESS_SECONDS = 3


@dataclasses.dataclass(frozen=True)
class Request:
    """What a child is asked to build.

    Attributes:
        data: fields of a `DataConfig`.
        tokenizer: path or name.
        encoder_decoder: the kind of model.
        seed: of template draws.
        split: of the mixture.
        suites: names of suites.
        limit: examples of each task of a suite.
        text_limit: plain texts of each task of a forgetting suite.
        beam: options of Apache Beam, which makes the parts of the caches; None for local processes.
        beam_place: a folder for the parts that its workers can reach.
    """

    data: dict[str, Any]
    tokenizer: str
    encoder_decoder: bool
    seed: int = 0
    split: str = 'train'
    suites: tuple[str, ...] = ()
    limit: int | None = None
    text_limit: int | None = None
    beam: str | None = None
    beam_place: str | None = None


def components_of(answer: dict[str, Any]) -> list[MixtureComponent]:
    """Returns the mixture of an answer."""
    return [MixtureComponent(c['task'], Path(c['folder']), c['rate']) for c in answer['mixture']]


def ask(request: Request) -> dict[str, Any]:
    """Returns the child's answer; a mixture given as a `.json` file and no suites needs no child.

    Raises:
        UserError: with the child's own line.
    """
    mixture = request.data['mixture']
    if mixture.endswith('.json') and not request.suites:
        return {'suites': {}, **read_components(mixture)}
    with tempfile.TemporaryDirectory(prefix='jaxit-') as folder:
        question, answer = Path(folder, 'request.json'), Path(folder, 'answer.json')
        write_json(question, dataclasses.asdict(request))
        command = [sys.executable, '-m', 'jaxit.cli.caching', str(question), str(answer)]
        # The child needs no accelerator, and must not take the trainer's.
        environment = {**os.environ, 'JAX_PLATFORMS': 'cpu'}
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, errors='replace') as child:
            lines = _listen(child)
        if child.returncode or not answer.exists():
            last = (lines or ['no message'])[-1]
            if child.returncode in (EXIT_USER, EXIT_DISK_FULL):
                raise (UserError if child.returncode == EXIT_USER else DiskFullError)(last.removeprefix('error: '))
            raise RuntimeError('\n'.join(lines))
        return read_json(answer)


def _listen(child: subprocess.Popen[str]) -> list[str]:
    """Passes progress on while the child works; returns what else it said."""
    assert child.stderr is not None
    lines = []
    for line in child.stderr:
        if line.startswith(PROGRESS):
            print(line.removeprefix(PROGRESS), end='', file=sys.stderr, flush=True)
        elif line.strip():
            lines.append(line.rstrip())
    return lines


def read_components(path: str) -> dict[str, Any]:
    """Reads a mixture that `jaxit cache --components` wrote.

    Raises:
        UserError: when the file is something else.
    """
    answer = read_json(path)
    mixture = answer.get('mixture') if isinstance(answer, dict) else None
    wanted = {'task', 'folder', 'rate', 'num_examples', 'num_tokens'}
    if not isinstance(mixture, list) or not all(isinstance(c, dict) and wanted <= set(c) for c in mixture):
        raise UserError(f'{path}: not a file that jaxit cache --components wrote')
    return answer


def build(request: Request, progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Builds what is missing in this process and returns the answer; `progress` gets (tasks done, tasks)."""
    from jaxit.cli import suites
    from jaxit.cli.experiment import DataConfig
    from jaxit.tasks import registry
    from jaxit.text import tokenizers

    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in request.data.items()}
    data = DataConfig(**fields)
    for module in data.modules:
        registry.import_module_tasks(module)
    tokenizer = tokenizers.load(request.tokenizer)
    answer: dict[str, Any] = {'tokenizer_sha256': tokenizer.sha256, 'mixture': [], 'left_out': {}, 'suites': {}}
    if data.mixture.endswith('.json'):
        answer |= {key: value for key, value in read_components(data.mixture).items() if key != 'suites'}
    elif data.mixture:
        ensured = _ensure(request, data, tokenizer, progress)
        answer |= {'mixture': [facts(component) for component in ensured.components], 'left_out': ensured.left_out}
    for name in request.suites:
        path = suites.write(name, data, seed=request.seed, limit=request.limit, text_limit=request.text_limit)
        answer['suites'][name] = str(path.absolute())
    return answer


def _ensure(request: Request, data: Any, tokenizer: Any, progress: Callable[[int, int], None] | None) -> Any:
    from jaxit.tasks import caching, mixture_caches
    from jaxit.tasks.hygiene.findings import load_rows

    left_out = load_rows(data.leave_out, request.split) if data.leave_out else lambda task: ()
    token_format = data.token_format(encoder_decoder=request.encoder_decoder)

    def plan(task: Any) -> Any:
        return caching.plan(
            task,
            request.split,
            tokenizer,
            token_format,
            data.cache_dir,
            seed=request.seed,
            chat_format=data.chat_format,
            on_bad_row=data.on_bad_row,
            leave_out=left_out(task),
        )

    return mixture_caches.ensure(
        data.mixture,
        request.split,
        plan,
        num_workers=data.num_workers,
        beam=None if request.beam is None else mixture_caches.Beam(request.beam, request.beam_place),
        licences=data.licences,
        strict=data.strict,
        progress=progress,
    )


def facts(component: MixtureComponent) -> dict[str, Any]:
    """Returns what the mixture table says of a component."""
    manifest = component.cache.manifest
    metadata = manifest['metadata']
    return {
        'task': component.name,
        'folder': str(Path(component.folder).absolute()),
        'rate': component.rate,
        'cluster': metadata.get('cluster', ''),
        'licence': metadata.get('licence', ''),
        'num_examples': manifest['num_examples'],
        'num_tokens': manifest['num_tokens'],
        'num_positions': manifest['num_tokens'] - (0 if manifest['encoder_decoder'] else manifest['num_examples']),
        'num_loss_tokens': manifest['num_loss_tokens'],
        'counts': manifest['counts'],
        'fingerprint': manifest['fingerprint'],
    }


def main() -> None:
    """The child; it says how far it is at most every few seconds, so that a cache that is there is used in silence."""
    from jaxit.cli.main import exit_code_of

    question, answer = sys.argv[1:]
    value = json.loads(Path(question).read_text())
    value['suites'] = tuple(value['suites'])
    sys.exit(exit_code_of(lambda: write_json(answer, build(Request(**value), _Spoken()))))


class _Spoken:
    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self._last > PROGRESS_SECONDS:
            self._last = time.monotonic()
            print(f'{PROGRESS}caches: {done}/{total} tasks', file=sys.stderr, flush=True)


if __name__ == '__main__':
    main()
