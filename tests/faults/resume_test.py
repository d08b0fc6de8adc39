"""A resumed run is the uninterrupted run, bit for bit: params, optimizer, data position and losses."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jaxit.checkpoints.loading import read_manifest
from jaxit.cli import train
from jaxit.cli.experiment import DataConfig, EvaluationConfig, Experiment, LoraConfig
from jaxit.models import families
from jaxit.training.optimizers import OptimizerConfig
from jaxit.training.trainer import TrainerConfig

CONFIG = """
from __gin__ import dynamic_registration
include 'gin/base.gin'
from jaxit.cli import experiment
from jaxit.models import families
from jaxit.training import trainer
families.llama:
  vocab_size = 384
  embed_dim = 24
  num_layers = 2
  num_heads = 3
  num_kv_heads = 1
  mlp_dim = 40
experiment.Experiment:
  model = @families.llama()
  tokenizer = 'bytes'
experiment.DataConfig:
  mixture = 'primer_replay'
  inputs_length = 64
  targets_length = 64
trainer.TrainerConfig:
  num_steps = {num_steps}
  batch_size = 8
  metrics_period = 1
  checkpoint_period = {period}
"""


def experiment_of(tmp_path: Path, **changes) -> Experiment:
    """A tiny decoder on the primer's text, LoRA and Adafactor optional."""
    model = families.llama(
        vocab_size=384, embed_dim=24, num_layers=2, num_heads=4, num_kv_heads=2, head_dim=10, mlp_dim=40
    )
    base = Experiment(
        model=model,
        tokenizer='bytes',
        data=DataConfig(
            mixture='primer_replay', cache_dir=str(tmp_path / 'caches'), inputs_length=64, targets_length=64
        ),
        optimizer=OptimizerConfig(learning_rate=1e-3),
        trainer=TrainerConfig(num_steps=20, batch_size=8, metrics_period=1, checkpoint_period=10),
        evaluation=EvaluationConfig(),
    )
    return dataclasses.replace(base, **changes)


def losses(folder: Path) -> dict[int, float]:
    """Losses by step; a line of a step that was done again replaces the first."""
    lines = [json.loads(line) for line in (folder / 'metrics.jsonl').read_text().splitlines()]
    return {line['step']: line['train/loss'] for line in lines}


def fingerprint(folder: Path, step: int) -> dict:
    """Digests of every array of a checkpoint, and its data position."""
    manifest = read_manifest(folder, step)
    position = json.loads((folder / 'checkpoints' / str(step) / 'data' / 'metadata').read_text())
    return {'leaves': {name: leaf['digest'] for name, leaf in manifest['leaves'].items()}, 'position': position}


@pytest.mark.parametrize('kind', ['adamw', 'adafactor_lora'])
def test_stop_at_10_and_resume_to_20_equals_20_straight(tmp_path: Path, kind: str) -> None:
    changes = {}
    if kind == 'adafactor_lora':
        changes = {'optimizer': OptimizerConfig(name='adafactor', learning_rate=1e-2), 'lora': LoraConfig(rank=3)}
    whole = experiment_of(tmp_path, **changes)
    half = dataclasses.replace(whole, trainer=dataclasses.replace(whole.trainer, num_steps=10))
    straight = train.run(whole, str(tmp_path / 'straight'))
    train.run(half, str(tmp_path / 'resumed'))
    resumed = train.run(whole, str(tmp_path / 'resumed'))
    assert losses(resumed) == losses(straight)
    assert sorted(losses(straight)) == list(range(1, 21))
    assert fingerprint(resumed, 20) == fingerprint(straight, 20)
    assert fingerprint(straight, 10) != fingerprint(straight, 20)
    assert json.loads((resumed / 'drawn.json').read_text()) == json.loads((straight / 'drawn.json').read_text())


def start(gin_file: Path, folder: Path, caches: Path) -> subprocess.Popen:
    """Starts a real trainer."""
    command = [sys.executable, '-m', 'jaxit.cli.main', 'train', '--gin_file', str(gin_file), '--run_dir', str(folder)]
    environment = {k: v for k, v in os.environ.items() if k != 'XLA_FLAGS'}
    with open(errors_of(folder), 'w') as errors:
        return subprocess.Popen([*command, f'--gin.data.cache_dir={str(caches)!r}'], env=environment, stderr=errors)


def errors_of(folder: Path) -> Path:
    """Where the last trainer's stderr went."""
    return folder.with_suffix('.stderr')


def wait_for(condition, process: subprocess.Popen, seconds: float = 240.0) -> None:
    """Polls until a condition holds; fails when the process ends first."""
    end = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None or time.monotonic() > end:
            pytest.fail(f'the trainer ended or hung: {process.poll()}')
        time.sleep(0.005)


@pytest.mark.slow
def test_kill_during_a_save_and_sigterm_resume_to_the_same_run(tmp_path: Path) -> None:
    gin_file = tmp_path / 'run.gin'
    gin_file.write_text(CONFIG.format(num_steps=60, period=2))
    caches, straight, broken = tmp_path / 'caches', tmp_path / 'straight', tmp_path / 'broken'
    clean = start(gin_file, straight, caches)
    assert clean.wait(600) == 0, errors_of(straight).read_text()

    killed = start(gin_file, broken, caches)
    checkpoints = broken / 'checkpoints'
    wait_for(lambda: checkpoints.exists() and any('tmp' in p.name for p in checkpoints.glob('1*')), killed)
    killed.send_signal(signal.SIGKILL)
    killed.wait()

    stopped = start(gin_file, broken, caches)
    wait_for(lambda: max(losses(broken), default=0) >= 11, stopped)
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait(120) in (0, 75), errors_of(broken).read_text()
    error = errors_of(broken).read_text()

    last = start(gin_file, broken, caches)
    assert last.wait(600) == 0, errors_of(broken).read_text()
    assert losses(broken) == losses(straight)
    assert fingerprint(broken, 60) == fingerprint(straight, 60)
    assert not [p for p in checkpoints.iterdir() if 'tmp' in p.name]
    if stopped.returncode == 75:
        assert 'told to stop' in error


@pytest.mark.slow
def test_the_trainer_imports_no_tensorflow_and_sigterm_exits_75(tmp_path: Path) -> None:
    gin_file = tmp_path / 'run.gin'
    gin_file.write_text(CONFIG.format(num_steps=100_000, period=1000))
    process = start(gin_file, tmp_path / 'run', tmp_path / 'caches')
    metrics = tmp_path / 'run' / 'metrics.jsonl'
    wait_for(lambda: metrics.exists() and metrics.read_text().count('\n') > 3, process)
    mapped = Path(f'/proc/{process.pid}/maps').read_text()
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 75, errors_of(tmp_path / 'run').read_text()
    assert 'libjax_common' in mapped or 'jaxlib' in mapped
    assert 'tensorflow' not in mapped
    step = int(next((tmp_path / 'run' / 'checkpoints').iterdir()).name)
    assert step == max(losses(tmp_path / 'run'))
