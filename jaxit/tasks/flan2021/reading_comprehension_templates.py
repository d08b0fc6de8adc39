"""The wordings of the reading comprehension data sets."""

from jaxit.tasks.flan2021.data_set import asks, inverts

_UNLESS = '<unless>'  # where a wording of SQuAD 2.0 says what to write when the text has no answer

_SQUAD = (
    (
        'From the encyclopedia article "{title}":\n\n{context}\n\n{question}<unless>',
        '\n\nIf the article does not say, answer "unanswerable".',
    ),
    (
        'Find the words of the passage that answer the question.<unless>\n\n'
        'Title: {title}\nPassage: {context}\nQuestion: {question}\nAnswer:',
        ' If there are none, write "unanswerable".',
    ),
    (
        '{question}\n\nThe text below has the answer<unless>.\n\n{title}\n{context}',
        ', unless the right reply is "unanswerable"',
    ),
    (
        'Source: {title}\nExcerpt: {context}\n\nQ: {question}<unless>\nA:',
        ' (Reply "unanswerable" if the excerpt does not tell.)',
    ),
    (
        'There is a question at the end of this text; a short phrase will do as the answer<unless>.\n\n'
        '{context}\n\n{question}',
        ', or else the word "unanswerable" if nothing in the text fits',
    ),
    (
        'I am reading up on this topic: {title}\nMy encyclopedia says: {context}\n\n'
        'What I want to know is this: {question}\nCan you tell me?<unless>',
        ' If the encyclopedia is of no help, say "unanswerable".',
    ),
    (
        '{title}\n\n{context}\n\nUsing only this paragraph, reply as briefly as you can: {question}<unless>',
        '\nIf it leaves you in the dark, reply "unanswerable".',
    ),
    (
        'A pupil has read the following lines.\n\n{context}\n\n'
        'The teacher asks: {question}\nWhat should the pupil say?<unless>',
        ' (If the lines do not settle the matter: "unanswerable".)',
    ),
)

SQUAD_V1_TEMPLATES = (
    *(asks(wording.replace(_UNLESS, '')) for wording, _ in _SQUAD),
    inverts(
        'Topic: {title}\nThink of a question that the passage below answers with these words: {answer}\n\n{context}',
        '{question}',
    ),
    inverts(
        '{context}\n\nSomebody who had this text, from the article "{title}", in front of them was asked a question. '
        'The right reply was: {answer}\nWhat was the question?',
        '{question}',
    ),
)

SQUAD_V2_TEMPLATES = (
    *(asks(wording.replace(_UNLESS, unless)) for wording, unless in _SQUAD),
    asks(
        'Not every question has an answer in its text. If this one has none, write "unanswerable"; '
        'otherwise quote the words that answer it.\n\nText (from "{title}"): {context}\nQuestion: {question}'
    ),
    asks(
        '{context}\n\nIs this enough to answer the next question?\n{question}\n\n'
        'If it is, give the answer; if not, write "unanswerable".'
    ),
)

DROP_TEMPLATES = (
    asks('{passage}\n\nWork out the answer to the following and give nothing else: {question}'),
    asks('Question: {question}\nWhere to look: {passage}\nAnswer, as a number, a date or a short phrase:'),
    asks('You may have to count, add, subtract or compare.\n\n{question}\n\n{passage}'),
    asks('Study this carefully, then reply in as few words as possible.\n\n{passage}\n\n{question}'),
    asks('Here is a paragraph.\n\n{passage}\n\nNow my question: {question}\nPlease give me just the answer.'),
    asks('{question}\n\nThe details you need are in these lines:\n\n{passage}'),
    asks('Account: {passage}\nQ: {question}\nResult:'),
    inverts(
        '{passage}\n\nInvent a question about the passage above to which this is the answer: {answer}', '{question}'
    ),
    inverts(
        'In a reading test on the text below, one entry in the answer key is: {answer}\n'
        'What could the question be?\n\nText: {passage}',
        '{question}',
    ),
    inverts(
        'Set a question on this passage. It should take some thought, and its solution should be: {answer}\n\n{passage}',
        '{question}',
    ),
)

