"""Conversations: which turn is asked for, what stands before it, and what the two speakers are called."""

import random
import re

import pytest

from jaxit.tasks.flan2022 import dialog, mixtures
from jaxit.tasks.flan2022.member import RANDOM
from jaxit.tasks.flan2022.shots import ROW
from jaxit.tasks.flan2022.speakers import LEADS, NAMES
from jaxit.tasks.rendering import render_row


def task_of(member):
    return mixtures.task_of(f'{member.key}_{RANDOM.suffix}', member, RANDOM, 0)


def member_of(members, key):
    return next(member for member in members if member.key == key)


def test_wiki_dialog_asks_for_a_turn_of_the_second_speaker():
    record = {'title': 'Mars', 'utterances': [f'turn {i}' for i in range(7)], 'sentences': [], 'author_num': []}
    for members, inverted in ((dialog.members(None), False), (dialog.inversions(None), True)):
        task = task_of(members[0])
        replies = set()
        for row in range(200):
            (example,) = render_row(task, 'train', row, record | {ROW: row}, seed=0)
            said = [int(number) for number in re.findall(r'turn (\d)', example.inputs)]
            target = [int(number) for number in re.findall(r'turn (\d)', example.targets)]
            if inverted:
                assert len(said) == 1
                assert target in (list(range(said[0])), [said[0] - 1])
                replies |= set(said)
            else:
                assert said == list(range(target[0]))
                replies |= set(target)
        assert replies == {1, 3, 5}


@pytest.mark.parametrize('key', ['wiki_dialog', 'qrecc'])
def test_a_long_conversation_keeps_its_last_turns_and_begins_with_a_question(key):
    """Turns are counted from 0; the second speaker has the odd ones. Forty turns at most, the reply among them."""
    speakers = member_of(dialog.members(None), key).randomness
    for number in (2, 7, 8, 39, 40, 41, 60, 61):
        turns = [f'turn {i}' for i in range(number)]
        replies = set()
        for seed in range(300):
            made = speakers({'turns': turns}, random.Random(f'{seed}'))
            said = [int(turn) for turn in re.findall(r'turn (\d+)', made['dialog'])]
            reply = int(made['answer'].removeprefix('turn '))
            replies.add(reply)
            assert said == list(range(said[0], reply)) and made['question'] == f'turn {reply - 1}'
            assert len(said) == min(reply if reply % 2 else reply - 1, 39)
        if key == 'qrecc':
            assert replies == {number - 1}
        else:
            assert replies == set(range(1, min(number, 40), 2))


def test_the_two_speakers_take_turns_under_their_names():
    speakers = member_of(dialog.members(None), 'wiki_dialog').randomness
    turns = [f'turn {i}' for i in range(4)]
    pairs = set()
    for seed in range(600):
        made = speakers({'turns': turns}, random.Random(f'{seed}'))
        if made['answer'] != 'turn 3':
            continue
        text = re.sub('|'.join(map(re.escape, sorted(LEADS, key=len, reverse=True))), '', made['dialog'], count=1)
        names = re.split(r'turn \d', text)[:3]
        first, second, third = (re.sub(r'[\W_]+', ' ', name).strip() for name in names)
        assert first == third
        pairs.add((first, second))
    assert pairs == {tuple(name.replace('-', '') for name in names) for names in NAMES}


def test_a_dash_in_place_of_a_name_has_nothing_around_it():
    speakers = member_of(dialog.members(None), 'qrecc').randomness
    texts = [speakers({'turns': ['turn 0', 'turn 1']}, random.Random(f'{i}'))['dialog'] for i in range(400)]
    dashed = [text for text in texts if '-' in text.splitlines()[-1].split()[0]]
    assert dashed and all(text.splitlines()[-1] == '- turn 0' for text in dashed)


def test_qrecc_keeps_what_has_much_before_it():
    task = task_of(dialog.members(None)[1])
    record = {'context': ['a?', 'b'], 'question': 'c?', 'answer': 'the reply', 'turn_id': 7, ROW: 0}
    (example,) = render_row(task, 'train', 0, record, seed=0)
    assert example.targets == 'the reply'
    assert all(text in example.inputs for text in ('a?', 'b', 'c?'))
    assert not render_row(task, 'train', 0, record | {'turn_id': 6}, seed=0)
    assert not render_row(task, 'train', 0, record | {'answer': ' '}, seed=0)
