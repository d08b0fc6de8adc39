"""Plain text as training examples, so that a tuned model keeps what it knew: replay.

A decoder models the text as it is. T5 gets span corruption (arXiv 1910.10683, section 3.1.4):
15 % of the tokens go, in spans of 3 on average, each replaced by a sentinel in the inputs; the
targets are the sentinels, each with the tokens it stands for. A T5 that was adapted to language modelling
(arXiv 2104.08691, section 2.2), as those are that FLAN tunes, has unlearned the sentinels: it gets prefix language
modelling, a text cut in two at a place drawn evenly.
"""

import functools
from typing import Literal, get_args

import numpy as np

from jaxit.core.errors import UserError, unknown_name
from jaxit.text.base import Tokenizer
from jaxit.text.examples import TokenFormat, TokenizedExample

# Raised when a text becomes other examples, so that caches are made anew.
VERSION = 2

NOISE_DENSITY = 0.15
MEAN_SPAN_LENGTH = 3.0

Objective = Literal['span_corruption', 'prefix_lm']
OBJECTIVES = get_args(Objective)


def replay_examples(
    text: str,
    tokenizer: Tokenizer,
    token_format: TokenFormat,
    *,
    seed: int,
    objective: Objective = 'span_corruption',
) -> list[TokenizedExample]:
    """Returns a text as examples for a model: as many as its length asks for.

    Args:
        text: the whole text.
        tokenizer: makes the ids.
        token_format: the lengths; a decoder always models the text as it is.
        seed: of the noise; pass another one for each text.
        objective: what an encoder-decoder does with a text: what it was last pretrained with.
    """
    if objective not in OBJECTIVES:
        raise unknown_name('objective', objective, OBJECTIVES)
    ids = tokenizer.encode(text)
    if not token_format.encoder_decoder:
        return _continued(ids, tokenizer, token_format)
    made = _corrupted if objective == 'span_corruption' else _parted
    return made(ids, tokenizer, token_format, seed)


def noise_mask(length: int, rng: np.random.RandomState) -> np.ndarray:
    """Returns [length] bool, True where a token is taken away; kept and taken spans alternate, a kept one first."""
    num_noise = min(max(round(length * NOISE_DENSITY), 1), length - 1)
    num_spans = min(max(round(num_noise / MEAN_SPAN_LENGTH), 1), length - num_noise)
    kept, taken = _segments(length - num_noise, num_spans, rng), _segments(num_noise, num_spans, rng)
    lengths = np.stack([kept, taken], axis=1).reshape(-1)
    return np.repeat(np.arange(2 * num_spans) % 2 == 1, lengths)


def corrupt(ids: list[int], mask: np.ndarray, sentinels: list[int]) -> tuple[list[int], list[int]]:
    """Returns (inputs, targets) of span corruption, both without EOS."""
    inputs: list[int] = []
    targets: list[int] = []
    unused = iter(sentinels)
    for i, (token, taken) in enumerate(zip(ids, mask, strict=True)):
        if taken and (i == 0 or not mask[i - 1]):
            sentinel = next(unused)
            inputs.append(sentinel)
            targets.append(sentinel)
        (targets if taken else inputs).append(token)
    return inputs, targets


@functools.cache
def span_length(token_format: TokenFormat, num_sentinels: int) -> int:
    """Returns the longest text that fits the lengths after corruption, EOS and sentinels counted.

    Raises:
        UserError: where not even two tokens do.
    """
    for length in range(token_format.row_length, 1, -1):
        num_noise = max(round(length * NOISE_DENSITY), 1)
        num_spans = max(round(num_noise / MEAN_SPAN_LENGTH), 1)
        fits_inputs = length - num_noise + num_spans + 1 <= token_format.inputs_length
        if fits_inputs and num_noise + num_spans + 1 <= token_format.targets_length and num_spans <= num_sentinels:
            return length
    raise UserError(
        f'span corruption needs 3 tokens of inputs and 3 of targets, not {token_format.inputs_length} and '
        f'{token_format.targets_length}'
    )


def _continued(ids: list[int], tokenizer: Tokenizer, token_format: TokenFormat) -> list[TokenizedExample]:
    """Each piece begins with BOS, or bears no loss on its first token; the last piece ends with EOS.

    Without BOS, a last piece of EOS alone would teach nothing: it begins with the token before.
    """
    begins = [tokenizer.bos_id] if tokenizer.bos_id is not None and token_format.add_bos else []
    ids = [*ids, tokenizer.eos_id]
    step = token_format.row_length - len(begins)
    starts = [*range(0, len(ids), step)]
    if not begins and len(ids) > 1 and starts[-1] == len(ids) - 1:
        starts[-1] -= 1
    pieces = [[*begins, *ids[start : start + step]] for start in starts]
    return [TokenizedExample(np.asarray(piece, np.int32), (1,)) for piece in pieces if len(piece) > 1]


def _corrupted(ids: list[int], tokenizer: Tokenizer, token_format: TokenFormat, seed: int) -> list[TokenizedExample]:
    sentinels = _sentinels(tokenizer)
    step = span_length(token_format, len(sentinels))
    rng = np.random.RandomState(seed)  # its stream is frozen, unlike default_rng's
    made = []
    for start in range(0, len(ids), step):
        piece = ids[start : start + step]
        if len(piece) < 2:
            continue
        inputs, targets = corrupt(piece, noise_mask(len(piece), rng), sentinels)
        tokens = [*inputs, tokenizer.eos_id, *targets, tokenizer.eos_id]
        made.append(TokenizedExample(np.asarray(tokens, np.int32), (len(inputs) + 1,)))
    return made


def _parted(ids: list[int], tokenizer: Tokenizer, token_format: TokenFormat, seed: int) -> list[TokenizedExample]:
    """Pieces of the inputs' length; each begins in the inputs and ends in the targets, cut where both fit."""
    step = max(token_format.inputs_length - 1, 2)
    rng = np.random.RandomState(seed)
    made = []
    for start in range(0, len(ids), step):
        piece = ids[start : start + step]
        if len(piece) < 2:
            continue
        border = rng.randint(max(len(piece) - token_format.targets_length + 1, 1), len(piece))
        tokens = [*piece[:border], tokenizer.eos_id, *piece[border:], tokenizer.eos_id]
        made.append(TokenizedExample(np.asarray(tokens, np.int32), (border + 1,)))
    return made


def _segments(total: int, num_segments: int, rng: np.random.RandomState) -> np.ndarray:
    """Returns [num_segments] lengths of at least 1 with the given sum, every such division equally likely."""
    cuts = np.sort(rng.permutation(total - 1)[: num_segments - 1]) + 1
    return np.diff(np.concatenate([[0], cuts, [total]])).astype(np.int64)


def _sentinels(tokenizer: Tokenizer) -> list[int]:
    sentinels = []
    for number in range(tokenizer.vocab_size):
        sentinel = tokenizer.special_id(f'<extra_id_{number}>')
        if sentinel is None:
            break
        sentinels.append(sentinel)
    if not sentinels:
        raise UserError('span corruption needs sentinels (<extra_id_0>, ...) and this tokenizer has none')
    return sentinels
