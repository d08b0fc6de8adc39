"""Paraphrase: do two sentences, or two questions, mean the same, and how nearly?"""

from jaxit.tasks.flan2021.data_set import CAP, DataSet, asks, inverts
from jaxit.tasks.preprocessors import Record, choices, label_text, strip

NO_YES = ('no', 'yes')
SCORES = ('0', '1', '2', '3', '4', '5')


def _undouble_quotes(record: Record) -> Record:
    """Undoes the doubling of quotation marks, which the source's table has and its reader leaves in."""
    return record | {name: record[name].replace('""', '"') for name in ('question1', 'question2')}


def _whole_score(record: Record) -> Record:
    """Rounds the mean of the annotators' scores to one of the whole numbers that they chose from.

    Answers are correlated with the mean as it is.
    """
    return record | {'answer': str(round(record['label'])), 'gold_number': record['label']}


GLUE_MRPC = DataSet(
    key='glue_mrpc',
    tfds='glue/mrpc:2.0.0',
    clusters=('paraphrase',),
    train='train[:-200]',
    dev='train[-200:]',
    test='validation',
    num_train=3_460,
    preprocessors=(strip(('sentence1', 'sentence2')), label_text('label', 'answer', NO_YES), choices(NO_YES)),
    templates=(
        asks(
            'Two reporters covered one story.\n\nThe first wrote: {sentence1}\nThe second wrote: {sentence2}\n\n'
            'Did they give their readers the same information?\n\n{options}'
        ),
        asks(
            '{sentence1}\n{sentence2}\n\n'
            'Could either of these lines replace the other in a news report without changing what is reported?\n\n'
            '{options}'
        ),
        asks(
            'Compare the two lines below and decide whether the second is a rewording of the first.\n\n'
            '1) {sentence1}\n2) {sentence2}\n\n{options}'
        ),
        asks('Original: {sentence1}\nCandidate: {sentence2}\nIs the candidate a faithful paraphrase?\n\n{options}'),
        asks(
            'An editor cuts one of two sentences whenever they convey the same facts.\n\n'
            'Sentence A: {sentence1}\nSentence B: {sentence2}\n\nShould there be a cut here?\n\n{options}'
        ),
        asks(
            'Judge whether these statements are equivalent in content, however they are worded.\n\n{options}\n\n'
            'Statement one: {sentence1}\nStatement two: {sentence2}'
        ),
        asks(
            'Line one: {sentence1}\n\nLine two: {sentence2}\n\n'
            'Question: in substance, is line two just line one again?\n{options}\nAnswer:'
        ),
        asks(
            'I have this from a newspaper:\n{sentence1}\n\nElsewhere I found:\n{sentence2}\n\n'
            'Please tell me whether both amount to the same claim.\n\n{options}'
        ),
        asks('Here is one sentence:\n{sentence1}\n\nIs this another way of putting it?\n{sentence2}\n\n{options}'),
        asks(
            'Paraphrase check. Answer yes when both sentences report the same facts, and no when one of them adds or '
            'changes something that matters.\n\n{sentence1}\n{sentence2}\n\n{options}'
        ),
    ),
    metrics=('exact_match', 'binary_f1'),
    licence='unknown',
    classification=True,
)

GLUE_QQP = DataSet(
    key='glue_qqp',
    tfds='glue/qqp:2.0.0',
    clusters=('paraphrase',),
    train='train[:30000]',
    dev='train[-200:]',
    test='validation',
    num_train=CAP,
    preprocessors=(
        _undouble_quotes,
        strip(('question1', 'question2')),
        label_text('label', 'answer', NO_YES),
        choices(NO_YES),
    ),
    templates=(
        asks('Question 1: {question1}\nQuestion 2: {question2}\n\nWould a single answer serve for both?\n\n{options}'),
        asks(
            'A moderator keeps one thread for each thing that people want to know. Do these two belong in one thread?\n\n'
            '{question1}\n{question2}\n\n{options}'
        ),
        asks(
            '{question1}\n\nLater, somebody else posts: {question2}\n\n'
            'Is the later post a duplicate of the earlier one?\n\n{options}'
        ),
        asks(
            'Decide whether the difference between these questions is one of wording only.\n\n'
            'A. {question1}\nB. {question2}\n\n{options}'
        ),
        asks(
            'Suppose someone answers this: {question1}\nDoes that settle the following question as well?\n'
            '{question2}\n\n{options}'
        ),
        asks(
            'Asked before: {question1}\nAsked now: {question2}\n'
            'Is the new question the old one in other words?\n{options}\nAnswer:'
        ),
        asks(
            'Please check if the two users below want to know one and the same thing.\n\n'
            'First user: {question1}\nSecond user: {question2}\n\n{options}'
        ),
        asks(
            'A pupil had to put this question differently: {question1}\nHere is what came of it: {question2}\n\n'
            'Has the sense survived?\n\n{options}'
        ),
        asks('Same intent? Say yes or no.\n\n{options}\n\n{question1}\n{question2}'),
        asks(
            'If each of these were typed into a search box, should the same page come up first?\n\n'
            '* {question1}\n* {question2}\n\n{options}'
        ),
    ),
    metrics=('exact_match', 'binary_f1'),
    licence="Quora's terms of service, non-commercial use",
    classification=True,
)

