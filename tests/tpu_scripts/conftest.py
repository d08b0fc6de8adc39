"""A fake cloud: a gcloud that records its words, and workers that are folders of this machine."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / 'tpu_scripts'

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
        self.write_script(root / 'bin' / 'gcloud', GCLOUD.format(python=shutil.which('python3'), root=str(root)))

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
            self.write_script(home / 'jaxit-venv' / 'bin' / 'jaxit', JAXIT.format(python=shutil.which('python3')))
            self.write_script(home / 'bin' / 'hostname', f'#!/bin/sh\necho t1v-n-0a1b2c3d-w-{number}\n')
            self.write_script(home / 'bin' / 'sleep', '#!/bin/sh\n')
            homes.append(home)
        return homes

    @staticmethod
    def write_script(path: Path, text: str) -> None:
        """Writes an executable file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def wait_for(self, path: Path) -> str:
        """Returns what is in a file once there is something."""
        for _ in range(400):
            if path.exists() and path.read_text():
                return path.read_text().strip()
            time.sleep(0.05)
        raise AssertionError(f'{path} did not appear')

    def wait_for_end(self, home: Path, run: str = 'run') -> str:
        """Returns the exit code of a run on a worker once it has ended."""
        return self.wait_for(home / 'jaxit-runs' / run / 'exit')


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """A fresh fake cloud; the supervisors it started are ended with it."""
    cloud = Cloud(tmp_path)
    yield cloud
    for pid in tmp_path.glob('workers/*/jaxit-runs/*/pid'):
        try:
            os.killpg(int(pid.read_text()), signal.SIGKILL)
        except ProcessLookupError:
            continue
