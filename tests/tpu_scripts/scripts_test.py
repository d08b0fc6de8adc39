"""The TPU scripts against a fake gcloud: usage, bad input, dry runs, creating, setting up and deleting."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / 'tpu_scripts'
NAMES = ('create', 'setup', 'launch', 'watch', 'delete')
WHERE = ('my-slice', '--zone', 'us-west4-a')
TPU_VM = ['compute', 'tpus', 'tpu-vm']
QUEUED = ['compute', 'tpus', 'queued-resources']


@pytest.mark.parametrize('name', NAMES)
def test_usage(cloud, name: str) -> None:
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
def test_bad_input_ends_with_one_line(cloud, name: str, words: tuple[str, ...], complaint: str) -> None:
    result = cloud.run(name, *words, *EXTRA.get(name, ()))
    assert result.returncode == 2
    assert result.stderr.startswith(f'{name}.sh: {complaint}') and result.stderr.count('\n') == 1
    assert cloud.calls() == []


def test_option_without_a_value(cloud) -> None:
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
def test_create_refuses(cloud, words: tuple[str, ...], complaint: str) -> None:
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
def test_create(cloud, topology: str, accelerator: str, image: str) -> None:
    result = cloud.run('create', *WHERE, f'--topology={topology}', '--project', 'my-project')
    assert result.returncode == 0, result.stderr
    place = ['--zone=us-west4-a', '--project=my-project']
    assert cloud.calls() == [
        [*TPU_VM, 'create', 'my-slice', *place, f'--accelerator-type={accelerator}', f'--version={image}']
    ]


def test_create_queued_waits_until_active(cloud) -> None:
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


def test_create_queued_says_when_the_request_is_over(cloud) -> None:
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
def test_failure_of_gcloud_is_passed_on(cloud, name: str, words: tuple[str, ...]) -> None:
    cloud.fail(37)
    assert cloud.run(name, *WHERE, *words).returncode == 37
    assert len(cloud.calls()) == 1


def test_missing_gcloud_is_named(cloud, tmp_path: Path) -> None:
    for tool in ('bash', 'basename', 'dirname', 'cat'):
        (tmp_path / 'tools').mkdir(exist_ok=True)
        (tmp_path / 'tools' / tool).symlink_to(shutil.which(tool))
    environment = {'PATH': str(tmp_path / 'tools')}
    command = [SCRIPTS / 'delete.sh', *WHERE]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 2 and 'gcloud is not on PATH' in result.stderr


@pytest.mark.parametrize('name', NAMES)
def test_dry_run_prints_what_would_run_and_runs_nothing(cloud, name: str) -> None:
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


def test_setup_copies_the_checkout_and_keeps_what_runs_wrote(cloud, tmp_path: Path) -> None:
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
        cloud.write_script(
            home / tool, f'#!/bin/sh\nfor word; do echo "$word"; done >"$HOME/{Path(tool).name}.words"\n'
        )
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


@pytest.mark.parametrize('mounted', [False, True])
def test_setup_mounts_a_share_once(cloud, tmp_path: Path, mounted: bool) -> None:
    (home,) = cloud.add_workers('0')
    (tmp_path / 'checkout' / 'tpu_scripts').mkdir(parents=True)
    (tmp_path / 'checkout' / 'pyproject.toml').touch()
    shutil.copy(SCRIPTS / 'worker.sh', tmp_path / 'checkout' / 'tpu_scripts')
    for tool in ('bin/python3', 'bin/mount.nfs', '.local/bin/uv', 'jaxit-venv/bin/python'):
        cloud.write_script(home / tool, '#!/bin/sh\n')
    cloud.write_script(home / 'bin' / 'mountpoint', f'#!/bin/sh\nexit {0 if mounted else 32}\n')
    cloud.write_script(home / 'bin' / 'sudo', '#!/bin/sh\necho "$*" >>"$HOME/sudo"\n')
    result = cloud.run('setup', *WHERE, '--source', str(tmp_path / 'checkout'), '--nfs', '10.0.0.2:/share')
    assert result.returncode == 0, result.stderr
    wanted = ['mkdir -p /mnt/jaxit', 'mount -t nfs -o rw,hard,noatime 10.0.0.2:/share /mnt/jaxit']
    assert mounted != (home / 'sudo').exists()
    assert mounted or (home / 'sudo').read_text().splitlines() == wanted


@pytest.mark.parametrize(
    ('words', 'complaint'),
    [
        (('--source', '/nowhere'), 'has no pyproject.toml'),
        (('--extras', 'a b'), "--extras 'a b' is not valid"),
        (('--nfs', 'share; reboot'), "--nfs 'share; reboot' is not valid"),
    ],
)
def test_setup_refuses(cloud, words: tuple[str, ...], complaint: str) -> None:
    result = cloud.run('setup', *WHERE, *words)
    assert result.returncode == 2 and complaint in result.stderr and cloud.calls() == []


@pytest.mark.parametrize(('answer', 'code'), [('my-slice\n', 0), ('y\n', 1), ('', 1)])
def test_delete_asks(cloud, answer: str, code: int) -> None:
    result = cloud.run('delete', *WHERE, input=answer)
    assert result.returncode == code
    assert ('nothing was deleted' in result.stderr) == (code == 1)
    wanted = [[*TPU_VM, 'delete', 'my-slice', '--zone=us-west4-a', '--quiet']]
    assert cloud.calls() == (wanted if code == 0 else [])


def test_delete_without_asking_also_the_request(cloud) -> None:
    result = cloud.run('delete', *WHERE, '--yes', '--queued', stdin=subprocess.DEVNULL)
    assert result.returncode == 0, result.stderr
    assert cloud.calls() == [[*QUEUED, 'delete', 'my-slice', '--zone=us-west4-a', '--force', '--quiet']]