PAWS_WIKI = DataSet(
    key='paws_wiki',
    tfds='paws_wiki:1.1.0',
    clusters=('paraphrase',),
    train='train[:30000]',
    dev='validation[:200]',
    test='test',
    num_train=CAP,
    preprocessors=(strip(('sentence1', 'sentence2')), label_text('label', 'answer', NO_YES), choices(NO_YES)),
    templates=(
        asks(
            'The two sentences below share most of their words. Do they share their meaning too?\n\n'
            '{sentence1}\n{sentence2}\n\n{options}'
        ),
        asks('Sentence A: {sentence1}\nSentence B: {sentence2}\n\nDoes A follow from B, and B from A?\n\n{options}'),
        asks(
            'Read carefully, for the order of the words matters.\n\nFirst: {sentence1}\nSecond: {sentence2}\n\n'
            'Does the second state what the first states, no more and no less?\n\n{options}'
        ),
        asks(
            '{sentence1}\n\nSomeone has edited this line of an encyclopedia, and now it reads:\n\n{sentence2}\n\n'
            'Was the meaning kept?\n\n{options}'
        ),
        asks(
            'Tell me whether the new version keeps the sense of the source.\n\n'
            'Source: {sentence1}\nNew version: {sentence2}\n\n{options}'
        ),
        asks(
            'Could "{sentence1}" be exchanged for "{sentence2}" without making an article say something different?\n\n'
            '{options}'
        ),
        asks(
            '{sentence1}\n{sentence2}\n\n'
            'Whatever their wording, do these lines describe one and the same state of affairs? Answer yes or no.'
        ),
        asks(
            'Paraphrase or mere look-alike? Say yes for a paraphrase, no for a look-alike.\n\n'
            '1. {sentence1}\n2. {sentence2}\n\n{options}'
        ),
        asks('Text: {sentence1}\nRestatement: {sentence2}\n\n{options}\n\nIs the restatement accurate and complete?'),
        asks(
            'Two translators have rendered a single line:\n\n{sentence1}\n{sentence2}\n\n'
            'Would both renderings tell a reader exactly the same thing?\n\n{options}'
        ),
    ),
    metrics=('exact_match',),
    licence='may be freely used for any purpose',
    classification=True,
)

STSB = DataSet(
    key='stsb',
    tfds='glue/stsb:2.0.0',
    clusters=('paraphrase',),
    train='train[:-100]',
    dev='train[-100:]',
    test='validation',
    num_train=5_640,
    preprocessors=(strip(('sentence1', 'sentence2')), _whole_score, choices(SCORES)),
    templates=(
        asks(
            '{sentence1}\n{sentence2}\n\n'
            'How close are these sentences in meaning, from 0 (nothing in common) to 5 (equivalent)?\n\n{options}'
        ),
        asks(
            'Compare the texts on a scale that runs from 0, unrelated, to 5, the same in meaning.\n\n'
            'Text 1: {sentence1}\nText 2: {sentence2}\n\n{options}'
        ),
        asks(
            'Score this pair by how much meaning its halves share. The least is 0 and the most is 5.\n\n{options}\n\n'
            'Left: {sentence1}\nRight: {sentence2}'
        ),
        asks(
            'A student was asked to paraphrase the first sentence and handed in the second. Mark the attempt, with 5 '
            'for a perfect paraphrase and 0 for one that misses the meaning altogether.\n\n'
            'First: {sentence1}\nSecond: {sentence2}\n\n{options}'
        ),
        asks('This: {sentence1}\nThat: {sentence2}\nSimilarity in meaning (0 none, 5 complete):\n\n{options}'),
        asks(
            'Which whole number best expresses the semantic overlap between "{sentence1}" and "{sentence2}", '
            'if 0 means none at all and 5 means that they say the same?\n\n{options}'
        ),
        asks(
            'Weigh A against B.\n\nA: {sentence1}\nB: {sentence2}\n\n'
            'Give a 5 if A and B are interchangeable, a 0 if they have nothing to do with each other, and a number in '
            'between for partial agreement.\n\n{options}'
        ),
        asks(
            'Take what "{sentence1}" says and what "{sentence2}" says. How much of it do the two have in common?\n\n'
            '{options}\nScore, from 0 for nothing to 5 for all of it:'
        ),
        inverts(
            '{sentence1}\n\nWrite another sentence, one that would get {answer} for similarity in meaning to the one '
            'above on a scale from 0 (unrelated) to 5 (equivalent).',
            '{sentence2}',
        ),
        inverts(
            'Pairs of sentences are scored from 0 (different in every way) to 5 (the same in meaning).\n\n'
            'Score: {answer}\nOne sentence: {sentence2}\nThe other sentence:',
            '{sentence1}',
        ),
    ),
    metrics=('pearson', 'spearman', 'exact_match'),
    licence='unknown',
    classification=True,
)

DATA_SETS = (GLUE_MRPC, GLUE_QQP, PAWS_WIKI, STSB)
