"""The batch: one dict of arrays, the only thing data and training share.

Names are SeqIO's. Every feature is [B, length]; ids are int32, weights float32.
`*_segment_ids` number the packed examples of a row from 1, 0 is padding; `*_positions`
restart at 0 in each of them; `task_ids` give the mixture component of each target token.
"""

import numpy as np

from jaxit.core.errors import UserError
from jaxit.core.types import Batch

DECODER_FEATURES = (
    'decoder_input_tokens',
    'decoder_target_tokens',
    'decoder_loss_weights',
    'decoder_segment_ids',
    'decoder_positions',
    'task_ids',
)
ENCODER_FEATURES = ('encoder_input_tokens', 'encoder_segment_ids', 'encoder_positions')
OPTIONAL_FEATURES = ('decoder_causal_attention',)  # 1 on the prompt of a prefix LM
FLOAT_FEATURES = ('decoder_loss_weights',)


def features(*, encoder_decoder: bool) -> tuple[str, ...]:
    """Returns the names of the features a batch must have."""
    return ENCODER_FEATURES + DECODER_FEATURES if encoder_decoder else DECODER_FEATURES


def validate(
    batch: Batch, *, encoder_decoder: bool, vocab_size: int | None = None, num_tasks: int | None = None
) -> None:
    """Checks a batch against the contract.

    Args:
        batch: the features; numpy or jax arrays.
        encoder_decoder: whether encoder features are expected.
        vocab_size: when given, tokens must be below it (reads the arrays).
        num_tasks: when given, task ids must be below it (reads the arrays).

    Raises:
        UserError: names the feature, what it got and what it wanted.
    """
    wanted = features(encoder_decoder=encoder_decoder)
    for name in wanted:
        if name not in batch:
            raise UserError(f'batch feature {name!r} is missing; got {sorted(batch)}')
    for name in batch:
        if name not in wanted + OPTIONAL_FEATURES:
            raise UserError(f'batch feature {name!r} is not known; wanted {list(wanted)}')
    rows = np.shape(batch['decoder_input_tokens'])[0] if np.ndim(batch['decoder_input_tokens']) else None
    for name, value in batch.items():
        kind = np.float32 if name in FLOAT_FEATURES else np.int32
        side = 'encoder_input_tokens' if name.startswith('encoder_') else 'decoder_input_tokens'
        if np.ndim(value) != 2 or np.shape(value) != np.shape(batch[side]) or np.shape(value)[0] != rows:
            raise UserError(f'batch feature {name!r} has shape {np.shape(value)}; {side} has {np.shape(batch[side])}')
        if value.dtype != kind:
            raise UserError(f'batch feature {name!r} is {value.dtype}; it must be {np.dtype(kind).name}')
    for name, bound in _bounds(batch, vocab_size, num_tasks):
        low, high = int(np.min(batch[name])), int(np.max(batch[name]))
        if low < 0 or high >= bound:
            raise UserError(f'batch feature {name!r} holds ids {low}..{high}; they must lie in 0..{bound - 1}')


def _bounds(batch: Batch, vocab_size: int | None, num_tasks: int | None) -> list[tuple[str, int]]:
    bounds = []
    if vocab_size is not None:
        bounds += [(name, vocab_size) for name in batch if name.endswith('_tokens')]
    if num_tasks is not None:
        bounds += [('task_ids', num_tasks)]
    return bounds
