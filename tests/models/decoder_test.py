"""A decoder against a forward pass in float64 that computes one row and one head at a time."""

import dataclasses

import jax
import numpy as np
import pytest
from tiny_models import CONFIGS, batch_of, documents, drawn

from jaxit.core import tree
from jaxit.layers.rope import RopeScaling
from jaxit.models.registry import build

PLAIN = CONFIGS['decoder']
VARIANTS = {
    'sliding, soft caps, llama3 rope': PLAIN,
    'gemma': dataclasses.replace(
        PLAIN,
        activation='gelu_tanh',
        norm_offset=1.0,
        post_norms=True,
        qk_norm=True,
        attention_scale=0.3,
        attention_soft_cap=None,
        local_rope_theta=20.0,
        rope_scaling=RopeScaling('linear', 3.0),
        embed_scale=4.0,
        tied_head=True,
        num_kv_heads=1,
    ),
    'biases, prefix': dataclasses.replace(
        PLAIN, qkv_bias=True, out_bias=True, prefix_lm=True, sliding_window=None, rope_scaling=None, logit_soft_cap=None
    ),
}


def frequencies(theta, scaling, H):
    freqs = theta ** (-np.arange(H // 2) * 2 / H)
    if scaling is None:
        return freqs
    if scaling.kind == 'linear':
        return freqs / scaling.factor
    lengths, old = 2 * np.pi / freqs, scaling.original_length
    low, high = scaling.low_frequency_factor, scaling.high_frequency_factor
    blend = (old / lengths - low) / (high - low)
    mixed = blend * freqs + (1 - blend) * freqs / scaling.factor
    return np.where(lengths < old / high, freqs, np.where(lengths > old / low, freqs / scaling.factor, mixed))


class Oracle:
    """The forward pass of one row."""

    def __init__(self, config, params):
        self.c = config
        self.p = {path: np.asarray(leaf, np.float64) for path, leaf in tree.flatten(params).items()}

    def norm(self, x, scale):
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + self.c.norm_eps) * (scale + self.c.norm_offset)

    def turn(self, x, positions, freqs):
        half = x.shape[-1] // 2
        z = (x[:, :half] + 1j * x[:, half:]) * np.exp(1j * positions[:, None] * freqs)
        return np.concatenate([z.real, z.imag], -1)

    def attend(self, x, layer, segments, positions, prefix):
        c = self.c

        def get(name):
            return self.p[f'layers/attention/{name}'][layer]

        sliding = c.sliding_window is not None and (layer + 1) % c.global_every != 0
        theta, scaling = c.rope_theta, c.rope_scaling
        if sliding and c.local_rope_theta is not None:
            theta, scaling = c.local_rope_theta, None
        freqs = frequencies(theta, scaling, c.head_dim)
        out = np.zeros_like(x) + (get('out/bias') if c.out_bias else 0)
        for n in range(c.num_heads):
            kv = n // (c.num_heads // c.num_kv_heads)
            q, k, v = (x @ get(f'{name}/kernel')[:, h] for name, h in (('query', n), ('key', kv), ('value', kv)))
            if c.qkv_bias:
                q, k, v = q + get('query/bias')[n], k + get('key/bias')[kv], v + get('value/bias')[kv]
            if c.qk_norm:
                q, k = self.norm(q, get('query_norm/scale')), self.norm(k, get('key_norm/scale'))
            q, k = self.turn(q, positions, freqs), self.turn(k, positions, freqs)
            logits = q @ k.T * (c.head_dim**-0.5 if c.attention_scale is None else c.attention_scale)
            if c.attention_soft_cap is not None:
                logits = c.attention_soft_cap * np.tanh(logits / c.attention_soft_cap)
            for t in range(len(x)):
                for s in range(len(x)):
                    seen = s <= t or (c.prefix_lm and prefix[t] and prefix[s])
                    if segments[t] != segments[s] or not seen or (sliding and t - s >= c.sliding_window):
                        logits[t, s] = -np.inf
            weights = np.exp(logits - logits.max(-1, keepdims=True))
            out = out + (weights / weights.sum(-1, keepdims=True)) @ v @ get('out/kernel')[n]
        return out

    def feed(self, x, layer):
        gate, up, down = (self.p[f'layers/mlp/{name}/kernel'][layer] for name in ('gate', 'up', 'down'))
        z = x @ gate
        act = z / (1 + np.exp(-z))
        if self.c.activation == 'gelu_tanh':
            act = 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))
        return act * (x @ up) @ down

    def logits(self, row):
        c, p = self.c, self.p
        x = p['embedding/embedding'][row['decoder_input_tokens']] * (c.embed_scale or 1.0)
        places = row['decoder_segment_ids'], row['decoder_positions'], row.get('decoder_causal_attention')
        for layer in range(c.num_layers):
            mixed = self.attend(self.norm(x, p['layers/attention_norm/scale'][layer]), layer, *places)
            x = x + (self.norm(mixed, p['layers/post_attention_norm/scale'][layer]) if c.post_norms else mixed)
            fed = self.feed(self.norm(x, p['layers/mlp_norm/scale'][layer]), layer)
            x = x + (self.norm(fed, p['layers/post_mlp_norm/scale'][layer]) if c.post_norms else fed)
        x = self.norm(x, p['final_norm/scale'])
        z = x @ (p['embedding/embedding'].T if c.tied_head else p['lm_head'])
        return z if c.logit_soft_cap is None else c.logit_soft_cap * np.tanh(z / c.logit_soft_cap)


@pytest.mark.parametrize('name', VARIANTS)
def test_logits(name):
    config = VARIANTS[name]
    model = build(config)
    params = drawn(model)
    rng = np.random.default_rng(1)
    rows = [documents(rng, [(5, 3), (2, 4)]), documents(rng, [(9, 4)])]
    batch = batch_of('decoder', rows, target_length=13, prefix=config.prefix_lm)
    ours = np.asarray(jax.jit(model.apply)(params, batch))
    assert ours.dtype == np.float32
    oracle = Oracle(config, params)
    for row in range(2):
        real = batch['decoder_segment_ids'][row] > 0
        want = oracle.logits({name: value[row] for name, value in batch.items()})
        np.testing.assert_allclose(ours[row][real], want[real], atol=2e-5 * np.abs(want).max())
