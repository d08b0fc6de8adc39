"""Bad input: exit code 2, one line that says what and where, no traceback, nothing half-written."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jaxit.cli import main
from jaxit.core.errors import DiskFullError, NoCheckpointError
from jaxit.core.files import read_json, write_json
from jaxit.core.lock import RunLock


def _refused(result, *wanted: str) -> None:
    assert result.code == 2, (result.code, result.err)
    lines = result.err.strip('\n').split('\n')
    assert len(lines) == 1 and lines[0].startswith('error: '), result.err
    for text in wanted:
        assert text in lines[0], lines[0]


@pytest.mark.parametrize(
    ('task', 'wanted'),
    [
        ('tiny_capital', ['unknown task', "'tiny_capital'", 'did you mean tiny_capitals']),
        ('tiny_broken', ['broken.jsonl: line 2', 'not JSON']),
        ('tiny_lacking', ['capitals.jsonl: line 1', "no field 'river'", 'city, land']),
        ('tiny_silent', ['silent.jsonl: line 2', 'no token bears loss']),
    ],
)
def test_bad_data_is_named_and_leaves_no_cache(
    jaxit_here: Callable, tmp_path: Path, task: str, wanted: list[str]
) -> None:
    result = jaxit_here(
        'cache', '--mixture', task, '--module', 'tiny_tasks', '--tokenizer', 'bytes', '--cache_dir', tmp_path / 'caches'
    )
    _refused(result, *wanted)
    assert not (tmp_path / 'caches').exists() or not list((tmp_path / 'caches').iterdir())


def test_training_goes_on_without_a_task_that_is_not_here_and_says_so(
    jaxit_here: Callable, workspace: Path, tmp_path: Path
) -> None:
    run = tmp_path / 'run'
    command = ('train', '--gin_file', workspace / 'tiny.gin', '--gin.data.mixture=tiny_and_absent', '--run_dir', run)
    stopped = jaxit_here(*command, '--gin.data.strict=True')
    assert stopped.code == 2 and '1 of 2 tasks can not be read: tiny_absent: nowhere/rows.jsonl' in stopped.err
    result = jaxit_here(*command, '--gin.trainer.num_steps=1')
    assert result.code == 0, result.err
    why = 'nowhere/rows.jsonl: No such file or directory'
    assert f'left out of the mixture: tiny_absent: {why}' in result.err
    facts = json.loads((run / 'run.json').read_text())
    assert facts['left_out'] == {'tiny_absent': why} and [c['task'] for c in facts['mixture']] == ['tiny_echo']
    assert jaxit_here('report', run).code == 0
    assert f'Left out: tiny_absent: {why}' in (run / 'report.html').read_text()


def test_bad_data_ends_training_before_it_begins(jaxit_process: Callable, workspace: Path, tmp_path: Path) -> None:
    run = tmp_path / 'run'
    command = ('train', '--gin_file', workspace / 'tiny.gin', '--run_dir', run, '--gin.data.mixture=tiny_broken')
    _refused(jaxit_process(*command), 'broken.jsonl: line 2', 'not JSON')
    assert not (run / 'checkpoints').exists() and not (run / 'run.json').exists()


@pytest.mark.parametrize(
    ('binding', 'wanted'),
    [
        ('optimizer.learning_rat=1', ["unknown parameter 'learning_rat'", 'did you mean learning_rate']),
        ('optimzer.learning_rate=1', ["unknown gin name 'optimzer'", 'did you mean optimizer']),
        ('trainer.num_steps=0', ['trainer.num_steps is 0']),
        ('trainer.num_steps', ['--gin.name.parameter=value']),
    ],
)
def test_a_wrong_binding_is_refused(
    jaxit_here: Callable, workspace: Path, tmp_path: Path, binding: str, wanted: list[str]
) -> None:
    _refused(
        jaxit_here('train', '--gin_file', workspace / 'tiny.gin', '--run_dir', tmp_path / 'run', f'--gin.{binding}'),
        *wanted,
    )
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize(
    ('text', 'wanted'),
    [
        ('import os\n', ["line 2: module 'os' may not be imported"]),
        ('from jaxit.core import files\nfiles.write_atomic.path = @files.os.getcwd()\n', ["line 3: 'files.os.getcwd' is from module 'os'"]),
        ('from jaxit.training import trainer\ntrainer.TrainerConfig:\n  num_step = 3\n', ['line 4', 'did you mean num_steps']),
        ('from jaxit.training import trainer\ntrainer.TrainerConfg.num_steps = 3\n', ['line 3', 'did you mean trainer.TrainerConfig']),
        ('nothing.known = 3\n', ["unknown gin name 'nothing'", 'line 2']),
        ('x ==== 3\n', ['line 2']),
        ("include '/etc/passwd.gin'\n", ['line 2', 'only relative']),
        ('include "gone.gin"\n', ["'gone.gin' is not there"]),
    ],
)  # fmt: skip
def test_a_gin_file_is_read_before_it_is_run(
    jaxit_here: Callable, tmp_path: Path, text: str, wanted: list[str]
) -> None:
    path = tmp_path / 'bad.gin'
    path.write_text('from __gin__ import dynamic_registration\n' + text)
    _refused(jaxit_here('train', '--gin_file', path, '--run_dir', tmp_path / 'run'), str(path), *wanted)
    assert not (tmp_path / 'run').exists()


def test_two_trainers_on_one_folder(jaxit_process: Callable, workspace: Path, tmp_path: Path) -> None:
    with RunLock(tmp_path / 'run'):
        result = jaxit_process('train', '--gin_file', workspace / 'tiny.gin', '--run_dir', tmp_path / 'run')
    _refused(result, 'is in use by process')


def test_a_run_folder_that_cannot_be_written(jaxit_here: Callable, workspace: Path, tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('in the way')
    for folder in (tmp_path / 'file', tmp_path / 'file' / 'run'):
        _refused(jaxit_here('train', '--gin_file', workspace / 'tiny.gin', '--run_dir', folder), str(tmp_path / 'file'))
    assert (tmp_path / 'file').read_text() == 'in the way'


@pytest.fixture(scope='module')
def components(workspace: Path) -> Path:
    """A mixture that needs no child process."""
    path = workspace / 'components.json'
    assert main.run(['cache', '--gin_file', str(workspace / 'tiny.gin'), '--components', str(path)]) == 0
    return path


def test_a_checkpoint_of_another_shape(
    jaxit_here: Callable, workspace: Path, run_folder: Path, components: Path, tmp_path: Path
) -> None:
    copy = tmp_path / 'run'
    shutil.copytree(run_folder, copy)
    before = sorted(path.relative_to(copy) for path in (copy / 'checkpoints').rglob('*'))
    command = ('train', '--gin_file', workspace / 'tiny.gin', '--run_dir', copy, f'--gin.data.mixture={components}')
    result = jaxit_here(*command, '--gin.families.llama.embed_dim=32')
    _refused(result, str(copy / 'checkpoints' / '3'), '24', '32')
    assert sorted(path.relative_to(copy) for path in (copy / 'checkpoints').rglob('*')) == before


def test_a_tokenizer_that_does_not_match_the_weights(
    jaxit_here: Callable, workspace: Path, run_folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / 'run'
    shutil.copytree(run_folder, copy)
    facts = read_json(copy / 'model.json')
    write_json(copy / 'model.json', facts | {'tokenizer_sha256': '0' * 64})
    result = jaxit_here('eval', '--checkpoint', copy, '--suite', 'x.jsonl')
    assert result.code == 2 and 'x.jsonl' in result.err
    _refused(jaxit_here('chat', '--checkpoint', copy), 'not the tokenizer that', str(copy))
    result = jaxit_here(
        'train', '--gin_file', workspace / 'tiny.gin', '--run_dir', tmp_path / 'new', f'--gin.experiment.weights={copy}',
        '--gin.experiment.model=None',
    )  # fmt: skip
    _refused(result, 'not the tokenizer that', str(copy))


def test_weights_that_cannot_be_read(jaxit_here: Callable, tmp_path: Path) -> None:
    _refused(jaxit_here('chat', '--checkpoint', tmp_path / 'gone'), 'no such file or folder')
    _refused(jaxit_here('chat', '--checkpoint', tmp_path), 'holds no weights')
    (tmp_path / 'config.json').write_text('{"model_type": "llama"')
    _refused(jaxit_here('chat', '--checkpoint', tmp_path), 'config.json')
    (tmp_path / 'model.gguf').write_bytes(b'not one')
    (tmp_path / 'config.json').unlink()
    _refused(jaxit_here('import', '--from', 'gguf', tmp_path, '--to', tmp_path / 'new'), str(tmp_path))
    assert not (tmp_path / 'new').exists()


@pytest.mark.parametrize(
    ('lines', 'wanted'),
    [
        ('{"inputs": "a"}\n{"text": "b"}\n', ['line 2 has no field "inputs" or "messages"; it has text']),
        ('{"inputs": 3}\n', ["line 1: 'inputs' is int"]),
        ('nothing\n', ['line 1 is not JSON']),
        ('', ['holds no record']),
        ('{"messages": [{"role": "user", "content": "a"}]}\n', ['no chat format']),
    ],
)
def test_infer_refuses_bad_prompts(
    jaxit_here: Callable, run_folder: Path, tmp_path: Path, lines: str, wanted: list[str]
) -> None:
    (tmp_path / 'in.jsonl').write_text(lines)
    output = tmp_path / 'out.jsonl'
    result = jaxit_here('infer', '--checkpoint', run_folder, '--input', tmp_path / 'in.jsonl', '--output', output)
    _refused(result, *wanted)
    assert not output.exists()


@pytest.mark.parametrize(
    ('arguments', 'wanted'),
    [
        (['tran'], ["No such command 'tran'", "'train'"]),
        (['export', '--foo'], ['No such option: --foo']),
        (['train', '--gin_file', 'x.gin', '--foo'], ["unknown argument '--foo'"]),
        (['train'], ["Missing option '--gin_file'"]),
        (['eval', '--checkpoint', 'x', '--suite', 'primer_held_inn'], ['did you mean primer_held_in']),
        (['eval', '--checkpoint', 'x', '--suite', 's', '--label', '../x'], ['--label']),
        (['trace', 'nowhere', '--step', '1'], ['nowhere: is no run folder']),
        (['report', 'nowhere'], ['nowhere']),
        (['verify', 'nowhere'], ['nowhere: no such file or folder']),
        (['tasks', 'show', 'primer_capitol'], ["unknown task 'primer_capitol'", 'did you mean primer_capital']),
        (['tasks', 'list', '--module', 'no_such_module'], ["no module 'no_such_module'"]),
        (['cache', '--tokenizer', 'bytes'], ['--mixture']),
        (['cache', '--mixture', 'primer'], ['--tokenizer']),
        (['launch', '--', '--gin_file', 'gone.gin'], ['gone.gin']),
        (['launch', '--num_processes', '0', '--', '--gin_file', 'x'], ['--num_processes is 0']),
        (['compare', 'a', 'b', '--prompts', 'gone.txt'], ['gone.txt']),
    ],
)  # fmt: skip
def test_a_wrong_command_line(jaxit_here: Callable, arguments: list[str], wanted: list[str]) -> None:
    _refused(jaxit_here(*arguments), *wanted)


def test_an_unknown_command_in_a_real_process(jaxit_process: Callable) -> None:
    _refused(jaxit_process('chatt'), "No such command 'chatt'")


def test_help_is_quick_and_imports_no_jax(workspace: Path) -> None:
    code = (
        'import sys\nfrom jaxit.cli import main\n'
        'assert main.run([]) == 0\n'
        'assert not {"jax", "numpy", "gin", "tensorflow"} & set(sys.modules), "too much is imported"\n'
        'import resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_utime, file=sys.stderr)\n'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert float(done.stderr) < 1.0
    for name in ('train', 'launch', 'cache', 'tasks', 'eval', 'infer', 'chat', 'compare', 'trace', 'report', 'verify'):
        assert f' {name} ' in done.stdout


def test_every_command_has_an_example(jaxit_here: Callable) -> None:
    from typer.main import get_command

    group = get_command(main.make_app())
    commands = [[name] for name in group.commands if name != 'tasks']  # type: ignore[attr-defined]
    for words in [*commands, ['tasks', 'list'], ['tasks', 'show'], ['tasks', 'mixture'], ['tasks', 'suites']]:
        assert 'Example: jaxit ' + ' '.join(words) in ' '.join(jaxit_here(*words, '--help').out.split())


@pytest.mark.parametrize(
    ('error', 'code', 'line'),
    [
        (NoCheckpointError('none is left'), 3, 'error: none is left'),
        (DiskFullError('full'), 4, 'error: full'),
        (OSError(28, 'No space left on device', 'x.bin'), 4, 'error: x.bin: the disk is full; free some space'),
        (PermissionError(13, 'Permission denied', 'x.bin'), 2, 'error: x.bin: Permission denied'),
        (KeyboardInterrupt(), 130, 'error: interrupted'),
        (NoCheckpointError('two\nlines \x1b[31m'), 3, 'error: two lines [31m'),
    ],
)
def test_errors_have_their_codes(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def action() -> None:
        raise error

    assert main.exit_code_of(action) == code
    assert capsys.readouterr().err == line + '\n'


def test_a_bug_keeps_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.exit_code_of(lambda: 1 // 0) == 1
    assert 'ZeroDivisionError' in capsys.readouterr().err
