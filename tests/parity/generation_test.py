"""Greedy decoding with the key/value cache against `generate` of transformers, token for token."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='parity needs torch: the extra parity')
pytestmark = pytest.mark.parity

STEPS = 9
PROMPT_LENGTHS = np.array([6, 3, 5], np.int32)


def generate(pair, batch) -> np.ndarray:
    """Returns our tokens [B, STEPS]."""
    model = pair.model
    if pair.encoder_decoder:
        source = batch['encoder_input_tokens']
        prompt, cache = {'encoder_input_tokens': source}, model.init_cache(3, STEPS + 1, source_length=source.shape[1])
    else:
        width = PROMPT_LENGTHS.max()
        tokens = batch['decoder_input_tokens'][:, :width] * (np.arange(width) < PROMPT_LENGTHS[:, None])
        prompt = {'decoder_input_tokens': tokens.astype(np.int32), 'prompt_lengths': PROMPT_LENGTHS}
        cache = model.init_cache(3, int(width) + STEPS)
    logits, cache = jax.jit(model.prefill)(pair.params, cache, prompt)
    step, tokens = jax.jit(model.decode_step), []
    for _ in range(STEPS):
        tokens.append(jnp.argmax(logits, axis=-1).astype(jnp.int32))
        logits, cache = step(pair.params, cache, tokens[-1])
    return np.stack(tokens, axis=1)


def reference(pair, batch, row: int) -> np.ndarray:
    """Returns the tokens of transformers for one row without padding, so that its own padding plays no part."""
    if pair.encoder_decoder:
        prompt, first = batch['encoder_input_tokens'][row], 1
        prompt = prompt[prompt != 0]
    else:
        prompt = batch['decoder_input_tokens'][row, : PROMPT_LENGTHS[row]]
        first = len(prompt)
    ids = torch.from_numpy(np.array(prompt)).long()[None]
    options = {'max_new_tokens': STEPS, 'min_new_tokens': STEPS, 'do_sample': False, 'pad_token_id': 0}
    start = {'decoder_start_token_id': 0} if pair.encoder_decoder else {}
    config = pair.reference.generation_config
    config.eos_token_id = None
    made = pair.reference.generate(ids, attention_mask=torch.ones_like(ids), **options, **start)
    return made[0, first:].numpy()


@pytest.mark.filterwarnings('ignore::UserWarning')
def test_greedy_tokens_equal_generate(pair, batch):
    got = generate(pair, batch)
    expected = np.stack([reference(pair, batch, row) for row in range(3)])
    assert len(np.unique(expected)) > 4  # not one token over and over
    np.testing.assert_array_equal(got, expected)
