"""Mathematics: linear equations in one variable."""

from jaxit.tasks.flan2021.data_set import DataSet, asks
from jaxit.tasks.preprocessors import filter_empty, strip

MATH_DATASET = DataSet(
    key='math_dataset',
    tfds='math_dataset/algebra__linear_1d:1.0.0',
    clusters=('math',),
    train='train[:30000]',
    dev='train[-200:]',
    test='test',
    num_train=30_000,
    preprocessors=(strip(('question', 'answer')), filter_empty(('question', 'answer'))),
    templates=(
        asks('{question}\n\nGive the value as a number, without any working.'),
        asks('Please work out this algebra problem for me and reply with nothing but the number.\n\n{question}'),
        asks('Exercise: {question}\nResult (one integer):'),
        asks('This is from a school algebra test: {question} Which number should a pupil write down?'),
        asks('What number do you end up with when you do the following? {question}'),
        asks('Isolate the unknown and state its value as a single number.\n{question}'),
        asks(
            'I am stuck on a linear equation in one variable.\n\n{question}\n\n'
            'Could you tell me which number the variable stands for?'
        ),
        asks('Find the number that makes both sides equal.\n\n{question}\n\nNumber:'),
        asks('Q: {question}\nA (digits only, with a minus sign if need be):'),
        asks('{question} Put your result back into the equation to check it, then report just the value you found.'),
    ),
    metrics=('verbatim_match',),
    licence='Apache-2.0',
)

DATA_SETS = (MATH_DATASET,)
