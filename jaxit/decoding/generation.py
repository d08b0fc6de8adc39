"""The compiled part of decoding: prefill, and a loop that stops when every row has stopped.

B batch, P prompt length, N tokens written at most, V vocab.
"""

import functools
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec

from jaxit.core.types import Array, Cache, ModelApi, Params
from jaxit.decoding.sampling import SamplingConfig, sample

Results = tuple[Array, Array, Array, Array]
Tree = TypeVar('Tree')


class Request(NamedTuple):
    """What a batch of prompts asks for; all of it may change without a new compilation.

    Attributes:
        tokens: [B, P] int32, prompts padded on the right (0 for an encoder-decoder).
        lengths: [B] int32, the prompts' lengths.
        active: [B] bool, False on rows that only fill the batch.
        rows: [B] int32, each prompt's place in the caller's list.
        key_data: [2] uint32, the base key of the draws.
        stop_ids: [E] int32, tokens that end a row; -1 fills.
        limit: [] int32, tokens to write at most.
    """

    tokens: Array
    lengths: Array
    active: Array
    rows: Array
    key_data: Array
    stop_ids: Array
    limit: Array


class State(NamedTuple):
    """Where the loop stands.

    Attributes:
        step: [] int32, tokens written in rows that go on.
        cache: keys and values of all tokens but the last.
        last: [B] int32, the last token of each row.
        tokens: [B, N] int32.
        counts: [B] int32, tokens written in each row, the one that stops it counted.
        logprobs: [B] float32, their log-likelihood under the model itself (temperature 1, no filter).
        done: [B] bool.
    """

    step: Array
    cache: Cache
    last: Array
    tokens: Array
    counts: Array
    logprobs: Array
    done: Array


@functools.partial(jax.jit, static_argnames=('model', 'sampling', 'size'))
def generate(model: ModelApi, params: Params, request: Request, *, sampling: SamplingConfig, size: int) -> Results:
    """Returns (tokens [B, N], counts [B], logprobs [B], done [B]), the same on every device; `size` is N."""
    state = begin(model, params, request, sampling=sampling, size=size)
    state = advance(model, params, state, request, request.limit, sampling=sampling)
    return everywhere_alike((state.tokens, state.counts, state.logprobs, state.done))


@functools.partial(jax.jit, static_argnames=('model', 'sampling', 'size'))
def begin(model: ModelApi, params: Params, request: Request, *, sampling: SamplingConfig, size: int) -> State:
    """Reads the prompts and writes the first token of each row."""
    B = request.rows.shape[0]
    logits, cache = prefill(model, params, request, size=size)
    zeros = jnp.zeros((B,), jnp.int32)
    empty = State(
        step=jnp.zeros((), jnp.int32),
        cache=cache,
        last=zeros,
        tokens=jnp.zeros((B, size), jnp.int32),
        counts=zeros,
        logprobs=jnp.zeros((B,), jnp.float32),
        done=~request.active,
    )
    return _write(empty, logits, request, sampling)


def prefill(model: ModelApi, params: Params, request: Request, *, size: int) -> tuple[Array, Cache]:
    """Reads the prompts; returns the logits [B, V] of the first token and a cache with room for `size` tokens."""
    B, P = request.tokens.shape
    if model.encoder_decoder:
        cache = model.init_cache(B, size, source_length=P)  # the start token and all but the last one written
        return model.prefill(params, cache, {'encoder_input_tokens': request.tokens})
    batch = {'decoder_input_tokens': request.tokens, 'prompt_lengths': request.lengths}
    return model.prefill(params, model.init_cache(B, P + size), batch)


@functools.partial(jax.jit, static_argnames=('model', 'sampling'), donate_argnames=('state',))
def advance(
    model: ModelApi, params: Params, state: State, request: Request, limit: Array, *, sampling: SamplingConfig
) -> State:
    """Writes tokens until there are `limit` of them or every row has stopped."""

    def unfinished(state: State) -> Array:
        return (state.step < limit) & ~jnp.all(state.done)

    def step(state: State) -> State:
        logits, cache = model.decode_step(params, state.cache, state.last)
        return _write(state._replace(cache=cache), logits, request, sampling)

    return jax.lax.while_loop(unfinished, step, state)


def _write(state: State, logits: Array, request: Request, sampling: SamplingConfig) -> State:
    """Draws the next token of each row and notes it where the row goes on."""
    tokens = jnp.where(state.done, 0, sample(logits, _keys(request, state.step), sampling))
    picked = jnp.take_along_axis(logits, tokens[:, None], axis=1)[:, 0]
    logprobs = picked - jax.nn.logsumexp(logits, axis=-1)
    goes_on = ~state.done
    return state._replace(
        step=state.step + 1,
        last=tokens,
        tokens=jax.lax.dynamic_update_slice_in_dim(state.tokens, tokens[:, None], state.step, axis=1),
        counts=state.counts + goes_on.astype(jnp.int32),
        logprobs=state.logprobs + jnp.where(goes_on, logprobs, 0.0),
        done=state.done | jnp.isin(tokens, request.stop_ids),
    )


def _keys(request: Request, step: Array) -> Array:
    """Returns a key [B] for each row and step, which no other row has a part in."""
    base = jax.random.wrap_key_data(request.key_data)
    return jax.vmap(lambda row: jax.random.fold_in(jax.random.fold_in(base, row), step))(request.rows)


def everywhere_alike(results: Tree) -> Tree:
    """Replicates results, so that every host can read all of them."""
    if jax.sharding.get_abstract_mesh().empty:
        return results
    return jax.lax.with_sharding_constraint(results, PartitionSpec())
