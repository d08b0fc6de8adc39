"""Beam search against all completions there are, and against a search written with lists."""

import functools
import itertools
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from jaxit.core.errors import UserError
from jaxit.decoding.beam import batch_axes, beam_search
from jaxit.decoding.engine import Engine
from jaxit.models.decoder import DecoderConfig
from jaxit.models.registry import build
from jaxit.models.t5 import T5Config

VOCAB, STOPS = 5, (1, 3)
CONFIGS = {'decoder': DecoderConfig(VOCAB, 8, 1, 2, 1, 4, 12), 't5': T5Config(VOCAB, 8, 1, 1, 2, 4, 12)}
PROMPTS = [[2, 4, 2], [4], [2, 2]]


@functools.cache
def setup(kind: str) -> SimpleNamespace:
    model = build(CONFIGS[kind])
    params = model.init(jax.random.key(11))
    engine = Engine(model, params, STOPS, batch_size=2, max_prompt_length=8)
    return SimpleNamespace(model=model, params=params, engine=engine, apply=jax.jit(model.apply))


@functools.cache
def log_probabilities(kind: str, prompt: tuple[int, ...], written: tuple[int, ...]) -> np.ndarray:
    """Returns float64 log-probabilities [V] of the next token."""
    s, T = setup(kind), 12
    inputs = [0, *written] if kind == 't5' else [*prompt, *written]
    tokens, source = np.zeros((1, T), np.int32), np.zeros((1, T), np.int32)
    tokens[0, : len(inputs)] = inputs
    source[0, : len(prompt)] = prompt
    index = np.arange(T, dtype=np.int32)[None]
    batch = {'decoder_input_tokens': tokens, 'decoder_segment_ids': (index < len(inputs)).astype(np.int32)}
    batch |= {'decoder_positions': index}
    if kind == 't5':
        batch |= {'encoder_input_tokens': source, 'encoder_segment_ids': (source > 0).astype(np.int32)}
    logits = np.asarray(s.apply(s.params, batch), np.float64)[0, len(inputs) - 1]
    return logits - np.log(np.exp(logits).sum())


def log_likelihood(kind: str, prompt: list[int], ids: tuple[int, ...]) -> float:
    return sum(float(log_probabilities(kind, tuple(prompt), ids[:i])[token]) for i, token in enumerate(ids))


def score(logprob: float, length: int, alpha: float) -> float:
    return logprob / ((5 + length) / 6) ** alpha


def all_completions(length: int) -> list[tuple[int, ...]]:
    others = [token for token in range(VOCAB) if token not in STOPS]
    stopped = [(*ids, stop) for n in range(length) for ids in itertools.product(others, repeat=n) for stop in STOPS]
    return stopped + list(itertools.product(others, repeat=length))


def slow_search(kind: str, prompt: list[int], width: int, length: int, alpha: float) -> list[tuple[int, ...]]:
    """Keeps `width` beams and all that ends; nothing is cut short."""
    beams, ended = [((), 0.0)], []
    for _ in range(length):
        grown = [
            ((*ids, token), logprob + float(value))
            for ids, logprob in beams
            for token, value in enumerate(log_probabilities(kind, tuple(prompt), ids))
        ]
        ended += [pair for pair in grown if pair[0][-1] in STOPS]
        beams = sorted((pair for pair in grown if pair[0][-1] not in STOPS), key=lambda pair: -pair[1])[:width]
    ranked = sorted(ended + beams, key=lambda pair: -score(pair[1], len(pair[0]), alpha))
    return [ids for ids, _ in ranked[:width]]


def written(completion) -> tuple[int, ...]:
    return completion.ids if completion.stop_id is None else (*completion.ids, completion.stop_id)


@pytest.mark.parametrize('kind', CONFIGS)
def test_a_wide_beam_finds_the_best_of_all_completions(kind):
    found = beam_search(setup(kind).engine, PROMPTS, width=27, max_new_tokens=3, length_penalty=1.0)
    for prompt, completions in zip(PROMPTS, found, strict=True):
        likelihoods = {ids: log_likelihood(kind, prompt, ids) for ids in all_completions(3)}
        best = sorted(likelihoods, key=lambda ids: -score(likelihoods[ids], len(ids), 1.0))[:27]
        assert [written(completion) for completion in completions] == best
        np.testing.assert_allclose([c.logprob for c in completions], [likelihoods[ids] for ids in best], atol=1e-5)
        assert {c.finish_reason for c in completions} == {'stop', 'length'}


@pytest.mark.parametrize('kind', CONFIGS)
@pytest.mark.parametrize('alpha', [0.0, 2.0])
def test_a_narrow_beam_equals_the_slow_search(kind, alpha):
    found = beam_search(setup(kind).engine, PROMPTS, width=3, max_new_tokens=7, length_penalty=alpha)
    for prompt, completions in zip(PROMPTS, found, strict=True):
        assert [written(completion) for completion in completions] == slow_search(kind, prompt, 3, 7, alpha)


def test_fewer_completions_than_beams():
    found = beam_search(setup('decoder').engine, PROMPTS[:1], width=9, max_new_tokens=1)
    assert sorted(written(completion) for completion in found[0]) == [(i,) for i in range(VOCAB)]


def test_the_batch_dimension_is_found_in_each_leaf():
    assert jax.tree.leaves(batch_axes(setup('decoder').model, 4, 4)) == [1, 1, 0]
    assert jax.tree.leaves(batch_axes(setup('t5').model, 4, 4)) == [1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize('wrong', [{'width': 0}, {'width': 2, 'length_penalty': -1.0}])
def test_wrong_values_are_refused(wrong):
    with pytest.raises(UserError, match='width is'):
        beam_search(setup('decoder').engine, PROMPTS, max_new_tokens=3, **wrong)
