"""Suites on tiny random models, every answer checked by a loop that knows nothing of batches or caches."""

import functools
import math
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from jaxit.core.errors import UserError
from jaxit.decoding.engine import Engine
from jaxit.evaluation.answer_values import answer_values
from jaxit.evaluation.results import Evaluation, example_id
from jaxit.evaluation.suite import Judging, Suite, SuiteTask, gold, make_task, run_suite
from jaxit.models.decoder import DecoderConfig
from jaxit.models.registry import build
from jaxit.models.t5 import T5Config
from jaxit.text.base import ByteTokenizer
from jaxit.text.examples import Example, Part, TokenFormat, ordinary

TOKENIZER = ByteTokenizer()
VOCAB = TOKENIZER.vocab_size
CONFIGS = {'decoder': DecoderConfig(VOCAB, 8, 1, 2, 1, 4, 12), 't5': T5Config(VOCAB, 8, 1, 1, 2, 4, 12)}
JUDGING = Judging(max_new_tokens=6, window=10, num_samples=2)
TEXTS = ('the sun is far', 'mind')


@functools.cache
def setup(kind: str) -> SimpleNamespace:
    model = build(CONFIGS[kind])
    seed = {'decoder': 5, 't5': 25}[kind]  # models whose answers differ and are not empty
    params = jax.tree.map(lambda x: 2.0 * x, model.init(jax.random.key(seed)))
    return SimpleNamespace(model=model, params=params, apply=jax.jit(model.apply))


def log_probabilities(kind: str, source: list[int], target: list[int]) -> np.ndarray:
    """Returns float64 log-probabilities [len(target) + 1, V] of what follows the source and each target token."""
    s, T = setup(kind), 40
    inputs = [0, *target] if kind == 't5' else [*source, *target]
    tokens, encoder = np.zeros((1, T), np.int32), np.zeros((1, T), np.int32)
    tokens[0, : len(inputs)] = inputs
    encoder[0, : len(source)] = source
    index = np.arange(T, dtype=np.int32)[None]
    batch = {'decoder_input_tokens': tokens, 'decoder_segment_ids': (index < len(inputs)).astype(np.int32)}
    batch |= {'decoder_positions': index}
    if kind == 't5':
        batch |= {'encoder_input_tokens': encoder, 'encoder_segment_ids': (index < len(source)).astype(np.int32)}
    logits = np.asarray(s.apply(s.params, batch), np.float64)[0, len(inputs) - len(target) - 1 : len(inputs)]
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def slow_prompt(kind: str, inputs: str) -> list[int]:
    return [b + 3 for b in inputs.encode()] + ([1] if kind == 't5' else [ord('\n') + 3])


def slow_answer(kind: str, inputs: str) -> str:
    written: list[int] = []
    while len(written) < 6:
        token = int(log_probabilities(kind, slow_prompt(kind, inputs), written)[-1].argmax())
        if token == 1:
            break
        written.append(token)
    return bytes(i - 3 for i in written if 3 <= i < 259).decode(errors='ignore').strip()


def slow_cost(kind: str, source: list[int], target: list[int]) -> float:
    return sum(float(log_probabilities(kind, source, target)[i, token]) for i, token in enumerate(target))


def slow_choice(kind: str, inputs: str, options: tuple[str, ...], *, per_token: bool) -> str:
    scores = []
    for option in options:
        ids = [b + 3 for b in option.encode()] + [1]
        scores.append(slow_cost(kind, slow_prompt(kind, inputs), ids) / (len(ids) if per_token else 1))
    return options[int(np.argmax(scores))]


def slow_perplexity(kind: str, texts: tuple[str, ...]) -> float:
    """Windows of 10 bytes: T5 predicts second halves, the decoder what follows the first byte."""
    cost, count = 0.0, 0
    for text in texts:
        ids = [b + 3 for b in text.encode()]
        for start in range(0, len(ids), 10) if kind == 't5' else range(1, len(ids), 10):
            part = ids[start : start + 10]
            half = len(part) // 2
            source, target = ([*part[:half], 1], part[half:]) if kind == 't5' else ([ids[start - 1]], part)
            cost, count = cost - slow_cost(kind, source, target), count + len(target)
    return math.exp(cost / count)


