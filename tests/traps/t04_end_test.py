"""T4: a model learns to stop: the last label of every row is EOS and bears loss, also where pad and EOS are one id."""

import dataclasses
import json

import jax
import numpy as np
import pytest
import tokenizers as library
from tiny_caches import cache_examples
from tiny_models import KINDS
from tiny_runs import ONE, mesh_of

from jaxit.core import rng
from jaxit.data.loader import evaluation_batches
from jaxit.decoding.engine import Engine
from jaxit.models.decoder import DecoderConfig
from jaxit.models.registry import build
from jaxit.models.t5 import T5Config
from jaxit.sharding.apply import put_batch
from jaxit.sharding.rules import DEFAULT_RULES
from jaxit.text import chat, tokenizers
from jaxit.text.examples import Example, TokenFormat, ordinary, prompt_ids, tokenize
from jaxit.training import state as state_lib
from jaxit.training.losses import LossConfig
from jaxit.training.optimizers import OptimizerConfig, make_optimizer
from jaxit.training.schedules import ScheduleConfig
from jaxit.training.step import TrainStep, compile_step

FORMATS = {'decoder': TokenFormat(False, 10, 10), 't5': TokenFormat(True, 10, 10)}
STEPS = 300
LENGTHS = {'decoder': {'inputs': None, 'targets': 19}, 't5': {'inputs': 10, 'targets': 10}}
CONFIGS = {
    'decoder': DecoderConfig(384, 32, 2, 2, 1, 16, 48, tied_head=True),
    't5': T5Config(384, 32, 1, 1, 2, 16, 48, relative_buckets=8, relative_max_distance=16),
}


@pytest.fixture(scope='module')
def padless(marked, tmp_path_factory):
    """A vocabulary without padding: pad is EOS."""
    folder = tmp_path_factory.mktemp('padless')
    spec = json.loads(library.Tokenizer.from_str(marked.files()['tokenizer.json'].decode()).to_str())
    (folder / 'tokenizer.json').write_text(json.dumps(spec).replace('<pad>', '<unused>'))
    config = json.loads(marked.files()['tokenizer_config.json'])
    (folder / 'tokenizer_config.json').write_text(json.dumps(config | {'pad_token': config['eos_token']}))
    tokenizer = tokenizers.load(folder)
    assert tokenizer.pad_id == tokenizer.eos_id
    return tokenizer


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('pack', [False, True])
def test_the_last_label_of_every_example_is_eos_and_bears_loss(padless, tmp_path, kind, pack):
    rows = [ordinary('q' * i, 'r' * j) for i, j in ((3, 2), (1, 7), (20, 4), (5, 30), (2, 9))]  # two are cut
    cache = cache_examples(tmp_path / 'cache', rows, padless, FORMATS[kind])
    found = 0
    for batch in evaluation_batches(cache, 2, LENGTHS[kind], pack=pack):
        segments, targets = batch['decoder_segment_ids'], batch['decoder_target_tokens']
        ends = (segments > 0) & (segments != np.pad(segments, ((0, 0), (0, 1)))[:, 1:])
        assert (targets[ends] == padless.eos_id).all()
        assert (batch['decoder_loss_weights'][ends] == 1).all()
        assert (batch['decoder_loss_weights'][segments == 0] == 0).all()  # masked by length, not by id
        found += ends.sum()
    assert found == len(rows)


@pytest.mark.parametrize('format', chat.FORMATS)
def test_the_end_of_every_turn_bears_loss(marked, format):
    talk = [dict(role=role, content=text) for role, text in (('user', 'a'), ('assistant', 'b')) * 3]
    made = tokenize(Example(chat.to_parts(talk, format)), marked, TokenFormat(False, 99, 99))
    ends = made.tokens[np.flatnonzero(np.diff(np.append(made.loss_mask, False).astype(int)) < 0)]
    assert len(ends) == 3 and set(ends.tolist()) <= set(chat.stop_ids(format, marked))
    cut = tokenize(
        Example(chat.to_parts([*talk[:1], dict(role='assistant', content='long' * 40)], format)),
        marked,
        TokenFormat(False, 40, 12),
    )
    assert cut.cut_targets > 0 and int(cut.tokens[-1]) == int(ends[-1]) and cut.loss_mask[-1]


@pytest.mark.parametrize('kind', KINDS)
def test_a_model_that_has_learnt_twenty_rows_stops_by_itself(tmp_path, kind):
    tokenizer = tokenizers.load('bytes')
    words = ['a', 'no', 'yes', 'four', 'fifth', 'sixths', 'sevenths']
    examples = [ordinary(f'{i:02d}?', words[i % 7]) for i in range(20)]
    cache = cache_examples(tmp_path / 'cache', examples, tokenizer, FORMATS[kind])
    [batch] = evaluation_batches(cache, 20, LENGTHS[kind])
    model, mesh = build(CONFIGS[kind]), mesh_of(*ONE)
    config = OptimizerConfig(learning_rate=0.004, schedule=ScheduleConfig('cosine'))
    optimizer, schedule = make_optimizer(config, STEPS)
    step = TrainStep(model, optimizer, schedule, config.is_trained, LossConfig(chunk_length=9), num_tasks=1)
    arguments = model, optimizer, config.is_trained, mesh, DEFAULT_RULES
    state = state_lib.initialize(*arguments, key=rng.stream(0, 'init'))
    run = compile_step(step, state_lib.abstract_state(*arguments), mesh, DEFAULT_RULES)
    with jax.set_mesh(mesh):
        placed = put_batch(batch, mesh, DEFAULT_RULES)
        for _ in range(STEPS):
            state, metrics = run(state, placed)
    assert metrics['correct'] == metrics['weight'] == sum(len(example.targets) + 1 for example in examples)
    prompts = [prompt_ids(example, tokenizer, FORMATS[kind]) for example in examples]
    engine = Engine(model, state.params, (tokenizer.eos_id,), batch_size=20, mesh=mesh)
    written = engine.generate(prompts, max_new_tokens=14)
    assert [tokenizer.decode(completion.ids) for completion in written] == [e.targets for e in examples]
    assert {completion.finish_reason for completion in written} == {'stop'}
    # Untrained, the same model does not stop: the test can fail.
    raw = dataclasses.replace(engine, params=model.init(jax.random.key(1))).generate(prompts, max_new_tokens=14)
    assert 'length' in {completion.finish_reason for completion in raw}
