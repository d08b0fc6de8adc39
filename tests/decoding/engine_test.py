"""Generation against a loop that runs the whole model for each token of one prompt."""

import dataclasses
import functools
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from jaxit.core.errors import UserError
from jaxit.decoding import generation
from jaxit.decoding.engine import Engine, bucket
from jaxit.decoding.sampling import SamplingConfig
from jaxit.decoding.stops import cut_at_stops
from jaxit.models.decoder import DecoderConfig
from jaxit.models.registry import build
from jaxit.models.t5 import T5Config
from jaxit.sharding.apply import shardings
from jaxit.sharding.mesh import MeshConfig, make_mesh
from jaxit.sharding.rules import DEFAULT_RULES

VOCAB = 37
CONFIGS = {
    'decoder': DecoderConfig(VOCAB, 12, 2, 4, 2, 6, 20, sliding_window=5, global_every=2),
    't5': T5Config(VOCAB, 12, 1, 2, 2, 6, 20),
}
SAMPLED = SamplingConfig(0.9, top_k=20, top_p=0.95)


@functools.cache
def setup(kind: str) -> SimpleNamespace:
    model = build(CONFIGS[kind])
    params = jax.tree.map(lambda x: 1.5 * x, model.init(jax.random.key(3)))
    rng = np.random.default_rng(0)
    prompts = [rng.integers(2, VOCAB, n).tolist() for n in (3, 1, 21, 7, 4, 16, 5)]
    return SimpleNamespace(model=model, params=params, prompts=prompts, apply=jax.jit(model.apply))


def engine_of(kind: str, eos_ids=(1,), **options) -> Engine:
    s = setup(kind)
    return Engine(s.model, s.params, eos_ids, **options)


def full_forward(kind: str, prompt: list[int], written: list[int]) -> np.ndarray:
    """Returns float64 log-probabilities of the next token, from a forward pass padded to one shape."""
    s = setup(kind)
    tokens = [0, *written] if s.model.encoder_decoder else [*prompt, *written]
    row = np.zeros((1, 48), np.int32)
    row[0, : len(tokens)] = tokens
    positions = np.arange(48, dtype=np.int32)[None]
    segments = (positions < len(tokens)).astype(np.int32)
    batch = {'decoder_input_tokens': row, 'decoder_segment_ids': segments, 'decoder_positions': positions}
    if s.model.encoder_decoder:
        source = np.zeros((1, 24), np.int32)
        source[0, : len(prompt)] = prompt
        batch |= {'encoder_input_tokens': source, 'encoder_segment_ids': (source > 0).astype(np.int32)}
    logits = np.asarray(s.apply(s.params, batch))[0, len(tokens) - 1].astype(np.float64)
    return logits - np.log(np.exp(logits - logits.max()).sum()) - logits.max()


def slow_greedy(kind: str, prompt: list[int], stops: set[int], count: int) -> tuple[list[int], float, str]:
    written, total = [], 0.0
    for _ in range(count):
        logprobs = full_forward(kind, prompt, written)
        token = int(logprobs.argmax())
        total += logprobs[token]
        if token in stops:
            return written, total, 'stop'
        written.append(token)
    return written, total, 'length'


@functools.cache
def a_common_token(kind: str) -> int:
    """Returns a token that greedy decoding writes for some prompts, not first: a stop worth having."""
    written = engine_of(kind, eos_ids=()).generate(setup(kind).prompts, max_new_tokens=9)
    later = [i for completion in written for i in completion.ids[2:]]
    return max(set(later), key=later.count)


@pytest.mark.parametrize('kind', CONFIGS)
def test_greedy_equals_the_slow_loop(kind):
    stop = a_common_token(kind)
    completions = engine_of(kind).generate(setup(kind).prompts, max_new_tokens=9, stop_ids=(stop,))
    for prompt, completion in zip(setup(kind).prompts, completions, strict=True):
        ids, logprob, reason = slow_greedy(kind, prompt, {1, stop}, 9)
        assert list(completion.ids) == ids
        assert completion.finish_reason == reason
        assert completion.logprob == pytest.approx(logprob, abs=1e-4)
        assert (completion.stop_id in (1, stop)) == (reason == 'stop')
    assert {completion.finish_reason for completion in completions} == {'stop', 'length'}


@pytest.mark.parametrize('kind', CONFIGS)
@pytest.mark.parametrize('sampling', [SamplingConfig(), SAMPLED], ids=['greedy', 'sampled'])
def test_a_row_does_not_depend_on_batch_bucket_or_company(kind, sampling):
    prompts = setup(kind).prompts
    arguments = {'max_new_tokens': 9, 'sampling': sampling, 'stop_ids': (a_common_token(kind),), 'seed': 5}
    expected = engine_of(kind, batch_size=8).generate(prompts, **arguments)
    alone = engine_of(kind, batch_size=1, max_prompt_length=23, pad_id=9).generate(prompts, **arguments)
    for got, want in zip(alone, expected, strict=True):
        assert (got.ids, got.finish_reason, got.stop_id) == (want.ids, want.finish_reason, want.stop_id)
        assert got.logprob == pytest.approx(want.logprob, abs=1e-4)
    changed = [prompts[0], *(ids[::-1] for ids in prompts[1:])]
    assert engine_of(kind).generate(changed, **arguments)[0].ids == expected[0].ids


