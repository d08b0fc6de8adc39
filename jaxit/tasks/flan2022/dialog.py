"""Conversations: WikiDialog (arXiv:2205.09073) and QReCC (arXiv:2010.04898), and their inversions."""

from jaxit.tasks.flan2022.invented import ROWS
from jaxit.tasks.flan2022.member import Member
from jaxit.tasks.flan2022.speakers import RandomSpeakers
from jaxit.tasks.sources import Record
from jaxit.tasks.tensorflow_sources import Tfds
from jaxit.text.templates import Template

NUM_WIKI_DIALOG = 11_264_000
NUM_QRECC = 10_170
MIN_QRECC_TURN = 7  # earlier turns have little before them

FORWARD = tuple(
    Template(inputs, '{answer}')
    for inputs in (
        '{dialog}\n\nAdd what the other one says to that.',
        'Continue this conversation with one more turn.\n\n{dialog}',
        '{dialog}\n\nGive the reply that the last speaker is waiting for.',
        'Two people take turns. Whoever is next says what?\n{dialog}\nNext turn:',
        'You take part in the conversation below. How do you answer?\n\n{dialog}',
        '{dialog}\n\nReply to the last message.',
        '{dialog}\n\nA knowledgeable answer to the last question would be:',
        'What comes after this?\n\n{dialog}\n\nWrite only the next utterance.',
        'The following exchange breaks off before an answer is given.\n{dialog}\nFill in the answer.',
        'Answer the question that ends this conversation.\n\n{dialog}',
    )
)
INVERTED = tuple(
    Template(inputs, targets, kind='inverted')
    for inputs, targets in (
        ('Here is a reply. Write all that two people may have said until it came.\n{answer}', '{dialog}'),
        ('Somebody says this in a conversation.\n\n{answer}\n\nWhat was said before?', '{dialog}'),
        ('Reply: {answer}\n\nMake up the earlier turns.', '{dialog}'),
        (
            '"{answer}"\n\nReconstruct the dialogue of two people that this turn belongs to, up to this turn.',
            '{dialog}',
        ),
        ('Last turn of a conversation: {answer}\nAll turns before it:', '{dialog}'),
        ('What question was asked to get this reply?\n\n{answer}', '{question}'),
        ('In a conversation somebody answers:\n{answer}\n\nAsk the question.', '{question}'),
        ('Reply: {answer}\nThe message that it replies to:', '{question}'),
        ('Which message would make somebody write this?\n{answer}', '{question}'),
        ('Here is an answer. Write a question that it fits.\n\n{answer}', '{question}'),
    )
)


def members(data_dir: str | None) -> tuple[Member, ...]:
    """Returns both data sets."""
    return tuple(_member(key, FORWARD, '', data_dir) for key in ('wiki_dialog', 'qrecc'))


def inversions(data_dir: str | None) -> tuple[Member, ...]:
    """Returns their inversions."""
    return tuple(_member(key, INVERTED, '_input_inversion', data_dir) for key in ('wiki_dialog', 'qrecc'))


def _member(key: str, templates: tuple[Template, ...], suffix: str, data_dir: str | None) -> Member:
    wiki = key == 'wiki_dialog'
    name, size = ('wiki_dialog:1.0.0', NUM_WIKI_DIALOG) if wiki else ('q_re_cc:1.0.0', NUM_QRECC)
    return Member(
        key + suffix,
        Tfds(name, {'train': 'train'}, data_dir, {'train': size}, ROWS[key]),
        (wiki_dialog,) if wiki else (qrecc,),
        templates,
        'dialog',
        'unknown',
        randomness=RandomSpeakers(last=not wiki),
    )


def wiki_dialog(record: Record) -> Record | None:
    """Keeps the turns of a conversation of a question and an answer at least."""
    turns = [turn.strip() for turn in record['utterances']]
    return {'turns': turns} if len(turns) > 1 and all(turns) else None


def qrecc(record: Record) -> Record | None:
    """Makes one list of the context, the question and its answer, where there is an answer and much before it."""
    turns = [*(turn.strip() for turn in record['context']), record['question'].strip(), record['answer'].strip()]
    return {'turns': turns} if record['turn_id'] >= MIN_QRECC_TURN and all(turns) else None
