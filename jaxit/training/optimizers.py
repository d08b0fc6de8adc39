"""Optimizers by name, and which params they train and decay."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import optax

from jaxit.core import tree
from jaxit.core.errors import UserError, unknown_name
from jaxit.core.types import Array, Params
from jaxit.training.schedules import ScheduleConfig, make_schedule

NAMES = ('adafactor', 'adamw', 'lion')
NO_DECAY = (r'(^|/)(scale|bias)$',)


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """An optimizer and what it acts on. Moments are float32.

    Attributes:
        name: 'adafactor' (Shazeer & Stern 2018, arXiv:1804.04235, with parameter scaling and
            update clipping, as T5 is trained), 'adamw' (arXiv:1711.05101) or 'lion' (arXiv:2302.06675).
        learning_rate: the peak; for Adafactor it is relative to the scale of each param.
        schedule: its shape.
        weight_decay: decoupled, times the learning rate.
        b1: first moment decay of adamw and lion.
        b2: second moment decay.
        eps: adamw's.
        clip_norm: gradients are scaled down to this global norm; None for no clipping.
        decay_exclude: paths that are not decayed.
        trained: regular expressions of the paths that are trained; the others are frozen and cost no gradient.
        frozen: paths that are not trained although they match `trained`.
        stacked: paths of params that hold all layers along their first dimension; Adafactor clips and scales
            the update of each layer by itself, as if the layers were not stacked.
    """

    name: str = 'adamw'
    learning_rate: float = 1e-4
    schedule: ScheduleConfig = ScheduleConfig()
    weight_decay: float = 0.0
    b1: float = 0.9
    b2: float = 0.95
    eps: float = 1e-8
    clip_norm: float | None = 1.0
    decay_exclude: tuple[str, ...] = NO_DECAY
    trained: tuple[str, ...] = ('.',)
    frozen: tuple[str, ...] = ()
    stacked: tuple[str, ...] = (r'^(layers|encoder|decoder)/',)

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise unknown_name('optimizer', self.name, NAMES)
        if self.learning_rate <= 0 or self.weight_decay < 0:
            raise UserError(
                f'learning_rate={self.learning_rate} must be positive, weight_decay={self.weight_decay} not negative'
            )

    def is_trained(self, path: str) -> bool:
        """Returns whether the param at a path is trained."""
        return tree.matches(path, self.trained) and not tree.matches(path, self.frozen)


def make_optimizer(config: OptimizerConfig, num_steps: int) -> tuple[optax.GradientTransformation, optax.Schedule]:
    """Returns the optimizer of the trained params, and its learning rate by step."""
    schedule = make_schedule(config.schedule, config.learning_rate, num_steps)
    mask = _decay_mask(config.decay_exclude)
    if config.name == 'adamw':
        update = optax.adamw(schedule, config.b1, config.b2, config.eps, weight_decay=config.weight_decay, mask=mask)
    elif config.name == 'lion':
        update = optax.lion(schedule, config.b1, config.b2, weight_decay=config.weight_decay, mask=mask)
    else:
        update = _adafactor(schedule, config.stacked)
        if config.weight_decay:  # optax's own would not be times the learning rate
            decay = optax.add_decayed_weights(lambda step: -config.weight_decay * schedule(step), mask)
            update = optax.chain(update, decay)
    clip = optax.identity() if config.clip_norm is None else optax.clip_by_global_norm(config.clip_norm)
    return _relaxed(optax.chain(clip, update)), schedule


def _adafactor(schedule: optax.Schedule, stacked: tuple[str, ...]) -> optax.GradientTransformation:
    """Algorithm 4 without momentum, with algorithm 5's rates; the defaults of `optax.adafactor`, layer by layer."""
    return optax.chain(
        optax.scale_by_factored_rms(),
        _layer_by_layer(optax.clip_by_block_rms(1.0), stacked),
        optax.scale_by_learning_rate(schedule),
        _layer_by_layer(optax.scale_by_param_block_rms(), stacked),
    )


def _layer_by_layer(transform: optax.GradientTransformation, stacked: tuple[str, ...]) -> optax.GradientTransformation:
    """Returns a stateless transformation that acts on every layer of a stacked param by itself."""

    def of_leaf(path: str, update: Array, param: Array) -> Array:
        def one(update: Any, param: Any) -> Any:
            return transform.update(update, optax.EmptyState(), param)[0]

        return (jax.vmap(one) if tree.matches(path, stacked) else one)(update, param)

    def update(updates: Any, state: optax.OptState, params: Any = None) -> tuple[Any, optax.OptState]:
        return tree.map_with_path(of_leaf, updates, params), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def _relaxed(optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
    """Optax relies on implicit promotion (`b1 ** count`), which a strict run would refuse."""

    def update(*args: Any, **kwargs: Any) -> Any:
        with jax.numpy_dtype_promotion('standard'), jax.numpy_rank_promotion('allow'):
            return optimizer.update(*args, **kwargs)

    return optax.GradientTransformation(optimizer.init, update)


def _decay_mask(exclude: tuple[str, ...]) -> Callable[[Params], Params]:
    return lambda params: tree.map_with_path(lambda path, _: not tree.matches(path, exclude), params)
