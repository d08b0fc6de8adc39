"""Replay: what is put in can be read out of it again, and the noise has T5's amounts."""

import numpy as np
import pytest

from jaxit.core.errors import UserError
from jaxit.core.files import sha256_json
from jaxit.data.cache import TokenCache
from jaxit.tasks import caching, registry
from jaxit.tasks.registry import Task
from jaxit.tasks.replay import OBJECTIVES, corrupt, noise_mask, replay_examples, span_length
from jaxit.tasks.sources import Python
from jaxit.text.examples import TokenFormat
from jaxit.text.tokenizers import ByteTokenizer

TEXT = 'The quick brown fox jumps over the lazy dog; später schläft er. ' * 9


class WithBos(ByteTokenizer):
    def __init__(self):
        super().__init__()
        self.bos_id = 2


class WithoutSentinels(ByteTokenizer):
    def special_id(self, piece):
        return None


def restored(tokens, border, tokenizer):
    """Puts the spans of the targets back where the sentinels stand in the inputs."""
    first, last = tokenizer.special_id('<extra_id_0>'), tokenizer.special_id('<extra_id_124>')
    spans, current = {}, None
    for token in tokens[border:-1]:
        if last <= token <= first:
            current = spans.setdefault(token, [])
        else:
            current.append(token)
    out = []
    for token in tokens[: border - 1]:
        out += spans[token] if last <= token <= first else [token]
    return out


@pytest.mark.parametrize(('inputs_length', 'targets_length'), [(61, 23), (200, 90), (40, 9)])
def test_span_corruption_can_be_undone(inputs_length, targets_length):
    tokenizer = ByteTokenizer()
    made = replay_examples(TEXT, tokenizer, TokenFormat(True, inputs_length, targets_length), seed=3)
    out = []
    for example in made:
        (border,) = example.boundaries
        assert border <= inputs_length and len(example.tokens) - border <= targets_length
        assert example.tokens[border - 1] == example.tokens[-1] == tokenizer.eos_id
        assert (example.tokens == tokenizer.eos_id).sum() == 2
        out += restored(example.tokens.tolist(), border, tokenizer)
    ids = tokenizer.encode(TEXT)
    assert out == ids or out == ids[:-1]  # a last piece of one token can not be corrupted
    assert len(made) > 1


def test_sentinels_count_up_from_the_first_in_both_sides():
    tokenizer = ByteTokenizer()
    example = replay_examples(TEXT[:60], tokenizer, TokenFormat(True, 90, 40), seed=1)[0]
    (border,) = example.boundaries
    names = [tokenizer.special_id(f'<extra_id_{i}>') for i in range(3)]
    for side in (example.tokens[:border], example.tokens[border:]):
        assert [token for token in side if token >= names[0] - 50 and token > 300] == names
    assert example.tokens[border] == names[0]  # targets begin with a sentinel
    assert example.tokens[0] == tokenizer.encode('T')[0]  # inputs begin with a kept token


def test_corruption_by_hand():
    mask = np.array([False, True, True, False, True, False])
    assert corrupt([11, 12, 13, 14, 15, 16], mask, [99, 98]) == ([11, 99, 14, 98, 16], [99, 12, 13, 98, 15])


@pytest.mark.parametrize('length', [2, 3, 7, 20, 100, 568])
def test_the_noise_has_t5s_amounts(length):
    rng = np.random.RandomState(0)
    masks = np.stack([noise_mask(length, rng) for _ in range(300)])
    num_noise = min(max(round(length * 0.15), 1), length - 1)
    spans = (np.diff(masks.astype(int), prepend=0, axis=1) == 1).sum(1)
    assert (masks.sum(1) == num_noise).all()
    assert (spans == max(round(num_noise / 3), 1)).all()
    assert not masks[:, 0].any() and masks[:, -1].all()
    if length >= 100:  # each token but those at the rims is as likely as another
        inner = masks[:, length // 4 : -length // 4].mean()
        assert abs(inner - 0.15) < 0.02


def test_the_published_lengths():
    # 512 tokens of inputs take 568 of text and give 114 of targets (T5, random_spans_helper).
    assert span_length(TokenFormat(True, 512, 114), 100) == 568


@pytest.mark.parametrize(('inputs_length', 'targets_length'), [(2, 9), (9, 2), (2, 2)])
def test_lengths_that_no_span_fits_are_refused(inputs_length, targets_length):
    with pytest.raises(UserError, match=f'3 of targets, not {inputs_length} and {targets_length}'):
        replay_examples(TEXT, ByteTokenizer(), TokenFormat(True, inputs_length, targets_length), seed=0)


@pytest.mark.parametrize(('inputs_length', 'targets_length'), [(3, 3), (4, 3), (7, 4), (30, 3)])
def test_no_piece_is_longer_than_the_lengths(inputs_length, targets_length):
    token_format = TokenFormat(True, inputs_length, targets_length)
    for length in range(2, 60):
        for example in replay_examples('x' * length, ByteTokenizer(), token_format, seed=length):
            (border,) = example.boundaries
            assert border <= inputs_length and len(example.tokens) - border <= targets_length


def texts(split, seed):
    return [{'text': TEXT}]


def test_a_task_says_what_its_texts_are_for(tmp_path):
    """A cache holds what the objective makes of the text, and each objective has a cache of its own."""
    token_format, seed = TokenFormat(True, 61, 61), int(sha256_json([5, 'texts', 0])[:8], 16)
    folders = set()
    for objective in OBJECTIVES:
        task = Task('texts', Python(texts), kind='text', objective=objective)
        expected = replay_examples(TEXT, ByteTokenizer(), token_format, seed=seed, objective=objective)
        folder = caching.build(task, 'train', ByteTokenizer(), token_format, tmp_path, seed=5)
        cache = TokenCache.open(folder)
        found = [cache.example(i)[0].tolist() for i in range(cache.num_examples)]
        assert found == [example.tokens.tolist() for example in expected]
        folders.add(folder)
    assert len(folders) == 2


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'kind': 'text', 'objective': 'prefix'}, "unknown objective 'prefix' in task 'texts'; did you mean prefix_lm"),
        ({'objective': 'prefix_lm'}, "task 'texts': objective 'prefix_lm' is for plain texts, kind='text'"),
    ],
)
def test_an_objective_that_is_none_is_refused(fields, message):
    with pytest.raises(UserError, match=message):
        registry.add_task('texts', Python(texts), **fields)


