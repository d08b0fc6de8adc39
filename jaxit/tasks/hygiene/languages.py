"""The language of a text by its script and its commonest words: a plain rule, right for paragraphs, not for single words.

The script with the most letters decides. Scripts of one language name it; Cyrillic, Arabic and Devanagari stand for the
largest of theirs (ru, ar, hi); Chinese characters with kana among them are Japanese. In Latin letters it is the language
most of whose commonest words there are, if there are two of them or more and no other language has as many; else nobody
can tell.
"""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

from jaxit.core.errors import unknown_name
from jaxit.tasks.hygiene.filters import text_of
from jaxit.tasks.preprocessors import Record

COMMON_WORDS = {
    'de': 'der die das und ist nicht ein eine einen einem einer den dem des im mit sich auf für von zu auch es wird wurde '
    'sind aus bei als nach wie über oder werden hat was wer sie er ich ihr vor zwei in an am zum zur wo wann welche welcher',
    'en': 'the of and to in is that it was for on are with as at by this be from have or an which not what who how were '
    'has had his her their they he she you do does did will would two a when where many',
    'es': 'el la los las de del que y en un una por con para se es no su al lo como más fue son está pero sus han hay qué '
    'cuál quién cuándo dónde cuántos entre este esta o a ha',
    'fr': "le la les des du de et un une est en dans que qui pour par sur pas ce il elle avec au aux son sa ses se sont a "
    'été plus ou deux cette quel quelle comment était leur ne',
    'it': 'il lo la gli le di che e un una è in del della dei per con non si da al sono nel come più anche alla su ha delle '
    'dal questo quale chi era due dalla i',
    'nl': 'de het een en van in is dat op te met voor zijn niet aan er door als bij ook naar uit wordt werd om heeft hij ze '
    'wat wie welke deze dit die tot twee',
    'pt': 'o a os as de do da dos das que e em um uma por com para se não é no na foi ao como mais são pelo pela qual quem '
    'seu sua ou entre este esta dois',
}  # fmt: skip
SCRIPTS = {
    'ARABIC': 'ar',
    'BENGALI': 'bn',
    'CJK': 'zh',
    'CYRILLIC': 'ru',
    'DEVANAGARI': 'hi',
    'GREEK': 'el',
    'HANGUL': 'ko',
    'HEBREW': 'he',
    'HIRAGANA': 'ja',
    'KATAKANA': 'ja',
    'TAMIL': 'ta',
    'TELUGU': 'te',
    'THAI': 'th',
}
LANGUAGES = tuple(sorted({*COMMON_WORDS, *SCRIPTS.values()}))

_COMMON = {language: frozenset(text.split()) for language, text in COMMON_WORDS.items()}
_FEWEST = 2  # common words that it takes to tell
_WORD = re.compile(r'[^\W\d_]+')


def language_of(text: str) -> str | None:
    """Returns the ISO 639 code of the language of a text, None where the rule can't tell."""
    scripts = Counter(_script(character) for character in text if character.isalpha())
    if not scripts:
        return None
    (script, _), *_ = scripts.most_common(1)
    if script == 'LATIN':
        return _by_words(text)
    has_kana = scripts['HIRAGANA'] + scripts['KATAKANA'] > 0
    return 'ja' if script == 'CJK' and has_kana else SCRIPTS.get(script)


@dataclass(frozen=True)
class keep_language:  # noqa: N801 (reads as a function in a task's list)
    """Keeps records whose fields, read as one text, are in a language, or in none that the rule can tell.

    Attributes:
        fields: names of text fields, or 'messages'.
        languages: ISO 639 codes, of those in `LANGUAGES`.
    """

    fields: tuple[str, ...]
    languages: tuple[str, ...] = ('en',)

    def __post_init__(self) -> None:
        for language in self.languages:
            if language not in LANGUAGES:
                raise unknown_name('language', language, LANGUAGES, where='keep_language')

    def __call__(self, record: Record) -> Record | None:
        found = language_of('\n'.join(text_of(record, field) for field in self.fields))
        return record if found is None or found in self.languages else None


def _by_words(text: str) -> str | None:
    words = Counter(_WORD.findall(text.lower()))
    counts = {language: sum(words[word] for word in common) for language, common in _COMMON.items()}
    best = max(counts.values())
    winners = [language for language, count in counts.items() if count == best]
    return winners[0] if best >= _FEWEST and len(winners) == 1 else None


def _script(character: str) -> str:
    return unicodedata.name(character, '').split(' ')[0].split('-')[0]
