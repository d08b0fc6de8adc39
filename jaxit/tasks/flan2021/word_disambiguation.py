"""Word disambiguation: does a word mean the same in two sentences?"""

from jaxit.tasks.flan2021.data_set import DataSet, asks
from jaxit.tasks.preprocessors import choices, keep_where, label_text, strip

MEANINGS = ('different meanings', 'same meaning')

WIC = DataSet(
    key='wic',
    tfds='super_glue/wic:1.0.2',
    clusters=('word_disambiguation',),
    train='train[:-200]',
    dev='train[-200:]',
    test='validation',
    num_train=5_220,
    preprocessors=(
        keep_where('label', (0, 1)),
        strip(('word', 'sentence1', 'sentence2')),
        label_text('label', 'answer', MEANINGS),
        choices(MEANINGS),
    ),
    templates=(
        asks(
            'Here are two sentences with a form of "{word}" in each.\n\n{sentence1}\n{sentence2}\n\n'
            'Which is it: same meaning, or different meanings?\n\n{options}'
        ),
        asks(
            'Look at how the word "{word}" is used.\nFirst: {sentence1}\nSecond: {sentence2}\n'
            'Is that one sense or two?\n\n{options}'
        ),
        asks(
            'Word: {word}\nSentence A: {sentence1}\nSentence B: {sentence2}\n'
            'Compare what the word means in A with what it means in B.\n\n{options}\nAnswer:'
        ),
        asks(
            'Would a dictionary put these two uses of "{word}" under a single definition (same meaning) or under '
            'separate ones (different meanings)?\n\n1) {sentence1}\n2) {sentence2}\n\n{options}'
        ),
        asks(
            'Look for "{word}", in any form, in both lines.\n\n{sentence1}\n{sentence2}\n\n'
            'Decide whether it stands for the same thing both times.\n\n{options}'
        ),
        asks(
            'Please tell me about the word "{word}": does it mean one thing in the first of these lines and another in '
            'the second, or the same in both?\n\n{sentence1}\n{sentence2}\n\n{options}'
        ),
        asks(
            'Is there a difference in meaning between the uses of the word "{word}" in the two sentences at the end?'
            '\n\n{options}\n\n{sentence1}\n{sentence2}'
        ),
        asks(
            'I am learning English and came across the word "{word}" twice today. Once it was here: {sentence1}\n'
            'And once here: {sentence2}\nWere those two meanings, or only one?\n\n{options}'
        ),
        asks(
            'Suppose all you know about "{word}" is what it means in this sentence:\n{sentence1}\n\n'
            'Is that enough for the next sentence, or does one have to know a new meaning?\n{sentence2}\n\n{options}'
        ),
        asks(
            'Context 1: {sentence1}\nContext 2: {sentence2}\n\n'
            'Say if the sense of "{word}" changes from one context to the other.\n\n{options}'
        ),
    ),
    metrics=('exact_match',),
    licence='CC-BY-NC-4.0',
    classification=True,
)

DATA_SETS = (WIC,)
