"""The batch contract, and what breaks it."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxit.core.batch import features, validate
from jaxit.core.errors import UserError


def batch(*, encoder_decoder, rows=2, targets=5, inputs=3):
    made = {}
    for name in features(encoder_decoder=encoder_decoder):
        length = inputs if name.startswith('encoder_') else targets
        made[name] = np.ones((rows, length), np.float32 if name == 'decoder_loss_weights' else np.int32)
    return made


@pytest.mark.parametrize('encoder_decoder', [False, True])
def test_a_right_batch_passes(encoder_decoder):
    made = batch(encoder_decoder=encoder_decoder)
    assert len(made) == (9 if encoder_decoder else 6)
    validate(made, encoder_decoder=encoder_decoder, vocab_size=2, num_tasks=2)
    validate({k: jnp.asarray(v) for k, v in made.items()}, encoder_decoder=encoder_decoder)
    if not encoder_decoder:
        validate(made | {'decoder_causal_attention': np.ones((2, 5), np.int32)}, encoder_decoder=False)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'task_ids': None}, "'task_ids' is missing"),
        ({'labels': np.ones((2, 5), np.int32)}, "'labels' is not known"),
        ({'decoder_positions': np.ones((2, 4), np.int32)}, r"'decoder_positions' has shape \(2, 4\).*\(2, 5\)"),
        ({'encoder_positions': np.ones((2, 5), np.int32)}, r"'encoder_positions' has shape \(2, 5\).*\(2, 3\)"),
        ({'decoder_target_tokens': np.ones((2, 5), np.int64)}, 'is int64; it must be int32'),
        ({'decoder_loss_weights': np.ones((2, 5), np.int32)}, 'is int32; it must be float32'),
        ({'decoder_segment_ids': np.ones(5, np.int32)}, 'has shape'),
        ({'encoder_input_tokens': np.full((2, 3), 9, np.int32)}, r'holds ids 9..9; they must lie in 0..6'),
        ({'decoder_input_tokens': np.full((2, 5), -1, np.int32)}, r'holds ids -1..-1'),
        ({'task_ids': np.full((2, 5), 3, np.int32)}, r"'task_ids' holds ids 3..3; they must lie in 0..2"),
    ],
)
def test_wrong_batches_are_named(change, message):
    made = batch(encoder_decoder=True) | change
    made = {name: value for name, value in made.items() if value is not None}
    with pytest.raises(UserError, match=message):
        validate(made, encoder_decoder=True, vocab_size=7, num_tasks=3)


def test_sides_with_other_numbers_of_rows_are_refused():
    made = batch(encoder_decoder=True)
    made |= {name: np.ones((3, 3), np.int32) for name in made if name.startswith('encoder_')}
    with pytest.raises(UserError, match='has shape'):
        validate(made, encoder_decoder=True)
