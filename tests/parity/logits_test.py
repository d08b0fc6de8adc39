"""Logits of imported weights against transformers, in float32, with padding."""

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='parity needs torch: the extra parity')
pytestmark = pytest.mark.parity


def test_logits_equal_transformers(pair, batch, reference_logits, our_logits):
    with torch.no_grad():
        expected = reference_logits(pair.reference, batch).numpy()
    got = our_logits(pair.params, batch)
    keep = batch['decoder_segment_ids'] > 0
    assert np.std(expected[keep]) > 0.3  # a model whose logits are all alike would prove nothing
    np.testing.assert_allclose(got[keep], expected[keep], atol=1e-4, rtol=1e-4)
