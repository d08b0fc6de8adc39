"""Where the time of a run went.

A run has one life for each time it was started. The trainer ends a life that is not killed with the event
'stop', whose seconds are the length of that life on a clock that never goes back; every other event is a slice.
"""

import collections
import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from jaxit.reports.records import Event, Run

_SAME_MOMENT = 0.05  # seconds: events written together


class Share(NamedTuple):
    """Time spent in one kind of work."""

    event: str
    seconds: float
    share: float
    num_events: int


def goodput(run: Run) -> list[Share]:
    """Returns seconds by kind of event, largest first, and last what no event covers as 'other'."""
    slices = [event for event in run.events if event.event != 'stop']
    wall = wall_seconds(run)
    if not wall:
        return []
    seconds: dict[str, float] = collections.defaultdict(float)
    counts: collections.Counter[str] = collections.Counter()
    for event in slices:
        seconds[event.event] += event.seconds
        counts[event.event] += 1
    shares = [Share(event, total, total / wall, counts[event]) for event, total in seconds.items()]
    shares.sort(key=lambda share: (-share.seconds, share.event))
    rest = wall - math.fsum(seconds.values())
    return [*shares, Share('other', rest, rest / wall, 0)] if rest > 0.001 * wall else shares


def wall_seconds(run: Run) -> float | None:
    """Returns how long a run ran, over all its lives; the time between them does not count."""
    return math.fsum(_length(life) for life in lives(run)) if run.events else None


def idle_seconds(run: Run) -> float:
    """Returns how long a run stood still between its lives."""
    idle = 0.0
    found = lives(run)
    for life, following in itertools.pairwise(found):
        end, first = life[-1].time, following[0].time
        if end is not None and first is not None:
            idle += max(0.0, first - _opening(following) - end)
    return idle


def lives(run: Run) -> list[list[Event]]:
    """Returns the events of each life: one begins with 'init', or after a 'stop'."""
    found: list[list[Event]] = []
    for event in run.events:
        if not found or event.event == 'init' or found[-1][-1].event == 'stop':
            found.append([])
        found[-1].append(event)
    return found


def _length(life: Sequence[Event]) -> float:
    """The seconds of one life: as its 'stop' says, or else from event to event, where a clock set back is ignored."""
    slices = math.fsum(event.seconds for event in life if event.event != 'stop')
    stop = life[-1] if life[-1].event == 'stop' else None
    if stop and stop.seconds:
        return max(stop.seconds, slices)
    total, previous = _opening(life), life[0].time
    for event in life[1:]:
        gap = event.time - previous if event.time is not None and previous is not None else event.seconds
        total += gap if gap >= 0 else event.seconds
        previous = event.time if event.time is not None else previous
    return max(total, slices)


def _opening(life: Sequence[Event]) -> float:
    """The seconds of the events that were written first, all at one moment."""
    first = life[0].time
    if first is None:
        return life[0].seconds
    return math.fsum(e.seconds for e in life if e.time is not None and 0 <= e.time - first <= _SAME_MOMENT)
