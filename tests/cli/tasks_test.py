"""`jaxit tasks`, `jaxit cache` and `jaxit trace`, counted and rendered by hand."""

import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from jaxit.cli import caching, console
from jaxit.cli.tracing import rows_of
from jaxit.core.errors import UserError
from jaxit.core.files import read_json, write_json
from jaxit.data.loader import Loader
from jaxit.data.mixture import MixtureComponent
from jaxit.data.reader import RowReader
from jaxit.tasks import registry

CAPITALS = [('France', 'Paris'), ('Italy', 'Rome'), ('Spain', 'Madrid'), ('Poland', 'Warsaw'), ('Norway', 'Oslo')]
WORDINGS = ('Capital of {}?', '{}: name its capital.')


def _text(stretches: list[dict], *, loss: bool) -> str:
    return ''.join(stretch['text'] for stretch in stretches if stretch['loss'] is loss)


def test_list_and_suites_name_what_a_module_registers(jaxit_here: Callable) -> None:
    found = json.loads(jaxit_here('tasks', 'list', '--module', 'tiny_tasks', '--json').out)
    facts = next(task for task in found['tasks'] if task['task'] == 'tiny_capitals')
    assert (facts['cluster'], facts['licence'], facts['splits'], facts['templates']) == (
        'knowledge',
        'CC0',
        ['train', 'test'],
        2,
    )
    assert {'mixture': 'tiny', 'tasks': 2} in found['mixtures']
    suites = json.loads(jaxit_here('tasks', 'suites', '--module', 'tiny_tasks', '--json').out)
    assert {
        'suite': 'tiny_suite',
        'kind': 'held_in',
        'split': 'test',
        'tasks': ['tiny_capitals', 'tiny_echo'],
    } in suites


def test_show_says_what_is_given_and_what_is_learned(jaxit_here: Callable) -> None:
    result = jaxit_here('tasks', 'show', 'tiny_capitals', '--module', 'tiny_tasks', '--num', 5, '--json')
    rows = json.loads(result.out)
    assert len(rows) == 5
    for row, (land, city) in zip(rows, CAPITALS, strict=True):
        assert _text(row['stretches'], loss=False) == WORDINGS[row['template']].format(land) + '\n'
        assert _text(row['stretches'], loss=True) == city + '</s>'
        assert [s['text'] for s in row['stretches'] if s['special']] == ['</s>']


def test_show_for_a_t5_ends_both_sides(jaxit_here: Callable) -> None:
    result = jaxit_here(
        'tasks', 'show', 'tiny_echo', '--module', 'tiny_tasks', '--num', 1, '--encoder_decoder', '--json'
    )
    (row,) = json.loads(result.out)
    assert [tuple(s.values()) for s in row['stretches']] == [
        ('Say tea.', False, False), ('</s>', False, True), ('tea', True, False), ('</s>', True, True),
    ]  # fmt: skip


