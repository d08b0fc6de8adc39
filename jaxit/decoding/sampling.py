"""From logits to tokens: temperature, then top-k, then top-p, then a draw.

B batch, V vocab, C candidates (the k likeliest tokens, or all of them).
"""

import dataclasses

import jax
import jax.numpy as jnp

from jaxit.core.errors import UserError
from jaxit.core.types import Array


@dataclasses.dataclass(frozen=True)
class SamplingConfig:
    """How a token is drawn from logits. The filters act in the order of the fields.

    Attributes:
        temperature: divides the logits; 0 takes the likeliest token and draws nothing.
        top_k: keeps the k likeliest tokens; None keeps all.
        top_p: of those, keeps the fewest likeliest tokens whose probabilities, renormalised after
            top-k, sum to at least p (Holtzman et al. 2020, arXiv:1904.09751); 1 keeps all.
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float('inf'):
            raise UserError(f'temperature is {self.temperature}; it must be 0 (greedy) or a positive number')
        if self.top_k is not None and self.top_k < 1:
            raise UserError(f'top_k is {self.top_k}; it must be at least 1, or None to keep every token')
        if not 0 < self.top_p <= 1:
            raise UserError(f'top_p is {self.top_p}; it must lie above 0 and be at most 1')


GREEDY = SamplingConfig()


def sample(logits: Array, keys: Array, config: SamplingConfig) -> Array:
    """Returns tokens [B] int32.

    Args:
        logits: [B, V].
        keys: [B] random keys; a row's token depends on its own key and logits only.
        config: the filters.
    """
    if config.temperature == 0:
        return jnp.argmax(logits, axis=-1).astype(jnp.int32)
    logits = logits.astype(jnp.float32) / config.temperature
    draw = jax.vmap(jax.random.categorical)
    if config.top_k is None and config.top_p == 1:
        return draw(keys, logits).astype(jnp.int32)
    values, tokens = candidates(logits, config)
    chosen = draw(keys, values)
    return jnp.take_along_axis(tokens, chosen[:, None], axis=1)[:, 0]


def candidates(logits: Array, config: SamplingConfig) -> tuple[Array, Array]:
    """Returns what top-k and top-p leave of logits [B, V], which have their temperature already.

    Of equal logits the smaller token id comes first, so that exactly k tokens stay.

    Returns:
        (values [B, C] in falling order, -inf where top-p took a token out; tokens [B, C] int32).
    """
    V = logits.shape[-1]
    values, tokens = jax.lax.top_k(logits, min(config.top_k or V, V))
    probs = jax.nn.softmax(values, axis=-1)
    before = jnp.cumsum(probs, axis=-1) - probs  # the token that crosses p stays: what came before it is short of p
    keep = (before < config.top_p).at[:, 0].set(True)
    return jnp.where(keep, values, -jnp.inf), tokens.astype(jnp.int32)