def suites(kind: str) -> tuple[Suite, Suite]:
    """Returns suites some of whose references are what the model answers."""
    questions = ['hi', 'what?', 'one two']
    copied = [ordinary(q, slow_answer(kind, q) if i != 1 else 'zebra') for i, q in enumerate(questions)]
    options = ('no', 'certainly', 'ab')
    chosen = [ordinary(q, options[i], options=options) for i, q in enumerate(questions)]
    texts = [Example((Part(text, loss=True),)) for text in TEXTS]
    held_out = Suite(
        'questions',
        'held_out',
        (make_task('copied', copied, ('exact_match', 'rouge_l')), make_task('chosen', chosen)),
    )
    return held_out, Suite('memory', 'forgetting', (make_task('texts', texts, kind='forgetting'),))


@pytest.mark.parametrize('kind', CONFIGS)
def test_suites_equal_the_slow_loop(kind, tmp_path):
    s = setup(kind)
    engine = Engine(s.model, s.params, (1,), batch_size=4)
    format = TokenFormat(kind == 't5', 24, 12)
    held_out, memory = suites(kind)
    seen = []
    results = [
        run_suite(engine, TOKENIZER, suite, format, JUDGING, progress=lambda *p: seen.append(p))
        for suite in (held_out, memory)
    ]
    evaluation = Evaluation('base', '', 3, {result.name: result for result in results})
    report = evaluation.report()
    tasks = report['suites']['questions']['tasks']
    assert tasks['copied']['exact_match'] == {'value': pytest.approx(2 / 3), 'stderr': pytest.approx(1 / 3), 'count': 3}
    rows = [(e.inputs, e.targets) for e in held_out.tasks[1].examples]
    for name, per_token in (('rank_accuracy', False), ('rank_accuracy_per_token', True)):
        right = [slow_choice(kind, q, ('no', 'certainly', 'ab'), per_token=per_token) == a for q, a in rows]
        assert evaluation.suites['questions'].tasks['chosen'].values[name].sums.tolist() == right
    texts = report['suites']['memory']['tasks']['texts']
    assert texts['perplexity']['value'] == pytest.approx(slow_perplexity(kind, TEXTS), rel=1e-5)
    assert texts['bits_per_byte']['value'] == pytest.approx(math.log2(texts['perplexity']['value']), rel=1e-5)
    expected = [
        (task.name, example.inputs, example.targets, slow_answer(kind, example.inputs))
        for task in held_out.tasks
        for example in task.examples[:2]
    ]
    assert [(x['task'], x['inputs'], x['targets'], x['prediction']) for x in report['samples']] == expected
    assert [x['correct'] for x in report['samples']] == [True, False, False, False]
    assert {what for what, _, _ in seen} == {'copied: answers', 'chosen: options', 'chosen: answers', 'texts: texts'}
    assert ('chosen: options', 9, 9) in seen
    evaluation.save(tmp_path)
    assert Evaluation.load(tmp_path, 'base').report() == report


def test_ranked_samples_show_the_chosen_option():
    s = setup('decoder')
    options = ('no', 'certainly', 'ab')
    task = SuiteTask('chosen', (ordinary('hi', 'ab', options=options),), ('rank_accuracy',))
    engine = Engine(s.model, s.params, (1,), batch_size=4)
    result = run_suite(engine, TOKENIZER, Suite('x', 'held_in', (task,)), TokenFormat(False, 24, 12), JUDGING)
    chosen = slow_choice('decoder', 'hi', options, per_token=False)
    assert result.samples[0]['prediction'] == chosen
    assert result.samples[0]['correct'] == (chosen == 'ab')
    assert result.tasks['chosen'].example_ids == (example_id(task.examples[0]),)


