"""Natural language inference: is a hypothesis true, given a premise?

Where a source tells the contradicted from the undecided, templates ask whether the hypothesis is true. Where it tells
only the entailed from the rest, they ask whether the premise proves it.
"""

from jaxit.tasks.flan2021.cleaning import straight_quotes
from jaxit.tasks.flan2021.data_set import CAP, DataSet, asks, inverts
from jaxit.tasks.preprocessors import Preprocessor, choices, keep_where, label_text, rename, strip

YES_NO = ('yes', 'no')
NO_YES = ('no', 'yes')
UNDECIDED = "One can't tell"
YES_UNDECIDED_NO = ('Yes', UNDECIDED, 'No')
YES_NO_UNDECIDED = ('Yes', 'No', UNDECIDED)


def _judged(fields: tuple[str, ...], answers: tuple[str, ...]) -> tuple[Preprocessor, ...]:
    """Returns what all sets here need: rows with a label, clean ends, `answer` and `options` in the order of labels."""
    labels = tuple(range(len(answers)))
    return keep_where('label', labels), strip(fields), label_text('label', 'answer', answers), choices(answers)


ANLI_TEMPLATES = (
    asks('{premise}\n\nGoing by this passage alone, is the following true?\n{hypothesis}\n\n{options}'),
    asks('Claim: {hypothesis}\n\nSource: {premise}\n\nIs the claim true, judging by the source?\n\n{options}'),
    asks(
        'Check the claim against the text and say whether it holds.\n\nText: {premise}\nClaim: {hypothesis}\n\n'
        '{options}'
    ),
    asks(
        'A student who had read the text below wrote this sentence:\n{hypothesis}\n\nIs the student right?\n\n'
        '{premise}\n\n{options}'
    ),
    asks(
        'Take the next paragraph as your only source of facts.\n\n{premise}\n\nIs this true: {hypothesis}\n\n{options}'
    ),
    asks('{hypothesis}\n\nIs that so? All you may rely on is this paragraph: {premise}\n\n{options}'),
    asks(
        "Please fact-check the sentence, using nothing but the paragraph. Answer yes, no, or that one can't tell."
        '\n\nSentence: {hypothesis}\nParagraph: {premise}\n\n{options}'
    ),
    asks(
        'Suppose that everything in these lines is correct:\n{premise}\n\n'
        'Is the following statement then correct as well?\n{hypothesis}\n\n{options}'
    ),
    asks(
        'Here is what we know.\n{premise}\n\nAnd here is what somebody says.\n{hypothesis}\n\nAre they right?\n\n'
        '{options}'
    ),
    inverts(
        'Write one sentence on the subject of the paragraph. Asked whether your sentence is true, someone who knows '
        'only the paragraph should answer "{answer}".\n\n{premise}',
        '{hypothesis}',
    ),
)


def _anli(round_number: int, train: str, num_train: int) -> DataSet:
    return DataSet(
        key=f'anli_r{round_number}',
        tfds=f'anli/r{round_number}:0.1.0',
        clusters=('entailment',),
        train=train,
        dev='validation[:200]',
        test='test',
        num_train=num_train,
        preprocessors=(rename({'context': 'premise'}), *_judged(('premise', 'hypothesis'), YES_UNDECIDED_NO)),
        templates=ANLI_TEMPLATES,
        metrics=('exact_match',),
        licence='CC-BY-NC-4.0',
        classification=True,
    )


ANLI_R1 = _anli(1, 'train', 16_940)
ANLI_R2 = _anli(2, 'train[:30000]', CAP)
ANLI_R3 = _anli(3, 'train[:30000]', CAP)

