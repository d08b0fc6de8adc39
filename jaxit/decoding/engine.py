"""Generation for lists of prompts: rows in buckets, one compilation for each bucket.

A row's result depends on its prompt, its place in the list and the seed; never on the
other rows, the bucket or the batch size.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxit.core import rng
from jaxit.core.errors import UserError
from jaxit.core.types import Array, ModelApi, Params
from jaxit.decoding import generation
from jaxit.decoding.generation import Request
from jaxit.decoding.sampling import GREEDY, SamplingConfig

MIN_BUCKET = 16
NUM_STOP_IDS = 8  # the least room for stop ids; more of them cost a compilation, not an error

Prompts = Sequence[Sequence[int]]
Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class Completion:
    """What a model wrote.

    Attributes:
        ids: the tokens, without the one that stopped it.
        finish_reason: 'stop' (a stop id) or 'length' (no room left).
        logprob: sum of the tokens' log-likelihoods under the model (temperature 1, no
            filter), the stop token counted.
        stop_id: the token that stopped it, None where none did.
    """

    ids: tuple[int, ...]
    finish_reason: str
    logprob: float
    stop_id: int | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Engine:
    """A model with its params, ready to write.

    Engines of equal models share their compiled functions: `dataclasses.replace(engine,
    params=new)` costs nothing.

    Attributes:
        model: as functions of params.
        params: its params, placed on `mesh` if there is one.
        eos_ids: tokens that end every completion.
        pad_id: fills the prompts of a decoder.
        max_prompt_length: a longer prompt is an error.
        batch_size: rows that are decoded together; fewer prompts are filled up.
        mesh: where the params live; None for a single device, or the ambient mesh.
    """

    model: ModelApi
    params: Params
    eos_ids: Sequence[int]
    pad_id: int = 0
    max_prompt_length: int = 2048
    batch_size: int = 8
    mesh: Mesh | None = None

    def generate(
        self,
        prompt_ids: Prompts,
        *,
        max_new_tokens: int,
        sampling: SamplingConfig = GREEDY,
        stop_ids: Sequence[int] = (),
        seed: int = 0,
        progress: Progress | None = None,
    ) -> list[Completion]:
        """Returns a completion for each prompt, in their order.

        Args:
            prompt_ids: token ids; an encoder-decoder's end with EOS.
            max_new_tokens: the most tokens to write, the stop token counted.
            sampling: greedy by default.
            stop_ids: tokens that end a completion, beside `eos_ids`.
            seed: of the draws.
            progress: called with (completions done, completions wanted) after each batch.

        Raises:
            UserError: for a prompt that is empty or too long.
        """
        self.check(prompt_ids, max_new_tokens)
        completions: list[Completion | None] = [None] * len(prompt_ids)
        order = sorted(range(len(prompt_ids)), key=lambda i: len(prompt_ids[i]))  # equals share a bucket
        done = 0
        for rows in batched(order, self.batch_size):
            request = self.request(prompt_ids, rows, self.batch_size, max_new_tokens, stop_ids, seed)
            with on_mesh(self.mesh):
                written = generation.generate(
                    self.model, self.params, request, sampling=sampling, size=bucket(max_new_tokens)
                )
            tokens, counts, logprobs, stopped = jax.device_get(written)
            for at, row in enumerate(rows):
                ids = tokens[at, : counts[at]].tolist()
                completions[row] = completion_of(ids, float(logprobs[at]), stopped=bool(stopped[at]))
            done += len(rows)
            if progress is not None:
                progress(done, len(prompt_ids))
        return [completion for completion in completions if completion is not None]

    def stream(
        self,
        prompt_ids: Sequence[int],
        *,
        max_new_tokens: int,
        sampling: SamplingConfig = GREEDY,
        stop_ids: Sequence[int] = (),
        seed: int = 0,
    ) -> Iterator[int]:
        """Yields the tokens of one completion as they are written, the same ones that `generate` returns."""
        self.check([prompt_ids], max_new_tokens)
        size = bucket(max_new_tokens)
        request = self.request([prompt_ids], (0,), 1, max_new_tokens, stop_ids, seed)
        with on_mesh(self.mesh):
            state = generation.begin(self.model, self.params, request, sampling=sampling, size=size)
        for step in range(1, max_new_tokens + 1):
            token, done = jax.device_get((state.last, state.done))
            if done[0]:
                return
            yield int(token[0])
            if step == max_new_tokens:
                return
            limit = jnp.asarray(step + 1, jnp.int32)
            with on_mesh(self.mesh):
                state = generation.advance(self.model, self.params, state, request, limit, sampling=sampling)

    def check(self, prompt_ids: Prompts, max_new_tokens: int) -> None:
        """Raises `UserError` for prompts that can't be read."""
        if max_new_tokens < 1:
            raise UserError(f'max_new_tokens is {max_new_tokens}; it must be at least 1')
        for row, ids in enumerate(prompt_ids):
            if not len(ids):
                raise UserError(f'prompt {row} has no tokens; begin it with BOS or some text')
            if len(ids) > self.max_prompt_length:
                raise UserError(
                    f'prompt {row} has {len(ids)} tokens and max_prompt_length is {self.max_prompt_length};'
                    ' shorten it or raise the limit'
                )

    def request(
        self,
        prompt_ids: Prompts,
        rows: Sequence[int],
        num_rows: int,
        max_new_tokens: int,
        stop_ids: Sequence[int],
        seed: int,
    ) -> Request:
        """Pads the prompts at `rows` to a batch; rows that fill it repeat the first and never run."""
        filled = [*rows, *(rows[0] for _ in range(num_rows - len(rows)))]
        length = min(bucket(max(len(prompt_ids[row]) for row in rows)), self.max_prompt_length)
        pad_id = 0 if self.model.encoder_decoder else self.pad_id
        stops = sorted({*self.eos_ids, *stop_ids})
        room = bucket(len(stops), NUM_STOP_IDS)
        return Request(
            tokens=everywhere(pad_rows([prompt_ids[row] for row in filled], length, pad_id), self.mesh),
            lengths=everywhere(np.array([len(prompt_ids[row]) for row in filled], np.int32), self.mesh),
            active=everywhere(np.arange(num_rows) < len(rows), self.mesh),
            rows=everywhere(np.array(filled, np.int32), self.mesh),
            key_data=everywhere(np.asarray(jax.random.key_data(rng.stream(seed, 'sample'))), self.mesh),
            stop_ids=everywhere(np.array(stops + [-1] * (room - len(stops)), np.int32), self.mesh),
            limit=everywhere(np.asarray(max_new_tokens, np.int32), self.mesh),
        )


