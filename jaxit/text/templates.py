"""Templates: patterns that turn a record's fields into inputs and targets."""

import functools
import hashlib
import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxit.core.errors import UserError, unknown_name

KINDS = ('zero_shot', 'few_shot', 'inverted')
OPTIONS_SLOT = 'options'


def _dashes(options: Sequence[str]) -> str:
    return '\n'.join(['OPTIONS:', *(f'- {option}' for option in options)])


def _letters(options: Sequence[str]) -> str:
    if len(options) > len(string.ascii_uppercase):
        raise UserError(f"options_style 'letters' has 26 letters; there are {len(options)} options")
    return '\n'.join(
        ['OPTIONS:', *(f'({letter}) {text}' for letter, text in zip(string.ascii_uppercase, options, strict=False))]
    )


OPTION_STYLES: Mapping[str, Callable[[Sequence[str]], str]] = {
    'dashes': _dashes,
    'letters': _letters,
    'none': lambda options: '',
}


@dataclass(frozen=True)
class Template:
    """A pattern of inputs and targets with `{field}` slots; `{{` and `}}` stand for braces.

    Attributes:
        inputs: what the model reads. `{options}` becomes the list of answers to choose from.
        targets: what it learns to write.
        kind: 'zero_shot', 'few_shot' or 'inverted' (the record's answer stands in the inputs; not for evaluation).
        options_style: 'dashes' (FLAN's `OPTIONS:` and a line `- option` each), 'letters', or 'none': the slot and the
            blank space before it vanish.
        language: of the instruction, as an ISO 639 code.
        name: for messages.
    """

    inputs: str
    targets: str
    kind: str = 'zero_shot'
    options_style: str = 'dashes'
    language: str = 'en'
    name: str = ''

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown_name('template kind', self.kind, KINDS, where=self.label)
        if self.options_style not in OPTION_STYLES:
            raise unknown_name('options_style', self.options_style, OPTION_STYLES, where=self.label)
        for pattern in (self.inputs, self.targets):
            _parse(pattern, self.label)

    @property
    def label(self) -> str:
        """The template's name, or how it begins."""
        return f'template {self.name or self.inputs[:40]!r}'

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that a record must have, each once, in order."""
        slots = [field for pattern in (self.inputs, self.targets) for _, field in _parse(pattern, self.label)]
        return tuple(dict.fromkeys(field for field in slots if field))

    @property
    def target_fields(self) -> tuple[str, ...]:
        """Those of them that stand in the targets."""
        return tuple(dict.fromkeys(field for _, field in _parse(self.targets, self.label) if field))

    def render(self, record: Mapping[str, Any], *, options: Sequence[str] = ()) -> tuple[str, str]:
        """Returns (inputs, targets) for a record.

        Args:
            record: the fields by name; braces in them are plain text.
            options: what fills `{options}`; without it the record's own field of that name does.

        Raises:
            UserError: names the template and the field that is missing or is not text.
        """
        options = options or record.get(OPTIONS_SLOT) or ()
        return self._fill(self.inputs, record, options), self._fill(self.targets, record, options)

    def _fill(self, pattern: str, record: Mapping[str, Any], options: Sequence[str]) -> str:
        text = ''
        for literal, field in _parse(pattern, self.label):
            text += literal
            if field == OPTIONS_SLOT and self.options_style == 'none':
                text = text.rstrip()
            elif field == OPTIONS_SLOT:
                text += OPTION_STYLES[self.options_style](self._checked(options))
            elif field:
                text += self._value(record, field)
        return text.lstrip() if pattern.startswith('{options}') and self.options_style == 'none' else text

    def _checked(self, options: Sequence[str]) -> Sequence[str]:
        if not options or isinstance(options, str) or not all(isinstance(option, str) for option in options):
            raise UserError(f'{self.label}: its slot {{options}} wants a list of texts, got {options!r}')
        return options

    def _value(self, record: Mapping[str, Any], field: str) -> str:
        if field not in record:
            raise unknown_name('field', field, record, where=self.label)
        value = record[field]
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise UserError(f'{self.label}: field {field!r} is {type(value).__name__}; it must be text or a number')
        return str(value)


@functools.cache
def fields_of(templates: tuple[Template, ...]) -> frozenset[str]:
    """Returns the fields that any of the templates names; found once, since it is asked for with every row."""
    return frozenset(field for template in templates for field in template.fields)


def choose(templates: Sequence[Template], task_name: str, row: int, seed: int) -> int:
    """Returns the index of the template for a row: a draw that is the same on every host and in every order."""
    if not templates:
        raise UserError(f'task {task_name!r} has no templates')
    digest = hashlib.sha256(f'{seed}/{row}/{task_name}'.encode()).digest()
    return int.from_bytes(digest[:8], 'little') % len(templates)


def _parse(pattern: str, label: str) -> list[tuple[str, str | None]]:
    """Returns (text, field that follows it) pairs; only plain names are fields, so a template can't reach attributes."""
    try:
        pieces = list(string.Formatter().parse(pattern))
    except ValueError as error:
        raise UserError(f'{label}: {error}; write {{{{ and }}}} for braces') from None
    for _, field, specification, conversion in pieces:
        if field is not None and (not re.fullmatch(r'[A-Za-z_]\w*', field) or specification or conversion):
            raise UserError(f'{label}: {{{field}}} is not a plain field name; write {{{{ and }}}} for braces')
    return [(literal, field) for literal, field, _, _ in pieces]
