"""From an experiment to the objects of a run: tokenizer, mixture, model, mesh, state, reader."""

import dataclasses
import importlib.metadata
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import optax
from jax.sharding import Mesh

from jaxit.checkpoints import weights as weights_lib
from jaxit.cli import caching, console
from jaxit.cli.experiment import Experiment
from jaxit.core import rng, tree
from jaxit.core.errors import UserError
from jaxit.core.files import sha256_json
from jaxit.core.types import Array, ModelApi, Params
from jaxit.data.mixture import MixtureComponent
from jaxit.data.reader import RowReader
from jaxit.layers import lora
from jaxit.models import registry
from jaxit.sharding.mesh import make_mesh
from jaxit.text import tokenizers
from jaxit.text.base import Tokenizer
from jaxit.training import state as state_lib
from jaxit.training.optimizers import make_optimizer
from jaxit.training.state import TrainState
from jaxit.training.step import TrainStep

PACKAGES = (
    'jaxit',
    'jax',
    'jaxlib',
    'flax',
    'optax',
    'orbax-checkpoint',
    'numpy',
    'safetensors',
    'tokenizers',
    'sentencepiece',
)


@dataclasses.dataclass
class Session:
    """What a run is made of.

    Attributes:
        experiment: the values it was built from.
        tokenizer: of the model.
        answer: the mixture table and suites, see `cli.caching`.
        model: as functions of params.
        mesh: of the devices.
        optimizer: of the trained params.
        schedule: the learning rate by step.
        start: weights to start from, None for random ones or a resume.
    """

    experiment: Experiment
    tokenizer: Tokenizer
    answer: dict[str, Any]
    model: ModelApi
    mesh: Mesh
    optimizer: optax.GradientTransformation
    schedule: optax.Schedule
    start: Params | None

    @property
    def components(self) -> list[MixtureComponent]:
        """The mixture."""
        return caching.components_of(self.answer)

    @property
    def task_names(self) -> list[str]:
        """Of the mixture's components, in the order of `task_ids`."""
        return [component['task'] for component in self.answer['mixture']]

    def is_trained(self, path: str) -> bool:
        """Whether the param at a path is trained: the low-rank updates alone where there are any."""
        if self.experiment.lora is not None and not lora.is_lora(path):
            return False
        return self.experiment.optimizer.is_trained(path)

    @property
    def prepare(self) -> Callable[[Params, Array], Params] | None:
        """Adds low-rank updates to fresh params."""
        config = self.experiment.lora
        if config is None:
            return None
        return lambda params, key: lora.add(
            params, self.model.logical_axes(params), key, rank=config.rank, patterns=config.patterns
        )

    def step(self) -> TrainStep:
        """Returns the train step."""
        e = self.experiment
        return TrainStep(
            self.model,
            self.optimizer,
            self.schedule,
            self.is_trained,
            e.loss,
            num_tasks=len(self.task_names),
            num_microbatches=e.trainer.num_microbatches,
            dropout=getattr(e.model, 'dropout_rate', 0.0) > 0,
        )

    def first_state(self) -> TrainState:
        """Returns the state of step 0."""
        key = rng.stream(self.experiment.trainer.seed, 'init')
        rules = self.experiment.execution.rules
        return state_lib.initialize(
            self.model,
            self.optimizer,
            self.is_trained,
            self.mesh,
            rules,
            key=key,
            prepare=self.prepare,
            params=self.start,
        )

    def abstract_state(self) -> TrainState:
        """Returns the shapes and places of the state."""
        rules = self.experiment.execution.rules
        return state_lib.abstract_state(
            self.model, self.optimizer, self.is_trained, self.mesh, rules, prepare=self.prepare
        )

    def reader(self) -> RowReader:
        """Returns the reader of the mixture at its start."""
        encoder_decoder = self.model.encoder_decoder
        return RowReader(
            self.components,
            seed=self.experiment.trainer.seed,
            lengths=self.experiment.data.lengths(encoder_decoder=encoder_decoder),
            encoder_decoder=encoder_decoder,
            pack=self.experiment.data.pack,
            prefix_lm=getattr(self.model.config, 'prefix_lm', False),
        )


def open_session(experiment: Experiment, *, resuming: bool = False) -> Session:
    """Builds everything an experiment names.

    Args:
        experiment: the values.
        resuming: the params come from a checkpoint, so weights need not be read.

    Raises:
        UserError: for whatever does not fit together.
    """
    experiment, start, tokenizer_path = _resolve_weights(experiment, resuming=resuming)
    tokenizer = tokenizers.load(tokenizer_path)
    model = registry.build(_config(experiment), experiment.execution)
    _check_vocabulary(tokenizer, tokenizer_path, model)
    request = caching.Request(
        data=dataclasses.asdict(experiment.data),
        tokenizer=str(tokenizer_path),
        encoder_decoder=model.encoder_decoder,
        seed=experiment.trainer.seed,
        suites=experiment.evaluation.suites,
        limit=experiment.evaluation.limit,
        text_limit=experiment.evaluation.text_limit,
    )
    answer = caching.ask(request)
    if answer.get('tokenizer_sha256', tokenizer.sha256) != tokenizer.sha256:
        raise UserError(
            f'{experiment.data.mixture}: its tasks were cached with another tokenizer than {tokenizer_path}'
        )
    for task, why in answer.get('left_out', {}).items():
        console.say(f'left out of the mixture: {task}: {why}')
    optimizer, schedule = make_optimizer(experiment.optimizer, experiment.trainer.num_steps)
    mesh = make_mesh(experiment.mesh)
    return Session(experiment, tokenizer, answer, model, mesh, optimizer, schedule, start)


