"""Learning rates by step."""

import dataclasses

import jax
import jax.numpy as jnp
import optax

from jaxit.core.errors import UserError, unknown_name

KINDS = ('constant', 'linear', 'cosine', 'rsqrt', 'wsd')


@dataclasses.dataclass(frozen=True)
class ScheduleConfig:
    """The shape of the learning rate; the peak is the optimizer's.

    Attributes:
        kind: 'constant'; 'linear' or 'cosine' decay to the end; 'rsqrt' decays as the inverse
            root of the step from the end of the warmup on; 'wsd' (warmup, stable, decay) falls
            linearly in the last `decay_fraction`.
        warmup_steps: steps of a linear rise from 0.
        end_fraction: the last rate, as a fraction of the peak.
        decay_fraction: 'wsd': the share of all steps that decays.
    """

    kind: str = 'constant'
    warmup_steps: int = 0
    end_fraction: float = 0.0
    decay_fraction: float = 0.1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown_name('schedule', self.kind, KINDS)
        if self.warmup_steps < 0 or not 0 <= self.end_fraction <= 1 or not 0 < self.decay_fraction <= 1:
            raise UserError(f'{self}: warmup_steps >= 0, end_fraction in [0, 1], decay_fraction in (0, 1]')


def make_schedule(config: ScheduleConfig, peak: float, num_steps: int) -> optax.Schedule:
    """Returns the rate as a function of the step, the first step being 0."""
    schedule = _shape(config, peak, num_steps)

    def rate(step: jax.typing.ArrayLike) -> jax.Array:
        # Optax mixes int steps and float rates.
        with jax.numpy_dtype_promotion('standard'):
            return jnp.asarray(schedule(step), jnp.float32)

    return rate


def _shape(config: ScheduleConfig, peak: float, num_steps: int) -> optax.Schedule:
    warmup = config.warmup_steps
    rest = max(1, num_steps - warmup)
    end = peak * config.end_fraction
    if config.kind == 'linear':
        body = optax.linear_schedule(peak, end, rest)
    elif config.kind == 'cosine':
        body = optax.cosine_decay_schedule(peak, rest, config.end_fraction)
    elif config.kind == 'rsqrt':
        offset = max(1, warmup)
        body = lambda step: peak * jnp.sqrt(offset / (offset + jnp.asarray(step, jnp.float32)))  # noqa: E731
    elif config.kind == 'wsd':
        decay = max(1, int(num_steps * config.decay_fraction))
        body = optax.linear_schedule(peak, end, decay, transition_begin=max(0, rest - decay))
    else:
        body = optax.constant_schedule(peak)
    if not warmup:
        return body
    return optax.join_schedules([optax.linear_schedule(peak / warmup, peak, max(1, warmup - 1)), body], [warmup])
