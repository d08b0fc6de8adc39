"""Coreference: whom or what does a pronoun, or a blank, stand for?"""

import re

from jaxit.tasks.flan2021.data_set import CAP, DataSet, answered, asks
from jaxit.tasks.preprocessors import Record, choices, keep_where, label_text, strip

NO_YES = ('no', 'yes')
BLANK = '_'
WHICH = ' (the one between asterisks)'


def first_pronoun(record: Record) -> Record:
    """Marks the pronoun where the sentence has its word twice or more: the source means the first."""
    return _marked(record, 'sentence', record['pronoun'])


def numbered_pronoun(record: Record) -> Record:
    """Marks the pronoun where the text has its word twice or more: the source counts the words before it."""
    return _marked(record, 'text', record['span2_text'], rf'\A(?:\S+\s+){{{record["span2_index"]}}}\S*?')


def _marked(record: Record, field: str, pronoun: str, before: str = '') -> Record:
    """Puts asterisks around a pronoun, the first one after what matches `before`, if the text has it elsewhere too.

    Returns:
        The record with the text and with `which`, what templates say of the pronoun: nothing where it has no asterisks.
    """
    text, word = record[field], rf'\b{re.escape(pronoun)}\b'
    found = re.search(f'{before}({word})', text)
    if found is None or len(re.findall(word, text, re.IGNORECASE)) == 1:
        return record | {'which': ''}
    return record | {field: f'{text[: found.start(1)]}*{found[1]}*{text[found.end(1) :]}', 'which': WHICH}


def candidate_options(record: Record) -> Record | None:
    """Writes `options`, the candidates, and `answer`."""
    return answered(record, [candidate.strip() for candidate in record['candidates']], record['label'])


def blank_options(record: Record) -> Record | None:
    """Cuts a sentence at its blank: writes `context`, what stands before, and as options what each filler leads to."""
    before, blank, after = record['sentence'].partition(BLANK)
    return _continued(record, before, after, ('option1', 'option2')) if blank else None


def pronoun_options(record: Record) -> Record | None:
    """Cuts a text at its pronoun, as `blank_options` does."""
    before, after = record['text'][: record['pronoun_start']], record['text'][record['pronoun_end'] :]
    return _continued(record, before, after, ('option1_normalized', 'option2_normalized'))


def _continued(record: Record, before: str, after: str, fillers: tuple[str, str]) -> Record | None:
    """Returns the record with `context` and with an option for each filler; None where nothing stands before."""
    context = before.strip()
    if not context:
        return None
    options = [(record[filler].strip() + after).strip() for filler in fillers]
    return answered(record | {'context': context}, options, record['label'])


DEFINITE_PRONOUN_RESOLUTION = DataSet(
    key='definite_pronoun_resolution',
    tfds='definite_pronoun_resolution:1.1.0',
    clusters=('coreference',),
    train='train[:-200]',
    dev='train[-200:]',
    test='test',
    num_train=1_120,
    preprocessors=(strip(('sentence', 'pronoun')), first_pronoun, candidate_options),
    templates=(
        asks('{sentence}\n\nWho or what is meant by "{pronoun}"{which} here?\n\n{options}'),
        asks('Find what the word "{pronoun}"{which} points back to in this sentence: {sentence}\n\n{options}'),
        asks(
            'Sentence: {sentence}\nPronoun: {pronoun}{which}\nWhich words does the pronoun take the place of?\n\n'
            '{options}'
        ),
        asks(
            'Somebody reads the line below and isn\'t sure about the word "{pronoun}"{which}. Please help by naming the '
            'person or thing it is about.\n\n{sentence}\n\n{options}'
        ),
        asks('Name the antecedent of "{pronoun}"{which}.\n\n{sentence}\n\n{options}'),
        asks(
            'If you wanted to do without the pronoun "{pronoun}"{which} in the next sentence, what would you write in '
            'its place?\n\n{sentence}\n\n{options}'
        ),
        asks(
            'Q: Which person or thing does "{pronoun}"{which} go with in the text below?\nText: {sentence}\n\n'
            '{options}\nA:'
        ),
        asks(
            'Read carefully: {sentence}\n\nWhom or what did the writer have in mind with "{pronoun}"{which}?\n\n'
            '{options}'
        ),
        asks('What does "{pronoun}"{which} stand for?\n\n{options}\n\nThe sentence it comes from: {sentence}'),
        asks('Use common sense to tell what "{pronoun}"{which} must mean in the following.\n\n{sentence}\n\n{options}'),
    ),
    metrics=('exact_match',),
    licence='unknown',
    classification=True,
)

