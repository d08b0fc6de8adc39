"""gin files become an `Experiment`. They are code, so they are read before anything in them runs.

Only modules of an allow-list may be imported by a gin file, and a reference may not walk
through one of them into another module (`@files.os.system`).
"""

import importlib
import importlib.util
import inspect
import re
import types
from collections.abc import Iterable, Sequence
from pathlib import Path

import gin
from jaxit.cli.experiment import Experiment
from jaxit.core.errors import UserError, unknown_name

ALLOWED_MODULES = ('jaxit', 'optax', 'seqio')
ROOT = Path(__file__).resolve().parents[2]  # the project's own gin/ is found from any working directory
MAX_DEPTH = 16
MAX_BYTES = 1 << 20

# What may be overridden on the command line by a short name: `--gin.optimizer.learning_rate=1e-4`.
SHORT_NAMES = {
    'experiment': 'experiment.Experiment',
    'data': 'experiment.DataConfig',
    'lora': 'experiment.LoraConfig',
    'evaluation': 'experiment.EvaluationConfig',
    'optimizer': 'optimizers.OptimizerConfig',
    'schedule': 'schedules.ScheduleConfig',
    'loss': 'losses.LossConfig',
    'trainer': 'trainer.TrainerConfig',
    'mesh': 'mesh.MeshConfig',
    'execution': 'execution.Execution',
}

# Overrides may name these whatever the files import.
PRELUDE = (
    'from __gin__ import dynamic_registration',
    'from jaxit.cli import experiment',
    'from jaxit.models import execution',
    'from jaxit.models import families',
    'from jaxit.sharding import mesh',
    'from jaxit.training import losses',
    'from jaxit.training import optimizers',
    'from jaxit.training import schedules',
    'from jaxit.training import trainer',
)

_IMPORT = re.compile(
    r'^\s*(?:from\s+(?P<package>[\w.]+)\s+)?import\s+(?P<module>[\w.]+)(?:\s+as\s+(?P<alias>\w+))?\s*(?:#.*)?$'
)
_INCLUDE = re.compile(r'^\s*include\s+[\'"](?P<path>[^\'"]+)[\'"]\s*(?:#.*)?$')
_REFERENCE = re.compile(r'@(?:[\w/]+/)?([A-Za-z_][\w.]*)')
_HEADER = re.compile(r'^(?:[\w/]+/)?([A-Za-z_][\w.]*)\s*:$')
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_BINDING = re.compile(r'^\s*(?:[\w/]+/)?([A-Za-z_][\w.]*)\s*=')


def load(files: Sequence[str], overrides: Sequence[str] = (), modules: Sequence[str] = ()) -> Experiment:
    """Returns the experiment that gin files and overrides describe.

    Args:
        files: gin files, later ones win.
        overrides: bindings, e.g. `optimizer.learning_rate=1e-4`; short names are those of SHORT_NAMES.
        modules: further modules that the files may import.

    Raises:
        UserError: an unknown name, a syntax error or a module that is not allowed, with file and line.
    """
    gin.clear_config()
    scanner = _Scanner((*ALLOWED_MODULES, *modules))
    for file in files:
        scanner.scan(Path(file))
    for line in PRELUDE if overrides else ():
        scanner.take(line)
    bindings = [scanner.expand(text) for text in overrides]
    bindings = [*scanner.imports, *bindings] if bindings else []
    gin.add_config_file_search_path(str(ROOT))
    try:
        gin.parse_config_files_and_bindings(
            list(files), bindings, finalize_config=True, print_includes_and_imports=False
        )
        experiment = importlib.import_module('gin').get_configurable(Experiment)()
    except UserError:
        raise
    except SyntaxError as error:
        raise UserError(f'{error.filename}: line {error.lineno}: {error.msg}') from None
    except Exception as error:
        raise UserError(_one_line(error)) from None
    return experiment


def operative_config() -> str:
    """Returns every value that was used by the last `load`, as a gin file."""
    return gin.operative_config_str()


