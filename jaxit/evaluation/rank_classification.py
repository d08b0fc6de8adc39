"""Rank classification: of given options, the model chooses the one it finds likeliest."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jax.sharding import Mesh

from jaxit.core.types import ModelApi, Params
from jaxit.decoding.engine import Progress, Prompts
from jaxit.decoding.scoring import Scores, score
from jaxit.text.base import Tokenizer
from jaxit.text.examples import Example, Part, TokenFormat, tokenize

TIE = 1e-5  # nats; less than that is the rounding of float32, which depends on the batch


class Choice(NamedTuple):
    """An option that was chosen.

    Attributes:
        index: of the option; of equal ones the first.
        tied: whether another option was as likely.
    """

    index: int
    tied: bool


class Ranking(NamedTuple):
    """The options of one example.

    Attributes:
        scores: log-likelihood of each option, summed over its tokens.
        counts: tokens of each option.
    """

    scores: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def by_sum(self) -> Choice:
        """The option of the largest log-likelihood."""
        return choose(self.scores)

    @property
    def by_token(self) -> Choice:
        """The option of the largest log-likelihood per token, which does not favour short options."""
        return choose([total / count for total, count in zip(self.scores, self.counts, strict=True)])


def rank(
    model: ModelApi,
    params: Params,
    prompt_ids: Prompts,
    option_ids: Sequence[Prompts],
    *,
    batch_size: int = 8,
    mesh: Mesh | None = None,
    progress: Progress | None = None,
) -> list[Ranking]:
    """Returns the ranking of each prompt's options.

    Args:
        model: as functions of params.
        params: its params.
        prompt_ids: a prompt for each example.
        option_ids: its options as tokens, with the EOS that ends an answer in training: 'no' would
            else be likelier than 'nobody' whatever comes after.
        batch_size: options scored together.
        mesh: where the params live.
        progress: called with (options done, options wanted).
    """
    prompts = [prompt for prompt, options in zip(prompt_ids, option_ids, strict=True) for _ in options]
    flat = [option for options in option_ids for option in options]
    scores = score(model, params, prompts, flat, batch_size=batch_size, mesh=mesh, progress=progress)
    return split(scores, [len(options) for options in option_ids])


def option_ids(example: Example, option: str, tokenizer: Tokenizer, format: TokenFormat) -> list[int]:
    """Returns an option as the tokens of a reply to the example, ended as replies are in training."""
    first, *rest = _reply(example) or (Part('', loss=True),)
    return reply_ids(
        dataclasses.replace(example, parts=(dataclasses.replace(first, text=option), *rest)), tokenizer, format
    )


def reply_ids(example: Example, tokenizer: Tokenizer, format: TokenFormat) -> list[int]:
    """Returns the tokens of the last reply of an example, as in training."""
    alone = dataclasses.replace(example, parts=(Part(''), *_reply(example)))
    tokenized = tokenize(alone, tokenizer, format)
    assert tokenized is not None  # an empty prompt is never too long
    return tokenized.tokens[tokenized.boundaries[0] :].tolist()


def _reply(example: Example) -> tuple[Part, ...]:
    reply = itertools.takewhile(lambda part: part.loss, reversed(example.parts))
    return tuple(reply)[::-1]


def split(scores: Scores, sizes: Sequence[int]) -> list[Ranking]:
    """Returns the rankings of examples with `sizes` options whose scores stand in one list."""
    rows = iter(zip(scores.sums.tolist(), scores.counts.tolist(), strict=True))
    groups = [list(itertools.islice(rows, size)) for size in sizes]
    return [Ranking(tuple(s for s, _ in group), tuple(c for _, c in group)) for group in groups]


def choose(scores: Sequence[float]) -> Choice:
    """Returns the largest score; the first of those within `TIE` of it."""
    near = np.flatnonzero(np.asarray(scores) >= max(scores) - TIE)
    return Choice(int(near[0]), near.size > 1)
