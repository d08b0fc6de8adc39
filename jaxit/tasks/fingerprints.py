"""What determines a cache, as one hash: change any of it and the cache is built anew."""

import dataclasses
import functools
import hashlib
import importlib.metadata
import inspect
import re
import sys
from collections.abc import Callable, Collection
from typing import Any

from jaxit.core.errors import UserError
from jaxit.core.files import sha256_json
from jaxit.tasks import replay
from jaxit.tasks.registry import TRAIN, Task
from jaxit.text import chat
from jaxit.text.base import Tokenizer
from jaxit.text.examples import TokenFormat

# Raised when rendering or tokenisation give other examples from the same task.
RENDERING_VERSION = 3

_ADDRESS = re.compile(r' at 0x[0-9a-fA-F]+')
_TOKENIZER_PACKAGES = ('sentencepiece', 'tokenizers')


def fingerprint(
    task: Task,
    split: str,
    tokenizer: Tokenizer,
    token_format: TokenFormat,
    *,
    seed: int,
    chat_format: str | None = None,
    on_bad_row: str = 'error',
    leave_out: Collection[int] = (),
) -> str:
    """Returns the hash of everything that the examples of a cache depend on."""
    return sha256_json(
        _unusual(task)
        | ({'leave_out': sorted(leave_out)} if leave_out else {})
        | {
            'version': RENDERING_VERSION,
            'task': task.name,
            'split': split,
            'source': task.source.fingerprint(split),
            'templates': [dataclasses.asdict(template) for template in task.templates],
            'render': describe(task.render) if task.render else None,
            'preprocessors': [describe(preprocessor) for preprocessor in task.preprocessors],
            'options': repr(task.answer_options),
            'template_field': task.template_field,
            'eval_template': task.eval_template,
            'kind': task.kind,
            'exemplars': [task.shots, task.source.fingerprint(TRAIN)] if task.shots else None,
            'tokenizer': tokenizer.sha256,
            'token_format': dataclasses.asdict(token_format),
            'seed': seed,
            'chat_format': None if chat_format is None else dataclasses.asdict(chat.get(chat_format)),
            'on_bad_row': on_bad_row,
            'packages': _package_versions(),
        }
    )


def _unusual(task: Task) -> dict[str, Any]:
    """Returns what few tasks set; nothing where it is as for any other task, whose cache stays what it is."""
    fields = {
        'loss_turns': 'all',
        'long_conversations': 'cut',
        'objective': 'span_corruption',
        'needs_exemplars': False,
    }
    found = {name: getattr(task, name) for name, usual in fields.items() if getattr(task, name) != usual}
    found |= {'replay_version': replay.VERSION} if task.kind == 'text' else {}
    return found | ({} if task.few_shot is None else {'few_shot': describe(task.few_shot)})


@functools.cache
def _package_versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in _TOKENIZER_PACKAGES}


def describe(function: Callable[..., Any]) -> list[Any]:
    """Returns what a function is, as JSON: its name, settings, and the text of the module it is written in.

    The whole module counts, since a function may use what stands beside it there.

    Raises:
        UserError: for a function whose settings have no stable text.
    """
    if isinstance(function, functools.partial):
        settings = [_stable(value) for value in (*function.args, *sorted(function.keywords.items()))]
        return ['partial', describe(function.func), settings]
    if not inspect.isroutine(function):
        return ['object', *_named(type(function)), _stable(function)]
    bound = getattr(function, '__self__', None)
    closure = [_stable(cell.cell_contents) for cell in getattr(function, '__closure__', None) or ()]
    defaults = [_stable(value) for value in getattr(function, '__defaults__', None) or ()]
    owner = [] if bound is None or inspect.ismodule(bound) else [_stable(bound)]
    return ['function', *_named(function), closure, defaults, owner]


def _named(thing: Any) -> list[str]:
    return [f'{thing.__module__}.{thing.__qualname__}', _source_hash(thing)]


def _source_hash(thing: Any) -> str:
    try:
        text = inspect.getsource(sys.modules[thing.__module__])
    except (OSError, TypeError, KeyError):
        code = getattr(thing, '__code__', None)
        text = '' if code is None else repr((code.co_code, code.co_consts, code.co_names))
        text = _ADDRESS.sub('', text)
    return hashlib.sha256(text.encode()).hexdigest()


def _stable(value: Any) -> Any:
    if inspect.isroutine(value) or isinstance(value, functools.partial):
        return describe(value)
    if isinstance(value, tuple | list):
        return [_stable(item) for item in value]
    text = repr(value)
    if _ADDRESS.search(text):
        if dataclasses.is_dataclass(value):  # one that holds functions
            return [[field.name, _stable(getattr(value, field.name))] for field in dataclasses.fields(value)]
        raise UserError(
            f'{text}: a preprocessor or render function depends on an object without a stable text; '
            'make it a dataclass, or use a function of a module'
        )
    return text
