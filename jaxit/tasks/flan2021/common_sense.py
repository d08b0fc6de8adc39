"""Common sense: which cause or effect, which continuation, which ending, which way to do something is plausible?"""

import re

from jaxit.tasks.flan2021.data_set import DataSet, answered, asks, inverts
from jaxit.tasks.preprocessors import Record, strip

ASKED = {'cause': 'What brought this about?', 'effect': 'What did this lead to?'}

_TITLE = re.compile(r'(?<=[^\s.!?:;,])\s*\[title\]\s*')  # of a section of wikiHow, after what has no mark at its end
_TAG = re.compile(r'\s*\[[a-z]+\]\s*')  # [header], [title], [step], [substeps]


def copa_options(record: Record) -> Record | None:
    """Writes `options`, `answer` and `asked`, the question in full."""
    options = [record['choice1'], record['choice2']]
    return answered(record | {'asked': ASKED[record['question']]}, options, record['label'])


def hellaswag_options(record: Record) -> Record | None:
    """Writes `options` and `answer`, and strips the tags of wikiHow from them and from the context."""
    options = [_untagged(ending) for ending in record['endings']]
    return answered(record | {'context': _untagged(record['context'])}, options, record['label'])


def story_cloze_options(record: Record) -> Record | None:
    """Writes `options` and `answer`; the label counts from 1."""
    options = [ending.strip() for ending in record['endings']]
    return answered(record, options, record['label'] - 1)


def piqa_options(record: Record) -> Record | None:
    """Writes `options` and `answer`."""
    return answered(record, [record['sol1'], record['sol2']], record['label'])


def _untagged(text: str) -> str:
    return _TAG.sub(' ', _TITLE.sub('. ', text)).strip()


COPA = DataSet(
    key='copa',
    tfds='super_glue/copa:1.0.2',
    clusters=('common_sense',),
    train='train[:-50]',
    dev='train[-50:]',
    test='validation',
    num_train=350,
    preprocessors=(strip(('premise', 'choice1', 'choice2')), copa_options),
    templates=(
        asks('{premise} {asked}\n\n{options}'),
        asks('What is the likeliest {question} of what is told here?\n\n{premise}\n\n{options}'),
        asks('Situation: {premise}\n\n{options}\n\nWhat should be put down as its {question}?'),
        asks('Going by everyday experience, find the {question} of this.\n{premise}\n{options}'),
        asks(
            '{options}\n\nSomething happened, as you can read below. What do you take its {question} to be?\n\n{premise}'
        ),
        asks(
            'A friend tells you: "{premise}" You would like to know the {question}. What do you suppose it is?\n\n{options}'
        ),
        asks('Please select the {question} that makes better sense.\n\nEvent: {premise}\n\n{options}'),
        asks('Read this and answer.\n\n{premise}\n\nQuestion: {asked}\n{options}\nAnswer:'),
        inverts(
            'The {question} of some event was this:\n{answer}\n\nIn one sentence, what was the event?', '{premise}'
        ),
        inverts('Make up something that could well have the following as its {question}.\n\n{answer}', '{premise}'),
    ),
    metrics=('exact_match',),
    licence='BSD-2-Clause',
    classification=True,
)

HELLASWAG = DataSet(
    key='hellaswag',
    tfds='hellaswag:1.1.0',
    clusters=('common_sense',),
    train='train[:30000]',
    dev='train[-200:]',
    test='validation',
    num_train=30_000,
    preprocessors=(hellaswag_options,),
    templates=(
        asks('{context}\n\nWhich ending goes with what has just been described?\n\n{options}'),
        asks(
            'Topic: {activity_label}\nText: {context}\n\nChoose the continuation that common sense expects.\n\n{options}'
        ),
        asks('The passage below stops early. Find the words that carry on from there.\n\n{context}\n\n{options}'),
        asks(
            'You are reading something filed under "{activity_label}". The text so far:\n\n{context}\n\nHow does it go on, in all likelihood?\n\n{options}'
        ),
        asks('{options}\n\nOnly one ending fits this beginning. Which?\n\n{context}'),
        asks('{activity_label}\n\nBeginning: {context}\n{options}\nEnding:'),
        asks(
            'Please help me finish this text about the subject "{activity_label}", so that it describes something sensible.\n\n{context}\n\n{options}'
        ),
        asks('{context}\n\nMost ways of going on from here would be odd. Which one would not?\n\n{options}'),
        asks(
            'Subject: {activity_label}\n\n{context}\n\n{options}\n\nSay which ending a reasonable person would predict.'
        ),
        asks(
            'Imagine watching this scene, or following these directions. What should come after the last words?\n\n{context}\n\n{options}'
        ),
    ),
    metrics=('exact_match',),
    licence='MIT',
    classification=True,
)

