"""The Python API: prompts are laid out as in training, answers and scores are those of the model itself."""

import dataclasses
import inspect
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxit
import jaxit.api
from jaxit.cli import loaded as loaded_lib
from jaxit.cli import main
from jaxit.cli.loaded import Loaded, layout_of
from jaxit.core.errors import UserError
from jaxit.core.files import read_json
from jaxit.data.cache import TokenCache
from jaxit.text import chat
from jaxit.text.base import ByteTokenizer
from jaxit.text.examples import Example, tokenize

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def loaded(run_folder: Path) -> Loaded:
    return jaxit.load(run_folder)


def _log_probs(loaded: Loaded, ids: list[int]) -> np.ndarray:
    """[n, V] log-probabilities after each of the ids, from one plain forward pass without packing or cache."""
    T = 64
    tokens = np.zeros((1, T), np.int32)
    tokens[0, : len(ids)] = ids
    segments = (np.arange(T)[None] < len(ids)).astype(np.int32)
    batch = {'decoder_input_tokens': tokens, 'decoder_segment_ids': segments}
    batch |= {'decoder_positions': np.arange(T, dtype=np.int32)[None]}
    logits = loaded.model.apply(loaded.params, {k: jnp.asarray(v) for k, v in batch.items()})
    return np.asarray(jax.nn.log_softmax(logits, axis=-1))[0, : len(ids)]


def test_a_prompt_has_the_ids_it_had_in_training(loaded: Loaded, run_folder: Path) -> None:
    mixture = read_json(run_folder / 'run.json')['mixture']
    cache = TokenCache.open(next(c['folder'] for c in mixture if c['task'] == 'tiny_echo'))
    for index, word in enumerate(('tea', 'nine', 'bridge')):
        tokens, (border,) = cache.example(index)
        assert loaded.prompt_ids(f'Say {word}.') == tokens[:border].tolist()
        assert loaded.completion_ids(f'Say {word}.', word) == tokens[border:].tolist()


def test_a_long_prompt_is_never_cut(loaded: Loaded) -> None:
    assert loaded.layout is not None and loaded.layout.format.inputs_length == 40
    assert len(loaded.prompt_ids('x' * 300)) == 301


def test_a_greedy_answer_follows_the_likeliest_tokens(loaded: Loaded) -> None:
    ids = loaded.prompt_ids('Say tea.')
    written: list[int] = []
    while len(written) < 4:
        token = int(_log_probs(loaded, [*ids, *written])[-1].argmax())
        if token == loaded.tokenizer.eos_id:
            break
        written.append(token)
    expected = loaded.tokenizer.decode(written).strip()
    assert jaxit.generate(loaded, 'Say tea.', max_new_tokens=4) == [expected]
    assert jaxit.generate(loaded, ['Say tea.', 'Hm'], max_new_tokens=4)[0] == expected


def test_stops_cut_an_answer_before_the_first_of_them(loaded: Loaded) -> None:
    (whole,) = jaxit.generate(loaded, 'Say tea.', max_new_tokens=16, temperature=1.0, seed=4)
    assert len(whole) > 2
    (cut,) = jaxit.generate(loaded, 'Say tea.', max_new_tokens=16, temperature=1.0, seed=4, stop=[whole[1:3]])
    assert cut == whole[:1].strip()


def test_a_score_is_the_sum_over_the_answer_and_its_end(loaded: Loaded) -> None:
    pairs = [('Say tea.', 'tea'), ('Capital of France?', 'Oslo')]
    expected = []
    for prompt, completion in pairs:
        ids, answer = loaded.prompt_ids(prompt), [*(b + 3 for b in completion.encode()), 1]
        log_probs = _log_probs(loaded, [*ids, *answer])
        expected.append(sum(log_probs[len(ids) - 1 + i, token] for i, token in enumerate(answer)))
    found = jaxit.score(loaded, [p for p, _ in pairs], [c for _, c in pairs])
    np.testing.assert_allclose(found, expected, rtol=2e-5)


def test_scores_need_as_many_completions_as_prompts(loaded: Loaded) -> None:
    with pytest.raises(UserError, match='same length'):
        jaxit.score(loaded, ['a', 'b'], ['c'])


def test_a_chat_format_wraps_the_prompt(loaded: Loaded) -> None:
    ids = loaded.prompt_ids('Hm', chat_format='alpaca')
    assert loaded.tokenizer.decode(ids).endswith('completes the request.\n\n### Instruction:\nHm\n\n### Response:')
    with pytest.raises(UserError, match='did you mean chatml'):
        jaxit.generate(loaded, 'Hm', chat_format='chatm')


