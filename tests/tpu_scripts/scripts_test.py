"""The TPU scripts against a fake gcloud that records its words, and workers that are folders of this machine."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / 'tpu_scripts'
NAMES = ('create', 'setup', 'launch', 'watch', 'delete')
WHERE = ('my-slice', '--zone', 'us-west4-a')
TPU_VM = ['compute', 'tpus', 'tpu-vm']
QUEUED = ['compute', 'tpus', 'queued-resources']

# Records its words, answers `describe` with the next line of `answers`, runs `ssh` in the home of each fake worker,
# keeps what `scp` sends, and ends with the code in `code`.
GCLOUD = """#!{python}
import json, os, pathlib, shutil, subprocess, sys
root, words = pathlib.Path({root!r}), sys.argv[1:]
with open(root / 'calls.jsonl', 'a') as f:
    f.write(json.dumps(words) + '\\n')
if 'describe' in words and (root / 'answers').exists():
    first, *rest = (root / 'answers').read_text().splitlines()
    (root / 'answers').write_text('\\n'.join(rest or [first]))
    print(first)
homes = sorted((root / 'workers').glob('*'))
if words[3] == 'scp':
    for home in homes:
        shutil.copy(words[4], home / words[5].split(':')[1])
codes = []
if words[3] == 'ssh':
    options = dict(word.lstrip('-').split('=', 1) for word in words if word.startswith('--') and '=' in word)
    for home in homes if options['worker'] == 'all' else [homes[int(options['worker'])]]:
        environment = dict(os.environ, HOME=str(home), PATH=f'{{home}}/bin:' + os.environ['PATH'])
        codes.append(subprocess.run(['sh', '-c', options['command']], cwd=home, env=environment).returncode)
code = root / 'code'
sys.exit(int(code.read_text()) if code.exists() else next(filter(None, codes), 0))
"""

# Stands for jaxit on a worker: records its words and the variable FRUIT, then ends with the next code of `codes`.
JAXIT = """#!{python}
import json, os, pathlib, sys, time
home = pathlib.Path(os.environ['HOME'])
with open(home / 'jaxit.jsonl', 'a') as f:
    f.write(json.dumps([os.environ.get('FRUIT'), os.getcwd(), *sys.argv[1:]]) + '\\n')
print('loss is falling', flush=True)
if sys.argv[1:] == ['sleep']:
    time.sleep(600)