WINOGRANDE = DataSet(
    key='winogrande',
    tfds='winogrande:1.2.0',
    clusters=('coreference',),
    train='train_xl[:30000]',
    dev='train_xl[-200:]',
    test='validation',
    num_train=CAP,
    preprocessors=(blank_options,),
    templates=(
        asks('{context} ...\n\nWhich ending makes sense?\n\n{options}'),
        asks('The last words of this text are missing. Supply them.\n\n{context}\n\n{options}'),
        asks('Somebody starts to say: "{context} ..."\n\nWhat would they most sensibly say next?\n\n{options}'),
        asks('Unfinished: {context}\n\n{options}\n\nThe rest, so that it makes sense:'),
        asks('Bring the text to an end in the way that common sense suggests.\n\n{options}\n\n{context}'),
        asks('Finish this text with a few words that fit.\n\n{context}'),
        asks('{context} ...\n\nWhat comes next? Give only the missing words.'),
        asks('A story breaks off in the middle of a sentence. Write the rest of that sentence.\n\n{context}'),
        asks('Go on from here: {context}'),
        asks('Please help me to put this into words. So far I have: "{context} ..." How could it end?'),
    ),
    metrics=('exact_match',),
    licence='CC-BY',
    classification=True,
)

WSC = DataSet(
    key='wsc',
    tfds='super_glue/wsc.fixed:1.0.2',
    clusters=('coreference',),
    train='train[:-50]',
    dev='train[-50:]',
    test='validation',
    num_train=500,
    preprocessors=(
        keep_where('label', (0, 1)),
        strip(('text', 'span1_text', 'span2_text')),
        numbered_pronoun,
        label_text('label', 'answer', NO_YES),
        choices(NO_YES),
    ),
    templates=(
        asks('{text}\n\nDoes the word "{span2_text}"{which} point back to "{span1_text}" here?\n\n{options}'),
        asks(
            'Text: {text}\nPhrase: {span1_text}\nPronoun: {span2_text}{which}\n'
            'Does the pronoun stand in for the phrase?\n\n{options}'
        ),
        asks(
            'Is it one and the same person or thing that this text calls both "{span1_text}" and "{span2_text}"{which}?'
            '\n\n{text}\n\n{options}'
        ),
        asks(
            'Read the text: {text}\n\nSomeone asks who or what is meant by "{span2_text}"{which}, and you answer '
            '"{span1_text}". Is that right?\n\n{options}'
        ),
        asks(
            'Claim: "{span1_text}" is the antecedent of "{span2_text}"{which}.\n\n{text}\n\n'
            'Is the claim true?\n\n{options}'
        ),
        asks(
            'If I write "{span1_text}" for "{span2_text}"{which}, does the text below keep its meaning?\n\n{text}\n\n'
            '{options}'
        ),
        asks('Decide, yes or no, whether "{span2_text}"{which} goes back to "{span1_text}".\n\n{text}\n\n{options}'),
        asks('Q: I match "{span2_text}"{which} with "{span1_text}". Is this a correct match?\n{text}\n\n{options}\nA:'),
        asks(
            '"{span1_text}" and "{span2_text}"{which} both occur in what follows. Please say whether they are about '
            'the same person or thing.\n\n{text}\n\n{options}'
        ),
        asks(
            '{text}\n\nA pupil has to show what the pronoun stands for, and draws an arrow from "{span2_text}"{which} to '
            '"{span1_text}". Is the arrow right?\n\n{options}'
        ),
    ),
    metrics=('exact_match',),
    licence='CC-BY-4.0 (Winograd schemas); the rest unknown',
    classification=True,
)

WSC273 = DataSet(
    key='wsc273',
    tfds='wsc273:1.0.0',
    clusters=('coreference',),
    train='',
    dev='',
    test='test',
    num_train=0,
    preprocessors=(pronoun_options,),
    templates=(
        asks('This stops short: {context}\n\nWhich continuation is the reasonable one?\n\n{options}'),
        asks('{context}\n\n{options}\n\nContinue with the words that fit the meaning.'),
        asks('Choose an ending that agrees with common sense.\n\n{options}\n\nBeginning: {context}\nEnding:'),
        asks('Here is how a text begins.\n\n{context}\n\nAnd how does it go on?\n\n{options}'),
        asks('Think about who or what the first part deals with, then give the second part.\n\n{context}\n\n{options}'),
        asks('Fill in what has been left out at the end: {context} ...\n\n{options}'),
        asks('Question: Which words belong after "{context}"?\n\n{options}\nAnswer:'),
        asks('{context} ...\n\nOnly one way of ending this is plausible. Which?\n\n{options}'),
        asks('Please complete what I began to write.\n{context}\n{options}'),
        asks('With which words does the text below end if it is to be true to life?\n\n{context}\n\n{options}'),
    ),
    metrics=('exact_match',),
    licence='CC-BY-4.0',
    classification=True,
)

DATA_SETS = (DEFINITE_PRONOUN_RESOLUTION, WINOGRANDE, WSC, WSC273)
