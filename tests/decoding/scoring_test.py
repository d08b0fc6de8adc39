"""Scores against a float64 log-softmax of one unpadded row at a time."""

import functools
from types import SimpleNamespace

import jax
import jax.extend.core
import numpy as np
import pytest

from jaxit.core import batch as batches
from jaxit.core.errors import UserError
from jaxit.decoding import scoring
from jaxit.decoding.engine import Engine
from jaxit.decoding.sampling import SamplingConfig
from jaxit.decoding.scoring import completion_log_likelihoods, score, token_log_likelihoods, windows
from jaxit.models.decoder import DecoderConfig
from jaxit.models.registry import build
from jaxit.models.t5 import T5Config
from jaxit.sharding.apply import shardings
from jaxit.sharding.mesh import MeshConfig, make_mesh
from jaxit.sharding.rules import DEFAULT_RULES

VOCAB = 29
CONFIGS = {
    'decoder': DecoderConfig(VOCAB, 8, 1, 2, 1, 4, 12, logit_soft_cap=3.0),
    'prefix_lm': DecoderConfig(VOCAB, 8, 1, 2, 1, 4, 12, tied_head=True, prefix_lm=True),
    't5': T5Config(VOCAB, 8, 1, 1, 2, 4, 12, tied_head=True),
}


@functools.cache
def setup(kind: str) -> SimpleNamespace:
    model = build(CONFIGS[kind])
    rng = np.random.default_rng(1)

    def rows(*lengths: int) -> list[list[int]]:
        return [rng.integers(1, VOCAB, n).tolist() for n in lengths]

    params = jax.tree.map(lambda x: 1.5 * x, model.init(jax.random.key(7)))
    prompts, completions = rows(4, 1, 19, 2, 9), rows(3, 1, 2, 17, 5)
    return SimpleNamespace(
        model=model, params=params, prompts=prompts, completions=completions, apply=jax.jit(model.apply)
    )


def oracle(kind: str, prompt: list[int], completion: list[int]) -> np.ndarray:
    """Returns float64 log-likelihoods of the completion's tokens, from logits of the row alone."""
    s = setup(kind)
    inputs = [0, *completion[:-1]] if s.model.encoder_decoder else [*prompt, *completion][:-1]
    tokens, segments, prefix = (np.zeros((1, 24), np.int32) for _ in range(3))
    tokens[0, : len(inputs)] = inputs
    segments[0, : len(inputs)] = 1
    prefix[0, : len(prompt)] = 1
    batch = {'decoder_input_tokens': tokens, 'decoder_segment_ids': segments, 'decoder_causal_attention': prefix}
    batch['decoder_positions'] = np.arange(24, dtype=np.int32)[None]
    if s.model.encoder_decoder:
        source = np.zeros((1, 20), np.int32)
        source[0, : len(prompt)] = prompt
        batch |= {'encoder_input_tokens': source, 'encoder_segment_ids': (source > 0).astype(np.int32)}
    logits = np.asarray(s.apply(s.params, batch), np.float64)[0, len(inputs) - len(completion) : len(inputs)]
    logprobs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return logprobs[np.arange(len(completion)), completion]


@pytest.mark.parametrize('kind', CONFIGS)
def test_every_token_equals_the_float64_log_softmax(kind):
    s = setup(kind)
    rows = completion_log_likelihoods(s.model, s.params, s.prompts, s.completions)
    for prompt, completion, row in zip(s.prompts, s.completions, rows, strict=True):
        np.testing.assert_allclose(row, oracle(kind, prompt, completion), atol=2e-6)
    scores = score(s.model, s.params, s.prompts, s.completions)
    np.testing.assert_allclose(scores.sums, [row.sum() for row in rows])
    assert scores.counts.tolist() == [3, 1, 2, 17, 5]


@pytest.mark.parametrize('kind', ['decoder', 't5'])
def test_scores_do_not_depend_on_the_batch(kind):
    s = setup(kind)
    expected = score(s.model, s.params, s.prompts, s.completions)
    for size in (1, 3):
        got = score(s.model, s.params, s.prompts, s.completions, batch_size=size)
        np.testing.assert_allclose(got.sums, expected.sums, atol=5e-6)
        assert got.counts.tolist() == expected.counts.tolist()


@pytest.mark.parametrize('kind', ['decoder', 't5'])
def test_engine_and_scores_agree_on_what_was_written(kind):
    s = setup(kind)
    engine = Engine(s.model, s.params, eos_ids=(1, 2))
    written = engine.generate(s.prompts, max_new_tokens=7, sampling=SamplingConfig(1.0), seed=2)
    ids = [(*c.ids, *(() if c.stop_id is None else (c.stop_id,))) for c in written]
    assert {c.finish_reason for c in written} == {'stop', 'length'}
    np.testing.assert_allclose(
        score(s.model, s.params, s.prompts, ids).sums, [completion.logprob for completion in written], atol=1e-5
    )