# The hypotheses of CommitmentBank are clauses without a full stop, so that they can follow 'that' and 'whether'.
CB = DataSet(
    key='cb',
    tfds='super_glue/cb:1.0.2',
    clusters=('entailment',),
    train='train[:-50]',
    dev='train[-50:]',
    test='validation',
    num_train=200,
    preprocessors=(straight_quotes(('premise',)), *_judged(('premise', 'hypothesis'), YES_NO_UNDECIDED)),
    templates=(
        asks('{premise}\n\nGoing by what is said here, is it the case that {hypothesis}?\n\n{options}'),
        asks('Excerpt: {premise}\nQuestion: Is it a fact that {hypothesis}?\n\n{options}\nAnswer:'),
        asks(
            'Read the excerpt, then tell me whether the claim is true.\n\n{premise}\n\nClaim: {hypothesis}\n\n{options}'
        ),
        asks('The claim is: {hypothesis}\nIs it true, as far as the following lines show?\n\n{premise}\n\n{options}'),
        asks(
            'Put yourself in the place of the last person who speaks or writes here:\n{premise}\n\n'
            'In your view, is it true that {hypothesis}?\n\n{options}'
        ),
        asks(
            'Someone asks you whether {hypothesis}. All you have to go on is this passage:\n\n{premise}\n\n'
            'What do you reply?\n\n{options}'
        ),
        asks(
            'Passage: {premise}\nSentence: {hypothesis}\n\n'
            'Does the passage make the sentence true ("Yes"), make it false ("No") or leave it open ("One '
            'can\'t tell")?\n\n{options}'
        ),
        asks(
            'What does the author of this text take to be so? Answer for the statement under it: yes if the author '
            "holds it to be true, no if the author holds it to be false, and otherwise that one can't "
            'tell.\n\n{premise}\n\n{hypothesis}\n\n{options}'
        ),
        asks(
            'Please check whether I have understood the text below. I take from it that {hypothesis}. Am I right?\n\n'
            '{premise}\n\n{options}'
        ),
        inverts(
            'Write a few lines of conversation or prose. A reader who is then asked whether {hypothesis} should reply '
            '"{answer}".',
            '{premise}',
        ),
    ),
    metrics=('exact_match', 'macro_f1'),
    licence='unknown',
    classification=True,
)

RTE = DataSet(
    key='rte',
    tfds='super_glue/rte:1.0.2',
    clusters=('entailment',),
    train='train[:-200]',
    dev='train[-200:]',
    test='validation',
    num_train=2_290,
    preprocessors=_judged(('premise', 'hypothesis'), YES_NO),
    templates=(
        asks(
            '{premise}\n\nWith nothing else to go by, can you be sure of the next sentence?\n{hypothesis}\n\n{options}'
        ),
        asks(
            'Article: {premise}\n\nProposed headline: {hypothesis}\n\nDoes the article bear the headline out?\n\n'
            '{options}'
        ),
        asks(
            'Here is a text: {premise}\n\nIf all of it is true, must the next sentence be true too?\n{hypothesis}\n\n'
            '{options}'
        ),
        asks(
            '{premise}\n\nSomeone who has read only this claims: {hypothesis}\nIs the claim well founded?\n\n{options}'
        ),
        asks(
            'Decide, yes or no, whether the text proves the statement.\n\nText: {premise}\nStatement: {hypothesis}\n\n'
            '{options}'
        ),
        asks(
            'Statement: {hypothesis}\n\nWould a careful reader of these lines accept it as proven?\n\n{premise}\n\n'
            '{options}'
        ),
        asks(
            'Question: Is the claim certain, given the report?\nReport: {premise}\nClaim: {hypothesis}\n\n{options}\n'
            'Answer:'
        ),
        asks(
            'An editor would like to print this: {hypothesis}\nThe only source is this: {premise}\n'
            'Does the source back it up?\n\n{options}'
        ),
        asks(
            'Answer yes if the passage leaves no doubt that the sentence under it is true, and no otherwise.\n\n'
            '{premise}\n\n{hypothesis}\n\n{options}'
        ),
        inverts(
            'Write a short text. A reader asked whether it proves the sentence below must answer {answer}.\n\n'
            '{hypothesis}',
            '{premise}',
        ),
    ),
    metrics=('exact_match',),
    licence='unknown',
    classification=True,
)

