"""Beam search: the likeliest completions among those that a few hypotheses at a time lead to.

B batch, W beams, N tokens written at most, V vocab, E stop ids.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxit.core.errors import UserError
from jaxit.core.types import Array, Cache, ModelApi, Params
from jaxit.decoding.engine import Completion, Engine, Prompts, batched, bucket, completion_of, on_mesh
from jaxit.decoding.generation import Request, everywhere_alike, prefill


class Hypotheses(NamedTuple):
    """The best completions so far, best first.

    Attributes:
        scores: [B, W] float32, log-likelihood over the length penalty; -inf where there is none yet.
        logprobs: [B, W] float32.
        tokens: [B, W, N] int32.
        counts: [B, W] int32, tokens written, the stop token counted.
        stopped: [B, W] bool, False where there was no room left.
    """

    scores: Array
    logprobs: Array
    tokens: Array
    counts: Array
    stopped: Array


class Beams(NamedTuple):
    """Where the search stands.

    Attributes:
        step: [] int32, tokens written in the beams that go on.
        cache: of B * W rows.
        logits: [B, W, V] float32, of the next token.
        logprobs: [B, W] float32, of the tokens written.
        tokens: [B, W, N] int32.
        ended: completions that met a stop token.
        settled: [B] bool, whether no beam can still beat what has ended.
    """

    step: Array
    cache: Cache
    logits: Array
    logprobs: Array
    tokens: Array
    ended: Hypotheses
    settled: Array


def beam_search(
    engine: Engine,
    prompt_ids: Prompts,
    *,
    width: int,
    max_new_tokens: int,
    stop_ids: Sequence[int] = (),
    length_penalty: float = 0.6,
) -> list[list[Completion]]:
    """Returns the best completions of each prompt, best first; fewer than `width` where there are no more.

    Args:
        engine: the model; its `batch_size` prompts are searched together, `width` rows each.
        prompt_ids: token ids.
        width: W, the hypotheses that go on, and the completions that are returned.
        max_new_tokens: the most tokens to write, the stop token counted.
        stop_ids: tokens that end a completion, beside the engine's `eos_ids`.
        length_penalty: alpha of Wu et al. 2016 (arXiv:1609.08144, equation 14): log-likelihoods are
            divided by ((5 + length) / 6) ** alpha, so 0 favours short completions.
    """
    engine.check(prompt_ids, max_new_tokens)
    if width < 1 or length_penalty < 0:
        raise UserError(f'width is {width} and length_penalty {length_penalty}; they must be at least 1 and 0')
    completions: list[list[Completion]] = [[] for _ in prompt_ids]
    order = sorted(range(len(prompt_ids)), key=lambda i: len(prompt_ids[i]))
    for rows in batched(order, engine.batch_size):
        request = engine.request(prompt_ids, rows, engine.batch_size, max_new_tokens, stop_ids, seed=0)
        with on_mesh(engine.mesh):
            found = _search(
                engine.model,
                engine.params,
                request,
                jnp.asarray(length_penalty, jnp.float32),
                width=width,
                size=bucket(max_new_tokens),
            )
        found = jax.device_get(found)
        for at, row in enumerate(rows):
            best = Hypotheses(*(x[at] for x in found))
            completions[row] = [_completion(best, int(beam)) for beam in np.flatnonzero(best.scores > -np.inf)]
    return completions


@functools.partial(jax.jit, static_argnames=('model', 'width', 'size'))
def _search(model: ModelApi, params: Params, request: Request, alpha: Array, *, width: int, size: int) -> Hypotheses:
    """Returns the best hypotheses [B, W] of a batch of prompts."""
    beams = _begin(model, params, request, width, size)

    def unfinished(beams: Beams) -> Array:
        return (beams.step < request.limit - 1) & ~jnp.all(beams.settled)

    def step(beams: Beams) -> Beams:
        return _extend(model, params, beams, request, alpha)

    beams = jax.lax.while_loop(unfinished, step, beams)
    beams = _grow(beams, request, alpha)[0]  # the last token needs no logits after it
    rest = Hypotheses(
        scores=jnp.where(beams.settled[:, None], -jnp.inf, beams.logprobs / penalty(request.limit, alpha)),
        logprobs=beams.logprobs,
        tokens=beams.tokens,
        counts=jnp.broadcast_to(request.limit, beams.logprobs.shape),
        stopped=jnp.zeros(beams.logprobs.shape, bool),
    )
    return everywhere_alike(_best(beams.ended, rest))


def _begin(model: ModelApi, params: Params, request: Request, W: int, N: int) -> Beams:
    """Reads the prompts once and opens a single beam for each; the others have no probability yet."""
    B = request.rows.shape[0]
    logits, cache = prefill(model, params, request, size=N)
    axes = batch_axes(model, request.tokens.shape[1], N)
    cache = jax.tree.map(lambda x, axis: jnp.repeat(x, W, axis=axis), cache, axes)
    shape = (B, W)
    return Beams(
        step=jnp.zeros((), jnp.int32),
        cache=cache,
        logits=jnp.broadcast_to(logits[:, None], (*shape, logits.shape[-1])),
        logprobs=jnp.full(shape, -jnp.inf).at[:, 0].set(0.0),
        tokens=jnp.zeros((*shape, N), jnp.int32),
        ended=Hypotheses(
            scores=jnp.full(shape, -jnp.inf),
            logprobs=jnp.full(shape, -jnp.inf),
            tokens=jnp.zeros((*shape, N), jnp.int32),
            counts=jnp.zeros(shape, jnp.int32),
            stopped=jnp.zeros(shape, bool),
        ),
        settled=~request.active,
    )


def _extend(model: ModelApi, params: Params, beams: Beams, request: Request, alpha: Array) -> Beams:
    """Writes a token in each beam and computes the logits after it."""
    B, W, V = beams.logits.shape
    beams, parents = _grow(beams, request, alpha)
    rows = (jnp.arange(B)[:, None] * W + parents).reshape(-1)
    axes = batch_axes(model, request.tokens.shape[1], beams.tokens.shape[-1])
    cache = jax.tree.map(lambda x, axis: jnp.take(x, rows, axis=axis), beams.cache, axes)
    last = jax.lax.dynamic_index_in_dim(beams.tokens, beams.step - 1, axis=2, keepdims=False)
    logits, cache = model.decode_step(params, cache, last.reshape(-1))
    return beams._replace(cache=cache, logits=logits.reshape(B, W, V))


def _grow(beams: Beams, request: Request, alpha: Array) -> tuple[Beams, Array]:
    """Returns the beams one token longer, and the beam [B, W] that each of them comes from.

    A stop token ends a hypothesis and never takes the place of one that goes on.
    """
    B, W, V = beams.logits.shape
    totals = beams.logprobs[..., None] + jax.nn.log_softmax(beams.logits, axis=-1)
    ended = _ended(beams, totals, request.stop_ids, alpha)
    stops = jnp.isin(jnp.arange(V), request.stop_ids)
    logprobs, chosen = jax.lax.top_k(jnp.where(stops, -jnp.inf, totals).reshape(B, W * V), W)
    parents, tokens = chosen // V, (chosen % V).astype(jnp.int32)
    written = jnp.take_along_axis(beams.tokens, parents[..., None], axis=1)
    written = jax.lax.dynamic_update_slice_in_dim(written, tokens[..., None], beams.step, axis=2)
    ended = jax.tree.map(lambda old, new: _where_rows(beams.settled, old, new), beams.ended, ended)
    # A beam's score grows at most by the penalty of the longest completion: probabilities only shrink.
    bound = logprobs.max(axis=1) / penalty(request.limit, alpha)
    settled = beams.settled | (ended.scores.min(axis=1) >= bound)
    grown = beams._replace(step=beams.step + 1, logprobs=logprobs, tokens=written, ended=ended, settled=settled)
    return grown, parents


def _ended(beams: Beams, totals: Array, stop_ids: Array, alpha: Array) -> Hypotheses:
    """Returns the best of what had ended and what a stop token ends now."""
    B, W, N = beams.tokens.shape
    E = stop_ids.shape[0]
    logprobs = jnp.where(stop_ids >= 0, totals[:, :, jnp.maximum(stop_ids, 0)], -jnp.inf).reshape(B, W * E)
    tokens = jnp.broadcast_to(beams.tokens[:, :, None], (B, W, E, N))
    ends = jnp.broadcast_to(stop_ids[None, None, :, None], (B, W, E, 1))
    tokens = jax.lax.dynamic_update_slice_in_dim(tokens, ends, beams.step, axis=3)
    now = Hypotheses(
        scores=logprobs / penalty(beams.step + 1, alpha),
        logprobs=logprobs,
        tokens=tokens.reshape(B, W * E, N),
        counts=jnp.broadcast_to(beams.step + 1, logprobs.shape),
        stopped=jnp.ones(logprobs.shape, bool),
    )
    return _best(beams.ended, now)


def _best(first: Hypotheses, second: Hypotheses) -> Hypotheses:
    """Returns the best W of two sets, W being the size of the first."""
    both = jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=1), first, second)
    _, order = jax.lax.top_k(both.scores, first.scores.shape[1])
    return jax.tree.map(lambda x: jax.vmap(lambda row, index: row[index])(x, order), both)


def penalty(length: Array, alpha: Array) -> Array:
    """Returns the length penalty ((5 + length) / 6) ** alpha."""
    return ((5.0 + length.astype(jnp.float32)) / 6.0) ** alpha


def batch_axes(model: ModelApi, prompt_length: int, size: int) -> Cache:
    """Returns for each leaf of a model's cache the dimension that is the batch: the one that grows with it."""

    def shapes(rows: int) -> Cache:
        return jax.eval_shape(lambda: model.init_cache(rows, prompt_length + size, source_length=prompt_length))

    def grows(one: jax.ShapeDtypeStruct, two: jax.ShapeDtypeStruct) -> int:
        return next(dim for dim, (a, b) in enumerate(zip(one.shape, two.shape, strict=True)) if a != b)

    return jax.tree.map(grows, shapes(1), shapes(2))


def _where_rows(rows: Array, a: Array, b: Array) -> Array:
    return jnp.where(rows.reshape(-1, *(1,) * (a.ndim - 1)), a, b)


def _completion(best: Hypotheses, beam: int) -> Completion:
    ids = best.tokens[beam, : best.counts[beam]].tolist()
    return completion_of(ids, float(best.logprobs[beam]), stopped=bool(best.stopped[beam]))