def test_noise_depends_on_the_seed_alone():
    token_format = TokenFormat(True, 61, 23)
    a, b, c = (replay_examples(TEXT, ByteTokenizer(), token_format, seed=seed)[0].tokens.tolist() for seed in (4, 4, 5))
    assert a == b != c


@pytest.mark.parametrize('tokenizer', [ByteTokenizer(), WithBos()])
def test_a_decoder_reads_the_text_as_it_is(tokenizer):
    made = replay_examples(TEXT, tokenizer, TokenFormat(False, 50, 21), seed=0)
    begins = [] if tokenizer.bos_id is None else [tokenizer.bos_id]
    out = []
    for example in made:
        assert example.boundaries == (1,) and len(example.tokens) <= 71
        assert example.tokens[: len(begins)].tolist() == begins
        out += example.tokens[len(begins) :].tolist()
    assert out == [*tokenizer.encode(TEXT), tokenizer.eos_id]
    assert all(len(example.tokens) == 71 for example in made[:-1])


@pytest.mark.parametrize('tokenizer', [ByteTokenizer(), WithBos()])
def test_a_text_of_any_length_teaches_its_end(tokenizer):
    """Each token but those that pieces begin with is learnt once, EOS among them."""
    token_format = TokenFormat(False, 6, 5)
    for length in range(1, 50):
        text = ''.join(chr(97 + i % 26) for i in range(length))
        made = replay_examples(text, tokenizer, token_format, seed=0)
        assert all(2 <= len(example.tokens) <= 11 and example.boundaries == (1,) for example in made)
        learnt = [token for example in made for token in example.tokens[1:].tolist()]
        ids = [*tokenizer.encode(text), tokenizer.eos_id]
        begun = [] if tokenizer.bos_id is not None else [i for i in range(0, length, 11)]
        assert learnt == [token for i, token in enumerate(ids) if i not in begun]


def test_bos_is_left_out_where_the_format_says_so():
    made = replay_examples('ab', WithBos(), TokenFormat(False, 50, 21, add_bos=False), seed=0)
    assert made[0].tokens.tolist() == [*WithBos().encode('ab'), 1]


def test_an_empty_text_gives_nothing_to_learn():
    assert replay_examples('', ByteTokenizer(), TokenFormat(True, 50, 21), seed=0) == []
    assert replay_examples('', ByteTokenizer(), TokenFormat(False, 50, 21), seed=0) == []


def test_a_tokenizer_without_sentinels_is_refused():
    with pytest.raises(UserError, match='span corruption needs sentinels'):
        replay_examples(TEXT, WithoutSentinels(), TokenFormat(True, 50, 21), seed=0)


@pytest.mark.parametrize(('inputs_length', 'targets_length'), [(61, 61), (61, 20), (2, 2)])
def test_prefix_language_modelling_cuts_a_text_in_two(inputs_length, targets_length):
    tokenizer, token_format = ByteTokenizer(), TokenFormat(True, inputs_length, targets_length)
    made = replay_examples(TEXT, tokenizer, token_format, seed=3, objective='prefix_lm')
    out = []
    for example in made:
        (border,) = example.boundaries
        inputs, targets = example.tokens[:border].tolist(), example.tokens[border:].tolist()
        assert 2 <= len(inputs) <= inputs_length and 2 <= len(targets) <= targets_length
        assert inputs.pop() == targets.pop() == tokenizer.eos_id
        out += [*inputs, *targets]
    ids = tokenizer.encode(TEXT)
    assert out == ids or out == ids[:-1]  # a last piece of one token has no two sides
    assert len(made) == -(-len(out) // max(inputs_length - 1, 2))


@pytest.mark.parametrize(('targets_length', 'shortest'), [(21, 1), (8, 13)])
def test_the_prefix_is_drawn_evenly_from_those_that_fit(targets_length, shortest):
    token_format = TokenFormat(True, 21, targets_length)
    drawn = [
        replay_examples('x' * 20, ByteTokenizer(), token_format, seed=seed, objective='prefix_lm')[0].boundaries[0] - 1
        for seed in range(2000)
    ]
    lengths, counts = np.unique(drawn, return_counts=True)
    assert lengths.tolist() == list(range(shortest, 20))
    mean = 2000 / len(lengths)
    assert abs(counts - mean).max() < 5 * mean**0.5


def test_prefix_language_modelling_needs_no_sentinels_and_is_for_encoder_decoders_alone():
    with_sentinels, without = ByteTokenizer(), WithoutSentinels()
    assert replay_examples(TEXT, without, TokenFormat(True, 50, 21), seed=0, objective='prefix_lm')
    a, b = (
        replay_examples(TEXT, with_sentinels, TokenFormat(False, 50, 21), seed=0, objective=objective)
        for objective in ('prefix_lm', 'span_corruption')
    )
    assert [example.tokens.tolist() for example in a] == [example.tokens.tolist() for example in b]
    with pytest.raises(UserError, match="unknown objective 'prefix'; did you mean prefix_lm"):
        replay_examples(TEXT, with_sentinels, TokenFormat(True, 50, 21), seed=0, objective='prefix')
