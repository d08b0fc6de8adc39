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
from pathlib import Path
from typing import Any

from jaxit.core.errors import UserError
from jaxit.core.files import read_json, write_json
from jaxit.data.mixture import MixtureComponent


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
    """

    data: dict[str, Any]
    tokenizer: str
    encoder_decoder: bool
    seed: int = 0
    split: str = 'train'
    suites: tuple[str, ...] = ()
    limit: int | None = None


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
        return read_json(mixture)
    with tempfile.TemporaryDirectory(prefix='jaxit-') as folder:
        question, answer = Path(folder, 'request.json'), Path(folder, 'answer.json')
        write_json(question, dataclasses.asdict(request))
        command = [sys.executable, '-m', 'jaxit.cli.caching', str(question), str(answer)]
        # The child needs no accelerator, and must not take the trainer's.
        environment = {**os.environ, 'JAX_PLATFORMS': 'cpu'}
        done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True)
        if done.returncode or not answer.exists():
            last = (done.stderr.strip().splitlines() or ['no message'])[-1]
            raise UserError(last.removeprefix('error: ')) if done.returncode == 2 else RuntimeError(done.stderr)
        return read_json(answer)


def build(request: Request) -> dict[str, Any]:
    """Builds what is missing in this process and returns the answer."""
    from jaxit.cli import suites
    from jaxit.cli.experiment import DataConfig
    from jaxit.tasks import caching, registry
    from jaxit.text import tokenizers

    data = DataConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in request.data.items()})
    for module in data.modules:
        registry.import_module_tasks(module)
    tokenizer = tokenizers.load(request.tokenizer)
    answer: dict[str, Any] = {'tokenizer_sha256': tokenizer.sha256, 'mixture': [], 'suites': {}}
    if data.mixture.endswith('.json'):
        answer['mixture'] = read_json(data.mixture)['mixture']
    else:
        components = caching.ensure(
            data.mixture,
            request.split,
            tokenizer,
            data.token_format(encoder_decoder=request.encoder_decoder),
            data.cache_dir,
            seed=request.seed,
            num_workers=data.num_workers,
            chat_format=data.chat_format,
            on_bad_row=data.on_bad_row,
        )
        answer['mixture'] = [facts(component) for component in components]
    for name in request.suites:
        path = suites.write(name, data, seed=request.seed, limit=request.limit)
        answer['suites'][name] = str(path.absolute())
    return answer


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
        'num_loss_tokens': manifest['num_loss_tokens'],
        'fingerprint': manifest['fingerprint'],
    }


def main() -> None:
    """The child."""
    from jaxit.cli.main import exit_code_of

    question, answer = sys.argv[1:]
    value = json.loads(Path(question).read_text())
    value['suites'] = tuple(value['suites'])
    code = exit_code_of(lambda: write_json(answer, build(Request(**value))))
    sys.exit(code)


if __name__ == '__main__':
    main()