MNLI_TEMPLATES = (
    asks(
        'First text: {premise}\nSecond text: {hypothesis}\n\n'
        'Nobody doubts the first text. How about the second: is it right?\n\n{options}'
    ),
    asks('{premise}\n\nWould whoever said this agree that the following is true?\n{hypothesis}\n\n{options}'),
    asks(
        'Given: {premise}\nTo check: {hypothesis}\n'
        'Take what is given as a fact. Is the line to check true, then?\n\n{options}'
    ),
    asks(
        "Is the statement true in the light of the text? Answer yes, no, or that one can't tell.\n\n"
        'Statement: {hypothesis}\n\nText: {premise}\n\n{options}'
    ),
    asks(
        'Here is something that a person said or wrote:\n{premise}\n\nIf it is accurate, is this accurate too?\n'
        '{hypothesis}\n\n{options}'
    ),
    asks('{hypothesis}\n\nIs this true? The only evidence you have is the following:\n\n{premise}\n\n{options}'),
    asks('Supposing that A is the case, is B the case as well?\nA. {premise}\nB. {hypothesis}\n\n{options}'),
    asks(
        'You have just read this: "{premise}"\nNow someone tells you this: "{hypothesis}"\nAre they right?\n\n{options}'
    ),
    asks(
        'Evidence: {premise}\nVerdict wanted on: {hypothesis}\n'
        'Does the evidence show this to be true ("Yes"), show it to be false ("No") or do neither ("One can\'t '
        'tell")?\n\n{options}'
    ),
    asks(
        'I need your judgement. Please trust every word of the first passage, then say whether the second is true.\n\n'
        '1) {premise}\n\n2) {hypothesis}\n\n{options}'
    ),
)


def _mnli(part: str) -> DataSet:
    return DataSet(
        key=f'mnli_{part}',
        tfds='glue/mnli:2.0.0',
        clusters=('entailment',),
        train='train[:30000]',
        dev='train[-200:]',
        test=f'validation_{part}',
        num_train=CAP,
        preprocessors=_judged(('premise', 'hypothesis'), YES_UNDECIDED_NO),
        templates=MNLI_TEMPLATES,
        metrics=('exact_match',),
        licence='OANC; fiction: CC-BY-3.0, CC-BY-SA-3.0, public domain',
        classification=True,
    )


MNLI_MATCHED = _mnli('matched')
MNLI_MISMATCHED = _mnli('mismatched')

QNLI = DataSet(
    key='qnli',
    tfds='glue/qnli:2.0.0',
    clusters=('entailment',),
    train='train[:30000]',
    dev='train[-200:]',
    test='validation',
    num_train=CAP,
    preprocessors=_judged(('question', 'sentence'), YES_NO),
    templates=(
        asks(
            'Question: {question}\nSentence: {sentence}\n\n'
            'Does the sentence tell us what the question asks for?\n\n{options}'
        ),
        asks('{sentence}\n\nAfter reading that, would you know the answer to this?\n{question}\n\n{options}'),
        asks('I asked: {question}\nSomebody wrote back: {sentence}\nWas I given the answer?\n\n{options}'),
        asks(
            'Decide whether the line holds the information that the question asks for.\n\nLine: {sentence}\n'
            'Question: {question}\n\n{options}'
        ),
        asks(
            '{question}\n\nDoes the following line from an article tell us? Answer yes or no.\n\n{sentence}\n\n'
            '{options}'
        ),
        asks(
            'A search for "{question}" has turned up the line below. Does it settle the matter?\n\n{sentence}\n\n'
            '{options}'
        ),
        asks(
            'Pupils hear one sentence: {sentence}\nThen the teacher asks: {question}\nHave they been told?\n\n{options}'
        ),
        asks(
            'A quiz card asks: {question}\nOn its back it says: {sentence}\nDoes the back give the solution?\n\n'
            '{options}'
        ),
        asks(
            "Please say yes if the second line answers the first, and no if it doesn't.\n\n{question}\n{sentence}\n\n"
            '{options}'
        ),
        inverts(
            'Ask a question on the subject of the sentence below. Someone who checks whether the sentence answers it '
            'must come to this verdict: {answer}.\n\n{sentence}',
            '{question}',
        ),
    ),
    metrics=('exact_match',),
    licence='CC-BY-SA-4.0 (SQuAD)',
    classification=True,
)

