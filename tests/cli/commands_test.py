"""The commands that use weights, against the Python API and against each other."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tokenizers as library
from jinja2.sandbox import ImmutableSandboxedEnvironment

import jaxit
from jaxit.cli.loaded import Loaded
from jaxit.core.files import read_json, write_json
from jaxit.decoding.engine import Engine
from jaxit.evaluation.results import Evaluation
from jaxit.text import chat, tokenizers
from jaxit.text.answers import exact_match
from jaxit.text.tokenizers import train_bpe

QUESTIONS = ('Say tea.', 'Capital of France?', 'Say bridge.')


@pytest.fixture(scope='module')
def questions(workspace: Path) -> Path:
    path = workspace / 'questions.jsonl'
    path.write_text(''.join(json.dumps({'inputs': text, 'id': i}) + '\n' for i, text in enumerate(QUESTIONS)))
    return path


@pytest.fixture(scope='module')
def answers(run_folder: Path) -> list[str]:
    return jaxit.generate(jaxit.load(run_folder), QUESTIONS, max_new_tokens=8)


def test_infer_answers_every_record_in_order(
    jaxit_here: Callable, run_folder: Path, questions: Path, answers: list[str], tmp_path: Path
) -> None:
    output = tmp_path / 'answers.jsonl'
    command = ('infer', '--checkpoint', run_folder, '--input', questions, '--output', output, '--batch_size', 8)
    result = jaxit_here(*command, '--max_new_tokens', 8)
    assert result.code == 0, result.err
    found = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(row['id'], row['inputs'], row['prediction']) for row in found] == [
        *zip((0, 1, 2), QUESTIONS, answers, strict=True)
    ]
    assert {row['finish_reason'] for row in found} <= {'length', 'stop'}
    again = jaxit_here(*command)
    assert again.code == 2 and '--overwrite' in again.err and len(output.read_text().splitlines()) == 3


def test_chat_answers_each_line_until_told_to_quit(
    jaxit_here: Callable, run_folder: Path, answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('sys.stdin', io.StringIO('Say tea.\n\n/reset\nCapital of France?\n/quit\nSay bridge.\n'))
    result = jaxit_here('chat', '--checkpoint', run_folder, '--max_new_tokens', 8)
    assert result.code == 0, result.err
    assert [line.strip() for line in result.out.split('\n')[:-1]] == [
        ''.join(c for c in text if c.isprintable()).strip() for text in answers[:2]
    ]


def test_chat_remembers_the_conversation_in_a_chat_format(
    jaxit_here: Callable, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[dict[str, str]]] = []
    whole = Loaded.prompt_ids

    def spy(self: Loaded, prompt, *, chat_format: str | None = None) -> list[int]:
        asked.append([(m['role'], m['content']) for m in prompt])
        return whole(self, prompt, chat_format=chat_format)

    monkeypatch.setattr(Loaded, 'prompt_ids', spy)
    monkeypatch.setattr(Engine, 'stream', lambda self, ids, **options: iter([ord('h') + 3, ord('i') + 3]))
    monkeypatch.setattr('sys.stdin', io.StringIO('one\ntwo\n/reset\nthree\n'))
    result = jaxit_here(
        'chat', '--checkpoint', run_folder, '--format', 'alpaca', '--system', 'Be brief.', '--max_new_tokens', 2
    )
    assert result.code == 0, result.err
    system, first = ('system', 'Be brief.'), ('user', 'one')
    assert asked[0] == [system, first]
    assert asked[1] == [system, first, ('assistant', 'hi'), ('user', 'two')]
    assert asked[2] == [system, ('user', 'three')]
    assert result.out == 'hi\nhi\nhi\n'


def test_eval_by_template_is_the_table_of_its_suites(
    jaxit_here: Callable, run_folder: Path, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv('PYTHONPATH', f'{tmp_path}:{workspace}')
    rows = [
        {'land': land, 'city': city, 'cities': ['Paris', 'Rome']}
        for land, city in (('France', 'Paris'), ('Italy', 'Rome'))
    ]
    (tmp_path / 'worded_tasks.py').write_text(
        'from jaxit.tasks.registry import add_task\nfrom jaxit.tasks.sources import Python\n'
        'from jaxit.tasks.suites import Suite, add_suite\nfrom jaxit.text.templates import Template\n'
        f'def rows(split, seed):\n    return {rows!r}\n'
        "for i, wording in enumerate(('Capital of {land}?', '{land}: name its capital.')):\n"
        "    template = Template(wording, '{city}')\n"
        "    add_task(f'worded_type_{i}', Python(rows, ('train', 'dev', 'test')), templates=(template,), answer_options='cities')\n"
        "for split in ('dev', 'test'):\n"
        "    add_suite(Suite(f'worded_{split}', 'held_out', ('worded_type_0', 'worded_type_1'), split))\n"
    )
    command = (
        'eval',
        '--checkpoint',
        run_folder,
        '--module',
        'worded_tasks',
        '--suite',
        'worded_test',
        '--suite',
        'worded_dev',
    )
    command += ('--by_template', 'rank_accuracy')
    result = jaxit_here(*command, '--json')
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert list(report['by_template']['suites']) == ['worded_test']
    [row] = report['by_template']['suites']['worded_test']
    test = [report['suites']['worded_test']['tasks'][f'worded_type_{i}']['rank_accuracy']['value'] for i in (0, 1)]
    dev = [report['suites']['worded_dev']['tasks'][f'worded_type_{i}']['rank_accuracy']['value'] for i in (0, 1)]
    best = dev.index(max(dev))
    assert (row['data_set'], row['templates'], row['mean']) == ('worded', 2, sum(test) / 2)
    assert (row['best_template'], row['best']) == (best, test[best])
    shown = jaxit_here(*command)
    assert 'worded_test: rank_accuracy over templates' in shown.out and 'best on dev' in shown.out
    wrong = jaxit_here(*command[:-1], 'bleu')
    assert (
        wrong.code == 2
        and "--by_template: suite 'worded_test' has no task named ..._type_i with metric 'bleu'" in wrong.err
    )


def test_eval_scores_what_generate_writes(jaxit_here: Callable, run_folder: Path, tmp_path: Path) -> None:
    result = jaxit_here(
        'eval', '--checkpoint', run_folder, '--suite', 'tiny_suite', '--limit', 2, '--label', 'third', '--json',
        '--output', tmp_path, '--max_new_tokens', 8, '--batch_size', 8,
    )  # fmt: skip
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert (report['label'], report['step']) == ('third', 3)
    suite = report['suites']['tiny_suite']
    asked = [sample for sample in report['samples'] if sample['task'] == 'tiny_echo']
    written = jaxit.generate(jaxit.load(run_folder), [sample['inputs'] for sample in asked], max_new_tokens=8)
    assert written == [sample['prediction'] for sample in asked]
    values = [exact_match(text, [sample['targets']]) for text, sample in zip(written, asked, strict=True)]
    assert suite['tasks']['tiny_echo']['exact_match']['value'] == sum(values) / len(values)
    assert suite['tasks']['tiny_echo']['exact_match']['count'] == 2
    assert Evaluation.load(tmp_path, 'third').report() == report


def test_compare_puts_answers_and_differences_side_by_side(
    jaxit_here: Callable, run_folder: Path, questions: Path, answers: list[str], workspace: Path
) -> None:
    suite = workspace / 'suite.jsonl'
    lines = [{'suite': 'mine', 'kind': 'held_out'}, {'task': 't', 'inputs': QUESTIONS[0], 'targets': answers[0] or 'x'}]
    suite.write_text(''.join(json.dumps(line) + '\n' for line in [*lines, {**lines[1], 'inputs': 'Say nine.'}]))
    result = jaxit_here(
        'compare', run_folder / 'checkpoints' / '2', run_folder, '--prompts', questions, '--suite', suite, '--json',
        '--max_new_tokens', 8, '--batch_size', 8,
    )  # fmt: skip
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert [row['prompt'] for row in found['prompts']] == list(QUESTIONS)
    assert [row['B'] for row in found['prompts']] == answers
    before = jaxit.generate(jaxit.load(run_folder, step=2), QUESTIONS, max_new_tokens=8)
    assert [row['A'] for row in found['prompts']] == before
    mean = next(row for row in found['suites'] if row['metric'] == 'exact_match' and not row['task'])
    assert mean['difference'] == mean['after'] - mean['before'] and mean['count'] == 2
    assert mean['stderr'] is not None


def test_report_is_written_beside_the_run(jaxit_here: Callable, run_folder: Path, tmp_path: Path) -> None:
    result = jaxit_here('report', run_folder, '--output', tmp_path / 'r.html', '--json')
    assert result.code == 0, result.err
    assert json.loads(result.out)[0]['steps'] == 3
    assert (tmp_path / 'r.html').read_text().startswith('<!DOCTYPE html>') or '<html' in (
        tmp_path / 'r.html'
    ).read_text()


@pytest.mark.parametrize('format', ['gemma', 'llama3', 'alpaca', None])
def test_an_export_stops_and_speaks_as_its_run_did(
    jaxit_here: Callable, run_folder: Path, tmp_path: Path, format: str | None
) -> None:
    run, to = tmp_path / 'run', tmp_path / 'exported'
    shutil.copytree(run_folder, run)
    base = train_bpe(['Is it 4?'], 259)
    content = library.Tokenizer.from_str(base.content().decode())
    content.add_special_tokens([*chat.get(format or 'chatml').marks])
    config = json.loads(base.files()['tokenizer_config.json']) | {'chat_template': 'of the base'}
    files = {'tokenizer.json': content.to_str(), 'tokenizer_config.json': json.dumps(config)}
    for name, text in (files | {'chat_template.jinja': 'of the base'}).items():
        (run / 'tokenizer' / name).write_text(text)
    model = read_json(run / 'model.json')
    write_json(run / 'model.json', model | {'tokenizer_sha256': tokenizers.load(run / 'tokenizer').sha256})
    facts = read_json(run / 'run.json')
    write_json(run / 'run.json', facts | {'data': facts['data'] | {'chat_format': format}})
    result = jaxit_here('export', '--checkpoint', run, '--to', to)
    assert result.code == 0, result.err
    tokenizer = tokenizers.load(to)
    end = {'gemma': '<end_of_turn>', 'llama3': '<|eot_id|>'}.get(format or '')
    stops = 1 if end is None else [1, tokenizer.special_id(end)]
    assert read_json(to / 'generation_config.json')['eos_token_id'] == stops
    assert read_json(to / 'config.json')['eos_token_id'] == stops
    assert 'chat_template' not in read_json(to / 'tokenizer_config.json')
    assert (to / 'chat_template.jinja').is_file() == (format is not None)
    if format is not None:
        messages = [{'role': 'user', 'content': 'Is it 4?'}]
        template = ImmutableSandboxedEnvironment().from_string((to / 'chat_template.jinja').read_text())
        asked = tokenizer.read(template.render(messages=messages, add_generation_prompt=True))
        assert asked == jaxit.load(run).prompt_ids(messages, chat_format=format)


def test_weights_without_a_run_keep_the_template_that_came_with_them(
    jaxit_here: Callable, run_folder: Path, tmp_path: Path
) -> None:
    plain, to = tmp_path / 'plain', tmp_path / 'again'
    assert jaxit_here('export', '--checkpoint', run_folder, '--to', plain).code == 0
    tokenizers.save(train_bpe(['Is it 4?'], 259), plain)
    (plain / 'chat_template.jinja').write_text('of the base')
    assert jaxit_here('export', '--checkpoint', plain, '--to', to).code == 0
    assert (to / 'chat_template.jinja').read_text() == 'of the base'


def test_verify_names_what_is_damaged_and_what_is_left(jaxit_here: Callable, run_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / 'run'
    shutil.copytree(run_folder, copy)
    whole = jaxit_here('verify', copy, '--json')
    assert whole.code == 0 and json.loads(whole.out) == {'valid_steps': [3, 2], 'findings': []}
    victims = [max((copy / 'checkpoints' / step).rglob('*'), key=lambda p: p.stat().st_size) for step in ('3', '2')]
    victims[0].write_bytes(victims[0].read_bytes()[:-1] + b'~')
    result = jaxit_here('verify', copy, '--json')
    found = json.loads(result.out)
    assert result.code == 0 and found['valid_steps'] == [2]
    assert [(f['step'], f['path']) for f in found['findings']] == [(3, str(victims[0]))]
    victims[1].unlink()
    result = jaxit_here('verify', copy)
    assert result.code == 3 and result.err.startswith('error: ') and result.err.count('\n') == 1
    assert victims[1].name in result.out and 'none' in result.out


def test_verify_needs_no_device(jaxit_process: Callable, run_folder: Path) -> None:
    result = jaxit_process('verify', run_folder, '--step', 3, JAX_PLATFORMS='no_such_device')
    assert result.code == 0, result.err
    assert result.out == 'valid steps, newest first: 3\n'


def test_the_run_says_how_its_prompts_were_laid_out(run_folder: Path) -> None:
    data = read_json(run_folder / 'run.json')['data']
    assert data['format'] == {
        'encoder_decoder': False, 'inputs_length': 40, 'targets_length': 16, 'add_bos': True, 'separator': '\n', 'cut': 'end',
    }  # fmt: skip
    assert (data['lengths'], data['batch_size'], data['pack']) == ({'inputs': None, 'targets': 96}, 8, True)
