"""Preprocessors that leave out records whose texts are too short, too long, or mostly not text."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from jaxit.core.errors import UserError
from jaxit.tasks.preprocessors import Record
from jaxit.text import chat


@dataclass(frozen=True)
class keep_words:  # noqa: N801 (reads as a function in a task's list)
    """Keeps records in which each of the fields has so many words; a word is what stands between blanks.

    Attributes:
        fields: names of text fields, or 'messages', which count as one text.
        minimum: the fewest words.
        maximum: the most words; any number when None.
    """

    fields: tuple[str, ...]
    minimum: int = 1
    maximum: int | None = None

    def __post_init__(self) -> None:
        _check_range('keep_words', self.minimum, self.maximum)

    def __call__(self, record: Record) -> Record | None:
        counts = (len(text.split()) for text in _texts(record, self.fields))
        return record if all(_is_in(count, self.minimum, self.maximum) for count in counts) else None


@dataclass(frozen=True)
class keep_characters:  # noqa: N801
    """Keeps records in which each of the fields has so many characters, blank space at its ends aside.

    Attributes:
        fields: names of text fields, or 'messages', which count as one text.
        minimum: the fewest characters.
        maximum: the most characters; any number when None.
    """

    fields: tuple[str, ...]
    minimum: int = 1
    maximum: int | None = None

    def __post_init__(self) -> None:
        _check_range('keep_characters', self.minimum, self.maximum)

    def __call__(self, record: Record) -> Record | None:
        counts = (len(text.strip()) for text in _texts(record, self.fields))
        return record if all(_is_in(count, self.minimum, self.maximum) for count in counts) else None


@dataclass(frozen=True)
class limit_non_letters:  # noqa: N801
    """Keeps records in which no field has more than a share of characters that are not letters; blanks don't count.

    Attributes:
        fields: names of text fields, or 'messages'; an empty one passes.
        maximum: the share, from 0 to 1.
    """

    fields: tuple[str, ...]
    maximum: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.maximum <= 1:
            raise UserError(f'limit_non_letters: maximum is {self.maximum}; it must be a share from 0 to 1')

    def __call__(self, record: Record) -> Record | None:
        return record if all(non_letters(text) <= self.maximum for text in _texts(record, self.fields)) else None


def non_letters(text: str) -> float:
    """Returns the share of characters that are not letters among those that are not blank; 0 for an empty text."""
    characters = [character for character in text if not character.isspace()]
    others = sum(
        unicodedata.category(character)[0] not in 'LM' for character in characters
    )  # a mark is part of a letter
    return others / len(characters) if characters else 0.0


def text_of(record: Record, field: str) -> str:
    """Returns the text of a field; of a conversation's `messages`, all that is said in it, a line break between two."""
    value = record.get(field)
    if field == 'messages' and isinstance(value, list) and all(isinstance(message, Mapping) for message in value):
        chat.check(value)
        value = '\n'.join(text for message in value for text in (message['content'], message.get('input')) if text)
    if not isinstance(value, str):
        what = type(value).__name__ if field in record else 'missing'
        raise UserError(f'field {field!r} is {what}; it must be text')
    return value


def _check_range(name: str, minimum: int, maximum: int | None) -> None:
    if minimum < 0 or (maximum is not None and maximum < minimum):
        raise UserError(f'{name}: minimum is {minimum} and maximum {maximum}; nothing is between them')


def _is_in(count: int, minimum: int, maximum: int | None) -> bool:
    return minimum <= count and (maximum is None or count <= maximum)


def _texts(record: Record, fields: tuple[str, ...]) -> list[str]:
    return [text_of(record, field) for field in fields]
