"""Every gin file is parsed, its experiment built, its model made abstractly; every header says how and what."""

import re
from pathlib import Path

import jax
import pytest

from jaxit.cli import gin_files
from jaxit.core import tree
from jaxit.core.errors import UserError
from jaxit.models import registry
from jaxit.training.optimizers import make_optimizer

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(ROOT.glob('gin/**/*.gin'))
RECIPES = [path for path in FILES if path.parent.name == 'recipes']


def test_there_are_recipes() -> None:
    assert ROOT / 'gin' / 'base.gin' in FILES
    assert len(RECIPES) >= 5


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.name)
def test_the_header_gives_command_expectation_and_cost(path: Path) -> None:
    header = re.match(r'(?:#.*\n)+', path.read_text())
    assert header is not None
    for word in ('# Command:', '# Expected:', '# Cost:'):
        assert word in header[0], f'{path} does not say {word}'


@pytest.mark.parametrize('path', RECIPES, ids=lambda path: path.name)
def test_a_recipe_parses_and_its_model_can_be_built(path: Path) -> None:
    text = path.read_text()
    overrides = [] if re.search(r'^\s*model = ', text, re.M) else ['experiment.model=@families.primer_tiny()']
    overrides += [] if re.search(r'^\s*tokenizer = ', text, re.M) else ['experiment.tokenizer=bytes']
    experiment = gin_files.load([str(path)], overrides, ['examples.real_tasks'])
    model = registry.build(experiment.model, experiment.execution)
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    axes = tree.flatten(model.logical_axes(shapes))
    assert {name: len(spec) for name, spec in axes.items()} == {n: x.ndim for n, x in tree.flatten(shapes).items()}
    optimizer, schedule = make_optimizer(experiment.optimizer, experiment.trainer.num_steps)
    state = jax.eval_shape(optimizer.init, shapes)
    assert jax.tree.leaves(state)
    assert (
        0 < float(schedule(experiment.optimizer.schedule.warmup_steps)) <= experiment.optimizer.learning_rate * 1.0001
    )
    assert experiment.name == path.stem or path.stem == 'primer_pretrain'
    assert experiment.data.lengths(encoder_decoder=model.encoder_decoder)['targets'] > 0


def test_an_override_wins_and_is_typed() -> None:
    experiment = gin_files.load(
        [str(ROOT / 'gin/recipes/flan_t5_small.gin')], ['optimizer.learning_rate=3e-3', 'data.mixture=abc']
    )
    assert experiment.optimizer.learning_rate == 3e-3
    assert experiment.data.mixture == 'abc'


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('import os', "line 2: module 'os' may not be imported"),
        ('from subprocess import run', "line 2: module 'subprocess.run' may not be imported"),
        ("include '/etc/hostname'", 'only relative .gin files'),
        ("include '../../secret.gin'", 'only relative .gin files'),
        ("include 'self.gin'", 'includes itself'),
        ('from jaxit.core import files\nx = @files.os.system()', "'files.os.system' is from module 'os'"),
        ('from jaxit.core import files\nx = @files.subprocess.run()', 'unknown gin name'),
        (
            'from jaxit.training import trainer\ntrainer.TrainerConfg.num_steps = 3',
            'did you mean trainer.TrainerConfig',
        ),
    ],
)
def test_what_a_gin_file_may_not_do(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / 'self.gin'
    path.write_text(f'from __gin__ import dynamic_registration\n{line}\n')
    with pytest.raises(UserError) as caught:
        gin_files.load([str(path)])
    assert message in str(caught.value)
    assert '\n' not in str(caught.value)


def test_a_file_that_runs_a_command_is_refused_before_it_runs(tmp_path: Path) -> None:
    canary = tmp_path / 'pwned'
    path = tmp_path / 'evil.gin'
    path.write_text(
        f"from __gin__ import dynamic_registration\nimport os\nx.y = @os.system()\nos.system.command = 'touch {canary}'\n"
    )
    with pytest.raises(UserError):
        gin_files.load([str(path)])
    assert not canary.exists()
