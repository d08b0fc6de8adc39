"""Closed-book question answering: trivia, search queries, school science; nothing to read but the question."""

from jaxit.tasks.flan2021.data_set import CAP, DataSet, asks, inverts
from jaxit.tasks.preprocessors import Record, strip


def _trivia(record: Record) -> Record:
    """Leaves out the evidence pages, which closed-book models don't see, and lists every spelling of the answer."""
    answer = record['answer']
    spellings = (answer['normalized_value'], *answer['aliases'], *answer['normalized_aliases'])
    return {
        'question': record['question'].strip(),
        'answer': answer['normalized_value'],
        'references': list(dict.fromkeys(spellings)),
    }


def _query(record: Record) -> Record | None:
    """Ends a search query with a question mark; the first answer is trained on, all of them count."""
    answers = [text.strip() for text in record['answer'] if text.strip()]
    if not answers:
        return None
    question = record['question'].strip().removesuffix('?').rstrip()
    return {'question': f'{question}?', 'answer': answers[0], 'references': answers}


def _one_of_four(record: Record) -> Record | None:
    """Keeps questions with four choices; `distractors` are the three wrong ones, a line each."""
    texts = [text.strip() for text in record['choices']['text']]
    labels = list(record['choices']['label'])
    if len(texts) != 4 or record['answerKey'] not in labels:
        return None
    right = labels.index(record['answerKey'])
    wrong = [text for index, text in enumerate(texts) if index != right]
    return record | {'options': texts, 'answer': texts[right], 'distractors': '\n'.join(wrong)}


TRIVIA_QA = DataSet(
    key='trivia_qa',
    tfds='trivia_qa/rc:1.1.0',
    clusters=('open_domain_qa',),
    train='train[:30000]',
    dev='train[-200:]',
    test='validation',
    num_train=CAP,
    preprocessors=(_trivia,),
    templates=(
        asks('{question}\n\nGive just the answer, uncapitalised; a few words are enough.'),
        asks(
            'The quizmaster wants to know:\n{question}\n\nWrite the answer down in lower case, without explaining it.'
        ),
        asks('Trivia (short answers, all lower case)\nQ: {question}\nA:'),
        asks('What is the answer to the question on this card? Put it briefly, with no capital letters.\n\n{question}'),
        asks('From memory, and in as few words as you can, all in lower case: {question}'),
        asks(
            'You are in the final of a quiz show, and the host reads out:\n\n"{question}"\n\n'
            'Say only the name or phrase that wins, in lower-case letters.'
        ),
        asks(
            'Can you settle this for our pub quiz team?\n\n{question}\n\nThe bare answer is enough, without capitals.'
        ),
        asks('Answer sheet, to be filled in with small letters only.\n\nQuestion: {question}\nBrief answer:'),
        asks(
            'Here is one for lovers of general knowledge. {question}\n'
            'Please reply with the answer alone, in lower case.'
        ),
        asks('Find the person, place, date or thing meant here and name it in lower case.\n\n{question}'),
    ),
    metrics=('exact_match', 'f1'),
    licence='unknown; the University of Washington does not own the copyright of the questions and documents',
)

NATURAL_QUESTIONS = DataSet(
    key='natural_questions',
    tfds='natural_questions_open:1.0.0',
    clusters=('open_domain_qa',),
    train='train[:30000]',
    dev='train[-200:]',
    test='validation',
    num_train=CAP,
    preprocessors=(_query,),
    templates=(
        asks(
            'Someone typed this into a search engine:\n\n{question}\n\n'
            'What short answer should appear at the top of the page?'
        ),
        asks('In a few words at most: {question}'),
        asks('{question}\n\nThere is no need for a full sentence.'),
        asks(
            'Reply with a name, a date, a number or a brief phrase, whichever is called for.\n\n'
            'Question: {question}\nReply:'
        ),
        asks('I was wondering: {question} Please tell me only the fact I am after.'),
        asks(
            'An encyclopedia would settle the point below. State what it would say, as concisely as possible.\n\n'
            '{question}'
        ),
        asks('Give the shortest correct answer to "{question}"'),
        asks('Search query: {question}\nFact found:'),
        asks('Answer from what you know of the world.\n\n{question}\n\nLeave out any explanation.'),
        asks(
            'A friend sends you a message that says "{question}" What do you write back, if a short phrase has to do?'
        ),
    ),
    metrics=('exact_match', 'f1'),
    licence='CC-BY-SA-3.0',
)


def _arc(key: str, config: str, num_train: int) -> DataSet:
    """Returns one of the two parts of ARC, which differ in nothing but how hard the questions are."""
    return DataSet(
        key=key,
        tfds=f'ai2_arc/{config}:1.0.0',
        clusters=('open_domain_qa',),
        train='train[:-200]',
        dev='train[-200:]',
        test='test',
        num_train=num_train,
        preprocessors=(strip(('question',)), _one_of_four),
        templates=(
            asks('Science question: {question}\n\nOnly one answer is correct. Which one?\n\n{options}'),
            asks('A pupil meets this in a science test:\n\n{question}\n\n{options}\n\nWhat should the pupil mark?'),
            asks('{options}\n\nWhat correctly answers or completes the following?\n\n{question}'),
            asks('Use what you know of nature and technology to choose.\n\n{question}\n{options}'),
            asks('{question}\n{options}\nCorrect choice:'),
            asks('Please help me with my homework. I am stuck on this one:\n\n{question}\n\n{options}'),
            asks('Solve this item of a science exam. You need not give reasons.\n\nItem: {question}\n\n{options}'),
            inverts(
                'Write an item for a science test: a question or an unfinished sentence whose correct answer or ending is: '
                '{answer}',
                '{question}',
            ),
            inverts('The answer key says: {answer}\nWhat might the exam question have been?', '{question}'),
            inverts(
                'For a multiple-choice test, think of three wrong answers, one on each line, to stand beside the right '
                'one.\n\nQuestion: {question}\nRight answer: {answer}',
                '{distractors}',
            ),
        ),
        metrics=('exact_match',),
        licence='CC-BY-SA-4.0',
        classification=True,
    )


ARC_CHALLENGE = _arc('arc_challenge', 'ARC-Challenge', 910)
ARC_EASY = _arc('arc_easy', 'ARC-Easy', 2_040)

DATA_SETS = (TRIVIA_QA, NATURAL_QUESTIONS, ARC_CHALLENGE, ARC_EASY)