def bucket(length: int, least: int = MIN_BUCKET) -> int:
    """Returns the smallest power of two that holds `length`, at least `least`."""
    return max(least, 1 << max(length - 1, 0).bit_length())


def batched(rows: Sequence[int], size: int) -> Iterator[tuple[int, ...]]:
    """Yields consecutive runs of `size` rows, the last one shorter."""
    for start in range(0, len(rows), size):
        yield tuple(rows[start : start + size])


def pad_rows(rows: Prompts, length: int, pad_id: int = 0) -> np.ndarray:
    """Returns rows [B, length] int32, padded on the right."""
    padded = np.full((len(rows), length), pad_id, np.int32)
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = ids
    return padded


def on_mesh(mesh: Mesh | None) -> AbstractContextManager:
    """Sets the mesh for a call, if there is one."""
    return contextlib.nullcontext() if mesh is None else jax.set_mesh(mesh)


def everywhere(x: np.ndarray, mesh: Mesh | None) -> Array:
    """Puts what every host holds whole on all devices; the model splits the rows."""
    return jnp.asarray(x) if mesh is None else jax.device_put(x, NamedSharding(mesh, PartitionSpec()))


def completion_of(ids: list[int], logprob: float, *, stopped: bool) -> Completion:
    """Returns the completion of the tokens written, the last of which stopped it or not."""
    if stopped:
        return Completion(tuple(ids[:-1]), 'stop', logprob, ids[-1])
    return Completion(tuple(ids), 'length', logprob)
