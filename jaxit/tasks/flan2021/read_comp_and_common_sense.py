"""Reading comprehension that takes common sense: what a text implies without saying it."""

from jaxit.tasks.flan2021.data_set import DataSet, asks, inverts
from jaxit.tasks.preprocessors import Record, keep_where, strip

HIGHLIGHT = '@highlight'  # ReCoRD: bullet points follow the article
PLACEHOLDER = '@placeholder'  # ReCoRD: where the entity is missing


def cloze_endings(record: Record) -> Record | None:
    """Writes what stands before ReCoRD's placeholder, and each entity with what stands after it as an option.

    Returns:
        The record with `opening`, `options`, `answer` (the first right one) and `references` (all right ones); None
        without placeholder, passage or a right answer among the entities.
    """
    opening, placeholder, rest = record['query'].strip().partition(PLACEHOLDER)
    entities = dict.fromkeys(entity.strip() for entity in record['entities'])
    endings = {entity: entity + rest.replace(PLACEHOLDER, entity) for entity in entities}
    right = dict.fromkeys(answer.strip() for answer in record['answers'])
    references = [endings[answer] for answer in right if answer in endings]
    passage = record['passage'].partition(HIGHLIGHT)[0].strip()
    if not placeholder or not passage or not references:
        return None
    written = {'passage': passage, 'opening': f'{opening}...', 'options': list(endings.values())}
    return record | written | {'answer': references[0], 'references': references}


def marked_answer(record: Record) -> Record:
    """Writes Cosmos QA's four answers as options and the labelled one as the answer."""
    options = [record[f'answer{number}'].strip() for number in range(4)]
    return record | {'options': options, 'answer': options[record['label']]}


RECORD = DataSet(
    key='record',
    tfds='super_glue/record:1.0.2',
    clusters=('read_comp_and_common_sense',),
    train='train[:30000]',
    dev='train[-200:]',
    test='validation',
    num_train=30_000,
    preprocessors=(cloze_endings,),
    templates=(
        asks('{passage}\n\nChoose the ending of this sentence that fits the story above.\n\n{opening}\n\n{options}'),
        asks('Read the article.\n\n{passage}\n\nNow complete a sentence about it: {opening}\n\n{options}'),
        asks('Judging by the article below, how does the line "{opening}" go on?\n\n{passage}\n\n{options}'),
        asks('Article: {passage}\n\nStatement: {opening}\n\n{options}\nThe missing part of the statement:'),
        asks(
            '{opening}\n\nAn editor has lost part of this sentence, which goes with the report below. '
            'Can you restore it?\n\n{passage}\n\n{options}'
        ),
        asks(
            'Who or what is missing from this sentence? Work it out from the news story, and say what belongs in place '
            'of the dots.\n\n{opening}\n\n{options}\n\nNews story: {passage}'
        ),
        asks(
            'Could you finish a sentence for me? It has to agree with this text:\n\n{passage}\n\n'
            'Here is what I have of it: {opening}\n\n{options}'
        ),
        asks('You have just read this:\n{passage}\n\nWhat makes a true sentence out of "{opening}"?\n\n{options}'),
        asks(
            'Find what completes the words "{opening}" in keeping with the report that follows.\n\n{options}\n\n'
            '{passage}'
        ),
        asks(
            'Use common sense together with the facts in the passage to supply what is missing.\n\n'
            'Passage: {passage}\n\nTo be completed: {opening}\n\n{options}'
        ),
    ),
    metrics=('exact_match', 'f1'),
    licence='differs by source of the passage',
    classification=True,
)

COSMOS_QA = DataSet(
    key='cosmos_qa',
    tfds='cosmos_qa:1.0.0',
    clusters=('read_comp_and_common_sense',),
    train='train[:-200]',
    dev='train[-200:]',
    test='validation',
    num_train=25_060,
    preprocessors=(keep_where('label', (0, 1, 2, 3)), strip(('context', 'question')), marked_answer),
    templates=(
        asks(
            'Read the paragraph and choose the most plausible answer to the question after it.\n\n'
            '{context}\n\n{question}\n\n{options}'
        ),
        asks('{context}\n\nReading between the lines, how would you answer this? {question}\n\n{options}'),
        asks('Paragraph: {context}\n\nQuestion: {question}\n\n{options}\nBest choice:'),
        asks(
            '{question}\n\nThe text below does not say it outright, but a careful reader can tell.\n\n'
            '{context}\n\n{options}'
        ),
        asks(
            'Somebody writes: {context}\n\nA reader wonders: {question}\n\nWhat is the sensible conclusion?\n\n{options}'
        ),
        asks(
            'Take what happens here together with what you know of everyday life.\n\n{context}\n\n'
            'Then answer this: {question}\n\n{options}'
        ),
        asks(
            'Choose the likeliest answer to the question at the end, which is about the text before it.\n\n{options}\n\n'
            'Text: {context}\nQuestion: {question}'
        ),
        asks(
            'Could you help me understand this text?\n\n{context}\n\nWhat I would like to know: {question}\n\n{options}'
        ),
        inverts(
            '{context}\n\nWrite a question about this text. Out of four answers to it, this one has to be right: {answer}',
            '{question}',
        ),
        inverts(
            'Invent a short personal account. Readers who are asked "{question}" should pick, out of several answers, '
            'this one: {answer}',
            '{context}',
        ),
    ),
    metrics=('exact_match',),
    licence='CC-BY-4.0',
    classification=True,
)

DATA_SETS = (RECORD, COSMOS_QA)
