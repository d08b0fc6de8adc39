"""The direction of imports, proven on the syntax trees of every module, and the house rules a linter doesn't know.

`LAYERS` is the table of docs/architecture.md: a layer may import itself, core, and what is listed, nothing that those
may import in turn. Imports inside functions and under TYPE_CHECKING count, and so does `importlib.import_module('...')`.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

LAYERS: dict[str, set[str]] = {
    'core': set(),
    'data': set(),
    'text': set(),
    'sharding': set(),
    'layers': {'sharding'},
    'models': {'layers', 'sharding'},
    'checkpoints': {'models', 'layers', 'sharding'},
    'training': {'sharding', 'data'},
    'decoding': {'sharding'},
    'evaluation': {'decoding', 'text'},
    'alignment': {'training', 'decoding', 'sharding', 'data'},
    'tasks': {'text', 'data'},
    'reports': set(),
    'planning': {'models', 'training', 'sharding'},
}
LAYERS['cli'] = set(LAYERS)

FACADES = ('jaxit/__init__.py', 'jaxit/__main__.py', 'jaxit/api.py')  # import everything, but lazily
CORE_PACKAGES = {'numpy', 'jax'}

# A package and the layers or files that may import it; everything else may be imported anywhere.
ONLY_IN: dict[str, tuple[str, ...]] = {
    'tensorflow': ('tasks',),
    'tensorflow_text': ('tasks',),
    'tensorflow_datasets': ('tasks',),
    'seqio': ('tasks',),
    'apache_beam': ('tasks',),
    'gin': ('cli',),
    'typer': ('cli',),
    'click': ('cli',),
    'rich': ('cli', 'jaxit/training/hooks.py'),
    'flax.linen': ('layers', 'models'),
    'flax.metrics': (),
    'torch': (),
    'transformers': (),
    'gguf': ('checkpoints',),
    'matplotlib': ('reports',),
    'jinja2': ('reports',),
}

MAX_LINES = 500
TABLES = ('jaxit/checkpoints/maps/', 'jaxit/models/families.py')  # tables of data may be long; so may data of tasks


def violations(path: str, source: str) -> list[str]:
    """Returns one line `path:line: what is wrong` for each rule that a file breaks."""
    tree = ast.parse(source, path)
    found = [*_imports(path, tree), *_size(path, source, tree), *_mesh(tree), *_docstrings(tree)]
    return [f'{path}:{line}: {text}' for line, text in sorted(found)]


def layer_of(path: str) -> str:
    """Returns the layer of a file, or '' for one that lies beside the layers."""
    parts = path.split('/')
    return parts[1] if len(parts) > 2 else ''


def imported(path: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yields `(line, absolute dotted name)` for everything a file imports, wherever in the file."""
    package = path.split('/')[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            base = [*base, *([node.module] if node.module else [])]
            for alias in node.names:
                yield node.lineno, '.'.join([*base, alias.name])
        elif isinstance(node, ast.Call) and _last_name(node.func) in ('import_module', '__import__') and node.args:
            if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                yield node.lineno, node.args[0].value
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == 'flax':
            yield node.lineno, f'flax.{node.attr}'


def _imports(path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    layer = layer_of(path)
    if path not in FACADES and layer not in LAYERS:
        yield 1, f'{layer or path!r} is not a layer of docs/architecture.md; the layers are {", ".join(LAYERS)}'
        return
    at_top = {line for node in tree.body for line, _ in imported(path, node) if not _is_lazy(node)}
    for line, name in imported(path, tree):
        if name.endswith('.*'):
            yield line, f'wildcard import of {name[:-2]}; name what you import'
        if name.split('.')[0] == 'jaxit':
            yield from _import_of_ours(path, line, name, at_top)
        else:
            yield from _import_of_others(path, line, name)


_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _is_lazy(node: ast.stmt) -> bool:
    """Says whether what is below runs later than the import of the file, or only for a type checker."""
    return isinstance(node, _SCOPES) or (isinstance(node, ast.If) and _last_name(node.test) == 'TYPE_CHECKING')


def _import_of_ours(path: str, line: int, name: str, at_top: set[int]) -> Iterator[tuple[int, str]]:
    layer, target = layer_of(path), [*name.split('.'), ''][1]
    if path in FACADES:
        if target != 'core' and line in at_top:
            yield line, f'a facade imports {name} at its top; import it inside the function that needs it'
    elif target not in LAYERS:
        if layer != 'cli':
            yield line, f'layer {layer!r} imports {name}, a facade; import the layer that has it'
    elif target not in LAYERS[layer] | {layer, 'core'}:
        allowed = ', '.join(sorted(LAYERS[layer] | {layer, 'core'}))
        yield line, f'layer {layer!r} imports {name}; it may import {allowed}'


def _import_of_others(path: str, line: int, name: str) -> Iterator[tuple[int, str]]:
    layer, package = layer_of(path), name.split('.')[0]
    if layer == 'core' and package not in CORE_PACKAGES | sys.stdlib_module_names:
        yield line, f"layer 'core' imports {name}; it may import the standard library, numpy and jax"
    for rule, places in ONLY_IN.items():
        if f'{name}.'.startswith(f'{rule}.') and layer not in places and path not in places:
            yield (
                line,
                f'{rule} is imported; ' + (f'only {" and ".join(places)} may' if places else 'nothing in jaxit may'),
            )


def _size(path: str, source: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    if path.rsplit('/', 1)[-1] in ('utils.py', 'util.py'):
        yield 1, 'a file named utils.py says nothing; split it by noun'
    num_lines = len(source.splitlines())
    has_code = any(isinstance(node, _SCOPES) for node in ast.walk(tree))
    is_table = path.startswith(TABLES) or (layer_of(path) == 'tasks' and not has_code)
    if num_lines > MAX_LINES and not is_table:
        yield num_lines, f'{num_lines} lines; the limit is {MAX_LINES}, split it by noun'


def _mesh(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                context = item.context_expr
                name = _last_name(context.func if isinstance(context, ast.Call) else context)
                if name in ('mesh', 'Mesh', 'make_mesh') or (
                    not isinstance(context, ast.Call) and name.endswith('_mesh')
                ):
                    yield node.lineno, '`with mesh:` is not seen by Flax; use jax.set_mesh(mesh)'
        names = [_last_name(node)] if isinstance(node, ast.Name | ast.Attribute) else []
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [part for alias in node.names for part in alias.name.split('.')]
            names += (getattr(node, 'module', None) or '').split('.')
        if 'pjit' in names:
            yield getattr(node, 'lineno', 1), 'pjit is deprecated; use jax.jit with shardings'


def _last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ''


def _docstrings(tree: ast.Module | ast.ClassDef, owner: str = '') -> Iterator[tuple[int, str]]:
    """Looks at what a module or class offers; what is inside a function is private to it."""
    for node in _statements(tree.body):
        if not isinstance(node, _SCOPES) or node.name.startswith('_') or _is_known(node, owner):
            continue
        if not ast.get_docstring(node):
            kind = 'class' if isinstance(node, ast.ClassDef) else 'function'
            yield node.lineno, f'public {kind} {owner}{node.name} has no docstring'
        if isinstance(node, ast.ClassDef):
            yield from _docstrings(node, f'{owner}{node.name}.')


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yields statements and those below `if` and `try`, where definitions are as public."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            for handler in getattr(node, 'handlers', []):
                yield from _statements(handler.body)
            yield from _statements([*node.body, *node.orelse, *getattr(node, 'finalbody', [])])


def _is_known(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, owner: str) -> bool:
    """Says whether a docstring would add nothing: overloads, property setters, and the `setup` of a Flax module."""
    decorators = {_last_name(decorator) for decorator in node.decorator_list}
    return bool(decorators & {'overload', 'setter', 'deleter'}) or (bool(owner) and node.name == 'setup')


def _sources() -> dict[str, str]:
    return {str(p.relative_to(ROOT)): p.read_text() for p in sorted((ROOT / 'jaxit').rglob('*.py'))}


def test_every_module_keeps_the_rules() -> None:
    sources = _sources()
    assert 'jaxit/core/types.py' in sources
    found = [line for path, source in sources.items() for line in violations(path, source)]
    assert not found, '\n' + '\n'.join(found)


def test_every_folder_is_a_layer() -> None:
    folders = {p.name for p in (ROOT / 'jaxit').iterdir() if p.is_dir() and any(p.glob('*.py'))}
    assert folders <= set(LAYERS), f'not in docs/architecture.md: {sorted(folders - set(LAYERS))}'


def test_the_table_is_the_documented_one() -> None:
    """Each pair of cells `layers   what they import` in the document; one step of what those import is tolerated."""
    text = (ROOT / 'docs' / 'architecture.md').read_text()
    block = [line for line in text.splitlines() if re.match(r' {4}\w', line)]
    documented: dict[str, set[str]] = {}
    for line in block:
        cells = re.split(r' {2,}', line.strip())
        for names, what in zip(cells[::2], cells[1::2], strict=True):
            for name in re.split(r', ', names):
                documented[name] = set(re.findall(r'[a-z]+', re.sub(r'\(.*?\)', '', what))) & set(LAYERS)
    assert set(documented) == set(LAYERS)
    for name, listed in documented.items():
        if name == 'cli':
            continue
        assert listed <= LAYERS[name] | {'core'}, f'{name}: documented, not in the table'
        one_step = set().union(*(LAYERS[other] for other in listed))
        assert LAYERS[name] <= listed | one_step, f'{name}: in the table, not documented'


def test_the_table_has_no_cycle() -> None:
    done: set[str] = set()
    while len(done) < len(LAYERS):
        ready = {name for name, below in LAYERS.items() if name not in done and below - {name} <= done}
        assert ready, f'a cycle among {sorted(set(LAYERS) - done)}'
        done |= ready


BLOCKED = ('tensorflow', 'seqio', 'gin', 'tensorflow_datasets')
IMPORT_ALL = """
import importlib, sys, traceback

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {blocked!r}:
            raise ImportError(f'{{name}} is blocked by the architecture test')

sys.meta_path.insert(0, Blocker())
failed = False
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except Exception:
        failed = True
        frames = [f for f in traceback.extract_tb(sys.exc_info()[2]) if '/jaxit/' in f.filename]
        print(f'{{frames[-1].filename}}:{{frames[-1].lineno}}: ' if frames else '', end='')
        print(f'importing {{name}}: {{sys.exc_info()[1]}}')
sys.exit(failed)
"""


def _import_all(names: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ, JAX_PLATFORMS='cpu', PYTHONPATH=str(folder))
    command = [sys.executable, '-c', IMPORT_ALL.format(blocked=BLOCKED), *names]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, cwd=folder)


def test_all_but_tasks_and_cli_import_without_tensorflow_and_gin() -> None:
    paths = [p for p in _sources() if layer_of(p) not in ('tasks', 'cli') and p != 'jaxit/__main__.py']
    names = [path.removesuffix('.py').removesuffix('/__init__').replace('/', '.') for path in paths]
    result = _import_all(names, ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_blocked_packages_are_noticed(tmp_path: Path) -> None:
    package = tmp_path / 'jaxit'
    package.mkdir()
    (package / '__init__.py').write_text('')
    (package / 'good.py').write_text('import json\n')
    (package / 'bad.py').write_text('\nimport gin\n')
    result = _import_all(['jaxit.good', 'jaxit.bad'], tmp_path)
    assert result.returncode == 1
    assert result.stdout == f'{package}/bad.py:2: importing jaxit.bad: gin is blocked by the architecture test\n'


@pytest.mark.parametrize(
    ('path', 'source', 'message'),
    [
        ('core/a.py', 'from jaxit.models import decoder', "1: layer 'core' imports jaxit.models.decoder; it may import core"),
        ('core/a.py', 'import optax', "layer 'core' imports optax"),
        ('models/a.py', 'from jaxit.training import step', "layer 'models' imports jaxit.training.step"),
        ('training/a.py', '\ndef f():\n    from jaxit.models import t5', "3: layer 'training' imports jaxit.models.t5"),
        ('evaluation/a.py', 'from jaxit.sharding import mesh', 'it may import core, decoding, evaluation, text'),
        ('decoding/a.py', 'from ..models.decoder import Block', 'imports jaxit.models.decoder.Block'),
        ('decoding/a.py', 'from .. import models', 'imports jaxit.models'),
        ('data/a.py', 'from jaxit import models', 'imports jaxit.models'),
        ('data/a.py', "import importlib\nimportlib.import_module('jaxit.tasks.registry')", 'imports jaxit.tasks.registry'),
        ('data/a.py', "__import__('torch')", 'torch is imported'),
        ('data/a.py', 'if TYPE_CHECKING:\n    import jaxit.models.decoder', '2: layer'),
        ('data/a.py', 'import jaxit', "layer 'data' imports jaxit, a facade"),
        ('text/a.py', 'from jaxit.api import load', "layer 'text' imports jaxit.api.load, a facade"),
        ('extra/a.py', 'x = 1', "'extra' is not a layer"),
        ('loose.py', 'x = 1', "'jaxit/loose.py' is not a layer"),
        ('api.py', 'from jaxit.models import registry', 'a facade imports jaxit.models.registry at its top'),
        ('data/a.py', 'import tensorflow as tf', 'tensorflow is imported; only tasks may'),
        ('data/a.py', 'import tensorflow.io', 'tensorflow is imported'),
        ('training/a.py', 'def f():\n    import seqio', '2: seqio is imported'),
        ('evaluation/a.py', 'from tensorflow_datasets import load', 'tensorflow_datasets is imported'),
        ('tasks/a.py', 'import gin', 'gin is imported; only cli may'),
        ('reports/a.py', 'from typer import run', 'typer is imported'),
        ('training/a.py', 'from flax import linen as nn', 'flax.linen is imported; only layers and models may'),
        ('training/a.py', 'import flax.linen as nn', 'flax.linen is imported'),
        ('training/a.py', 'from flax.linen import Module', 'flax.linen is imported'),
        ('training/a.py', 'import flax\nx = flax.linen.Dense', '2: flax.linen is imported'),
        ('cli/a.py', 'import torch.nn', 'torch is imported; nothing in jaxit may'),
        ('checkpoints/a.py', 'from transformers import AutoModel', 'transformers is imported'),
        ('cli/a.py', 'import gguf', 'gguf is imported; only checkpoints may'),
        ('evaluation/a.py', 'from matplotlib import pyplot', 'matplotlib is imported'),
        ('training/a.py', 'import jinja2', 'jinja2 is imported'),
        ('training/a.py', 'from rich.progress import Progress', 'rich is imported'),
        ('data/a.py', 'x = 1\n' * 501, '501: 501 lines; the limit is 500'),
        ('tasks/a.py', 'def f():\n    """F."""\n' + 'x = 1\n' * 501, '503 lines'),
        ('data/utils.py', 'x = 1', 'a file named utils.py says nothing'),
        ('sharding/a.py', 'with mesh:\n    x = 1', '1: `with mesh:` is not seen by Flax'),
        ('sharding/a.py', 'with self.mesh, other:\n    x = 1', '`with mesh:`'),
        ('sharding/a.py', 'with jax.sharding.Mesh(d, a) as m:\n    x = 1', '`with mesh:`'),
        ('sharding/a.py', 'with device_mesh:\n    x = 1', '`with mesh:`'),
        ('training/a.py', 'from jax.experimental.pjit import pjit', 'pjit is deprecated'),
        ('training/a.py', 'f = jax.experimental.pjit.pjit(g)', 'pjit is deprecated'),
        ('data/a.py', '\n\ndef f():\n    return 1', '3: public function f has no docstring'),
        ('data/a.py', 'class A:\n    pass', 'public class A has no docstring'),
        ('data/a.py', 'class A:\n    """A."""\n\n    def f(self):\n        return 1', '4: public function A.f has no docstring'),
        ('data/a.py', 'try:\n    import x\nexcept ImportError:\n    def f(): ...', '4: public function f'),
        ('data/a.py', 'from numpy import *', 'wildcard import of numpy'),
    ],
)  # fmt: skip
def test_each_rule_catches_a_violation(path: str, source: str, message: str) -> None:
    found = violations(f'jaxit/{path}', source)
    assert any(message in line and line.startswith(f'jaxit/{path}:') for line in found), found


@pytest.mark.parametrize(
    ('path', 'source'),
    [
        ('core/a.py', 'import json\nimport numpy as np\nfrom jax import numpy as jnp\nfrom jaxit.core.tree import flatten'),
        ('models/a.py', 'import flax.linen as nn\nfrom jaxit.layers import mlp\nfrom jaxit.sharding import rules'),
        ('training/a.py', 'import flax.struct\nfrom jaxit.data.loader import Loader\nfrom . import step'),
        ('training/hooks.py', 'from rich.progress import Progress'),
        ('tasks/a.py', 'import seqio\nimport tensorflow as tf'),
        ('tasks/a.py', 'TEMPLATES = 1\n' * 501),
        ('checkpoints/maps/a.py', 'def f():\n    """F."""\n' + 'x = 1\n' * 501),
        ('cli/a.py', 'import gin\nimport typer\nfrom jaxit import api\nfrom jaxit.tasks import registry'),
        ('api.py', 'from jaxit.core.errors import UserError\ndef f():\n    """F."""\n    from jaxit.models import t5'),
        ('api.py', 'from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from jaxit.models import t5'),
        ('sharding/a.py', 'with jax.set_mesh(mesh):\n    x = 1'),
        ('sharding/a.py', 'with use_mesh(mesh), open(x) as f:\n    x = 1'),
        ('data/a.py', 'def _f():\n    return 1\n\nclass _A:\n    def f(self):\n        return 1'),
        ('data/a.py', 'def f():\n    """F."""\n    def inner():\n        return 1'),
        ('data/a.py', 'class A:\n    """A."""\n    @x.setter\n    def x(self, y):\n        self.y = y'),
        ('data/a.py', '# with mesh: and pjit and import torch are words here\nx = "import torch"'),
    ],
)  # fmt: skip
def test_each_rule_lets_the_right_thing_pass(path: str, source: str) -> None:
    assert violations(f'jaxit/{path}', source) == []
