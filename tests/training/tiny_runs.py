"""Train steps of the tiny models on any mesh."""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np
import optax
from jax.sharding import Mesh
from tiny_models import model_of, params_of

from jaxit.core.types import Params
from jaxit.sharding.apply import put_batch
from jaxit.sharding.mesh import MeshConfig, make_mesh
from jaxit.sharding.rules import DEFAULT_RULES, Rules
from jaxit.training import state as state_lib
from jaxit.training.losses import LossConfig
from jaxit.training.schedules import ScheduleConfig, make_schedule
from jaxit.training.state import TrainState
from jaxit.training.step import TrainStep, compile_step

ONE = (1, 1, 1, 1)


def mesh_of(data: int, fsdp: int = 1, tensor: int = 1, sequence: int = 1) -> Mesh:
    """Returns a mesh over the first devices."""
    size = data * fsdp * tensor * sequence
    return make_mesh(MeshConfig(data, fsdp, tensor, sequence), jax.devices()[:size])


def everything(path: str) -> bool:
    """Every param is trained."""
    del path
    return True


class Run:
    """A compiled step and its state; `steps` trains on batches."""

    def __init__(
        self,
        kind: str,
        optimizer: optax.GradientTransformation,
        *,
        mesh: tuple[int, ...] = ONE,
        rules: Rules = DEFAULT_RULES,
        is_trained: Callable[[str], bool] = everything,
        params: Params | None = None,
        prepare: Callable | None = None,
        execution: dict[str, Any] | None = None,
        **options: Any,
    ):
        self.mesh, self.rules = mesh_of(*mesh), rules
        self.model = model_of(kind, **({'rules': rules} | (execution or {})))
        options = {'loss': LossConfig(z_loss=0.01, chunk_length=4), 'num_tasks': 2} | options
        step = TrainStep(self.model, optimizer, make_schedule(ScheduleConfig(), 0.5, 100), is_trained, **options)
        key = jax.random.key(7)
        abstract = state_lib.abstract_state(self.model, optimizer, is_trained, self.mesh, rules, prepare=prepare)
        params = params_of(kind) if params is None else params
        self.state: TrainState = state_lib.initialize(
            self.model, optimizer, is_trained, self.mesh, rules, key=key, prepare=prepare, params=params
        )
        self.step = compile_step(step, abstract, self.mesh, rules)

    def steps(self, batches: Iterable[dict[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
        """Trains a step on each batch; returns their metrics."""
        metrics = []
        with jax.set_mesh(self.mesh):
            for batch in batches:
                self.state, values = self.step(self.state, put_batch(batch, self.mesh, self.rules))
                metrics.append(jax.device_get(values))
        return metrics

    @property
    def params(self) -> Params:
        """The params as numpy arrays."""
        return jax.device_get(self.state.params)


def apart(tree: Params, other: Params) -> float:
    """Returns the norm of the difference of two trees over the norm of the second, in float64."""
    pairs = zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True)
    wide = [(np.asarray(a, np.float64), np.asarray(b, np.float64)) for a, b in pairs]
    return float(np.sqrt(sum(((a - b) ** 2).sum() for a, b in wide) / sum((b**2).sum() for _, b in wide)))
