"""Stops that are text: generation knows tokens only, so these are cut after decoding."""

from collections.abc import Iterable


def cut_at_stops(text: str, stops: Iterable[str]) -> str:
    """Returns the text before the earliest stop string; all of it where none occurs."""
    ends = [text.find(stop) for stop in stops if stop]
    return text[: min((end for end in ends if end >= 0), default=len(text))]
