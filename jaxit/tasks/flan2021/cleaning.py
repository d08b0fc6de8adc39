"""Undoes what the makers of a data set did to its text for their tools: entities of HTML, quotes of TeX, blanks of tokenisers."""

import html
import re
from dataclasses import dataclass

from jaxit.tasks.preprocessors import Record

# An entity as the web page had it, `&#39;`, or with a blank in the place of the ampersand, ` #39;`.
_ENTITY = re.compile(r'(?:[ &]|(?<!\w))(#\d{2,4}|#x[\da-fA-F]{2,4}|amp|apos|gt|hellip|lt|nbsp|quot);')
_TAG = re.compile(r'</?(?:a|b|br|em|font|i|p|strong)\b[^<>]*>', re.IGNORECASE)
_BLANKS = re.compile(r'[\s\\]+')

# What a tokeniser set apart, and how it was, in this order.
_TOKENS = (
    (re.compile(r'``\s*|\s*\'\''), '"'),
    (re.compile(r'`\s*|\s\'(?=[\s"]|\Z)'), "'"),
    (re.compile(r"\s(?=(?:n't|'(?:s|t|d|m|l|ll|re|ve))\b)"), ''),
    (re.compile(r"(?<=\b[Od]) (?='[A-Za-z])|(?<=\bo) (?='clock\b)"), ''),
    (re.compile(r'(?<=\d) : (?=\d)'), ':'),
    (re.compile(r'\s(?=[?!.,:;](?:[\s"\']|\Z))'), ''),
)


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


@dataclass(frozen=True)
class joined_tokens:  # noqa: N801
    """Joins marks and endings to the words they belong to in text fields, and writes straight quotes.

    Attributes:
        fields: of text. `What 's a `` borrow pit '' ?` becomes `What's a "borrow pit"?`.
    """

    fields: tuple[str, ...]

    def __call__(self, record: Record) -> Record:
        return record | {name: _joined(record[name]) for name in self.fields}


def _joined(text: str) -> str:
    for pattern, meant in _TOKENS:
        text = pattern.sub(meant, text)
    return text


def _cleaned(text: str) -> str:
    text = _ENTITY.sub(lambda entity: html.unescape(f'&{entity[1]};'), text)
    return _BLANKS.sub(' ', _TAG.sub('', text).replace(r'\$', '$'))
