"""Conversational question answering: questions that follow one another about one text."""

from jaxit.tasks.flan2021.data_set import UNANSWERABLE, DataSet, asks, inverts
from jaxit.tasks.preprocessors import Record, strip

NO_ANSWER = 'CANNOTANSWER'  # QuAC's mark; it is also the last word of every context


def quote_answers(record: Record) -> Record:
    """Writes QuAC's answers in plain words, and the introduction and the section as one text without the mark."""
    answers = [_without_mark(text) or UNANSWERABLE for text in _answer_texts(record)]
    parts = (record['background'].strip(), _without_mark(record['context']))
    article = '\n\n'.join(part for part in parts if part)
    return record | {'article': article, 'answer': answers[0], 'references': list(dict.fromkeys(answers))}


def number_turns(record: Record) -> Record | None:
    """Writes CoQA's questions and answers as numbered lines; None where they don't pair up."""
    questions = [' '.join(text.split()) for text in record['questions']]
    answers = [' '.join(text.split()) for text in record['answers']['input_text']]
    if not questions or len(questions) != len(answers) or not all(questions + answers):
        return None
    return record | {'questions': _numbered(questions), 'answer': _numbered(answers)}


def _answer_texts(record: Record) -> list[str]:
    return [record['orig_answer']['text'], *record['answers']['text']]


def _without_mark(text: str) -> str:
    return text.strip().removesuffix(NO_ANSWER).rstrip()


def _numbered(texts: list[str]) -> str:
    return '\n'.join(f'{number}. {text}' for number, text in enumerate(texts, start=1))


QUAC = DataSet(
    key='quac',
    tfds='quac:1.0.0',
    clusters=('conversational_qa',),
    train='train[:30000]',
    dev='train[-200:]',
    test='validation',
    num_train=30_000,
    preprocessors=(strip(('title', 'section_title', 'question')), quote_answers),
    templates=(
        asks(
            '{title}: {section_title}\n\n{article}\n\n{question}\n'
            'Answer in the words of the text, or write "unanswerable" if it does not say.'
        ),
        asks(
            'Read this part of an article about {title}.\n\n{article}\n\nA student now asks: {question}\n'
            'Reply with a quotation from the text. If it holds no answer, reply "unanswerable".'
        ),
        asks(
            'Question about {title}: {question}\n\nLook for the answer here:\n{article}\n\n'
            'Copy out what answers the question; where nothing does, write "unanswerable".'
        ),
        asks(
            'Topic: {title}\nSection: {section_title}\nText: {article}\nQuestion: {question}\n'
            'Answer (a quotation, or "unanswerable"):'
        ),
        asks(
            'You are a teacher. Your pupil sees only the heading "{section_title}" of an article on {title}, '
            'while you can see the text:\n\n{article}\n\nThe pupil asks: "{question}" Which words do you read out? '
            'Say "unanswerable" if none of them fit.'
        ),
        asks(
            '{question}\n\nThis came up in a conversation about {title}. Please answer it from the text below, '
            'repeating the words that matter, or say "unanswerable".\n\n{article}'
        ),
        asks(
            'Somebody would like to know: {question}\n'
            'What does the text below, on {title} ({section_title}), have to say to that? '
            'Cite it word for word. Write "unanswerable" when it is silent.\n\n{article}'
        ),
        asks(
            '{article}\n\nFrom the lines above, pick the words that answer this question about {title}: {question}\n'
            'If there are no such words, the answer is "unanswerable".'
        ),
        inverts(
            '{article}\n\nSomeone asked a question about this text on {title} and got the reply: {answer}\n'
            'What was the question?',
            '{question}',
        ),
        inverts(
            'A student and a teacher are talking about {title}, section "{section_title}". '
            'This is what the teacher can read:\n\n{article}\n\n'
            "The teacher's answer: {answer}\nThe student's question:",
            '{question}',
        ),
    ),
    metrics=('exact_match', 'f1'),
    licence='CC-BY-SA-4.0',
)

COQA = DataSet(
    key='coqa',
    tfds='coqa:1.0.0',
    clusters=('conversational_qa',),
    train='train[:-100]',
    dev='train[-100:]',
    test='test',
    num_train=7_090,
    preprocessors=(strip(('story',)), number_turns),
    templates=(
        asks(
            '{story}\n\nAnswer these questions about the text above, in order and with the same numbers.\n\n{questions}'
        ),
        asks(
            'Read the text, then reply briefly to each question that follows it.\n\n'
            'Text: {story}\n\nQuestions:\n{questions}\n\nNumbered answers:'
        ),
        asks(
            'Here are some questions, each building on the ones before:\n{questions}\n\n'
            'You will find what you need in this passage:\n{story}\n\n'
            'Write one short answer per line, numbered like its question.'
        ),
        asks(
            'Two people are talking about the passage at the end. One of them asks:\n{questions}\n\n'
            'What does the other answer? Give a numbered list.\n\n{story}'
        ),
        asks('Passage:\n{story}\n\nConversation:\n{questions}\n\nFill in the replies, number by number.'),
        asks(
            'Could you please help me with a comprehension exercise? This is the text:\n\n{story}\n\n'
            'And this is what I have to answer, as a numbered list:\n\n{questions}'
        ),
        asks(
            '{questions}\n\nUse nothing but the following text to answer the questions above. '
            'List the answers by number and keep them short.\n\n{story}'
        ),
        asks(
            'Suppose you have just read this:\n{story}\n\nA friend quizzes you about it:\n{questions}\n\n'
            'How do you respond? Number your responses as your friend numbered the questions.'
        ),
        asks(
            'Work through the numbered questions one after another; a pronoun may point back to an earlier question '
            'or its answer.\n\n{story}\n\n{questions}\n\nAnswers, numbered the same way:'
        ),
        inverts(
            '{story}\n\nThese are numbered answers to questions that were asked about the text, one after another:\n'
            '{answer}\n\nWrite the list of questions, with the same numbers.',
            '{questions}',
        ),
    ),
    metrics=('exact_match', 'f1'),
    licence='CC-BY-SA-4.0, MSR-LA, Apache-2.0 or that of RACE, by source of the passage',
)

DATA_SETS = (QUAC, COQA)