def test_ranked_metrics_take_the_chosen_option_for_the_answer_and_nothing_is_written():
    s = setup('decoder')
    options = ('ab', 'certainly')
    questions = ['hi', 'what?', 'one two', 'and', 'so be it', 'x']
    examples = [
        ordinary(
            q, options[i % 2], options=options, group=str(i // 2), references=('ab', options[i % 2]) if i == 3 else ()
        )
        for i, q in enumerate(questions)
    ]
    names = ('rank_macro_f1', 'rank_binary_f1', 'rank_matthews', 'rank_group_exact_match', 'rank_f1')
    seen = []
    result = run_suite(
        Engine(s.model, s.params, (1,), batch_size=4),
        TOKENIZER,
        Suite('x', 'held_out', (SuiteTask('chosen', tuple(examples), names),)),
        TokenFormat(False, 24, 12),
        JUDGING,
        progress=lambda *p: seen.append(p),
    )
    assert {what for what, _, _ in seen} == {'chosen: options'}
    chosen = [slow_choice('decoder', q, options, per_token=False) for q in questions]
    task = result.tasks['chosen']
    assert tuple(task.values) == names
    expected = answer_values([name.removeprefix('rank_') for name in names], examples, chosen)
    for name in names:
        np.testing.assert_array_equal(task.values[name].sums, expected[name.removeprefix('rank_')].sums)
    right = [option in (e.references or (e.targets,)) for option, e in zip(chosen, examples, strict=True)]
    assert [sample['correct'] for sample in result.samples] == right[:2]
    assert [sample['prediction'] for sample in result.samples] == chosen[:2]


def test_written_metrics_judge_what_is_written():
    s = setup('decoder')
    answers = [slow_answer('decoder', q) for q in ('hi', 'what?')]
    examples = [
        ordinary('hi', answers[0], options=(answers[0], 'no')),
        ordinary('what?', 'no', options=(answers[0], 'no')),
    ]
    names = ('macro_f1', 'verbatim_match', 'rank_accuracy', 'rank_macro_f1')
    result = run_suite(
        Engine(s.model, s.params, (1,), batch_size=4),
        TOKENIZER,
        Suite('x', 'held_out', (SuiteTask('both', tuple(examples), names),)),
        TokenFormat(False, 24, 12),
        JUDGING,
    )
    assert answers[1] not in ('', 'no', answers[0])  # it is none of the options
    report = result.report()['tasks']['both']
    assert list(report) == list(names)
    assert report['macro_f1']['value'] == pytest.approx((1 + 0) / 2)
    assert [(x['prediction'], x['correct']) for x in result.samples] == [(answers[0], True), (answers[1], False)]


def test_metrics_fit_the_examples():
    plain, choice = ordinary('q', 'a'), ordinary('q', 'a', options=('a', 'b'))
    text = Example((Part('text', loss=True),))
    assert make_task('x', [plain]).metrics == ('exact_match', 'f1')
    assert make_task('x', [choice]).metrics == ('rank_accuracy', 'rank_accuracy_per_token', 'exact_match')
    assert make_task('x', [choice, plain]).metrics == ('exact_match', 'f1')
    assert make_task('x', [text], kind='forgetting').metrics == ('perplexity', 'bits_per_byte')
    assert make_task('x', [plain], kind='forgetting').metrics == ('exact_match', 'f1')
    assert make_task('x', [plain], ['rouge_l']).metrics == ('rouge_l',)


def test_right_options_are_targets_and_references():
    example = ordinary('q', ' b', options=('a', 'b ', 'c', 'd'), references=('d', 'z'))
    assert gold(example, where='x') == {1, 3}


def test_limited_keeps_the_first_examples():
    suite = Suite('x', 'held_in', (make_task('one', [ordinary('q', str(i)) for i in range(5)]),))
    assert [example.targets for example in suite.limited(2).tasks[0].examples] == ['0', '1']


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: SuiteTask('x', ()), "task 'x' of a suite has no examples"),
        (lambda: SuiteTask('x', (ordinary('q', 'a'),), ('rouge',)), "unknown metric 'rouge' in task 'x'"),
        (lambda: SuiteTask('x', (ordinary('q', 'a'),), ('binary_f1',)), r"task 'x': the options are \[\]"),
        (lambda: SuiteTask('x', (ordinary('q', 'a'),), ('rank_f1',)), "example 0: targets 'a' are none of"),
        (lambda: make_task('x', [ordinary('q', 'z', options=('a', 'b'))]), r"example 0: targets 'z' are none of"),
        (lambda: Suite('x', 'held', (make_task('t', [ordinary('q', 'a')]),)), "unknown kind of suite 'held'"),
        (lambda: Suite('x', 'held_in', (make_task('t', [ordinary('q', 'a')]),) * 2), 'no name twice'),
    ],
)
def test_wrong_suites_are_refused(make, message):
    with pytest.raises(UserError, match=message):
        make()
