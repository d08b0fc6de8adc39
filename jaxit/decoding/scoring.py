"""Log-likelihoods of given completions, from one forward pass and without logits for a whole batch.

B batch, T row length, S source length, C completion length, D model, V vocab.
"""

import functools
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxit.core import head
from jaxit.core.errors import UserError
from jaxit.core.types import Array, Batch, ModelApi, Params
from jaxit.decoding.engine import Progress, Prompts, batched, bucket, everywhere, on_mesh, pad_rows

MAX_LOGITS = 1 << 26  # logits held at once: 256 MiB of float32


class Scores(NamedTuple):
    """Log-likelihoods in nats, in the caller's order.

    Attributes:
        sums: [number of completions] float64.
        counts: [number of completions] int64, tokens summed over.
    """

    sums: np.ndarray
    counts: np.ndarray


class Window(NamedTuple):
    """A stretch of a text: `targets` are predicted, `context` is what the model reads before them."""

    context: tuple[int, ...]
    targets: tuple[int, ...]


def score(
    model: ModelApi,
    params: Params,
    prompt_ids: Prompts,
    completion_ids: Prompts,
    *,
    batch_size: int = 8,
    mesh: Mesh | None = None,
    progress: Progress | None = None,
) -> Scores:
    """Returns the log-likelihood of each completion given its prompt, summed over its tokens.

    Takes what `completion_log_likelihoods` takes.
    """
    rows = completion_log_likelihoods(
        model, params, prompt_ids, completion_ids, batch_size=batch_size, mesh=mesh, progress=progress
    )
    return Scores(np.array([row.sum() for row in rows]), np.array([row.size for row in rows], np.int64))


def completion_log_likelihoods(
    model: ModelApi,
    params: Params,
    prompt_ids: Prompts,
    completion_ids: Prompts,
    *,
    batch_size: int = 8,
    mesh: Mesh | None = None,
    progress: Progress | None = None,
) -> list[np.ndarray]:
    """Returns the log-likelihoods of each completion's tokens, float64 of its length.

    Args:
        model: as functions of params.
        params: its params.
        prompt_ids: tokens read first; a decoder's hold at least one, an encoder-decoder's are its source.
        completion_ids: tokens to score, EOS included where it should count.
        batch_size: rows of a batch; results don't depend on it.
        mesh: where the params live; None for a single device, or the ambient mesh.
        progress: called with (completions done, completions wanted) after each batch.

    Raises:
        UserError: for a prompt or a completion without tokens.
    """
    _check(prompt_ids, completion_ids)
    results: list[np.ndarray] = [np.zeros(0)] * len(completion_ids)
    order = sorted(range(len(prompt_ids)), key=lambda i: (len(prompt_ids[i]) + len(completion_ids[i]), i))
    done = 0
    for rows in batched(order, batch_size):
        filled = [*rows, *(rows[0] for _ in range(batch_size - len(rows)))]
        prompts, completions = [prompt_ids[i] for i in filled], [completion_ids[i] for i in filled]
        make = _encoder_decoder_batch if model.encoder_decoder else _decoder_batch
        batch, at = make(prompts, completions)
        placed = {name: everywhere(value, mesh) for name, value in batch.items()}
        with on_mesh(mesh):
            logprobs = jax.device_get(_log_likelihoods(model, params, placed, everywhere(at, mesh)))
        for row, i in zip(logprobs, rows, strict=False):
            results[i] = row[: len(completion_ids[i])].astype(np.float64)
        done += len(rows)
        if progress is not None:
            progress(done, len(completion_ids))
    return results


def token_log_likelihoods(
    model: ModelApi,
    params: Params,
    token_ids: Prompts,
    *,
    window: int,
    bos_id: int | None = None,
    eos_id: int | None = None,
    batch_size: int = 8,
    mesh: Mesh | None = None,
    progress: Progress | None = None,
) -> list[np.ndarray]:
    """Returns the log-likelihoods of the tokens of long texts that `windows` predicts, float64 each.

    Args:
        model: as functions of params.
        params: its params.
        token_ids: texts as tokens, without BOS and EOS.
        window: see `windows`.
        bos_id: see `windows`.
        eos_id: see `windows`.
        batch_size: rows of a batch.
        mesh: where the params live.
        progress: called with (windows done, windows wanted).
    """
    parts = [
        windows(ids, window=window, encoder_decoder=model.encoder_decoder, bos_id=bos_id, eos_id=eos_id)
        for ids in token_ids
    ]
    flat = [part for text in parts for part in text]
    rows = iter(
        completion_log_likelihoods(
            model,
            params,
            [part.context for part in flat],
            [part.targets for part in flat],
            batch_size=batch_size,
            mesh=mesh,
            progress=progress,
        )
    )
    return [np.concatenate([np.zeros(0), *itertools.islice(rows, len(text))]) for text in parts]


