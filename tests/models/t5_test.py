"""A T5 against a forward pass in float64 that computes one row and one head at a time."""

import dataclasses
import math

import jax
import numpy as np
import pytest
from tiny_models import CONFIGS, batch_of, documents, drawn, model_of, params_of

from jaxit.core import tree
from jaxit.models.registry import build

VARIANTS = {
    '1.1 shape, tied': CONFIGS['t5'],
    '1.0 shape, untied': dataclasses.replace(CONFIGS['t5'], gated=False, activation='relu', tied_head=False),
}


def bucket(distance, num_buckets, max_distance, bidirectional):
    """Distance is key minus query."""
    ahead = 0
    if bidirectional:
        num_buckets //= 2
        ahead = num_buckets if distance > 0 else 0
        distance = abs(distance)
    else:
        distance = max(-distance, 0)
    exact = num_buckets // 2
    if distance < exact:
        return ahead + distance
    far = exact + int(math.log(distance / exact) / math.log(max_distance / exact) * (num_buckets - exact))
    return ahead + min(far, num_buckets - 1)


class Oracle:
    """The forward pass of one row."""

    def __init__(self, config, params):
        self.c = config
        self.p = {path: np.asarray(leaf, np.float64) for path, leaf in tree.flatten(params).items()}

    def norm(self, x, scale):
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + self.c.norm_eps) * scale

    def attend(self, x, source, prefix, layer, allowed, bias=None):
        out = np.zeros_like(x)
        for n in range(self.c.num_heads):
            q, k, v = (
                side @ self.p[f'{prefix}/{name}/kernel'][layer][:, n]
                for side, name in ((x, 'query'), (source, 'key'), (source, 'value'))
            )
            logits = np.where(allowed, q @ k.T + (0 if bias is None else bias[n]), -np.inf)
            weights = np.exp(logits - logits.max(-1, keepdims=True))
            out += weights / weights.sum(-1, keepdims=True) @ v @ self.p[f'{prefix}/out/kernel'][layer][n]
        return out

    def feed(self, x, side, layer):
        x = self.norm(x, self.p[f'{side}/mlp_norm/scale'][layer])
        up, down = (self.p[f'{side}/mlp/{name}/kernel'][layer] for name in ('up', 'down'))
        if not self.c.gated:
            return np.maximum(x @ up, 0) @ down
        z = x @ self.p[f'{side}/mlp/gate/kernel'][layer]
        return 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))) * (x @ up) @ down

    def bias(self, side, positions, *, bidirectional):
        c, table = self.c, self.p[f'{side}_bias/embedding']
        return np.array(
            [
                [
                    table[bucket(int(s - t), c.relative_buckets, c.relative_max_distance, bidirectional)]
                    for s in positions
                ]
                for t in positions
            ]
        ).transpose(2, 0, 1)

    def logits(self, row):
        """Documents are cut out of the row first, so nothing here knows of packing."""
        out = np.zeros((len(row['decoder_input_tokens']), self.c.vocab_size))
        for number in range(1, row['decoder_segment_ids'].max() + 1):
            here = row['decoder_segment_ids'] == number
            source = row['encoder_input_tokens'][row['encoder_segment_ids'] == number]
            out[here] = self.document(source, row['decoder_input_tokens'][here])
        return out

    def document(self, source, targets):
        c, p = self.c, self.p
        x, positions = p['embedding/embedding'][source], np.arange(len(source))
        everything = np.ones((len(source), len(source)), bool)
        bias = self.bias('encoder', positions, bidirectional=True)
        for layer in range(c.num_encoder_layers):
            y = self.norm(x, p['encoder/attention_norm/scale'][layer])
            x = x + self.attend(y, y, 'encoder/attention', layer, everything, bias)
            x = x + self.feed(x, 'encoder', layer)
        encoded = self.norm(x, p['encoder_norm/scale'])
        x, positions = p['embedding/embedding'][targets], np.arange(len(targets))
        causal = positions[:, None] >= positions[None]
        bias = self.bias('decoder', positions, bidirectional=False)
        for layer in range(c.num_decoder_layers):
            y = self.norm(x, p['decoder/attention_norm/scale'][layer])
            x = x + self.attend(y, y, 'decoder/attention', layer, causal, bias)
            y = self.norm(x, p['decoder/cross_attention_norm/scale'][layer])
            allowed = np.ones((len(targets), len(source)), bool)
            x = x + self.attend(y, encoded, 'decoder/cross_attention', layer, allowed)
            x = x + self.feed(x, 'decoder', layer)
        x = self.norm(x, p['decoder_norm/scale'])
        return x * c.embed_dim**-0.5 @ p['embedding/embedding'].T if c.tied_head else x @ p['lm_head']


@pytest.mark.parametrize('name', VARIANTS)
def test_logits(name):
    model = build(VARIANTS[name])
    params = drawn(model)
    rng = np.random.default_rng(1)
    rows = [documents(rng, [(5, 9), (2, 4)]), documents(rng, [(11, 6)])]
    batch = batch_of('t5', rows, target_length=14, source_length=12)
    ours = np.asarray(jax.jit(model.apply)(params, batch))
    oracle = Oracle(VARIANTS[name], params)
    for row in range(2):
        real = batch['decoder_segment_ids'][row] > 0
        want = oracle.logits({name: value[row] for name, value in batch.items()})
        np.testing.assert_allclose(ours[row][real], want[real], atol=2e-5 * np.abs(want).max())


def test_dropout_needs_a_key_and_depends_on_it_alone():
    config = dataclasses.replace(CONFIGS['t5'], dropout_rate=0.5)
    batch = batch_of('t5', [documents(np.random.default_rng(1), [(4, 5)])], target_length=5, source_length=4)
    hidden = jax.jit(build(config).hidden)
    quiet = np.asarray(hidden(params_of('t5'), batch))
    np.testing.assert_array_equal(quiet, jax.jit(model_of('t5').hidden)(params_of('t5'), batch))
    keys = [jax.random.key(seed) for seed in (0, 0, 1)]
    one, again, other = (np.asarray(hidden(params_of('t5'), batch, dropout_key=key)) for key in keys)
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.1 and np.abs(one - quiet).max() > 0.1