@pytest.mark.parametrize('format', ['alpaca', 'llama2'])
def test_a_completion_has_the_tokens_of_a_reply(loaded: Loaded, format: str) -> None:
    tokenizer = ByteTokenizer()
    tokenizer.specials = {**tokenizer.specials, '<s>': 300}
    marked = dataclasses.replace(loaded, tokenizer=tokenizer)
    talk = [{'role': 'user', 'content': 'Hm'}, {'role': 'assistant', 'content': ' yes '}]
    trained = tokenize(Example(chat.to_parts(talk, format)), tokenizer, loaded.prompt_format())
    ids = marked.prompt_ids('Hm', chat_format=format) + marked.completion_ids('Hm', ' yes ', chat_format=format)
    assert trained is not None and ids == trained.tokens.tolist()


def test_weights_without_a_run_get_the_prompt_as_it_is(loaded: Loaded) -> None:
    bare = Loaded(loaded.model, loaded.params, loaded.tokenizer, loaded.config)
    assert bare.tokenizer.decode(bare.prompt_ids('Say tea.')) == 'Say tea.'
    assert loaded.tokenizer.decode(loaded.prompt_ids('Say tea.')) == 'Say tea.\n'


def test_a_t5_reads_the_prompt_with_its_end(loaded: Loaded) -> None:
    from jaxit.models import registry
    from jaxit.models.t5 import T5Config

    model = registry.build(
        T5Config(
            vocab_size=384, embed_dim=8, num_encoder_layers=1, num_decoder_layers=1, num_heads=1, head_dim=8, mlp_dim=8
        )
    )
    t5 = Loaded(model, {}, loaded.tokenizer, model.config)
    assert t5.prompt_ids('ab') == [100, 101, 1]
    assert t5.completion_ids('ab', 'c') == [102, 1]


def test_weights_exported_into_a_run_folder_are_not_taken_for_the_run(loaded: Loaded, run_folder: Path) -> None:
    exported = run_folder / 'exported'
    main.run(['export', '--checkpoint', str(run_folder), '--to', str(exported)])
    found = jaxit.load(exported)
    assert found.layout is None and found.config == loaded.config
    for mine, theirs in zip(jax.tree.leaves(loaded.params), jax.tree.leaves(found.params), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    for path in (run_folder / 'checkpoints', run_folder / 'checkpoints' / '2'):
        assert layout_of(path) == loaded.layout


def test_all_devices_hold_a_part(loaded: Loaded, run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded_lib, 'devices', jax.local_devices)
    spread = jaxit.load(run_folder)
    assert loaded.mesh is None and spread.mesh is not None and spread.mesh.size == 8
    assert {len(leaf.sharding.device_set) for leaf in jax.tree.leaves(spread.params)} == {8}
    one, eight = (jaxit.score(model, ['Say tea.'], ['tea']) for model in (loaded, spread))
    np.testing.assert_allclose(one, eight, rtol=1e-5)


def test_train_takes_no_overrides_beside_an_experiment() -> None:
    from jaxit.cli.experiment import Experiment
    from jaxit.models.families import llama

    model = llama(vocab_size=384, embed_dim=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp_dim=8)
    with pytest.raises(UserError, match='overrides are for gin files'):
        jaxit.train(Experiment(model=model, tokenizer='bytes'), overrides=['trainer.num_steps=1'])


def test_the_facade_imports_nothing_until_asked() -> None:
    assert jaxit.__version__ and set(dir(jaxit)) >= {'load', 'generate', 'score', 'train'}
    with pytest.raises(AttributeError, match='no attribute'):
        _ = jaxit.nothing  # type: ignore[attr-defined]


def test_the_example_of_the_documentation_runs(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training itself is what made the run; here its arguments are checked against its signature."""
    signature = inspect.signature(jaxit.train)

    def train(*arguments, **options) -> Path:
        given = signature.bind(*arguments, **options).arguments
        assert (ROOT / given['experiment']).is_file()
        return run_folder

    monkeypatch.setattr(jaxit.api, 'train', train)
    text = (ROOT / 'docs' / 'api.md').read_text()
    names: dict = {}
    exec(compile('\n'.join(re.findall(r'```python\n(.*?)```', text, re.S)), 'docs/api.md', 'exec'), names)
    assert isinstance(names['answers'], list) and len(names['answers']) == 2
    assert names['best'] in names['options']