def windows(
    token_ids: Sequence[int],
    *,
    window: int,
    encoder_decoder: bool,
    bos_id: int | None = None,
    eos_id: int | None = None,
) -> list[Window]:
    """Cuts a text into windows of `window` tokens without overlap; no token is predicted twice.

    A decoder reads BOS at the start of each window and predicts all of it. Without a BOS it
    reads the token before the window instead, so that the very first token of the text is
    not predicted. An encoder-decoder reads the first half of each window, and `eos_id` after
    it, and predicts the second half: the prefix-LM objective (Raffel et al. 2020, section
    3.2.3); a last window of one token is left out.
    """
    if window < 2:
        raise UserError(f'window is {window}; it must be at least 2 tokens')
    starts = range(0, len(token_ids), window)
    if encoder_decoder:
        end = () if eos_id is None else (eos_id,)
        cuts = [(start, min(start + window, len(token_ids))) for start in starts]
        halves = [(start, (start + stop) // 2, stop) for start, stop in cuts if stop - start > 1]
        return [Window((*token_ids[a:b], *end), tuple(token_ids[b:c])) for a, b, c in halves]
    if bos_id is not None:
        return [Window((bos_id,), tuple(token_ids[start : start + window])) for start in starts]
    starts = range(1, len(token_ids), window)
    return [Window((token_ids[start - 1],), tuple(token_ids[start : start + window])) for start in starts]


@functools.partial(jax.jit, static_argnames=('model',))
def _log_likelihoods(model: ModelApi, params: Params, batch: Batch, at: Array) -> Array:
    """Returns log-likelihoods [B, C] float32 of the targets at columns `at` [B, C]."""
    hidden = jnp.take_along_axis(model.hidden(params, batch), at[:, :, None], axis=1)
    targets = jnp.take_along_axis(batch['decoder_target_tokens'], at, axis=1)
    projection = model.head(params)
    B, C = at.shape
    V = projection.kernel.shape[0 if projection.transposed else 1]
    chunk = max(1, min(C, MAX_LOGITS // (B * V)))
    spare = -C % chunk
    hidden = jnp.pad(hidden, ((0, 0), (0, spare), (0, 0)))
    targets = jnp.pad(targets, ((0, 0), (0, spare)))

    def one(piece: tuple[Array, Array]) -> Array:
        logits = head.logits(piece[0], projection)
        picked = jnp.take_along_axis(logits, piece[1][..., None], axis=-1)[..., 0]
        return picked - jax.nn.logsumexp(logits, axis=-1)

    def split(x: Array) -> Array:
        return jnp.moveaxis(x.reshape(B, -1, chunk, *x.shape[2:]), 1, 0)

    out = jax.lax.map(one, (split(hidden), split(targets)))
    return jnp.moveaxis(out, 0, 1).reshape(B, -1)[:, :C]


def _decoder_batch(prompts: Prompts, completions: Prompts) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Returns a batch of prompt and completion in one row, and the columns [B, C] that predict completions."""
    rows = [[*prompt, *completion] for prompt, completion in zip(prompts, completions, strict=True)]
    T = bucket(max(len(row) - 1 for row in rows))
    C = bucket(max(map(len, completions)))
    starts = np.array([len(prompt) for prompt in prompts], np.int32)[:, None] - 1
    at = np.minimum(starts + np.arange(C, dtype=np.int32)[None], T - 1)
    batch = _decoder_features([row[:-1] for row in rows], [row[1:] for row in rows], T, starts)
    prefix = np.arange(T)[None] <= starts
    return batch | {'decoder_causal_attention': prefix.astype(np.int32)}, at


def _encoder_decoder_batch(prompts: Prompts, completions: Prompts) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Returns a batch of sources and targets, and the columns [B, C] of the targets."""
    C = bucket(max(map(len, completions)))
    S = bucket(max(map(len, prompts)))
    starts = np.zeros((len(prompts), 1), np.int32)
    batch = _decoder_features([[0, *row[:-1]] for row in completions], completions, C, starts)
    source = {
        'encoder_input_tokens': pad_rows(prompts, S),
        'encoder_segment_ids': pad_rows([[1] * len(row) for row in prompts], S),
        'encoder_positions': pad_rows([range(len(row)) for row in prompts], S),
    }
    return batch | source, np.broadcast_to(np.arange(C, dtype=np.int32), (len(prompts), C))


def _decoder_features(inputs: Prompts, targets: Prompts, T: int, starts: np.ndarray) -> dict[str, np.ndarray]:
    segments = pad_rows([[1] * len(row) for row in inputs], T)
    scored = (np.arange(T)[None] >= starts) & (segments > 0)
    return {
        'decoder_input_tokens': pad_rows(inputs, T),
        'decoder_target_tokens': pad_rows(targets, T),
        'decoder_loss_weights': scored.astype(np.float32),
        'decoder_segment_ids': segments,
        'decoder_positions': pad_rows([range(len(row)) for row in inputs], T),
        'task_ids': np.zeros_like(segments),
    }


def _check(prompt_ids: Prompts, completion_ids: Prompts) -> None:
    if len(prompt_ids) != len(completion_ids):
        raise UserError(f'{len(prompt_ids)} prompts and {len(completion_ids)} completions; there must be as many')
    for kind, rows in (('prompt', prompt_ids), ('completion', completion_ids)):
        for row, ids in enumerate(rows):
            if not len(ids):
                raise UserError(f'{kind} {row} has no tokens')
