"""Token cross-entropy on response tokens, as sums, without ever holding the logits of a batch.

B batch, T target length, D model, V vocab, C positions of a chunk.

The output head is applied to tokens that carry weight only. The rows of a device are joined,
these tokens are moved to the front, and chunks of C positions are taken until no device has
any left, so the head costs in proportion to the responses. The gradient is computed in the
same pass, chunk by chunk, and the loop's length is data: it is not unrolled and not padded.
"""

import dataclasses
import functools
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from jaxit.core.errors import UserError
from jaxit.core.head import Head, logits
from jaxit.core.types import Array, Batch, LossOutput, ModelApi, Params
from jaxit.sharding.apply import row_groups


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """What is added to the negative log-likelihood, and how much memory the head may take.

    Attributes:
        z_loss: weight of `logsumexp(logits) ** 2` (T5: 1e-4; Chowdhery et al. 2022, section 5).
        label_smoothing: mass spread over the whole vocabulary.
        chunk_length: C; the head's memory on a device is a few times C * V floats.
    """

    z_loss: float = 0.0
    label_smoothing: float = 0.0
    chunk_length: int = 256

    def __post_init__(self) -> None:
        if self.chunk_length < 1 or self.z_loss < 0 or not 0 <= self.label_smoothing < 1:
            raise UserError(f'{self}: chunk_length is at least 1, z_loss at least 0, label_smoothing in [0, 1)')


class TokenLosses(NamedTuple):
    """Losses by token, zero where the weight is zero.

    Attributes:
        nll: [B, T] float32, negative log-likelihood in nats, not weighted.
        correct: [B, T] float32, 1 where the most likely token is the target.
        z: [B, T] float32, logsumexp of the logits squared.
    """

    nll: Array
    correct: Array
    z: Array


T = TypeVar('T', Array, TokenLosses)


class _Static(NamedTuple):
    config: LossConfig
    transposed: bool
    scale: float
    soft_cap: float | None
    head_trained: bool


class _Sorted(NamedTuple):
    hidden: Array
    targets: Array
    weights: Array


def response_loss(
    model: ModelApi,
    params: Params,
    batch: Batch,
    config: LossConfig,
    *,
    num_tasks: int,
    head_trained: bool = True,
    dropout_key: Array | None = None,
) -> LossOutput:
    """Returns the loss of a batch as sums.

    Args:
        model: the model.
        params: its params.
        batch: see core/batch.py; `decoder_loss_weights` says which tokens count, and how much.
        config: what is added.
        num_tasks: number of mixture components in `task_ids`.
        head_trained: False where the output projection is frozen: its gradient is not computed.
        dropout_key: dropout is on when given.
    """
    hidden = model.hidden(params, batch, dropout_key=dropout_key)
    targets, weights = batch['decoder_target_tokens'], batch['decoder_loss_weights']
    groups = row_groups(weights.shape[0], model.rules)
    hidden, targets, joined = (x.reshape(groups, -1, *x.shape[2:]) for x in (hidden, targets, weights))
    loss_sum, tokens = token_losses(hidden, model.head(params), targets, joined, config, head_trained=head_trained)
    tokens = jax.tree.map(lambda x: x.reshape(weights.shape), tokens)
    by_task = functools.partial(_by_task, batch['task_ids'], num_tasks)
    return LossOutput(
        loss_sum=loss_sum,
        weight_sum=jnp.sum(weights),
        task_loss_sums=by_task(tokens.nll * weights),
        task_weight_sums=by_task(weights),
        metrics={
            'nll': jnp.sum(tokens.nll * weights),
            'correct': jnp.sum(tokens.correct * weights),
            'z_loss': config.z_loss * jnp.sum(tokens.z * weights),
            'loss_tokens': jnp.sum((weights > 0).astype(jnp.float32)),
            'tokens': jnp.sum((batch['decoder_segment_ids'] > 0).astype(jnp.float32)),
        },
    )


def token_losses(
    hidden: Array, head: Head, targets: Array, weights: Array, config: LossConfig, *, head_trained: bool = True
) -> tuple[Array, TokenLosses]:
    """Returns (the weighted sum, losses by token); only the sum can be differentiated.

    Args:
        hidden: [B, T, D].
        head: the output projection.
        targets: [B, T] int32.
        weights: [B, T] float32, at least 0.
        config: what is added to the negative log-likelihood.
        head_trained: whether the gradient of the head's kernel is wanted.
    """
    static = _Static(config, head.transposed, head.scale, head.soft_cap, head_trained)
    return _fused(static, hidden, head.kernel, targets, weights)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _fused(static: _Static, hidden: Array, kernel: Array, targets: Array, weights: Array) -> tuple[Array, TokenLosses]:
    order = _weighted_first(weights)
    rows = _sort(static, hidden, targets, weights, order)
    small = kernel.astype(hidden.dtype)

    def body(i: Array, carry: tuple[Array, TokenLosses]) -> tuple[Array, TokenLosses]:
        total, tokens = carry
        chunk = _chunk(static, rows, i)
        loss, stats = _chunk_loss(static, chunk.hidden, small, chunk.targets, chunk.weights)
        return total + loss, _put(static, tokens, stats, i)

    start = (jnp.zeros((), jnp.float32), _empty(rows))
    total, tokens = jax.lax.fori_loop(0, _num_chunks(static, weights), body, start)
    return total, _unsort(tokens, order)


