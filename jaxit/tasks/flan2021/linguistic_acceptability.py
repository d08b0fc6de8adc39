"""Linguistic acceptability: can one say this in English?"""

from jaxit.tasks.flan2021.data_set import DataSet, asks, inverts
from jaxit.tasks.preprocessors import choices, keep_where, label_text, strip

VERDICTS = ('unacceptable', 'acceptable')

COLA = DataSet(
    key='cola',
    tfds='glue/cola:2.0.0',
    clusters=('linguistic_acceptability',),
    train='train[:-200]',
    dev='train[-200:]',
    test='validation',
    num_train=8_350,
    preprocessors=(
        keep_where('label', (0, 1)),
        strip(('sentence',)),
        label_text('label', 'answer', VERDICTS),
        choices(VERDICTS),
    ),
    templates=(
        asks('{sentence}\n\nTo a native speaker of English, would that be acceptable or unacceptable?\n\n{options}'),
        asks('Judge whether the sentence is well-formed English.\n\nSentence: {sentence}\n\n{options}\nVerdict:'),
        asks('Going by the rules of English grammar, how do you rate this? "{sentence}"\n\n{options}'),
        asks(
            'A linguist is collecting judgements on single sentences. Please give yours on this one:\n{sentence}\n\n{options}'
        ),
        asks(
            'Label the sentence below as acceptable or unacceptable English. Its form is what counts, not whether it is '
            'true.\n\n{options}\n\n{sentence}'
        ),
        asks(
            'An example from a grammar book: {sentence}\nDoes the book give it as something that one can say in English '
            'or as something that one cannot?\n\n{options}'
        ),
        asks('Say this to yourself: {sentence}\nDoes it sound acceptable, or is it unacceptable?\n\n{options}'),
        asks(
            'One of my students wrote the line below. As English, is it acceptable or unacceptable?\n\n'
            '{sentence}\n\n{options}'
        ),
        inverts('Make up one English sentence whose grammar speakers would judge to be {answer}.', '{sentence}'),
        inverts(
            'I need an example for a lesson on grammar. As English, it should be {answer}. Can you write one sentence?',
            '{sentence}',
        ),
    ),
    metrics=('exact_match', 'matthews'),
    licence='copyright of the quoted works; its publisher expects US fair use for research',
    classification=True,
)

DATA_SETS = (COLA,)