def starting_params(session: Session, like: Params) -> Params:
    """Returns the params the run began with, before LoRA, placed where `like` is.

    Args:
        session: of the run.
        like: params of the same shapes on the mesh.
    """
    e = session.experiment
    places = jax.tree.map(lambda x: x.sharding, like)
    if e.weights is None:
        return jax.jit(session.model.init, out_shardings=places)(rng.stream(e.trainer.seed, 'init'))
    return jax.device_put(weights_lib.load(e.weights).params, places)


def _resolve_weights(experiment: Experiment, *, resuming: bool) -> tuple[Experiment, Params | None, str]:
    """Reads the starting weights; returns the experiment with its model, the params, the tokenizer's path."""
    if experiment.weights is None:
        assert experiment.tokenizer is not None
        return experiment, None, experiment.tokenizer
    found = weights_lib.load(experiment.weights)
    if experiment.model is not None and experiment.model != found.config:
        raise UserError(
            f'{experiment.weights}: holds another model than experiment.model; leave the model out to use its own ({found.config})'
        )
    path = experiment.tokenizer or found.tokenizer
    if path is None:
        raise UserError(f'{experiment.weights}: no tokenizer came with these weights; set experiment.tokenizer')
    if found.tokenizer_sha256 and tokenizers.load(path).sha256 != found.tokenizer_sha256:
        raise UserError(f'{path}: not the tokenizer that {experiment.weights} was trained with')
    return dataclasses.replace(experiment, model=found.config), None if resuming else found.params, str(path)


def _config(experiment: Experiment) -> registry.ModelConfig:
    assert experiment.model is not None
    return experiment.model


def _check_vocabulary(tokenizer: Tokenizer, path: str, model: ModelApi) -> None:
    size = model.config.vocab_size
    if tokenizer.vocab_size > size:
        raise UserError(
            f'{path}: the tokenizer has {tokenizer.vocab_size} tokens and the model {size}; they do not belong together'
        )


def describe(session: Session, state: TrainState, name: str, reader: RowReader) -> dict[str, Any]:
    """Returns what `run.json` says."""
    trained, _ = tree.partition(state.params, session.is_trained)
    total = sum(c['rate'] for c in session.answer['mixture'])
    left_out = session.answer.get('left_out', {})
    return {
        'name': name,
        'started': time.strftime('%Y-%m-%dT%H:%M:%S%z'),
        'command': ' '.join(sys.argv),
        'versions': versions(),
        'hardware': f'{platform.machine()} {platform.system()}, {jax.devices()[0].device_kind}',
        'devices': jax.device_count(),
        'processes': jax.process_count(),
        'mesh': dict(session.mesh.shape),
        'git': git_revision(),
        'model': dataclasses.asdict(session.model.config),
        'num_params': tree.num_params(state.params),
        'num_trained_params': tree.num_params(trained),
        'tokenizer_sha256': session.tokenizer.sha256,
        'data_fingerprint': reader.fingerprint,
        'mixture': [{**c, 'share': c['rate'] / total} for c in session.answer['mixture']],
        'data': _describe_data(session, reader),
        'seed': session.experiment.trainer.seed,
    } | ({'left_out': left_out} if left_out else {})


def _describe_data(session: Session, reader: RowReader) -> dict[str, Any]:
    """How examples became rows: what `jaxit trace` reads a batch again with, and a prompt is laid out like."""
    data = session.experiment.data
    encoder_decoder = session.model.encoder_decoder
    return {
        'format': dataclasses.asdict(data.token_format(encoder_decoder=encoder_decoder)),
        'chat_format': data.chat_format,
        'modules': list(data.modules),
        'lengths': reader.lengths,
        'pack': data.pack,
        'prefix_lm': reader.prefix_lm,
        'batch_size': session.experiment.trainer.batch_size,
    }


def config_sha256(experiment: Experiment) -> str:
    """Returns a hash of all values of an experiment."""
    return sha256_json(repr(experiment))


def versions() -> dict[str, str]:
    """Returns the versions of what computes."""
    found = {'python': platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def git_revision() -> str:
    """Returns the revision of the source tree this runs from, '' where there is none."""
    command = ['git', '-C', str(Path(__file__).parent), 'describe', '--always', '--dirty', '--abbrev=12']
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ''
    return done.stdout.strip() if done.returncode == 0 else ''
