"""Question classification: what kind of thing does a question ask for?"""

from jaxit.tasks.flan2021.cleaning import joined_tokens
from jaxit.tasks.flan2021.data_set import DataSet, asks, inverts
from jaxit.tasks.preprocessors import choices, label_text, rename, strip

ANSWER_TYPES = ('description', 'entity', 'abbreviation', 'person or group', 'number', 'location')

TREC = DataSet(
    key='trec',
    tfds='trec:1.0.0',
    clusters=('question_classification',),
    train='train[:-200]',
    dev='train[-200:]',
    test='test',
    num_train=5_250,
    preprocessors=(
        rename({'text': 'question'}),
        joined_tokens(('question',)),
        strip(('question',)),
        label_text('label-coarse', 'answer', ANSWER_TYPES),
        choices(ANSWER_TYPES),
    ),
    templates=(
        asks('What kind of answer does this question call for?\n\n{question}\n\n{options}'),
        asks('Sort the question by what a reply to it would name.\n\nQuestion: {question}\n\n{options}\nCategory:'),
        asks('{question}\n\nDo not answer the question; say only what type of thing it asks for.\n\n{options}'),
        asks(
            'Someone types "{question}" into a search engine. What sort of information is this person after?\n\n'
            '{options}'
        ),
        asks(
            'A quiz master keeps questions in six boxes, one for each type of answer. '
            'Which box does the following belong in? {question}\n\n{options}'
        ),
        asks('What sort of thing would a right answer to the question at the end name?\n\n{options}\n\n{question}'),
        asks('Please classify this question by the answer it expects: {question}\n\n{options}'),
        asks(
            'To look something up one must first know what to look for. What type of thing is it here?\n'
            '"{question}"\n\n{options}'
        ),
        asks('Q: {question}\n\n{options}\n\nChoose the type that the answer to Q has.'),
        inverts('Ask a short factual question. Its answer should be of this type: {answer}', '{question}'),
    ),
    metrics=('exact_match',),
    licence='unknown',
    classification=True,
)

DATA_SETS = (TREC,)
