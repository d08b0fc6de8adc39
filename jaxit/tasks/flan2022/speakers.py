"""Conversations in many styles: how they begin, and what the two speakers are called."""

import random
from dataclasses import dataclass

from jaxit.core.errors import UserError
from jaxit.tasks.sources import Record

MAX_TURNS = 40  # twenty pairs

LEADS = (
    '',
    'Conversation:\n',
    'DIALOG:\n',
    'A conversation between two people:\n',
    'Transcript:\n',
    'Chat log:\n',
    'Two people are talking.\n',
    'Here is what was said so far:\n',
    'Start of the conversation\n',
    'The exchange:\n',
    'Messages:\n',
    'Interview:\n',
    'Earlier turns:\n',
)
NAMES = (
    ('A', 'B'),
    ('X', 'Y'),
    ('Q', 'A'),
    ('1', '2'),
    ('Person 1', 'Person 2'),
    ('Speaker 1', 'Speaker 2'),
    ('Speaker A', 'Speaker B'),
    ('User', 'Assistant'),
    ('USER', 'SYSTEM'),
    ('Student', 'Teacher'),
    ('Guest', 'Host'),
    ('Reader', 'Librarian'),
    ('Alex', 'Sam'),
    ('Me', 'You'),
    ('Question', 'Reply'),
    ('-', '-'),
    ('', ''),
)
FRAMES = ('{}: ', '{} - ', '[{}] ', '({}) ', '<{}> ', '{}:\n')


@dataclass(frozen=True)
class RandomSpeakers:
    """Writes `dialog`, the turns up to a reply, and `answer`, the reply.

    Attributes:
        last: whether the reply is the last turn; if not, any turn of the second speaker.
    """

    last: bool = False

    def __call__(self, record: Record, draw: random.Random) -> Record:
        """Returns the record with `dialog`, `question` (the turn before the reply) and `answer`."""
        turns = record.get('turns')
        if not isinstance(turns, list) or len(turns) < 2 or not all(isinstance(turn, str) for turn in turns):
            raise UserError(f'a conversation needs a list of two turns or more, got {turns!r}')
        lead, names, frame = draw.choice(LEADS), draw.choice(NAMES), draw.choice(FRAMES)
        frame = {'': '{}', '-': '{} '}.get(names[0], frame)
        # Worked examples in one style are cut off at places of their own.
        place = random.Random(f'{draw.random()}/{turns}').randrange(len(turns) // 2)
        reply = len(turns) - 1 if self.last else min(2 * place + 1, MAX_TURNS - 1)
        first = max(reply - MAX_TURNS + 1, 0)
        first += (reply - first + 1) % 2  # a question comes first
        said = [f'{frame.format(names[i % 2])}{turn}' for i, turn in enumerate(turns[first:reply])]
        return record | {'dialog': lead + '\n'.join(said), 'question': turns[reply - 1], 'answer': turns[reply]}
