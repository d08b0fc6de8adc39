"""One tiny run for all tests of the command line, and ways to call it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import pytest

from jaxit.cli import loaded, main

ROOT = Path(__file__).resolve().parents[2]
CAPITALS = {'France': 'Paris', 'Italy': 'Rome', 'Spain': 'Madrid', 'Poland': 'Warsaw', 'Norway': 'Oslo'}
ECHOES = ('tea', 'nine', 'bridge')

TASKS = """
from jaxit.tasks.registry import add_mixture, add_task
from jaxit.tasks.sources import Jsonl
from jaxit.tasks.suites import Suite, add_suite
from jaxit.text.templates import Template

FOLDER = {folder!r}

add_task(
    'tiny_capitals',
    Jsonl(dict.fromkeys(('train', 'test'), FOLDER + '/capitals.jsonl'), fields=('land', 'city')),
    templates=(Template('Capital of {{land}}?', '{{city}}'), Template('{{land}}: name its capital.', '{{city}}')),
    cluster='knowledge',
    licence='CC0',
)
add_task('tiny_echo', Jsonl(dict.fromkeys(('train', 'test'), FOLDER + '/echo.jsonl')), cluster='structure')
add_task('tiny_broken', Jsonl(FOLDER + '/broken.jsonl'))
add_task('tiny_lacking', Jsonl(FOLDER + '/capitals.jsonl', fields=('land', 'river')))
add_task('tiny_silent', Jsonl(FOLDER + '/silent.jsonl'))
add_task('tiny_absent', Jsonl('nowhere/rows.jsonl'))
add_mixture('tiny_and_absent', [('tiny_echo', 1.0), ('tiny_absent', 1.0)])
add_mixture('tiny', [('tiny_capitals', 3.0), ('tiny_echo', 1.0)])
add_suite(Suite('tiny_suite', 'held_in', ('tiny_capitals', 'tiny_echo')))
"""

GIN = """
from __gin__ import dynamic_registration

include 'gin/base.gin'

from jaxit.cli import experiment
from jaxit.models import families
from jaxit.training import trainer

experiment.Experiment:
  name = 'tiny'
  model = @families.llama()
  tokenizer = 'bytes'

families.llama:
  vocab_size = 384
  embed_dim = 24
  num_layers = 1
  num_heads = 2
  num_kv_heads = 1
  mlp_dim = 40

experiment.DataConfig:
  mixture = 'tiny'
  modules = ('tiny_tasks',)
  cache_dir = '{folder}/caches'
  inputs_length = 40
  targets_length = 16
  row_length = 96

trainer.TrainerConfig:
  num_steps = 2
  batch_size = 8
  metrics_period = 1
  checkpoint_period = 2
"""


class Result(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


Command = Callable[..., Result]


@pytest.fixture(scope='session')
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, a module of tasks, and a gin file."""
    folder = tmp_path_factory.mktemp('cli')
    records = [{'land': land, 'city': city} for land, city in CAPITALS.items()]
    _write_jsonl(folder / 'capitals.jsonl', records)
    _write_jsonl(folder / 'echo.jsonl', [{'inputs': f'Say {word}.', 'targets': word} for word in ECHOES])
    (folder / 'broken.jsonl').write_text('{"inputs": "a", "targets": "b"}\n{"inputs": "c", \n')
    _write_jsonl(folder / 'silent.jsonl', [{'inputs': 'a', 'targets': 'b'}, {'inputs': 'c', 'targets': ''}])
    (folder / 'tiny_tasks.py').write_text(TASKS.format(folder=str(folder)))
    (folder / 'tiny.gin').write_text(GIN.format(folder=str(folder)))
    return folder


@pytest.fixture(autouse=True)
def _tasks_can_be_imported(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(workspace))
    monkeypatch.setenv('PYTHONPATH', str(workspace))


@pytest.fixture(scope='session', autouse=True)
def _weights_on_one_device() -> Iterator[None]:
    """Eight virtual devices on two cores make decoding slow and prove nothing here; one test of the API uses them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loaded, 'devices', lambda: jax.local_devices()[:1])
        yield


@pytest.fixture
def jaxit_here(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process."""

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        code = main.run([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return run


@pytest.fixture(scope='session')
def jaxit_process(workspace: Path) -> Command:
    """Runs a command in a process of its own, with one device."""

    def run(*arguments: object, **environment: str) -> Result:
        kept = {name: value for name, value in os.environ.items() if name != 'XLA_FLAGS'}
        command = [sys.executable, '-m', 'jaxit', *(str(argument) for argument in arguments)]
        done = subprocess.run(
            command,
            env={**kept, 'PYTHONPATH': str(workspace), **environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=600,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope='session')
def run_folder(workspace: Path, jaxit_process: Command) -> Path:
    """Two steps on one device under the supervisor, then a third on eight devices, through the Python API."""
    import jaxit

    folder = workspace / 'run'
    first = jaxit_process('launch', '--', '--gin_file', workspace / 'tiny.gin', '--run_dir', folder)
    assert first.code == 0, first.err
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PYTHONPATH', str(workspace))
        assert jaxit.train(workspace / 'tiny.gin', folder, overrides=['trainer.num_steps=3']) == folder
    return folder


def _write_jsonl(path: Path, records: list[dict[str, str]]) -> None:
    path.write_text(''.join(json.dumps(record) + '\n' for record in records))
