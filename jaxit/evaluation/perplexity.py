"""How well a model predicts plain text."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jax.sharding import Mesh

from jaxit.core.types import ModelApi, Params
from jaxit.decoding.engine import Progress
from jaxit.decoding.scoring import Window, score, windows
from jaxit.evaluation.metrics import Values, bits_per_byte_values, perplexity_values
from jaxit.text.base import Tokenizer


class TextLikelihoods(NamedTuple):
    """What N texts cost a model, over what it predicted of them (see `scoring.windows`).

    Attributes:
        nats: [N] float64, negative log-likelihoods.
        tokens: [N] int64.
        num_bytes: [N] int64 of UTF-8; a character on a window's border counts in one window or none.
    """

    nats: np.ndarray
    tokens: np.ndarray
    num_bytes: np.ndarray

    def values(self) -> dict[str, Values]:
        """Returns the metrics of plain text: perplexity per token and bits per byte."""
        return {
            'perplexity': perplexity_values(self.nats, self.tokens),
            'bits_per_byte': bits_per_byte_values(self.nats, self.num_bytes),
        }


def text_likelihoods(
    model: ModelApi,
    params: Params,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    *,
    window: int,
    bos_id: int | None,
    batch_size: int = 8,
    mesh: Mesh | None = None,
    progress: Progress | None = None,
) -> TextLikelihoods:
    """Returns what the texts cost, in windows without overlap.

    Args:
        model: as functions of params.
        params: its params.
        tokenizer: makes tokens of texts, and bytes of tokens.
        texts: plain texts.
        window: tokens of a window.
        bos_id: begins each window of a decoder; None for a model trained without it.
        batch_size: windows scored together.
        mesh: where the params live.
        progress: called with (windows done, windows wanted).
    """
    cut = [
        windows(
            tokenizer.encode(text),
            window=window,
            encoder_decoder=model.encoder_decoder,
            bos_id=bos_id,
            eos_id=tokenizer.eos_id,
        )
        for text in texts
    ]
    flat = [(text, part) for text, parts in enumerate(cut) for part in parts]
    contexts, targets = [part.context for _, part in flat], [part.targets for _, part in flat]
    scores = score(model, params, contexts, targets, batch_size=batch_size, mesh=mesh, progress=progress)
    owner = np.array([text for text, _ in flat], np.int64)

    def by_text(values: Sequence[float] | np.ndarray) -> np.ndarray:
        return np.bincount(owner, weights=np.asarray(values, np.float64), minlength=len(texts))

    num_bytes = by_text([_num_bytes(tokenizer, part) for _, part in flat])
    return TextLikelihoods(-by_text(scores.sums), by_text(scores.counts).astype(int), num_bytes.astype(int))


def _num_bytes(tokenizer: Tokenizer, part: Window) -> int:
    """Returns the bytes of a window's targets; decoded behind its context, where a leading space is not lost."""
    context, whole = tokenizer.decode(part.context), tokenizer.decode([*part.context, *part.targets])
    return len(whole.encode()) - len(context.encode())
