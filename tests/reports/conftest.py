"""A run folder made by formula, so that every number of its report is known beforehand."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

TASKS = ('rte', 'anli_r1', 'squad', 'cnn_dailymail', 'common_gen')
CLUSTERS = {
    'rte': 'nli',
    'anli_r1': 'nli',
    'squad': 'reading',
    'cnn_dailymail': 'summarise',
    'common_gen': 'struct_to_text',
}
PERIOD = 10
SUITES = {
    'inner': ('held_in', {'rte': 'accuracy', 'squad': 'accuracy', 'common_gen': 'rouge_l'}),
    'outer': ('held_out', {'boolq': 'accuracy', 'wic': 'accuracy'}),
    'pretraining_text': ('forgetting', {'books': 'loss', 'code': 'loss'}),
}


def loss_at(step: int) -> float:
    """The training loss at a step."""
    return 1.5 + 1.25 / (1 + step / 40)


def task_loss_at(task: str, step: int) -> float:
    """The loss of a task at a step."""
    return loss_at(step) + 0.2 * TASKS.index(task)


def share_of(task: str) -> float:
    """The intended share of a task: 5, 4, 3, 2, 1 fifteenths."""
    return (5 - TASKS.index(task)) / 15


def drawn_of(task: str) -> dict[str, int]:
    """What was drawn from a task: a little off what was intended."""
    examples = 1000 * (5 - TASKS.index(task)) + 37 * TASKS.index(task)
    return {'examples': examples, 'tokens': examples * 211, 'loss_tokens': examples * 17}


def score_of(label: str, task: str, metric: str) -> dict[str, float]:
    """The score of a task before ('base') or after training."""
    size = sum(map(ord, task)) % 17
    start = 3.0 + size / 50 if metric == 'loss' else 0.4 + size / 100
    gain = 0.0 if label == 'base' else 0.011 if metric == 'loss' else 0.08 + size / 300
    return {'value': start + gain, 'stderr': 0.004 + size / 2000, 'count': 200 + 10 * size}


def metrics(steps: int, *, eval_every: int = 50) -> list[dict[str, float]]:
    """The lines of metrics.jsonl."""
    lines = []
    for step in range(PERIOD, steps + 1, PERIOD):
        lines.append(
            {
                'step': step,
                'time': 1.76e9 + 2 * step,
                'train/loss': loss_at(step),
                'train/accuracy': 1 / (0.5 + loss_at(step)),
                'train/tokens': 8192 * PERIOD,
                'train/loss_tokens': 700 * PERIOD,
                'train/learning_rate': 3e-4 * min(1.0, step / 100) * (1 - step / (2 * steps)),
                'train/grad_norm': 0.8 + 1 / step,
                'train/tokens_per_second': 4000.0 + step % 30,
                'train/seconds_per_step': 2.0,
                'train/skipped_steps': 0,
                **{f'task_loss/{task}': task_loss_at(task, step) for task in TASKS},
                **{f'task_weight/{task}': 100.0 for task in TASKS},
            }
        )
        if step % eval_every == 0:
            lines.append(
                {
                    'step': step,
                    'time': 1.76e9 + 2 * step,
                    'eval/inner/loss': loss_at(step) + 0.07,
                    'eval/inner/accuracy': 0.6 - 0.1 * loss_at(step),
                    'eval/outer/loss': loss_at(step) + 0.21,
                    'eval/outer/accuracy': 0.55 - 0.1 * loss_at(step),
                }
            )
    return lines


def evaluation(label: str, step: int) -> dict[str, Any]:
    """One file of evaluation/; the means of the suites are left to the reader."""
    suites = {
        suite: {
            'kind': kind,
            'tasks': {task: {metric: score_of(label, task, metric)} for task, metric in tasks.items()},
        }
        for suite, (kind, tasks) in SUITES.items()
    }
    suites['outer']['mean'] = {'accuracy': sum(score_of(label, t, 'accuracy')['value'] for t in ('boolq', 'wic')) / 2}
    samples = [
        {
            'suite': 'inner',
            'task': task,
            'inputs': f'Premise: a dog number {i} runs.\nHypothesis: an animal moves.\nDoes the premise entail the hypothesis?',
            'targets': 'yes' if i % 2 else 'no',
            'prediction': 'yes' if label == 'tuned' or i % 3 else 'The premise says that the dog runs, and a dog is',
            'correct': bool(i % 2) if label == 'tuned' else bool(i % 2 and i % 3),
        }
        for task in ('rte', 'squad')
        for i in range(9)
    ]
    return {'label': label, 'checkpoint': f'checkpoints/{step}', 'step': step, 'suites': suites, 'samples': samples}


def run_info(name: str) -> dict[str, Any]:
    """run.json."""
    return {
        'name': name,
        'started': 1.76e9,
        'command': ['jaxit', 'train', '--gin_file', 'gin/recipes/primer.gin'],
        'versions': {'jax': '0.10.2', 'flax': '0.12.1', 'numpy': '2.3.4', 'jaxit': '0.1.0'},
        'hardware': 'x86_64 Linux, TPU v5 lite',
        'devices': 8,
        'mesh': {'data': 2, 'fsdp': 4, 'tensor': 1, 'sequence': 1},
        'git': '43d9b62',
        'model': {'family': 't5', 'vocab_size': 32128, 'embed_dim': 768},
        'num_params': 247_577_856,
        'num_trained_params': 1_769_472,
        'tokenizer_sha256': 'ab' * 32,
        'data_fingerprint': 'cd' * 32,
        'mixture': [
            {
                'task': task,
                'cluster': CLUSTERS[task],
                'rate': 3000.0 * share_of(task),
                'share': share_of(task),
                'num_examples': 2500,
                'num_tokens': 2500 * 211,
                'licence': 'CC-BY-4.0',
            }
            for task in TASKS
        ],
        'seed': 17,
    }


def events(steps: int) -> list[dict[str, Any]]:
    """events.jsonl: init, compile, then steps with pauses; each written when it ends; 7 s at the end belong to nothing."""
    lines, now = [], 1.76e9

    def add(event: str, seconds: float, pause: float = 0.0) -> None:
        nonlocal now
        now += seconds + pause
        lines.append({'time': now, 'event': event, 'seconds': seconds})

    add('init', 12.5)
    add('compile', 41.0)
    for _ in range(PERIOD, steps + 1, PERIOD):
        add('step', 2.0 * PERIOD)
        add('data_wait', 0.25)
    add('evaluate', 30.0)
    add('save', 4.0)
    now += 7.0
    lines.append({'time': now, 'event': 'stop', 'seconds': now - 1.76e9})  # the length of the whole
    return lines


MODULES = {'encoder': ('attention/query', 'mlp/up'), 'decoder': ('attention/value',)}
LAYERS = 3


def change_of(stack: str, module: str, layer: int) -> float:
    """The norm of the change of a module in a layer; decoder modules move ten times less."""
    return (layer + 1) * (0.5 if module.startswith('mlp') else 0.125) * (1.0 if stack == 'encoder' else 0.1)


def weights() -> list[dict[str, Any]]:
    """weights.json: modules that moved in every layer, each of norm 8 in the beginning, and an embedding that did not."""
    rows = [
        {
            'path': f'{stack}/{layer}/{module}/kernel',
            'norm_initial': 8.0,
            'norm_final': 8.1,
            'norm_change': change_of(stack, module, layer),
            'num_params': 100,
        }
        for stack, modules in MODULES.items()
        for module in modules
        for layer in range(LAYERS)
    ]
    still = {'path': 'token_embedder/embedding', 'norm_initial': 50.0, 'norm_final': 50.0, 'norm_change': 0.0}
    return [*rows, {**still, 'num_params': 300}]


def write_run(folder: Path, name: str = 'primer-lora', *, steps: int = 300) -> Path:
    """Writes a whole run folder and returns it."""
    (folder / 'evaluation').mkdir(parents=True)
    write_json(folder / 'run.json', run_info(name))
    write_json(folder / 'drawn.json', {task: drawn_of(task) for task in TASKS})
    write_json(folder / 'weights.json', weights())
    write_json(folder / 'evaluation' / 'base.json', evaluation('base', 0))
    write_json(folder / 'evaluation' / 'tuned.json', evaluation('tuned', steps))
    write_lines(folder / 'metrics.jsonl', metrics(steps))
    write_lines(folder / 'events.jsonl', events(steps))
    write_lines(
        folder / 'samples.jsonl',
        [{'step': s, 'task': 'rte', 'inputs': 'Q?', 'targets': 'A', 'prediction': f'at {s}'} for s in (10, steps)],
    )
    (folder / 'config.gin').write_text("include 'base.gin'\n\ntrain.steps = 300\noptimizer.learning_rate = 3e-4\n")
    return folder


def write_json(path: Path, value: Any) -> None:
    """Writes JSON."""
    path.write_text(json.dumps(value), encoding='utf-8')


def write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    """Writes JSONL."""
    path.write_text(''.join(json.dumps(line) + '\n' for line in lines), encoding='utf-8')


HOSTILE = {
    'script': '<script>alert(1)</script>',
    'image': '"><img src=x onerror=alert(1)>',
    'ansi': '\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J bell\x07',
    'path': '../../../etc/passwd',
    'long': 'n' * 5000,
    'rtl': '\u202egnp.exe \u05e9\u05dc\u05d5\u05dd \u2066isolated',
    'template': '{{ 7 * 7 }}{% raw %}',
    'maths': '$\\frac{a}{b}$ #010101 id="x" 1.23456',
    'style': '</style></title></pre><style>*{display:none}</style>',
    'surrogate': 'half \ud800 a pair',
    'link': 'https://example.org/x?a=1&b=2',
}


def write_hostile_run(folder: Path) -> Path:
    """Writes a run in which every name and text is an attack."""
    write_run(folder, ' '.join(HOSTILE.values()))
    names = list(HOSTILE.values())
    info = run_info(HOSTILE['script'] + HOSTILE['ansi'] + HOSTILE['long'])
    info |= {key: name for key, name in zip(('model', 'hardware', 'git', 'started'), names, strict=False)}
    info |= {
        'versions': dict.fromkeys(names, HOSTILE['image']),
        HOSTILE['image']: HOSTILE['script'],
        'extra': {'deep': names},
    }
    info['mixture'] = [
        {'task': n, 'cluster': n, 'share': 0.1, 'num_examples': 10, 'num_tokens': 1, 'licence': n} for n in names
    ]
    write_json(folder / 'run.json', info)
    write_json(folder / 'drawn.json', {name: {'examples': 3, 'tokens': 20, 'loss_tokens': 2} for name in names})
    write_lines(folder / 'metrics.jsonl', [
        {'step': s, 'train/loss': 2.0 / s, **{f'task_loss/{n}': 1.0 / s for n in names}} for s in range(1, 5)
    ] + [{'step': 4, **{f'eval/{name}/{name}': 0.5 for name in names}}])  # fmt: skip
    write_lines(folder / 'events.jsonl', [{'time': 1.0, 'event': name, 'seconds': 1.0} for name in names])
    write_json(
        folder / 'weights.json', [{'path': n, 'norm_initial': 1.0, 'norm_change': 0.1, 'num_params': 1} for n in names]
    )
    for label in ('base', 'tuned'):
        tasks = {name: {name: {'value': 0.5, 'stderr': 0.1, 'count': 3}} for name in names}
        right = 4 if label == 'base' else 3  # so that all four outcomes come about, none more than six times
        samples = [
            {'suite': n, 'task': n, 'inputs': n, 'targets': n, 'prediction': n * 3, 'correct': i % right > 1}
            for i, n in enumerate(names)
        ]
        suites = {
            name: {'kind': kind, 'tasks': tasks}
            for name, kind in zip(names, ('held_in', 'held_out', *names), strict=False)
        }
        write_json(folder / 'evaluation' / f'{label}.json', {'label': label, 'suites': suites, 'samples': samples})
    (folder / 'config.gin').write_text(
        '\n'.join(name.encode('utf-8', 'replace').decode() for name in names), encoding='utf-8'
    )
    return folder


@pytest.fixture(scope='session')
def synthetic() -> ModuleType:
    """This module: the formulas and the writers."""
    return sys.modules[__name__]


@pytest.fixture(scope='session')
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder nobody writes to."""
    return write_run(tmp_path_factory.mktemp('runs') / 'primer')


@pytest.fixture(scope='session')
def hostile_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hostile run folder nobody writes to."""
    return write_hostile_run(tmp_path_factory.mktemp('runs') / 'hostile')
