"""Translation between English and another language; the direction that is evaluated leads out of English."""

from jaxit.tasks.flan2021.data_set import CAP, DataSet, asks, inverts
from jaxit.tasks.preprocessors import Preprocessor, filter_empty, rename, strip
from jaxit.text.templates import Template

LANGUAGES = {
    'cs': 'Czech',
    'de': 'German',
    'es': 'Spanish',
    'fi': 'Finnish',
    'fr': 'French',
    'ro': 'Romanian',
    'ru': 'Russian',
    'tr': 'Turkish',
}

# TFDS has no download for one part of these two.
MANUAL = {
    'cs': (
        'register at http://ufal.mff.cuni.cz/czeng/czeng16pre and put czeng16pre.deduped-ignoring-sections.txt.gz '
        'into the manual directory of TFDS'
    ),
    'ru': 'ask for 1mcorpus.zip at https://translate.yandex.ru/corpus?lang=en and put it into the manual directory of TFDS',
}


def templates(language: str) -> tuple[Template, ...]:
    """Returns the ten wordings for a language: seven out of English, two into it, one that asks for its name."""
    return (
        asks(f'Put the following English text into {language}.\n\n{{english}}'),
        asks(f'{{english}}\n\nWrite down what this means, in {language}.'),
        asks(f'English: {{english}}\n{language}:'),
        asks(f'Could you turn this into good {language} for me?\n{{english}}'),
        asks(
            f'A reader who knows only {language} should be able to understand this. Rewrite it for them.\n\n{{english}}'
        ),
        asks(f'If this had been written in {language} to begin with, what would it say?\n\n{{english}}'),
        asks(f'Source language: English\nTarget language: {language}\nText: {{english}}\nTranslation:'),
        inverts(f'Give the English for this piece of {language}.\n\n{{answer}}', '{english}'),
        inverts(f"{{answer}}\n\nI don't read {language}. What does it say, in English?", '{english}'),
        inverts('Here is a text. What do English speakers call its language?\n\n{answer}', language),
    )


def preprocessors(code: str) -> tuple[Preprocessor, ...]:
    """Returns the steps that call the two sides `english` and `answer` and leave out pairs with an empty side."""
    sides = ('english', 'answer')
    return (rename({'en': 'english', code: 'answer'}), strip(sides), filter_empty(sides))


def wmt(key: str, tfds: str, code: str) -> DataSet:
    """Returns a language pair of WMT: its news test sets are validation and test."""
    return DataSet(
        key=key,
        tfds=tfds,
        clusters=('translation',),
        train=f'train[:{CAP}]',
        dev='validation[:200]',
        test='test',
        num_train=CAP,
        preprocessors=preprocessors(code),
        templates=templates(LANGUAGES[code]),
        metrics=('bleu',),
        licence='unknown',
        languages=('en', code),
        manual=MANUAL.get(code, ''),
    )


PARA_CRAWL_ENES = DataSet(
    key='para_crawl_enes',
    tfds='para_crawl/enes:1.2.0',
    clusters=('translation',),
    train=f'train[:{CAP}]',
    dev='train[-1200:-1000]',
    test='train[-1000:]',
    num_train=CAP,
    preprocessors=preprocessors('es'),
    templates=templates(LANGUAGES['es']),
    metrics=('bleu',),
    licence='CC0-1.0 for the packaging; the texts belong to their owners',
    languages=('en', 'es'),
)

WMT14_ENFR = wmt('wmt14_enfr', 'wmt14_translate/fr-en:1.0.0', 'fr')

WMT16 = tuple(
    wmt(f'wmt16_translate_{code}en', f'wmt16_translate/{code}-en:1.0.0', code)
    for code in ('de', 'tr', 'cs', 'fi', 'ro', 'ru')
)

DATA_SETS = (PARA_CRAWL_ENES, WMT14_ENFR, *WMT16)