STORY_CLOZE = DataSet(
    key='story_cloze',
    tfds='story_cloze/2016:1.0.0',
    clusters=('common_sense',),
    train='validation[:-200]',
    dev='validation[-200:]',
    test='test',
    num_train=1_670,
    preprocessors=(strip(('context',)), story_cloze_options),
    templates=(
        asks('{context}\n\nWhich last sentence belongs to this story?\n\n{options}'),
        asks('Read the start of a short story, then say how it turns out.\n\n{context}\n\n{options}'),
        asks('Story: {context}\n{options}\nFifth sentence:'),
        asks('An author has written four sentences so far.\n\n{context}\n\nWhat should the fifth be?\n\n{options}'),
        asks('{options}\n\nHow must the story below close, if its end is to fit?\n\n{context}'),
        asks(
            'The final line of this story is missing:\n\n{context}\n\nCould you tell me which line it is?\n\n{options}'
        ),
        asks('Select the more believable outcome.\n\nWhat has happened: {context}\n\n{options}'),
        asks('{context}\n\nAfter all that, what would you expect to read?\n{options}'),
        inverts('Write the four sentences that come before this ending of a story.\n\n{answer}', '{context}'),
        inverts(
            'A story finishes like this:\n{answer}\n\nTell, in four short sentences, what led up to it.', '{context}'
        ),
    ),
    metrics=('exact_match',),
    licence='free to everyone who asks by the form on its page',
    classification=True,
    manual=(
        'ask for the 2016 files at https://www.cs.rochester.edu/nlp/rocstories/ and put them into the manual directory '
        'of TFDS as cloze_test_val__spring2016.csv and cloze_test_test__spring2016.csv'
    ),
)

PIQA = DataSet(
    key='piqa',
    tfds='piqa:1.0.0',
    clusters=('common_sense',),
    train='train[:-100]',
    dev='train[-100:]',
    test='validation',
    num_train=16_010,
    preprocessors=(strip(('goal', 'sol1', 'sol2')), piqa_options),
    templates=(
        asks('Goal: {goal}\n\nWhat would work?\n\n{options}'),
        asks('Someone wants practical advice on this:\n{goal}\n\nWhat would you tell them?\n\n{options}'),
        asks('{goal}\n\n{options}\n\nAvoid the mistake that one could make here, and settle on what works.'),
        asks('What would a handy person choose here?\n\n{goal}\n\n{options}'),
        asks('{options}\n\nWhich suggestion is sound in the matter below?\n\n{goal}'),
        asks('Use what you know of how things and materials behave.\nTask: {goal}\n{options}\nChoice:'),
        asks('I need help with something: {goal}\nPlease tell me how to go about it.\n\n{options}'),
        asks('Aim: {goal}\n\nDecide on a way that would hold up in the real world.\n\n{options}'),
        inverts(
            'A book of household tips has this entry:\n{answer}\n\nWhat question or aim was it written for?', '{goal}'
        ),
        inverts('State in a few words what this advice is meant to achieve.\n\n{answer}', '{goal}'),
    ),
    metrics=('exact_match',),
    licence='AFL-3.0',
    classification=True,
)

DATA_SETS = (COPA, HELLASWAG, STORY_CLOZE, PIQA)
