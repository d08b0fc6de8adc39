"""Text formatting: capitals, punctuation or spaces taken out of English web text, to be put back."""

import re

from jaxit.tasks.flan2021.data_set import DataSet, asks, inverts
from jaxit.tasks.preprocessors import Record

PARA_CRAWL = 'para_crawl/enda:1.2.0'  # of its pairs only the English side is read
LICENCE = 'CC0-1.0 for the packaging; the texts belong to their owners'

_MARKS = re.escape('.,;:!?¡¿…"“”„«»\'‘’`()[]{}-–—')
# A mark between two digits stays, and so does the minus of -5: nothing in the words could tell 3.5 from 35.
_PUNCTUATION = re.compile(rf'(?!(?<!\S)-\d)(?:(?<!\d)[{_MARKS}]|[{_MARKS}](?!\d))')
_ADDRESS = re.compile(r'www\.|://|\S@\S')  # whose marks are no punctuation


def lower_case(record: Record) -> Record | None:
    """Writes the text without capitals into `lowered`; a text that has none is left out."""
    text = record['en'].strip()
    lowered = text.lower()
    return None if lowered == text else {'lowered': lowered, 'answer': text}


def drop_punctuation(record: Record) -> Record | None:
    """Writes the words without punctuation into `bare`.

    A text of words alone, or of marks alone, is left out, and so is one with an address of the web or of e-mail.
    """
    text = record['en'].strip()
    bare = ' '.join(_PUNCTUATION.sub('', text).split())
    return None if bare in ('', text) or _ADDRESS.search(text) else {'bare': bare, 'answer': text}


def drop_spaces(record: Record) -> Record | None:
    """Writes the text without blank space into `joined`."""
    text = record['en'].strip()
    return {'joined': ''.join(text.split()), 'answer': text} if text else None


TRUE_CASE = DataSet(
    key='true_case',
    tfds=PARA_CRAWL,
    clusters=('text_formatting',),
    train='train[:30000]',
    dev='train[30000:30200]',
    test='train[-3000:]',
    num_train=29_260,
    preprocessors=(lower_case,),
    templates=(
        asks('The capital letters of this text have been lost. Put them back.\n\n{lowered}'),
        asks('{lowered}\n\nWrite the line above again, with upper and lower case as they should be.'),
        asks(
            'Everything here was typed in small letters:\n{lowered}\n\nWhich of them ought to be capitals? Write out the corrected text.'
        ),
        asks('Lower case: {lowered}\nWith capitals:'),
        asks('My shift key is broken. Could you retype this for me, with its capitals?\n\n{lowered}'),
        asks('Correct the capitalisation and change nothing else.\n\n{lowered}'),
        asks(
            '{lowered}\n\nHow would this look in print, where sentences, names and abbreviations have their capitals?'
        ),
        asks('Text: {lowered}\nTask: give each word the case it has in careful writing.\nResult:'),
        asks(
            'This is how a careless typist left a text, without a single capital.\n\n{lowered}\n\nShow it as a copy editor would print it.'
        ),
        inverts('Use nothing but small letters to write this.\n\n{answer}', '{lowered}'),
    ),
    metrics=('edit_distance',),
    licence=LICENCE,
)

FIX_PUNCT = DataSet(
    key='fix_punct',
    tfds=PARA_CRAWL,
    clusters=('text_formatting',),
    train='train[30200:60200]',
    dev='train[60200:60400]',
    test='train[-3000:]',
    num_train=28_070,
    preprocessors=(drop_punctuation,),
    templates=(
        asks('The commas, full stops and other marks of this text are missing. Put them back in.\n\n{bare}'),
        asks('{bare}\n\nWrite this out again with every punctuation mark where it belongs.'),
        asks('Without punctuation: {bare}\nWith punctuation:'),
        asks('Someone sent me a message that has no punctuation marks. What would it look like with them?\n\n{bare}'),
        asks('Leave the words below in their order, but punctuate them.\n\n{bare}'),
        asks('{bare}\n\nCan you make this easier to read by punctuating it?'),
        asks(
            'A machine that takes dictation wrote down the words alone:\n{bare}\nPlease supply the marks that a writer would have used.'
        ),
        asks(
            'Proofread this line. The wording is fine; stops, commas, quotation marks, apostrophes and hyphens have vanished.\n\n{bare}'
        ),
        asks(
            'Words: {bare}\n\n'
            'Set punctuation before, after, between and inside these words as needed, and give the result.'
        ),
        asks('How should this be punctuated?\n{bare}'),
    ),
    metrics=('edit_distance',),
    licence=LICENCE,
)

WORD_SEGMENT = DataSet(
    key='word_segment',
    tfds=PARA_CRAWL,
    clusters=('text_formatting',),
    train='train[60400:90400]',
    dev='train[90400:90600]',
    test='train[-3000:]',
    num_train=30_000,
    preprocessors=(drop_spaces,),
    templates=(
        asks('The blanks between the words of this text have been taken out. Restore them.\n\n{joined}'),
        asks('{joined}\n\nRewrite this so that its words stand apart again.'),
        asks('Unspaced: {joined}\nSpaced:'),
        asks('Where does one word end and the next begin?\n\n{joined}\n\nAnswer with the same text, spaced normally.'),
        asks('My space bar did not work when I typed this:\n{joined}\nPlease show what I meant to type.'),
        asks('Break the following string up into English words, leaving each character as it is.\n\n{joined}'),
        asks('This line is hard to read because its words run together. Can you make it legible?\n\n{joined}'),
        asks('Find the words in this string and write them out as ordinary text: {joined}'),
        inverts('Write the next text without a single space.\n\n{answer}', '{joined}'),
        inverts('{answer}\n\nJoin all of this into one unbroken string.', '{joined}'),
    ),
    metrics=('edit_distance',),
    licence=LICENCE,
)

DATA_SETS = (TRUE_CASE, FIX_PUNCT, WORD_SEGMENT)