@pytest.mark.parametrize('kind', ['decoder', 't5'])
def test_sharded_scores_are_equal(kind):
    s = setup(kind)
    mesh = make_mesh(MeshConfig(data=2, fsdp=2, tensor=2))
    placed = jax.device_put(s.params, shardings(s.model.logical_axes(s.params), s.params, mesh, DEFAULT_RULES))
    got = score(s.model, placed, s.prompts, s.completions, mesh=mesh)
    np.testing.assert_allclose(got.sums, score(s.model, s.params, s.prompts, s.completions).sums, atol=5e-6)


def test_logits_exist_for_a_chunk_only(monkeypatch):
    s = setup('decoder')
    expected = score(s.model, s.params, s.prompts, s.completions).sums
    monkeypatch.setattr(scoring, 'MAX_LOGITS', 3 * 6 * VOCAB)
    batch, at = scoring._decoder_batch(s.prompts + s.prompts[:1], s.completions + s.completions[:1])
    traced = jax.make_jaxpr(scoring._log_likelihoods.__wrapped__, static_argnums=0)(s.model, s.params, batch, at)
    sizes = [v.aval.size for v in all_values(traced.jaxpr) if v.aval.shape and v.aval.shape[-1] == VOCAB]
    assert max(sizes) == 6 * 3 * VOCAB
    got = score(s.model, s.params, s.prompts, s.completions, batch_size=6)
    np.testing.assert_allclose(got.sums, expected, atol=5e-6)


def all_values(jaxpr):
    for equation in jaxpr.eqns:
        yield from equation.outvars
        for inner in jax.extend.core.jaxprs_in_params(equation.params):
            yield from all_values(inner)


@pytest.mark.parametrize('kind', ['decoder', 't5'])
def test_batches_keep_the_contract(kind):
    s = setup(kind)
    make = scoring._encoder_decoder_batch if s.model.encoder_decoder else scoring._decoder_batch
    batch, at = make(s.prompts, s.completions)
    batches.validate(batch, encoder_decoder=s.model.encoder_decoder, vocab_size=VOCAB, num_tasks=1)
    for row, completion in enumerate(s.completions):
        columns = at[row, : len(completion)]
        assert batch['decoder_target_tokens'][row, columns].tolist() == completion
        assert np.flatnonzero(batch['decoder_loss_weights'][row]).tolist() == columns.tolist()


def test_windows_of_a_decoder_with_bos_predict_every_token_once():
    parts = windows([5, 6, 7, 8, 9], window=2, encoder_decoder=False, bos_id=3)
    assert parts == [((3,), (5, 6)), ((3,), (7, 8)), ((3,), (9,))]


def test_windows_of_a_decoder_without_bos_read_the_token_before():
    parts = windows([5, 6, 7, 8, 9, 4], window=2, encoder_decoder=False)
    assert parts == [((5,), (6, 7)), ((7,), (8, 9)), ((9,), (4,))]
    assert windows([5], window=2, encoder_decoder=False) == []


def test_windows_of_an_encoder_decoder_predict_second_halves():
    parts = windows([5, 6, 7, 8, 9, 4, 3, 2], window=5, encoder_decoder=True, eos_id=1)
    assert parts == [((5, 6, 1), (7, 8, 9)), ((4, 1), (3, 2))]
    assert windows([5, 6, 7], window=2, encoder_decoder=True) == [((5,), (6,))]


@pytest.mark.parametrize('kind', ['decoder', 't5'])
def test_texts_are_the_windows_joined(kind):
    s = setup(kind)
    texts = [s.prompts[2], s.prompts[0], [5]]
    got = token_log_likelihoods(s.model, s.params, texts, window=6, eos_id=1)
    for text, row in zip(texts, got, strict=True):
        parts = windows(text, window=6, encoder_decoder=s.model.encoder_decoder, eos_id=1)
        expected = [oracle(kind, list(part.context), list(part.targets)) for part in parts]
        np.testing.assert_allclose(row, np.concatenate([np.zeros(0), *expected]), atol=2e-6)
    assert [row.size for row in got] == ([9, 2, 0] if kind == 't5' else [18, 3, 0])


@pytest.mark.parametrize(
    ('prompts', 'completions', 'message'),
    [([[1]], [], '1 prompts and 0 completions'), ([[]], [[1]], 'prompt 0'), ([[1], [2]], [[1], []], 'completion 1')],
)
def test_nothing_to_score_is_refused(prompts, completions, message):
    s = setup('decoder')
    with pytest.raises(UserError, match=message):
        score(s.model, s.params, prompts, completions)