MULTIRC_TEMPLATES = (
    asks(
        '{paragraph}\n\nQuestion: {question}\nProposed answer: {response}\n\nIs the proposed answer right?\n\n{options}'
    ),
    asks(
        'Someone who had read the text below was asked: {question}\nTheir reply was: {response}\n\n'
        'Text: {paragraph}\n\nWould you accept the reply?\n\n{options}'
    ),
    asks(
        'Mark this answer as a teacher would: yes means correct, no means wrong.\n\n'
        'Text: {paragraph}\nQuestion: {question}\nAnswer: {response}\n\n{options}'
    ),
    asks(
        '{question}\n\nA possible answer is: {response}\n\nDoes the following passage bear it out?\n\n'
        '{paragraph}\n\n{options}'
    ),
    asks(
        'Question: {question}\n\nOne of several answers that were handed in: {response}\n\n'
        'See whether it holds good in the light of this text.\n\n{paragraph}\n\n{options}'
    ),
    asks(
        'Passage: {paragraph}\n\nThe question is "{question}" and there may be more than one good answer to it. '
        'Is this one of them?\n\n{response}\n\n{options}'
    ),
    asks(
        'Q: {question}\nA: {response}\n\nThe passage below settles the matter. Does A deserve the point?\n\n'
        '{paragraph}\n\n{options}'
    ),
    asks(
        'Please check a quiz for me. This is the text:\n\n{paragraph}\n\n'
        'I was asked: {question}\nI answered: {response}\nAm I right?\n\n{options}'
    ),
    inverts(
        '{paragraph}\n\nWrite a question about this paragraph. '
        'If somebody checks whether the words below answer it correctly, the verdict should be: {answer}\n\n{response}',
        '{question}',
    ),
    inverts(
        '{paragraph}\n\n{question}\n\nSuggest an answer. If somebody checks whether it agrees with the paragraph, '
        'the verdict should be: {answer}',
        '{response}',
    ),
)

OPENBOOKQA_TEMPLATES = (
    asks(
        'Science tells us this: {fact}\n\nWith that in mind, choose what answers or completes the following.\n\n'
        '{question}\n\n{options}'
    ),
    asks('{question}\n\n{options}\n\nHint: {fact}\nAnswer:'),
    asks(
        'You sit an exam in which you may look things up. The exam says:\n{question}\n\n'
        'In your book you find:\n{fact}\n\nWhat do you put down?\n\n{options}'
    ),
    asks('Find what fits best.\n\nKnown: {fact}\nProblem: {question}\n\n{options}'),
    asks('What goes best with "{question}" (bear in mind: {fact})?\n\n{options}'),
    asks('Quiz\n\n{question}\n\n{options}\n\nYou will need some common sense and this line from the textbook: {fact}'),
    asks(
        'Please help me with my science homework. In class we learned the following: {fact}\n\n'
        'Now I have to get this right.\n\n{question}\n\n{options}'
    ),
    inverts(
        'Write a question, or the first part of a sentence, that is rightly answered or completed as follows: {answer}\n'
        'It should draw on this fact: {fact}',
        '{question}',
    ),
    inverts('Item: {question}\nSolution: {answer}\n\nWhich scientific fact lies behind this?', '{fact}'),
    inverts(
        'In a science test, the right option for "{question}" was: {answer}\n\n'
        'State the piece of general knowledge that explains why.',
        '{fact}',
    ),
)

BOOL_Q_TEMPLATES = (
    asks('From the article "{title}":\n{passage}\n\nQuestion: {question}?\n\n{options}'),
    asks('Look this up in the extract below: {question}?\n\n{title}\n{passage}\n\n{options}'),
    asks(
        'Someone typed into a search engine: {question}?\n\nThe first hit was a page called "{title}":\n{passage}\n\n'
        'Does it tell them yes or no?\n\n{options}'
    ),
    asks('Title: {title}\nPassage: {passage}\n\nYes or no: {question}?\n\n{options}'),
    asks(
        'Two people disagree about this: {question}? Settle it with the help of the entry "{title}".\n\n'
        '{passage}\n\n{options}'
    ),
    asks(
        'These lines on "{title}" are all you have to go by.\n\n{passage}\n\n'
        'How do you reply to the question "{question}?"\n\n{options}'
    ),
    asks('Topic: {title}\n\n{passage}\n\nI wonder: {question}? Please go by the text when you reply.\n\n{options}'),
    asks('{passage}\n(Source: {title})\n\nQ: {question}?\n\n{options}\nA:'),
    asks(
        'Does the text below suggest yes or no as the answer to "{question}?"\n\n'
        'Text (from the article "{title}"): {passage}\n\n{options}'
    ),
    asks(
        'Decide between yes and no, using nothing but what the article "{title}" says here.\n\n{passage}\n\n'
        '{question}?\n\n{options}'
    ),
)
