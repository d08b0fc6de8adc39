"""The two data sets that Flan 2022 adds to those of FLAN 2021: last words of LAMBADA, science questions of UnifiedQA.

Only their train splits are read, and no mixture of FLAN 2021 has them.
"""

import re

from jaxit.tasks.flan2021.cleaning import straight_quotes
from jaxit.tasks.flan2021.data_set import DataSet, asks, inverts
from jaxit.tasks.preprocessors import Record, strip

NUM_OPTIONS = 4

_BULLET = re.compile(r'\s*\(([A-E])\)\s*')


def last_word(record: Record) -> Record | None:
    """Writes `context`, a passage up to its last word, and `answer`, that word; a passage of one word is left out."""
    words = record['passage'].rsplit(maxsplit=1)
    return record | {'context': words[0], 'answer': words[1]} if len(words) == 2 else None


def science_options(record: Record) -> Record | None:
    r"""Takes an input such as `What is ice? \n (A) fog (B) ...` apart; it has a backslash and an n for a line break.

    Returns:
        The record with `question`, `options` and `answer`; None where there are not just four options, (A) to (D), or
        the output is not one of them.
    """
    question, *listed = _BULLET.split(record['input'].replace('\\n', '\n').strip())
    labels, options = listed[::2], listed[1::2]
    answers = [option for option in options if option.casefold() == record['output'].casefold()]
    if not question or labels != list('ABCD') or len(answers) != 1:
        return None
    return record | {'question': question, 'options': options, 'answer': answers[0]}


# TFDS calls the development set of LAMBADA its train split. The passages are in lower case, a blank on both sides of a
# punctuation mark.
LAMBADA = DataSet(
    key='lambada',
    tfds='lambada:1.0.0',
    clusters=('word_prediction',),
    train='train',
    dev='',
    test='test',
    num_train=4_860,
    preprocessors=(straight_quotes(('passage',)), strip(('passage',)), last_word),
    templates=(
        asks('{context} ...\n\nWhich single word comes next?'),
        asks('The last word of this passage has been cut off. Write it.\n\n{context}'),
        asks('Read these lines from a novel and supply the word on which they end.\n\n{context}'),
        asks('Passage: {context}\nMissing last word:'),
        asks('A corner of the page is torn off, and one word with it. What was the word?\n\n{context} ____'),
        asks('Anyone who has followed the story this far can tell how it goes on. Add one word.\n\n{context}'),
        asks(
            '{context}\n\nThe recording of this audiobook stops one word too early. What did the reader still have to say?'
        ),
        asks('What, in a word, is needed to finish the last sentence below?\n\n{context}'),
        asks('Guess the word that the author wrote after this, and write nothing but that word.\n\n{context}'),
        inverts('Write a few lines of fiction that lead up to the word "{answer}" and end with it.', '{passage}'),
    ),
    metrics=('exact_match',),
    licence='CC-BY-4.0',
)

UNIFIED_QA_SCIENCE_INST = DataSet(
    key='unified_qa_science_inst',
    tfds='unified_qa/ai2_science_middle:1.0.0',
    clusters=('open_domain_qa',),
    train='train',
    dev='',
    test='test',
    num_train=590,
    preprocessors=(strip(('input', 'output')), science_options),
    templates=(
        asks('This is from a middle-school science class.\n\n{question}\n\n{options}\n\nGive the right answer.'),
        asks('A worksheet on science asks:\n\n{question}\n\n{options}\n\nWhat belongs on the answer line?'),
        asks('Reply as a science teacher would.\n\n{question}\n\n{options}'),
        asks('{options}\n\nWhat is the correct answer to the question that follows?\n\n{question}'),
        asks('Q (science, grades six to eight): {question}\n{options}\nA:'),
        asks(
            'My class is preparing for a science exam, and nobody agrees on this one: {question}\n\n{options}\n\n'
            'What is the answer?'
        ),
        asks(
            'Think of what you know about living things, matter and the earth, then answer.\n\n{question}\n\n{options}'
        ),
        asks('If you were marking this test, what would you accept as correct?\n\n{question}\n\n{options}'),
        inverts('Write a science question for pupils of about thirteen that has this answer: {answer}', '{question}'),
        inverts('"{answer}" is marked as right in a science test. What may have been asked?', '{question}'),
    ),
    metrics=('exact_match',),
    licence='unknown',
    classification=True,
)

DATA_SETS = (LAMBADA, UNIFIED_QA_SCIENCE_INST)
