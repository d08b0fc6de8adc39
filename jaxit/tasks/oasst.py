"""OpenAssistant's trees of messages: the best conversation of each, and the ranked replies to each prompt.

Published are whole trees (`prompt` with `replies` inside `replies`), a tree without its head (a message with `replies`),
and flat lines, one message each, that name their parent; `group` puts those together.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jaxit.core.errors import UserError
from jaxit.tasks.conversation_records import ROLES, Record, conversation, ranked, text_of


def best_path(record: Record) -> Record:
    """Returns the conversation along the best replies: rank 0 before 1, ranked before unranked, then as they come.

    Users' messages have no rank: the first that has an answer is taken. The path ends with a reply.
    """
    path, message = [], _root(record)
    while message is not None:
        path.append(message)
        message = _next(message)
    if path and _role(path[-1]) == 'user':
        path.pop()
    if not path:
        raise UserError('nobody replied to the prompt, so there is no conversation')
    return conversation([_turn(message) for message in path])


def ranked_replies(record: Record) -> list[Record]:
    """Returns, for each prompt of a tree with two ranked replies or more, its `messages` and `replies`, best first."""
    return [*_ranked(_root(record))]


def is_flat(record: Record) -> bool:
    """Returns whether a record is one message of a tree whose other messages are records of their own."""
    return 'message_id' in record and 'parent_id' in record and 'replies' not in record


def group(messages: Iterable[tuple[int, Record]]) -> list[tuple[int, Record]]:
    """Returns trees in the order of their first messages; a message without a way to the head of a tree stands alone.

    Args:
        messages: flat ones with their line numbers; a reply may stand before what it replies to. A record of another
            kind stays as it is.
    """
    rows = list(messages)
    nodes = {row: {**record, 'replies': []} for row, (_, record) in enumerate(rows) if is_flat(record)}
    known = {str(node['message_id']): node for node in nodes.values()}
    for node in nodes.values():
        parent = None if node['parent_id'] is None else known.get(str(node['parent_id']))
        if parent is not None:
            parent['replies'].append(node)
    waiting, reached = [node for node in nodes.values() if node['parent_id'] is None], set()
    while waiting:
        node = waiting.pop()
        reached.add(id(node))
        waiting += node['replies']
    made = []
    for row, (number, record) in enumerate(rows):
        if row not in nodes:
            made.append((number, record))
        elif id(nodes[row]) not in reached:
            made.append((number, {**nodes[row], 'replies': []}))
        elif record['parent_id'] is None:
            made.append((number, nodes[row]))
    return made


def _root(record: Record) -> Mapping[str, Any]:
    root = record['prompt'] if isinstance(record.get('prompt'), Mapping) else record
    if root.get('parent_id') is not None:
        raise UserError(f'the message it replies to, {root["parent_id"]!r}, is in no tree of the file')
    if root.get('deleted'):
        raise UserError('the prompt was deleted')
    return root


def _next(message: Mapping[str, Any]) -> Mapping[str, Any] | None:
    replies = _replies(message)
    if _role(message) == 'assistant':
        replies = [reply for reply in replies if _replies(reply)] or replies
    return min(replies, key=_rank, default=None)


def _ranked(root: Mapping[str, Any]) -> Iterator[Record]:
    waiting: list[tuple[Mapping[str, Any], list[Mapping[str, Any]]]] = [(root, [])]  # no recursion: trees may be deep
    while waiting:
        message, before = waiting.pop()
        path = [*before, message]
        replies = _replies(message)
        known = sorted((reply for reply in replies if _rank(reply) < math.inf), key=_rank)
        if _role(message) == 'user' and len(known) > 1:
            yield ranked([_turn(turn) for turn in path], [text_of(reply, 'text') for reply in known])
        waiting += [(reply, path) for reply in reversed(replies)]


def _replies(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Returns the replies to a message that were not deleted."""
    replies = message.get('replies') or []
    if not isinstance(replies, list) or not all(isinstance(reply, Mapping) for reply in replies):
        raise UserError("field 'replies' must be a list of messages")
    return [reply for reply in replies if not reply.get('deleted')]


def _rank(message: Mapping[str, Any]) -> float:
    rank = message.get('rank')
    if rank is None:
        return math.inf
    if not isinstance(rank, int | float) or not math.isfinite(rank):
        raise UserError(f'a reply has rank {rank!r}; it must be a number')
    return float(rank)


def _role(message: Mapping[str, Any]) -> str:
    role = message.get('role')
    if not isinstance(role, str) or role not in ROLES:
        raise UserError(f'a message is from {role!r}; expected prompter or assistant')
    return ROLES[role]


def _turn(message: Mapping[str, Any]) -> Record:
    return {'role': _role(message), 'content': text_of(message, 'text')}