# The second sentence of WNLI repeats a part of the first, with one of two candidates in the place of a pronoun.
WNLI = DataSet(
    key='wnli',
    tfds='glue/wnli:2.0.0',
    clusters=('entailment',),
    train='train[:-30]',
    dev='train[-30:]',
    test='validation',
    num_train=600,
    preprocessors=_judged(('sentence1', 'sentence2'), NO_YES),
    templates=(
        asks('{sentence1}\n\nIs it right to understand this as saying the following?\n{sentence2}\n\n{options}'),
        asks('Text: {sentence1}\nInterpretation: {sentence2}\nIs the interpretation correct?\n\n{options}'),
        asks(
            'Somebody tells you: "{sentence1}"\nYou gather from it: "{sentence2}"\nHave you understood them?\n\n'
            '{options}'
        ),
        asks(
            'Story: {sentence1}\n\nStatement: {sentence2}\n\nIs that how it was in the story? Answer yes or no.\n\n'
            '{options}'
        ),
        asks('{sentence2}\n\nIs that what is meant here?\n\n{sentence1}\n\n{options}'),
        asks(
            'A pronoun can be taken in more than one way. Say whether this reader took it in the right way.\n\n'
            'The reader saw: {sentence1}\nThe reader understood: {sentence2}\n\n{options}'
        ),
        asks('Use common sense. I say this: {sentence1}\nDo I thereby say this too? {sentence2}\n\n{options}'),
        asks('Q: A book says: {sentence1}\nIs it so, according to the book? {sentence2}\n\n{options}\nA:'),
        asks(
            'Please check this restatement of a detail.\n\nOriginal: {sentence1}\nDetail: {sentence2}\n\n'
            'Is the detail faithful to the original?\n\n{options}'
        ),
        asks(
            'Must the second of these texts be true when the first one is?\n1. {sentence1}\n2. {sentence2}\n\n{options}'
        ),
    ),
    metrics=('exact_match',),
    licence='CC-BY-4.0 (Winograd schemas); the rest unknown',
    classification=True,
)

# The premises of SNLI are captions of photos. Pairs on which the annotators disagree have the label -1.
SNLI = DataSet(
    key='snli',
    tfds='snli:1.1.0',
    clusters=('entailment',),
    train='train[:30000]',
    dev='validation[:200]',
    test='test',
    num_train=CAP,
    preprocessors=_judged(('premise', 'hypothesis'), YES_UNDECIDED_NO),
    templates=(
        asks(
            'Caption of a photo: {premise}\nAnother caption: {hypothesis}\n\n'
            'If the first caption is accurate, is the other one accurate too?\n\n{options}'
        ),
        asks('{premise}\n\nPicture that scene. Would it be right to say this about it?\n{hypothesis}\n\n{options}'),
        asks(
            'Someone describes a picture like this: "{premise}"\n\nIs this true of the picture?\n{hypothesis}\n\n'
            '{options}'
        ),
        asks(
            'You know that the first of these sentences is true. Would you call the second one true as well?\n'
            '1. {premise}\n2. {hypothesis}\n\n{options}'
        ),
        asks('A: {premise}\nB: {hypothesis}\n\nA is a fact. Is B a fact too?\n\n{options}'),
        asks('To judge: {hypothesis}\nWhat we know: {premise}\nIs it true, as far as we know?\n\n{options}\nAnswer:'),
        asks('Tell me whether this is true: {hypothesis}\nAll I know about the scene is this: {premise}\n\n{options}'),
        asks(
            'Please judge the statement by the description. Say yes if the description makes it true, no if the '
            "description rules it out, and otherwise that one can't tell.\n\nDescription: {premise}\n"
            'Statement: {hypothesis}\n\n{options}'
        ),
        asks(
            'I say what I see in a photo: {premise}\nMy friend says about the same photo: {hypothesis}\n'
            'Is my friend right if I am?\n\n{options}'
        ),
        inverts(
            'What a photo shows: {premise}\n\n'
            'Make up a sentence about it for which the right reply to "Is that true?" would be "{answer}".',
            '{hypothesis}',
        ),
    ),
    metrics=('exact_match',),
    licence='CC-BY-SA-4.0',
    classification=True,
)

DATA_SETS = (ANLI_R1, ANLI_R2, ANLI_R3, CB, RTE, MNLI_MATCHED, MNLI_MISMATCHED, QNLI, WNLI, SNLI)
