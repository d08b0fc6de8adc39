"""Undoes what the makers of a data set did to its text for their tools: entities of HTML, quotation marks of TeX."""

import html
import re
from dataclasses import dataclass

from jaxit.tasks.preprocessors import Record

# An entity as the web page had it, `&#39;`, or with a blank in the place of the ampersand, ` #39;`.
_ENTITY = re.compile(r'(?:[ &]|(?<!\w))(#\d{2,4}|#x[\da-fA-F]{2,4}|amp|apos|gt|hellip|lt|nbsp|quot);')
_TAG = re.compile(r'</?(?:a|b|br|em|font|i|p|strong)\b[^<>]*>', re.IGNORECASE)
_BLANKS = re.compile(r'[\s\\]+')


@dataclass(frozen=True)
class web_text:  # noqa: N801 (reads as a function in a data set's list)
    r"""Restores entities, takes out tags and line breaks, which are written as backslashes, and escapes before a dollar.

    Attributes:
        fields: of text. `Europe #39;s` becomes `Europe's`, and `a \$5 loan\from it` becomes `a $5 loan from it`.
    """

    fields: tuple[str, ...]

    def __call__(self, record: Record) -> Record:
        return record | {name: _cleaned(record[name]) for name in self.fields}


@dataclass(frozen=True)
class straight_quotes:  # noqa: N801
    """Writes ``quotation marks of TeX'' as straight ones in text fields."""

    fields: tuple[str, ...]

    def __call__(self, record: Record) -> Record:
        return record | {name: record[name].replace('``', '"').replace("''", '"') for name in self.fields}


def _cleaned(text: str) -> str:
    text = _ENTITY.sub(lambda entity: html.unescape(f'&{entity[1]};'), text)
    return _BLANKS.sub(' ', _TAG.sub('', text).replace(r'\$', '$'))