def test_show_uses_colour_on_a_terminal_and_brackets_elsewhere(
    jaxit_here: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ('tasks', 'show', 'tiny_echo', '--module', 'tiny_tasks', '--num', 1)
    assert 'Say tea.↵\n⟦tea</s>⟧\n' in jaxit_here(*command).out
    page = io.StringIO()
    terminal = Console(file=page, force_terminal=True, color_system='standard', highlight=False, no_color=False)
    monkeypatch.setattr(console, 'out', terminal)
    assert jaxit_here(*command).code == 0
    assert 'Say tea.↵\n\x1b[1;32mtea\x1b[0m' in page.getvalue() and '⟦' not in page.getvalue()


def test_control_characters_of_a_record_do_not_reach_the_terminal(jaxit_here: Callable, workspace: Path) -> None:
    (workspace / 'evil.jsonl').write_text(json.dumps({'inputs': 'a\x1b[31mred', 'targets': 'b\x07'}) + '\n')
    (workspace / 'evil_tasks.py').write_text(
        'from jaxit.tasks.registry import add_task\nfrom jaxit.tasks.sources import Jsonl\n'
        f'add_task("tiny_evil", Jsonl({str(workspace / "evil.jsonl")!r}))\n'
    )
    result = jaxit_here('tasks', 'show', 'tiny_evil', '--module', 'evil_tasks')
    assert result.code == 0 and 'a[31mred' in result.out
    assert '\x1b' not in result.out and '\x07' not in result.out


def test_mixture_counts_by_hand(jaxit_here: Callable, tmp_path: Path) -> None:
    command = ('tasks', 'mixture', 'tiny', '--module', 'tiny_tasks', '--json', '--draws', 40)
    table = json.loads(jaxit_here(*command, '--tokenizer', 'bytes', '--cache_dir', tmp_path).out)
    capitals, echo = table['tasks']
    assert (capitals['rate'], capitals['share'], capitals['num_examples'], capitals['licence']) == (3.0, 0.75, 5, 'CC0')
    assert (capitals['epochs'], echo['epochs']) == (40 * 0.75 / 5, 40 * 0.25 / 3)
    words = ('tea', 'nine', 'bridge')
    assert echo['num_loss_tokens'] == sum(len(word) + 1 for word in words)
    assert echo['num_tokens'] == sum(len(f'Say {word}.\n{word}') + 1 for word in words)


def test_mixture_shares_of_rows_and_loss_are_those_of_many_rows(jaxit_here: Callable, tmp_path: Path) -> None:
    """Exact shares over whole epochs against what the reader really packs."""
    command = ('tasks', 'mixture', 'tiny', '--module', 'tiny_tasks', '--tokenizer', 'bytes', '--cache_dir', tmp_path)
    table = json.loads(jaxit_here(*command, '--json').out)
    caches = json.loads(jaxit_here('cache', '--mixture', 'tiny', *command[3:], '--json').out)['mixture']
    components = [MixtureComponent(c['task'], Path(c['folder']), c['rate']) for c in caches]
    reader = RowReader(components, seed=0, lengths={'inputs': None, 'targets': 768}, encoder_decoder=False, pack=True)
    plans = [reader.plan(window) for window in range(30)]
    positions, loss = np.zeros(2), np.zeros(2)
    for plan in plans:
        np.add.at(positions, plan.component, plan.length - 1)
        for i, cache in enumerate(reader.caches):
            loss[i] += cache.loss_lengths[plan.example[plan.component == i]].sum()
    for i, row in enumerate(table['tasks']):
        assert row['packed_share'] == pytest.approx(positions[i] / positions.sum(), abs=2e-4)
        assert row['loss_share'] == pytest.approx(loss[i] / loss.sum(), abs=2e-4)
    filled = positions.sum() / (768 * sum(len(plan) for plan in plans))
    assert table['padding'] == pytest.approx(1 - filled, abs=1e-3)
    shown = jaxit_here(*command)
    assert 'packed share' in shown.out and 'padding: ' in shown.out


def test_a_task_that_is_not_here_is_a_line_in_the_table_or_stops(jaxit_here: Callable, tmp_path: Path) -> None:
    module, why = ('--module', 'tiny_tasks'), 'nowhere/rows.jsonl: No such file or directory'
    counted = (*module, '--tokenizer', 'bytes', '--cache_dir', tmp_path / 'caches')
    mixture = ('tasks', 'mixture', 'tiny_and_absent')
    for call in ((*mixture, *module), (*mixture, *counted), ('cache', '--mixture', 'tiny_and_absent', *counted)):
        found = jaxit_here(*call)
        assert found.code == 0, found.err
        assert 'tiny_absent' in found.out and why in found.out
        assert json.loads(jaxit_here(*call, '--json').out)['left_out'] == {'tiny_absent': why}
        stopped = jaxit_here(*call, '--strict')
        assert (stopped.code, stopped.out) == (2, '')
        assert '1 of 2 tasks can not be read: tiny_absent: nowhere/rows.jsonl' in stopped.err


def test_the_commands_of_the_page_of_conversations_work(
    jaxit_here: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / 'docs' / 'conversations.md').read_text()
    commands = re.findall(r'^ {4}jaxit (.*)$', page, re.MULTILINE)
    assert commands and page.count('jaxit tasks') == len(commands), 'a command stands where this test does not see it'
    (tmp_path / 'my_chats.py').write_text(re.findall(r'```python\n(.*?)```', page, re.DOTALL)[0])
    talk = {'instruction': 'Sort these numbers.', 'input': '3, 1, 2', 'output': '1, 2, 3'}
    (tmp_path / 'train.json').write_text(json.dumps([talk]))
    (tmp_path / 'held_out.jsonl.gz').write_bytes(gzip.compress(json.dumps(talk).encode()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(registry, '_TASKS', dict(registry._TASKS))
    for command in commands:
        result = jaxit_here(*command.split())
        assert result.code == 0, result.err
        assert '### Input:↵\n3, 1, 2↵\n' in result.out and '⟦1, 2, 3</s>⟧' in result.out


def test_a_module_is_found_in_the_folder_one_is_in(tmp_path: Path) -> None:
    (tmp_path / 'here_tasks.py').write_text(
        'from jaxit.tasks.registry import add_task\nfrom jaxit.tasks.sources import Jsonl\n'
        "add_task('here_and_nowhere_else', Jsonl('rows.jsonl'))\n"
    )
    script = Path(sys.executable).with_name('jaxit')
    environment = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    command = [str(script), 'tasks', 'list', '--module', 'here_tasks']
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert 'here_and_nowhere_else' in done.stdout


@pytest.mark.parametrize(
    'command',
    [
        ('list', '--module', 'examples.flan2022'),
        ('mixture', 'flan2022_submix', '--module', 'examples.flan2022'),
        ('mixture', 'flan_inter_cluster_split_10_10templates_train'),
        ('show', 'rte_10templates', '--invented'),
        ('suites',),
    ],
    ids=lambda command: ' '.join(command[:2]),
)
def test_what_the_library_knows_by_itself_is_told_without_tensorflow_and_jax(command: tuple[str, ...]) -> None:
    code = (
        'import sys; from jaxit.cli import main\n'
        f'assert main.run({["tasks", *command]!r}) == 0\n'
        "print('IMPORTED', sorted({'tensorflow', 'tensorflow_datasets', 'seqio', 'jax', 'apache_beam'} & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, '-c', code], cwd=root, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith('IMPORTED []')


def test_licences_choose_tasks(jaxit_here: Callable, tmp_path: Path) -> None:
    command = ('tasks', 'mixture', 'tiny', '--module', 'tiny_tasks', '--licences', 'permissive', '--json')
    for more in ((), ('--tokenizer', 'bytes', '--cache_dir', tmp_path)):
        table = json.loads(jaxit_here(*command, *more).out)
        assert [row['task'] for row in table['tasks']] == ['tiny_capitals']
        assert table['left_out'] == {'tiny_echo': 'it states no licence'}
    assert 'unknown class of licences' in jaxit_here(*command[:5], '--licences', 'free').err


def test_check_finds_rows_that_a_cache_then_leaves_out(
    jaxit_here: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passage = 'the quick brown fox jumps over the lazy dog and runs far away into the green wood'
    rows = [{'inputs': f'{i} {"x" if i % 3 else passage}', 'targets': str(i % 4)} for i in range(9)]
    (tmp_path / 'train.jsonl').write_text(''.join(json.dumps(row) + '\n' for row in [*rows, rows[4]]))
    (tmp_path / 'test.jsonl').write_text(json.dumps({'inputs': f'Who? {passage}.', 'targets': 'fox'}) + '\n')
    (tmp_path / 'checked_tasks.py').write_text(
        'from jaxit.tasks.registry import add_task\n'
        'from jaxit.tasks.sources import Jsonl\n'
        'from jaxit.tasks.suites import Suite, add_suite\n'
        f"add_task('checked', Jsonl({{'train': {str(tmp_path / 'train.jsonl')!r}, 'test': {str(tmp_path / 'test.jsonl')!r}}}))\n"
        "add_suite(Suite('checked_suite', 'held_out', ('checked',)))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = tmp_path / 'rows.json'
    command = ('tasks', 'check', 'checked', '--module', 'checked_tasks')
    result = jaxit_here(*command, '--suite', 'checked_suite', '--duplicates', '--rows', found, '--json')
    assert result.code == 0, result.err
    [line], [judged] = (json.loads(result.out)[name] for name in ('tasks', 'suites'))
    assert (line['rows'], line['overlaps'], line['duplicates'], line['not_rendered']) == (10, 3, 1, 0)
    assert 'quick brown fox' in line['matches'][0]['what']
    assert (judged['task'], judged['num_found']) == ('checked', 1)
    assert json.loads(found.read_text())['tasks']['checked']['rows'] == [0, 3, 6, 9]
    build = ('cache', '--mixture', 'checked', '--module', 'checked_tasks', '--tokenizer', 'bytes')
    build += ('--cache_dir', tmp_path / 'caches', '--leave_out', found, '--json')
    [component] = json.loads(jaxit_here(*build).out)['mixture']
    assert component['num_examples'] == 6 and component['counts']['left_out_rows'] == 4
    with (tmp_path / 'train.jsonl').open('a') as f:
        f.write(json.dumps(rows[0]) + '\n')
    changed = jaxit_here(*build)
    assert changed.code == 2 and "the data of task 'checked' has changed since these rows were found" in changed.err
    assert jaxit_here(*command).err.startswith('error: what is looked for?')
    shown = jaxit_here(*command, '--near', '0.8')
    assert shown.code == 0 and 'duplicates' in shown.out


def test_cache_components_are_a_mixture(jaxit_here: Callable, workspace: Path, tmp_path: Path) -> None:
    output = tmp_path / 'mixture.json'
    result = jaxit_here('cache', '--gin_file', workspace / 'tiny.gin', '--components', output)
    assert result.code == 0, result.err
    assert 'tiny_capitals' in result.out
    request = caching.Request({'mixture': str(output)}, 'bytes', encoder_decoder=False)
    components = caching.components_of(caching.ask(request))
    assert [(c.name, c.rate, c.cache.num_examples) for c in components] == [
        ('tiny_capitals', 3.0, 5),
        ('tiny_echo', 1.0, 3),
    ]


def _reader(run: Path) -> RowReader:
    facts = read_json(run / 'run.json')
    components = [MixtureComponent(c['task'], Path(c['folder']), c['rate']) for c in facts['mixture']]
    return RowReader(components, seed=0, lengths={'inputs': None, 'targets': 96}, encoder_decoder=False, pack=True)


@pytest.mark.parametrize('step', [1, 3])
def test_trace_shows_the_very_batch_of_a_step(jaxit_here: Callable, run_folder: Path, step: int) -> None:
    """Step 3 was taken after the resume, on another mesh; the batch is read here as the trainer reads it."""
    result = jaxit_here('trace', run_folder, '--step', step, '--json')
    assert result.code == 0, result.err
    examples = json.loads(result.out)['examples']
    loader = Loader(_reader(run_folder), 8)
    batches = [next(loader)[0] for _ in range(step)]
    loader.close()
    targets, weights = batches[-1]['decoder_target_tokens'], batches[-1]['decoder_loss_weights']
    covered = np.zeros(targets.shape, bool)
    for one in examples:
        place = np.s_[one['row'], one['start'] : one['start'] + one['length']]
        covered[place] = True
        response = bytes(int(i) - 3 for i in targets[place][weights[place] > 0] if i > 2).decode()
        assert _text(one['stretches'], loss=True) == response + '</s>'
        if one['task'] == 'tiny_capitals':
            land, city = CAPITALS[one['source_row']]
            assert response == city
            assert _text(one['stretches'], loss=False) == WORDINGS[one['template']].format(land) + '\n'
    assert (covered == (batches[-1]['decoder_segment_ids'] > 0)).all()


def test_trace_names_the_template_where_the_task_is_known(jaxit_here: Callable, run_folder: Path) -> None:
    result = jaxit_here('trace', run_folder, '--step', 2, '--num', 40, '--module', 'tiny_tasks')
    assert result.code == 0, result.err
    assert "template 1: '{land}: name its capital.'" in result.out and '⟦Warsaw</s>⟧' in result.out


@pytest.mark.parametrize(
    ('starts', 'step', 'expected'),
    [
        ([(0, 0, 4)], 1, (0, 4)),
        ([(0, 0, 4)], 10, (36, 4)),
        ([(0, 0, 4), (6, 24, 4)], 7, (24, 4)),  # a plain resume changes nothing
        ([(0, 0, 4), (6, 24, 8)], 8, (32, 8)),  # another batch size since
        ([(0, 0, 4), (6, 40, 4)], 6, (20, 4)),  # went back to 6 and passed over the rows up to 40 ...
        ([(0, 0, 4), (6, 40, 4)], 7, (40, 4)),
        ([(0, 0, 4), (6, 40, 4), (6, 24, 4)], 8, (28, 4)),  # ... but was killed before the next save
        ([(0, 0, 4), (6, 40, 4), (3, 12, 4)], 7, (24, 4)),
    ],
)
def test_the_rows_of_a_step(starts: list[tuple[int, int, int]], step: int, expected: tuple[int, int]) -> None:
    named = [dict(zip(('step', 'emitted', 'batch_size'), start, strict=True)) for start in starts]
    assert rows_of(named, step, where='run') == expected


def test_steps_count_from_one() -> None:
    with pytest.raises(UserError, match='first step is 1'):
        rows_of([{'step': 0, 'emitted': 0, 'batch_size': 4}], 0, where='run')


def test_trace_refuses_caches_that_are_gone_or_others(jaxit_here: Callable, run_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / 'run'
    shutil.copytree(run_folder, copy, ignore=shutil.ignore_patterns('checkpoints'))
    facts = read_json(copy / 'run.json')
    changed = json.loads(json.dumps(facts))
    changed['mixture'][1]['rate'] = 2.0
    write_json(copy / 'run.json', changed)
    result = jaxit_here('trace', copy, '--step', 1)
    assert result.code == 2 and 'rates changed' in result.err
    facts['mixture'][1]['folder'] = str(tmp_path / 'nowhere')
    write_json(copy / 'run.json', facts)
    result = jaxit_here('trace', copy, '--step', 1)
    assert result.code == 2 and "cache of task 'tiny_echo' is gone" in result.err
    del facts['data']
    write_json(copy / 'run.json', facts)
    result = jaxit_here('trace', copy, '--step', 1)
    assert result.code == 2 and 'older jaxit' in result.err