def test_sampling_repeats_with_the_seed_and_changes_with_it_and_with_the_row():
    engine, prompt = engine_of('decoder', eos_ids=()), setup('decoder').prompts[0]
    first, again, other = (
        [c.ids for c in engine.generate([prompt] * 4, max_new_tokens=12, sampling=SamplingConfig(1.0), seed=seed)]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert len({*first, *other}) == 8


@pytest.mark.parametrize(('kind', 'sampling'), [('decoder', SAMPLED), ('t5', SamplingConfig())])
def test_stream_yields_what_generate_returns(kind, sampling):
    stop = a_common_token(kind)
    for prompt in setup(kind).prompts[:2]:
        arguments = {'max_new_tokens': 9, 'sampling': sampling, 'stop_ids': (stop,), 'seed': 4}
        streamed = tuple(engine_of(kind).stream(prompt, **arguments))
        assert streamed == engine_of(kind, batch_size=1, max_prompt_length=23).generate([prompt], **arguments)[0].ids


@pytest.mark.parametrize(('kind', 'sampling'), [('decoder', SAMPLED), ('t5', SamplingConfig())])
def test_sharded_params_write_the_same(kind, sampling):
    s = setup(kind)
    mesh = make_mesh(MeshConfig(data=2, fsdp=2, tensor=2))
    placed = jax.device_put(s.params, shardings(s.model.logical_axes(s.params), s.params, mesh, DEFAULT_RULES))
    assert not all(leaf.is_fully_replicated for leaf in jax.tree.leaves(placed))
    arguments = {'max_new_tokens': 6, 'sampling': sampling, 'stop_ids': (a_common_token(kind),), 'seed': 5}
    sharded = Engine(s.model, placed, (1,), mesh=mesh).generate(s.prompts, **arguments)
    for got, want in zip(sharded, engine_of(kind).generate(s.prompts, **arguments), strict=True):
        assert (got.ids, got.finish_reason) == (want.ids, want.finish_reason)
        assert got.logprob == pytest.approx(want.logprob, abs=1e-4)


def test_lengths_share_compilations_and_params_are_arguments():
    s = setup('decoder')
    engine = engine_of('decoder', batch_size=2, max_prompt_length=64)
    sampling = SamplingConfig(0.77)
    before = generation.generate._cache_size()
    for prompt, count in (([2] * 3, 4), ([2] * 16, 7), ([2, 3], 16)):
        engine.generate([prompt], max_new_tokens=count, sampling=sampling)
    doubled = dataclasses.replace(engine, params=jax.tree.map(lambda x: 2 * x, s.params))
    written = [e.generate([[2, 3, 4]], max_new_tokens=16, sampling=sampling)[0].ids for e in (engine, doubled)]
    assert generation.generate._cache_size() == before + 1
    assert written[0] != written[1]


def test_the_loop_ends_when_every_row_has_stopped():
    s = setup('t5')
    engine = engine_of('t5', eos_ids=(), batch_size=1, max_prompt_length=23)
    first, *_, stop = engine.generate(s.prompts[:1], max_new_tokens=9)[0].ids
    request = engine.request(s.prompts, (0,), 1, 16, (stop,), 0)
    state = generation.begin(s.model, s.params, request, sampling=SamplingConfig(), size=16)
    assert state.last.tolist() == [first]
    state = generation.advance(s.model, s.params, state, request, request.limit, sampling=SamplingConfig())
    assert int(state.step) == int(state.counts[0]) <= 9
    assert state.done.tolist() == [True]


def test_progress_counts_completions():
    seen = []
    engine_of('decoder', batch_size=3).generate(
        setup('decoder').prompts, max_new_tokens=1, progress=lambda *counts: seen.append(counts)
    )
    assert seen == [(3, 7), (6, 7), (7, 7)]


def test_no_prompts_no_completions():
    assert engine_of('decoder').generate([], max_new_tokens=3) == []


@pytest.mark.parametrize(
    ('prompts', 'count', 'message'),
    [
        ([[2], []], 3, 'prompt 1 has no tokens'),
        ([[2] * 9], 3, 'prompt 0 has 9 tokens and max_prompt_length is 8'),
        ([[2]], 0, 'max_new_tokens is 0'),
    ],
)
def test_what_cannot_be_generated_is_refused(prompts, count, message):
    with pytest.raises(UserError, match=message):
        engine_of('decoder', max_prompt_length=8).generate(prompts, max_new_tokens=count)


@pytest.mark.parametrize(('length', 'size'), [(1, 16), (16, 16), (17, 32), (32, 32), (1000, 1024)])
def test_buckets_are_powers_of_two(length, size):
    assert bucket(length) == size


@pytest.mark.parametrize(
    ('text', 'stops', 'cut'),
    [
        ('one two three', ['two', 'ne'], 'o'),
        ('one two', ['four'], 'one two'),
        ('one', ['one'], ''),
        ('one', [''], 'one'),
        ('one', [], 'one'),
    ],
)
def test_text_is_cut_at_the_earliest_stop(text, stops, cut):
    assert cut_at_stops(text, stops) == cut
