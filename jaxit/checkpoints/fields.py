"""Reading a foreign configuration so that no field is passed over in silence."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from jaxit.core.errors import UserError


class Fields:
    """Values by name. What is asked for is remembered, and what nobody asked for can be refused.

    Args:
        get: returns the value of a name that is there.
        names: what is there.
        where: the file, for messages.
        kind: what a name is called in messages.
    """

    def __init__(self, get: Callable[[str], Any], names: Iterable[str], where: str, kind: str = 'field') -> None:
        self._get = get
        self._names = set(names)
        self._asked: set[str] = set()
        self._where = where
        self._kind = kind

    def get(self, name: str, default: Any = None) -> Any:
        """Returns a value; null counts as absent."""
        self._asked.add(name)
        value = self._get(name) if name in self._names else None
        return default if value is None else value

    def whole(self, name: str, default: int | None = None) -> int:
        """Returns a positive integer; the field must be there unless a default is given."""
        value = self.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.wrong(name, value, 'a positive integer')
        return value

    def real(self, name: str, default: float | None = None) -> float:
        """Returns a positive number; the field must be there unless a default is given."""
        value = self.get(name, default)
        if not isinstance(value, float | int) or isinstance(value, bool) or not 0 < value < float('inf'):
            raise self.wrong(name, value, 'a positive number')
        return float(value)

    def fraction(self, name: str, default: float) -> float:
        """Returns a number from 0 up to, not including, 1."""
        value = self.get(name, default)
        if not isinstance(value, float | int) or isinstance(value, bool) or not 0 <= value < 1:
            raise self.wrong(name, value, 'from 0 to below 1')
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        """Returns a truth value."""
        value = self.get(name, default)
        if not isinstance(value, bool):
            raise self.wrong(name, value, 'true or false')
        return value

    def text(self, name: str) -> str:
        """Returns a text; the field must be there."""
        value = self.get(name)
        if not isinstance(value, str):
            raise self.wrong(name, value, 'a text')
        return value

    def only(self, name: str, *values: Any) -> None:
        """Refuses a field whose value is none of those that are computed."""
        value = self.get(name)
        if value is not None and value not in values:
            raise self.wrong(name, value, ' or '.join(repr(v) for v in values))

    def choice(self, name: str, choices: dict[str, Any], default: str | None = None) -> Any:
        """Returns what a text stands for."""
        value = self.get(name, default)
        if not isinstance(value, str) or value not in choices:
            raise self.wrong(name, value, f'one of {", ".join(choices)}')
        return choices[value]

    def inner(self, name: str) -> 'Fields | None':
        """Returns the fields of an object, None where it is absent."""
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.wrong(name, value, 'an object')
        return Fields(value.__getitem__, value, f'{self._where}: {name}', self._kind)

    def has(self, name: str) -> bool:
        """Returns whether a field is there."""
        return name in self._names

    def wrong(self, name: str, value: Any, wanted: str) -> UserError:
        """Returns the error for a value that we do not compute."""
        return UserError(f'{self._where}: {self._kind} {name} is {value!r}; it must be {wanted}')

    def refuse_rest(self, prefix: str = '', *, harmless: Sequence[str] = ()) -> None:
        """Refuses fields nobody asked for: they might change what the model computes.

        Args:
            prefix: only names that begin so.
            harmless: regular expressions of names that say nothing of the computation.
        """
        for name in sorted(self._names - self._asked):
            if not name.startswith(prefix) or any(re.fullmatch(pattern, name) for pattern in harmless):
                continue
            if (value := self._get(name)) not in (None, False):
                raise UserError(
                    f'{self._where}: {self._kind} {name} = {value!r} is not known; '
                    'remove it if it does not change what the model computes'
                )


def short(value: float) -> float:
    """Returns the number that a float32 was written as: 1e-06, not 9.999999974752427e-07."""
    return float(str(np.float32(value)))


def strict_json(content: bytes, where: str) -> dict[str, Any]:
    """Returns a JSON object that names nothing twice.

    Raises:
        UserError: for what is no such object.
    """

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for name, inner in items:
            if name in value:
                raise UserError(f'{where}: {name!r} stands there twice')
            value[name] = inner
        return value

    try:
        value = json.loads(content, object_pairs_hook=pairs)
    except UserError:
        raise
    except (ValueError, RecursionError) as error:
        raise UserError(f'{where}: not JSON: {error}') from None
    if not isinstance(value, dict):
        raise UserError(f'{where}: a JSON {type(value).__name__}; it must be an object')
    return value