def _fused_forward(
    static: _Static, hidden: Array, kernel: Array, targets: Array, weights: Array
) -> tuple[tuple[Array, TokenLosses], tuple[Array, Array | None]]:
    order = _weighted_first(weights)
    rows = _sort(static, hidden, targets, weights, order)
    small = kernel.astype(hidden.dtype)
    wanted = (1, 2) if static.head_trained else (1,)
    gradient = jax.value_and_grad(_chunk_loss, argnums=wanted, has_aux=True)

    def body(i: Array, carry: tuple) -> tuple:
        total, tokens, d_hidden, d_kernel = carry
        chunk = _chunk(static, rows, i)
        (loss, stats), grads = gradient(static, chunk.hidden, small, chunk.targets, chunk.weights)
        d_hidden = _put(static, d_hidden, grads[0], i)
        d_kernel = d_kernel + grads[1].astype(jnp.float32) if static.head_trained else None
        return total + loss, _put(static, tokens, stats, i), d_hidden, d_kernel

    d_kernel = jnp.zeros(kernel.shape, jnp.float32) if static.head_trained else None
    start = (jnp.zeros((), jnp.float32), _empty(rows), jnp.zeros_like(rows.hidden), d_kernel)
    total, tokens, d_hidden, d_kernel = jax.lax.fori_loop(0, _num_chunks(static, weights), body, start)
    return (total, _unsort(tokens, order)), (_unsort(d_hidden, order), d_kernel)


def _fused_backward(static: _Static, residuals: tuple[Array, Array | None], cotangents: tuple) -> tuple:
    d_hidden, d_kernel = residuals
    scale = cotangents[0]
    d_kernel = None if d_kernel is None else d_kernel * scale
    return d_hidden * scale.astype(d_hidden.dtype), d_kernel, None, None


_fused.defvjp(_fused_forward, _fused_backward)


def _chunk_loss(
    static: _Static, hidden: Array, kernel: Array, targets: Array, weights: Array
) -> tuple[Array, TokenLosses]:
    """Returns the loss of a chunk [B, C]; the only place where logits exist."""
    z = logits(hidden, Head(kernel, static.transposed, static.scale, static.soft_cap))
    log_sum = jax.nn.logsumexp(z, axis=-1)
    target = jnp.take_along_axis(z, targets[..., None], axis=-1)[..., 0]
    nll, smoothing = log_sum - target, static.config.label_smoothing
    loss = nll
    if smoothing:
        loss = (1.0 - smoothing) * nll + smoothing * (log_sum - jnp.mean(z, axis=-1))
    if static.config.z_loss:
        loss += static.config.z_loss * log_sum**2
    seen = (weights > 0).astype(jnp.float32)
    correct = (jnp.argmax(z, axis=-1) == targets).astype(jnp.float32)
    return jnp.sum(loss * weights), TokenLosses(nll * seen, correct * seen, log_sum**2 * seen)


def _weighted_first(weights: Array) -> Array:
    return jnp.argsort(weights <= 0, axis=1, stable=True)


def _num_chunks(static: _Static, weights: Array) -> Array:
    longest = jnp.max(jnp.sum(weights > 0, axis=1))
    return (longest + static.config.chunk_length - 1) // static.config.chunk_length


def _sort(static: _Static, hidden: Array, targets: Array, weights: Array, order: Array) -> _Sorted:
    pad = -weights.shape[1] % static.config.chunk_length

    def take(x: Array) -> Array:
        x = jnp.take_along_axis(x, order if x.ndim == 2 else order[..., None], axis=1)
        return jnp.pad(x, ((0, 0), (0, pad)) + ((0, 0),) * (x.ndim - 2))

    return _Sorted(take(hidden), take(targets), take(weights))


def _unsort(sorted_arrays: T, order: Array) -> T:
    inverse = jnp.argsort(order, axis=1)

    def put_back(x: Array) -> Array:
        return jnp.take_along_axis(x, inverse if x.ndim == 2 else inverse[..., None], axis=1)

    return jax.tree.map(put_back, sorted_arrays)


def _chunk(static: _Static, rows: _Sorted, i: Array) -> _Sorted:
    size = static.config.chunk_length
    chunk = jax.tree.map(lambda x: jax.lax.dynamic_slice_in_dim(x, i * size, size, axis=1), rows)
    # Shorter rows have tokens without weight here, and 0 * NaN would let one of those into the sums.
    return chunk._replace(hidden=jnp.where(chunk.weights[..., None] > 0, chunk.hidden, 0))


def _put(static: _Static, whole: T, part: T, i: Array) -> T:
    start = i * static.config.chunk_length
    return jax.tree.map(lambda x, y: jax.lax.dynamic_update_slice_in_dim(x, y, start, axis=1), whole, part)


def _empty(rows: _Sorted) -> TokenLosses:
    return TokenLosses(*(jnp.zeros_like(rows.weights) for _ in TokenLosses._fields))


def _by_task(task_ids: Array, num_tasks: int, values: Array) -> Array:
    return jax.ops.segment_sum(values.reshape(-1), task_ids.reshape(-1), num_segments=num_tasks)
