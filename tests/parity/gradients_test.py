"""Gradients of the mean loss per response token against torch, tensor by tensor through the export table."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxit.checkpoints import huggingface
from jaxit.checkpoints.maps import table

torch = pytest.importorskip('torch', reason='parity needs torch: the extra parity')
pytestmark = pytest.mark.parity


def our_gradients(pair, batch) -> dict[str, np.ndarray]:
    """Returns our gradients under transformers' names."""
    targets, weights = batch['decoder_target_tokens'], batch['decoder_loss_weights']

    def loss(params):
        log_probs = jax.nn.log_softmax(pair.model.apply(params, batch))
        chosen = jnp.take_along_axis(log_probs, targets[..., None], axis=-1)[..., 0]
        return -jnp.sum(chosen * weights) / jnp.sum(weights)

    rules, sizes = huggingface.rules_of(pair.config)
    return dict(table.to_tensors(rules, sizes, jax.jit(jax.grad(loss))(pair.params)))


def reference_gradients(pair, batch, logits) -> dict[str, np.ndarray]:
    """Returns torch's gradients by name; a tied weight has one."""
    targets = torch.from_numpy(np.array(batch['decoder_target_tokens'])).long()
    weights = torch.from_numpy(batch['decoder_loss_weights'])
    losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction='none')
    pair.reference.zero_grad()
    (torch.sum(losses * weights.flatten()) / torch.sum(weights)).backward()
    return {name: value.grad.numpy() for name, value in pair.reference.named_parameters() if value.grad is not None}


def test_gradients_equal_torch(pair, batch, reference_logits):
    expected = reference_gradients(pair, batch, reference_logits(pair.reference, batch))
    got = our_gradients(pair, batch)
    assert set(got) == set(expected)
    for name, value in expected.items():
        error = np.linalg.norm(got[name] - value) / np.linalg.norm(value)
        assert error < 1e-4, (name, error)