class _Scanner:
    """Reads gin files without running them."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = tuple(allowed)
        self._names: dict[str, types.ModuleType] = {}
        self.imports: list[str] = []

    def scan(self, path: Path, parents: tuple[Path, ...] = ()) -> None:
        """Checks a file and those it includes."""
        resolved = path.resolve()
        header: str | None = None
        if resolved in parents or len(parents) > MAX_DEPTH:
            raise UserError(f'{path}: includes itself')
        for number, line in enumerate(_lines(path), 1):
            where = f'{path}: line {number}'
            if match := _IMPORT.match(line):
                self._import(match, where)
            elif match := _INCLUDE.match(line):
                self._include(match['path'], path, (*parents, resolved), where)
            elif re.match(r'^\s*(from|import|include)\b', line):
                raise UserError(f'{where}: not understood: {line.strip()[:80]!r}')
            else:
                header = self._check_line(line, header, where)

    def _check_line(self, line: str, header: str | None, where: str) -> str | None:
        """Checks a line and returns the name that the indented lines after it belong to (`trainer.TrainerConfig:`)."""
        code = _code(line)
        if not code.strip():
            return header
        if match := _HEADER.match(code):
            self._resolve(match[1], where)
            return match[1]
        if not code[0].isspace():
            header = None
        elif header is not None and (match := _BINDING.match(code)):
            self._check_parameter(header, match[1], where)
        self._check_names(code, where)
        return header

    def take(self, line: str, where: str = 'jaxit') -> None:
        """Follows an import and remembers it for the overrides."""
        match = _IMPORT.match(line)
        assert match is not None
        self._import(match, where)

    def expand(self, binding: str) -> str:
        """Returns an override with its short name spelled out, checked."""
        name, sign, value = binding.partition('=')
        if not sign:
            raise UserError(f'--gin.{binding}: expected --gin.name.parameter=value')
        first, _, rest = name.strip().partition('.')
        if rest and first in SHORT_NAMES and (first not in self._names or '.' not in rest):
            name = f'{SHORT_NAMES[first]}.{rest}'
        text = f'{name.strip()} = {_literal(value.strip())}'
        self._check_names(text, f'--gin.{binding}')
        return text

    def _import(self, match: re.Match[str], where: str) -> None:
        package, module = match['package'], match['module']
        statement = match[0].strip()
        if statement not in self.imports:
            self.imports.append(statement)
        if package == '__gin__':
            return
        full = f'{package}.{module}' if package else module
        if not self._is_allowed(full):
            raise UserError(
                f'{where}: module {full!r} may not be imported; allowed: {", ".join(self._allowed)} (add yours with --module)'
            )
        try:
            loaded = importlib.import_module(full)
        except ImportError as error:
            raise UserError(f'{where}: module {full!r} cannot be imported: {error}') from None
        alias = match['alias'] or (module if package else full.split('.')[0])
        self._names[alias] = loaded if (package or match['alias']) else importlib.import_module(full.split('.')[0])

    def _include(self, target: str, path: Path, parents: tuple[Path, ...], where: str) -> None:
        if Path(target).is_absolute() or '..' in Path(target).parts or not target.endswith('.gin'):
            raise UserError(f'{where}: include {target!r}: only relative .gin files may be included')
        for folder in (Path('.'), path.parent, ROOT):
            if (folder / target).is_file():
                return self.scan(folder / target, parents)
        raise UserError(f'{where}: included file {target!r} is not there')

    def _check_names(self, line: str, where: str) -> None:
        code = _code(line)
        for selector in _REFERENCE.findall(code):
            self._resolve(selector, where)
        match = _BINDING.match(code)
        if match and '.' in match[1]:
            selector, parameter = match[1].rsplit('.', 1)
            self._check_parameter(selector, parameter, where)

    def _check_parameter(self, selector: str, name: str, where: str) -> None:
        value = self._resolve(selector, where)
        if not callable(value):
            raise UserError(f'{where}: {selector!r} takes no parameters, so {name!r} cannot be set')
        parameters = inspect.signature(value).parameters
        if name not in parameters and all(p.kind is not p.VAR_KEYWORD for p in parameters.values()):
            raise unknown_name('parameter', name, parameters, where=f'{where} ({selector})')

    def _resolve(self, selector: str, where: str) -> object:
        """Returns what a dotted name stands for."""
        first, *rest = selector.split('.')
        if first not in self._names:
            raise unknown_name('gin name', selector, [*self._names, *SHORT_NAMES], where=where)
        value: object = self._names[first]
        for name in rest:
            choices = vars(value) if isinstance(value, types.ModuleType) else dir(value)
            if not hasattr(value, name):
                before = selector.rsplit('.', 1)[0]
                near = [f'{before}.{choice}' for choice in choices if not choice.startswith('_')]
                raise unknown_name('gin name', selector, near, where=where)
            value = getattr(value, name)
            home = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, '__module__', '') or ''
            if not self._is_allowed(home):
                raise UserError(f'{where}: {selector!r} is from module {home!r}, which gin files may not use')
        return value

    def _is_allowed(self, module: str) -> bool:
        return any(module == name or module.startswith(f'{name}.') for name in self._allowed)


def _code(line: str) -> str:
    """Returns a line without its comment and without what stands in quotes."""
    return _QUOTED.sub("''", line).split('#')[0].rstrip()


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f'{path}: larger than {MAX_BYTES} bytes')
        return path.read_text(encoding='utf-8').splitlines()
    except UnicodeDecodeError:
        raise UserError(f'{path}: not UTF-8') from None
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from None


def _literal(value: str) -> str:
    """A word that is no gin value is meant as a string: `--gin.data.mixture=primer`."""
    if re.fullmatch(r'[A-Za-z_./~-][\w./~:-]*', value) and value not in ('True', 'False', 'None'):
        return repr(value)
    return value


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())[:600]
