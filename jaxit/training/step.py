"""The train step: one jitted function from (state, batch) to (state, metrics).

Losses and gradients are summed over microbatches and devices, and divided once by the
weight of the whole global batch.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxit.core import tree
from jaxit.core.errors import UserError
from jaxit.core.types import Array, Batch, LossOutput, ModelApi, Params
from jaxit.sharding.apply import batch_sharding
from jaxit.sharding.rules import Rules
from jaxit.training.losses import LossConfig, response_loss
from jaxit.training.state import TrainState, state_shardings

StepMetrics = dict[str, Array]


@dataclasses.dataclass(frozen=True)
class TrainStep:
    """What a step is made of.

    Attributes:
        model: the model.
        optimizer: of the trained params.
        schedule: the learning rate by step, for the record.
        is_trained: which paths are trained.
        loss: what is minimised.
        num_tasks: components of the mixture.
        num_microbatches: the batch is split into this many parts, one after the other.
        dropout: whether dropout is on.
    """

    model: ModelApi
    optimizer: optax.GradientTransformation
    schedule: optax.Schedule
    is_trained: Callable[[str], bool]
    loss: LossConfig
    num_tasks: int
    num_microbatches: int = 1
    dropout: bool = False

    def __call__(self, state: TrainState, batch: Batch) -> tuple[TrainState, StepMetrics]:
        """Returns the next state and sums to log; a step that is not finite changes only the counters."""
        trained, frozen = tree.partition(state.params, self.is_trained)
        out, grads = self._summed_gradients(trained, frozen, state, batch)
        grads = jax.tree.map(lambda g: g / jnp.maximum(out.weight_sum, 1e-9), grads)
        grad_norm = optax.tree.norm(grads)
        finite = jnp.isfinite(out.loss_sum) & jnp.isfinite(grad_norm) & (out.weight_sum > 0)

        updates, opt_state = self.optimizer.update(grads, state.opt_state, trained)
        new = optax.apply_updates(trained, updates)
        keep = lambda a, b: jax.tree.map(lambda x, y: jnp.where(finite, x, y), a, b)  # noqa: E731
        next_state = TrainState(
            step=state.step + 1,
            params=tree.combine(keep(new, trained), frozen),
            opt_state=keep(opt_state, state.opt_state),
            rng=state.rng,
            skipped=state.skipped + jnp.where(finite, 0, 1),
            skipped_in_a_row=jnp.where(finite, 0, state.skipped_in_a_row + 1),
        )
        return next_state, self._metrics(state, out, grad_norm, finite, next_state)

    def _summed_gradients(
        self, trained: Params, frozen: Params, state: TrainState, batch: Batch
    ) -> tuple[LossOutput, Params]:
        key = jax.random.fold_in(jax.random.wrap_key_data(state.rng), state.step) if self.dropout else None
        head_trained = self.is_trained(self.model.head_path)

        def loss(trained: Params, part: Batch, index: Array) -> tuple[Array, LossOutput]:
            out = response_loss(
                self.model,
                tree.combine(trained, frozen),
                part,
                self.loss,
                num_tasks=self.num_tasks,
                head_trained=head_trained,
                dropout_key=None if key is None else jax.random.fold_in(key, index),
            )
            return out.loss_sum, out

        gradient = jax.value_and_grad(loss, has_aux=True)
        if self.num_microbatches == 1:
            (_, out), grads = gradient(trained, batch, jnp.zeros((), jnp.int32))
            return out, grads

        def accumulate(sums: tuple, part: tuple) -> tuple[tuple, None]:
            (_, out), grads = gradient(trained, *part)
            return jax.tree.map(jnp.add, sums, (out, grads)), None

        parts = (split(batch, self.num_microbatches), jnp.arange(self.num_microbatches))
        shapes = jax.eval_shape(gradient, trained, *jax.tree.map(lambda x: x[0], parts))
        zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), (shapes[0][1], shapes[1]))
        return jax.lax.scan(accumulate, zeros, parts)[0]

    def _metrics(
        self, state: TrainState, out: LossOutput, norm: Array, finite: Array, next_state: TrainState
    ) -> StepMetrics:
        sums = {'loss': out.loss_sum, 'weight': out.weight_sum, **out.metrics}
        sums = {name: jnp.where(finite, value, 0.0) for name, value in sums.items()}
        by_task = {
            'task_loss': jnp.where(finite, out.task_loss_sums, 0.0),
            'task_weight': jnp.where(finite, out.task_weight_sums, 0.0),
        }
        return {
            **sums,
            **by_task,
            'grad_norm': norm,
            'learning_rate': jnp.asarray(self.schedule(state.step)),
            'skipped': next_state.skipped,
            'skipped_in_a_row': next_state.skipped_in_a_row,
        }


def compile_step(
    step: TrainStep, abstract: TrainState, mesh: Mesh, rules: Rules
) -> Callable[..., tuple[TrainState, StepMetrics]]:
    """Returns the jitted step: state donated, sharded as it is, rows of the batch over data and fsdp."""
    states = state_shardings(step.model, abstract, mesh, rules)
    everywhere = NamedSharding(mesh, PartitionSpec())
    return jax.jit(
        step, in_shardings=(states, batch_sharding(mesh, rules)), out_shardings=(states, everywhere), donate_argnums=0
    )


def compile_evaluation(model: ModelApi, loss: LossConfig, num_tasks: int) -> Callable[[Params, Batch], LossOutput]:
    """Returns the jitted loss of a batch as sums, without gradients or dropout."""

    def evaluate(params: Params, batch: Batch) -> LossOutput:
        return response_loss(model, params, batch, loss, num_tasks=num_tasks)

    return jax.jit(evaluate)


def split(batch: Batch, parts: int) -> dict[str, Array]:
    """Returns features [parts, B / parts, T]; every part takes rows from every device's share.

    Raises:
        UserError: when the rows do not divide.
    """

    def one(name: str, x: Any) -> Array:
        if x.shape[0] % parts:
            raise UserError(f'batch feature {name!r} has {x.shape[0]} rows, not a multiple of {parts} microbatches')
        return x.reshape(x.shape[0] // parts, parts, *x.shape[1:]).swapaxes(0, 1)

    return {name: one(name, x) for name, x in batch.items()}