codes = home / 'codes'
first, *rest = codes.read_text().split()
codes.write_text(' '.join(rest))
sys.exit(int(first))
"""


class Cloud:
    """A folder with a fake gcloud, and workers as folders below it."""

    def __init__(self, root: Path) -> None:
        """Puts the fake gcloud into `root/bin`."""
        self.root = root
        _script(root / 'bin' / 'gcloud', GCLOUD.format(python=shutil.which('python3'), root=str(root)))

    def run(self, name: str, *words: str, **options) -> subprocess.CompletedProcess[str]:
        """Runs a script of the project with this gcloud on PATH."""
        environment = dict(os.environ, PATH=f'{self.root / "bin"}:{os.environ["PATH"]}')
        command = [str(SCRIPTS / f'{name}.sh'), *words]
        return subprocess.run(command, env=environment, text=True, capture_output=True, timeout=60, **options)

    def calls(self) -> list[list[str]]:
        """Returns the words of each call of gcloud."""
        log = self.root / 'calls.jsonl'
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def answer(self, *lines: str) -> None:
        """Sets what `describe` says, call after call; the last line stays."""
        (self.root / 'answers').write_text('\n'.join(lines))

    def fail(self, code: int) -> None:
        """Makes gcloud end with this code."""
        (self.root / 'code').write_text(str(code))

    def add_workers(self, *codes: str) -> list[Path]:
        """Makes one worker for each text of exit codes which its jaxit ends with, one after the other."""
        homes = []
        for number, text in enumerate(codes):
            home = self.root / 'workers' / str(number)
            (home / 'jaxit' / 'tpu_scripts').mkdir(parents=True)
            shutil.copy(SCRIPTS / 'worker.sh', home / 'jaxit' / 'tpu_scripts')
            (home / 'codes').write_text(text)
            _script(home / 'jaxit-venv' / 'bin' / 'jaxit', JAXIT.format(python=shutil.which('python3')))
            _script(home / 'bin' / 'hostname', f'#!/bin/sh\necho t1v-n-0a1b2c3d-w-{number}\n')
            _script(home / 'bin' / 'sleep', '#!/bin/sh\n')
            homes.append(home)
        return homes


def _script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """A fresh fake cloud; the supervisors it started are ended with it."""
    cloud = Cloud(tmp_path)
    yield cloud
    for pid in tmp_path.glob('workers/*/jaxit-runs/*/pid'):
        try:
            os.killpg(int(pid.read_text()), signal.SIGKILL)
        except ProcessLookupError:
            continue


def _wait_for(path: Path) -> str:
    for _ in range(200):
        if path.exists() and path.read_text():
            return path.read_text().strip()
        time.sleep(0.05)
    raise AssertionError(f'{path} did not appear')


def _wait_for_end(home: Path, run: str = 'run') -> str:
    return _wait_for(home / 'jaxit-runs' / run / 'exit')


@pytest.mark.parametrize('name', NAMES)
def test_usage(cloud: Cloud, name: str) -> None:
    nothing = cloud.run(name)
    assert nothing.returncode == 2 and not nothing.stdout and nothing.stderr.startswith(f'usage: {name}.sh NAME')
    asked = cloud.run(name, *WHERE, '--help')
    assert asked.returncode == 0 and asked.stdout == nothing.stderr and not asked.stderr
    assert cloud.calls() == []


def test_worker_usage() -> None:
    nothing = subprocess.run([SCRIPTS / 'worker.sh'], capture_output=True, text=True)
    assert nothing.returncode == 2 and nothing.stderr.startswith('usage: worker.sh')


def test_shellcheck() -> None:
    if shutil.which('shellcheck') is None:
        pytest.skip('shellcheck is not installed (apt-get install shellcheck)')
    files = sorted(SCRIPTS.glob('*.sh'))
    found = subprocess.run(['shellcheck', '-x', *files], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


def test_scripts_are_strict_and_executable() -> None:
    for path in SCRIPTS.glob('*.sh'):
        if path.name != 'common.sh':
            assert os.access(path, os.X_OK), path.name
            assert path.read_text().splitlines()[2] == 'set -euo pipefail', path.name


EXTRA = {
    'create': ('--topology', 'v5e:4x4'),
    'launch': ('--', 'train'),
}


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize(
    ('words', 'complaint'),
    [
        (('--zone', 'us-west4-a'), 'the slice name is missing'),
        (('My_Slice', '--zone', 'us-west4-a'), 'the slice name My_Slice is not valid'),
        (('-x', '--zone', 'us-west4-a'), 'unknown option -x'),
        (('a;reboot', '--zone', 'us-west4-a'), "the slice name 'a;reboot' is not valid"),
        (('my-slice',), '--zone is missing'),
        (('my-slice', '--zone', 'mars'), '--zone mars is not valid'),
        (('my-slice', '--zone', 'us-west4-a', '--project', 'X'), '--project X is not valid'),
        (('my-slice', 'other', '--zone', 'us-west4-a'), 'one slice name is enough; got my-slice and other'),
        (('my-slice', '--zonk', 'us-west4-a'), 'unknown option --zonk'),
    ],
)
def test_bad_input_ends_with_one_line(cloud: Cloud, name: str, words: tuple[str, ...], complaint: str) -> None:
    result = cloud.run(name, *words, *EXTRA.get(name, ()))
    assert result.returncode == 2
    assert result.stderr.startswith(f'{name}.sh: {complaint}') and result.stderr.count('\n') == 1
    assert cloud.calls() == []


def test_option_without_a_value(cloud: Cloud) -> None:
    result = cloud.run('create', 'my-slice', '--zone')
    assert (result.returncode, result.stderr) == (2, 'create.sh: --zone needs a value\n')


@pytest.mark.parametrize(
    ('words', 'complaint'),
    [
        (('--topology', '4x4'), '--topology 4x4 is not valid; it looks like v5e:4x4'),
        (('--topology', 'v5e:3x3'), 'v5e has no shape 3x3; choices: 1x1 2x2 2x4'),
        (('--topology', 'v4:4x4'), 'v4 has no shape 4x4; choices: 2x2x1'),
        (('--topology', 'v9:4x4'), 'unknown TPU generation v9; choices: v4, v5e, v5p, v6e'),
        (('--topology', 'tpu7x:2x2x1'), 'the Cloud TPU API has no tpu7x'),
        (('--topology', 'v5e:4x4', '--valid-until', '6h'), '--valid-until needs --queued'),
        (('--topology', 'v5e:4x4', '--queued', '--valid-until', 'soon'), '--valid-until soon is not valid'),
    ],
)
def test_create_refuses(cloud: Cloud, words: tuple[str, ...], complaint: str) -> None:
    result = cloud.run('create', *WHERE, *words)
    assert result.returncode == 2 and complaint in result.stderr and cloud.calls() == []


@pytest.mark.parametrize(
    ('topology', 'accelerator', 'image'),
    [
        ('v4:2x2x2', 'v4-16', 'tpu-ubuntu2204-base'),
        ('v5p:4x4x8', 'v5p-256', 'v2-alpha-tpuv5'),
        ('v5e:4x8', 'v5litepod-32', 'v2-alpha-tpuv5-lite'),
        ('v6e:1x1', 'v6e-1', 'v2-alpha-tpuv6e'),
    ],
)
def test_create(cloud: Cloud, topology: str, accelerator: str, image: str) -> None:
    result = cloud.run('create', *WHERE, f'--topology={topology}', '--project', 'my-project')
    assert result.returncode == 0, result.stderr
    place = ['--zone=us-west4-a', '--project=my-project']
    assert cloud.calls() == [
        [*TPU_VM, 'create', 'my-slice', *place, f'--accelerator-type={accelerator}', f'--version={image}']
    ]


def test_create_queued_waits_until_active(cloud: Cloud) -> None:
    cloud.answer('WAITING_FOR_RESOURCES', 'WAITING_FOR_RESOURCES', 'PROVISIONING', 'ACTIVE')
    words = ('--topology', 'v6e:4x4', '--queued', '--spot', '--valid-until', '6h', '--poll', '0')
    result = cloud.run('create', *WHERE, *words, '--runtime-version', 'v2-test')
    assert result.returncode == 0, result.stderr
    request, *looks = cloud.calls()
    assert request == [
        *QUEUED, 'create', 'my-slice', '--node-id=my-slice', '--zone=us-west4-a', '--accelerator-type=v6e-16',
        '--spot', '--valid-until-duration=6h', '--runtime-version=v2-test',
    ]  # fmt: skip
    assert looks == [[*QUEUED, 'describe', 'my-slice', '--zone=us-west4-a', '--format=value(state.state)']] * 4
    assert [line.split()[-1] for line in result.stdout.splitlines()] == [
        'WAITING_FOR_RESOURCES',
        'PROVISIONING',
        'ACTIVE',
    ]


def test_create_queued_says_when_the_request_is_over(cloud: Cloud) -> None:
    cloud.answer('FAILED')
    result = cloud.run('create', *WHERE, '--topology', 'v6e:4x4', '--queued')
    assert result.returncode == 1 and 'delete.sh my-slice --zone us-west4-a --queued' in result.stderr


@pytest.mark.parametrize(
    ('name', 'words'),
    [
        ('create', ('--topology', 'v5e:4x4')),
        ('create', ('--topology', 'v5e:4x4', '--queued')),
        ('setup', ()),
        ('launch', ('--', 'train')),
        ('watch', ()),
        ('delete', ('--yes',)),
        ('delete', ('--yes', '--queued')),
    ],
)
def test_failure_of_gcloud_is_passed_on(cloud: Cloud, name: str, words: tuple[str, ...]) -> None:
    cloud.fail(37)
    assert cloud.run(name, *WHERE, *words).returncode == 37
    assert len(cloud.calls()) == 1


def test_missing_gcloud_is_named(cloud: Cloud, tmp_path: Path) -> None:
    for tool in ('bash', 'basename', 'dirname', 'cat'):
        (tmp_path / 'tools').mkdir(exist_ok=True)
        (tmp_path / 'tools' / tool).symlink_to(shutil.which(tool))
    environment = {'PATH': str(tmp_path / 'tools')}
    command = [SCRIPTS / 'delete.sh', *WHERE]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 2 and 'gcloud is not on PATH' in result.stderr


@pytest.mark.parametrize('name', NAMES)
def test_dry_run_prints_what_would_run_and_runs_nothing(cloud: Cloud, name: str) -> None:
    cloud.answer('READY\t2')
    words = {
        'create': ('--topology', 'v5e:4x4', '--spot'),
        'setup': ('--extras', 'tasks', '--nfs', '10.0.0.2:/share'),
        'launch': ('--env', "A=it's b", '--', 'train', '--gin.x="a  b"', '$(reboot)', "it's", '', 'a\nb'),
    }.get(name, ())
    dry = cloud.run(name, *WHERE, '--dry-run', *words, stdin=subprocess.DEVNULL)
    assert dry.returncode == 0, dry.stderr
    assert cloud.calls() == []
    printed = [words[1:] for words in _commands(dry.stdout) if words[0] == 'gcloud']
    real = cloud.run(name, *WHERE, *words, input='my-slice\n')
    assert real.returncode == (1 if name == 'watch' else 0), real.stderr
    # the archive has a name of its own in each run
    made = [[word if not word.startswith('/') else printed[i][j] for j, word in enumerate(call)]
            for i, call in enumerate(cloud.calls())]  # fmt: skip
    if name == 'watch':
        del printed[-1]  # without workers there is no log to ask for
    assert made == printed and made


def _commands(text: str) -> list[list[str]]:
    """Reads printed commands back; a quoted word may hold line ends."""
    commands, pending = [], ''
    for line in text.splitlines():
        pending += line
        try:
            commands.append(shlex.split(pending))
            pending = ''
        except ValueError:
            pending += '\n'
    assert not pending
    return commands


def test_setup_copies_the_checkout_and_keeps_what_runs_wrote(cloud: Cloud, tmp_path: Path) -> None:
    (home,) = cloud.add_workers('0')
    (home / 'jaxit' / 'runs').mkdir()
    (home / 'jaxit' / 'runs' / 'precious').write_text('kept')
    (home / 'jaxit' / 'stale.py').write_text('old')
    source = tmp_path / 'a checkout'
    for path in ('jaxit/core.py', 'pyproject.toml', '.git/HEAD', '.venv/x', 'runs/old', 'constraints.txt'):
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(path)
    (source / 'tpu_scripts').mkdir()
    shutil.copy(SCRIPTS / 'worker.sh', source / 'tpu_scripts')
    for tool in ('bin/python3', '.local/bin/uv', 'jaxit-venv/bin/python'):
        _script(home / tool, f'#!/bin/sh\nfor word; do echo "$word"; done >"$HOME/{Path(tool).name}.words"\n')
    result = cloud.run('setup', *WHERE, '--source', str(source), '--extras', 'tasks,tracking')
    assert result.returncode == 0, result.stderr
    there = {str(p.relative_to(home / 'jaxit')) for p in (home / 'jaxit').rglob('*') if p.is_file()}
    assert there == {
        'jaxit/core.py',
        'pyproject.toml',
        'constraints.txt',
        'tpu_scripts/worker.sh',
        'runs/precious',
    }
    assert (home / 'python3.words').read_text().split() == ['-m', 'pip', 'install', '--user', '--quiet', 'uv']
    words = (home / 'uv.words').read_text().splitlines()
    python = f'{home}/jaxit-venv/bin/python'
    assert words == [
        'pip', 'install', '--quiet', '--python', python, '--constraint', 'constraints.txt',
        '--editable', '.[tpu,tasks,tracking]',
    ]  # fmt: skip
    assert 'jax.distributed.initialize()' in (home / 'python.words').read_text()
    assert not list(Path(os.environ.get('TMPDIR', '/tmp')).glob(Path(cloud.calls()[0][4]).name))


@pytest.mark.parametrize(
    ('words', 'complaint'),
    [
        (('--source', '/nowhere'), 'has no pyproject.toml'),
        (('--extras', 'a b'), "--extras 'a b' is not valid"),
        (('--nfs', 'share; reboot'), "--nfs 'share; reboot' is not valid"),
    ],
)
def test_setup_refuses(cloud: Cloud, words: tuple[str, ...], complaint: str) -> None:
    result = cloud.run('setup', *WHERE, *words)
    assert result.returncode == 2 and complaint in result.stderr and cloud.calls() == []


HARD_WORDS = [
    'train',
    '--gin_file',
    'gin/a b.gin',
    '--gin.x="it\'s"',
    '$HOME',
    '`id`',
    '',
    '*',
    'a\nb',
    '--',
    'é\\',
    '&!',
]


def test_launch_passes_the_words_exactly_to_every_worker(cloud: Cloud) -> None:
    homes = cloud.add_workers('0', '0')
    result = cloud.run('launch', *WHERE, '--run', 'first', '--env=FRUIT=an "apple"', '--', *HARD_WORDS)
    assert result.returncode == 0, result.stderr
    for home in homes:
        assert _wait_for_end(home, 'first') == '0'
        (call,) = map(json.loads, (home / 'jaxit.jsonl').read_text().splitlines())
        assert call == ['an "apple"', str(home / 'jaxit'), *HARD_WORDS]
    (call,) = cloud.calls()
    assert call[:-1] == [*TPU_VM, 'ssh', 'my-slice', '--zone=us-west4-a', '--worker=all']


@pytest.mark.parametrize(
    ('codes', 'limit', 'starts', 'end'),
    [('75 75 76 0 0', '100', 4, '0'), ('1 0', '100', 1, '1'), ('75 2 0', '100', 2, '2'), ('75 75 75 0', '2', 3, '75')],
)
def test_launch_restarts_what_wants_to_be_resumed(cloud: Cloud, codes: str, limit: str, starts: int, end: str) -> None:
    (home,) = cloud.add_workers(codes)
    assert cloud.run('launch', *WHERE, '--max-restarts', limit, '--', 'train').returncode == 0
    assert _wait_for_end(home) == end
    assert len((home / 'jaxit.jsonl').read_text().splitlines()) == starts
    assert f'jaxit ended with {end}' in (home / 'jaxit-runs' / 'run' / 'log.txt').read_text()


def test_launch_outlives_the_connection_and_refuses_a_second_start(cloud: Cloud) -> None:
    (home,) = cloud.add_workers('0')
    cloud.run('launch', *WHERE, '--', 'sleep')
    pid = int(_wait_for(home / 'jaxit-runs' / 'run' / 'pid'))
    _wait_for(home / 'jaxit.jsonl')
    fields = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    session, terminal = int(fields[3]), int(fields[4])
    assert session == pid and terminal == 0, 'the supervisor leads its own session and has no terminal'
    ignored = next(line for line in Path(f'/proc/{pid}/status').read_text().splitlines() if line.startswith('SigIgn'))
    assert int(ignored.split()[1], 16) & 1, 'SIGHUP is ignored'
    again = cloud.run('launch', *WHERE, '--', 'train')
    assert again.returncode == 1 and 'run run is running already on t1v-n-0a1b2c3d-w-0' in again.stderr
    assert int((home / 'jaxit-runs' / 'run' / 'pid').read_text()) == pid


@pytest.mark.parametrize(
    ('words', 'complaint'),
    [
        ((), 'the words for jaxit are missing'),
        (('--run', '../x', '--', 'train'), '--run ../x is not valid'),
        (('--env', 'novalue', '--', 'train'), '--env novalue is not KEY=VALUE'),
        (('--max-restarts', 'many', '--', 'train'), '--max-restarts many is not valid'),
    ],
)
def test_launch_refuses(cloud: Cloud, words: tuple[str, ...], complaint: str) -> None:
    result = cloud.run('launch', *WHERE, *words)
    assert result.returncode == 2 and complaint in result.stderr and cloud.calls() == []


def test_watch_shows_the_log_of_one_worker_and_the_state_of_all(cloud: Cloud) -> None:
    homes = cloud.add_workers('0', '75 0', '0')
    cloud.answer('READY\t3')
    cloud.run('launch', *WHERE, '--', 'train')
    for home in homes:
        _wait_for_end(home)
    result = cloud.run('watch', *WHERE, '--worker', '1', '--lines', '2')
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        'worker 0: finished',
        'worker 1: finished',
        'worker 2: finished',
        'loss is falling',
        'jaxit ended with 0',
    ]


def test_watch_reports_failed_dead_and_unreachable_workers(cloud: Cloud) -> None:
    homes = cloud.add_workers('5', '0', '0')
    cloud.answer('READY\t5')
    cloud.run('launch', *WHERE, '--', 'sleep')
    for home in homes:
        _wait_for(home / 'jaxit.jsonl')
    pids = [int((home / 'jaxit-runs' / 'run' / 'pid').read_text()) for home in homes]
    os.killpg(pids[1], signal.SIGKILL)
    (homes[0] / 'jaxit-runs' / 'run' / 'exit').write_text('5\n')
    _wait_until_gone(pids[1])
    result = cloud.run('watch', *WHERE, '--lines', '1')
    assert result.returncode == 1
    assert result.stdout.splitlines() == [
        'worker 0: FAILED with exit code 5',
        'worker 1: DEAD, its supervisor is gone',
        'worker 2: running (restarts: 0)',
        'worker 3: OUT OF REACH',
        'worker 4: OUT OF REACH',
        'loss is falling',
    ]


def _wait_until_gone(pid: int) -> None:
    for _ in range(200):
        stat = Path(f'/proc/{pid}/stat')
        if not stat.exists() or stat.read_text().rsplit(')', 1)[1].split()[0] == 'Z':
            return
        time.sleep(0.05)


def test_watch_reports_a_silent_worker(cloud: Cloud) -> None:
    (home,) = cloud.add_workers('0')
    cloud.answer('READY\t1')
    cloud.run('launch', *WHERE, '--', 'sleep')
    _wait_for(home / 'jaxit.jsonl')
    log = home / 'jaxit-runs' / 'run' / 'log.txt'
    _wait_for(log)
    os.utime(log, (time.time() - 1000, time.time() - 1000))
    result = cloud.run('watch', *WHERE)
    assert result.returncode == 1 and 'worker 0: SILENT for 100' in result.stdout


def test_watch_says_when_nothing_was_launched(cloud: Cloud) -> None:
    cloud.add_workers('0')
    cloud.answer('READY\t1')
    result = cloud.run('watch', *WHERE, '--run', 'other')
    assert (result.returncode, result.stdout) == (1, 'worker 0: has no run other\n')


def test_watch_reports_a_preempted_slice(cloud: Cloud) -> None:
    cloud.answer('PREEMPTED\t4')
    result = cloud.run('watch', *WHERE)
    assert result.returncode == 1 and 'slice my-slice is PREEMPTED' in result.stderr
    assert 'create it again' in result.stderr and len(cloud.calls()) == 1


def test_watch_follows_without_repeating_the_log(cloud: Cloud) -> None:
    """Three looks while the run goes on and then ends: each line and each state is shown once."""
    (home,) = cloud.add_workers('0')
    cloud.answer('READY\t1')
    folder = home / 'jaxit-runs' / 'run'
    cloud.run('launch', *WHERE, '--', 'sleep')
    _wait_for(home / 'jaxit.jsonl')
    (folder / 'log.txt').write_text('one\ntwo\nthree\n')
    # the fake `sleep` of the watch is the moment where the run goes on
    goes_on = f'if grep -q four {folder}/log.txt; then echo five; echo 0 >{folder}/exit; else echo four; fi'
    _script(cloud.root / 'bin' / 'sleep', f'#!/bin/sh\n{{ {goes_on}; }} >>{folder}/log.txt\n')
    result = cloud.run('watch', *WHERE, '--follow', '--lines', '2')
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        'worker 0: running (restarts: 0)',
        'two',
        'three',
        'four',
        'worker 0: finished',
        'five',
    ]


@pytest.mark.parametrize(('answer', 'code'), [('my-slice\n', 0), ('y\n', 1), ('', 1)])
def test_delete_asks(cloud: Cloud, answer: str, code: int) -> None:
    result = cloud.run('delete', *WHERE, input=answer)
    assert result.returncode == code
    assert ('nothing was deleted' in result.stderr) == (code == 1)
    wanted = [[*TPU_VM, 'delete', 'my-slice', '--zone=us-west4-a', '--quiet']]
    assert cloud.calls() == (wanted if code == 0 else [])


def test_delete_without_asking_also_the_request(cloud: Cloud) -> None:
    result = cloud.run('delete', *WHERE, '--yes', '--queued', stdin=subprocess.DEVNULL)
    assert result.returncode == 0, result.stderr
    assert cloud.calls() == [[*QUEUED, 'delete', 'my-slice', '--zone=us-west4-a', '--force', '--quiet']]
