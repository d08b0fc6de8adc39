"""Rows and functions that the workers of Apache Beam import by name."""


def rows(split, seed):
    """Returns made-up rows, among them some that are filtered and some that are cut."""
    return [{'inputs': f'{"ä" * (i % 19)} {i}' if i % 50 else ' ', 'targets': f'{i}' * (i % 5 + 1)} for i in range(300)]


def texts(split, seed):
    """Returns plain texts."""
    return [{'text': f'Here is the story number {i} of many such stories.'} for i in range(130)]
