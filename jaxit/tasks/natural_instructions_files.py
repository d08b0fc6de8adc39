"""The files of Super-NaturalInstructions, one JSON object per task: what is known of one unparsed, and what it holds."""

import functools
import json
import os
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from jaxit.core.errors import UnavailableError, UserError
from jaxit.core.files import read_json, sha256_file, sha256_json
from jaxit.tasks.registry import TRAIN
from jaxit.tasks.sources import Record, Source

TEST = 'test'

_REQUIRED = ('Definition', 'Positive Examples', 'Negative Examples', 'Instances')
_HEAD_BYTES, _TAIL_BYTES = 1 << 16, 1 << 12


@dataclass(frozen=True)
class TaskFile(Source):
    """The instances of one file, each with what its task says of all of them.

    Attributes:
        path: of the file.
        split: 'train' or 'test'.
        limit: how many instances; for training they are drawn, for the test they are the first. None for all.
        seed: of the draw.
    """

    path: str
    split: str = TRAIN
    limit: int | None = None
    seed: int = 0

    @property
    def splits(self) -> tuple[str, ...]:
        """The one split."""
        return (self.split,)

    def records(self, split: str) -> Iterator[Record]:
        """Yields task, row, definition, positive_examples, negative_examples, and the fields of the instance."""
        self.check_split(split)
        content = parse(Path(self.path))
        shared = {'task': Path(self.path).stem, 'definition': content.definition}
        shared |= {'positive_examples': content.positive, 'negative_examples': content.negative}
        for row in self._rows(len(content.instances)):
            instance = content.instances[row]
            yield (instance if isinstance(instance, dict) else {}) | shared | {'row': row}

    def num_examples(self, split: str) -> int:
        """Returns the number of instances; the file is parsed the first time and remembered."""
        self.check_split(split)
        survey = survey_of(Path(self.path))
        if survey.problem:
            raise UserError(survey.problem)
        return len(self._rows(survey.num_instances))

    def fingerprint(self, split: str) -> str:
        """Returns a hash of the file and of which instances are taken."""
        self.check_split(split)
        try:
            digest = sha256_file(self.path)
        except OSError as error:
            raise UnavailableError(f'{self.path}: {error.strerror}') from None
        return sha256_json(['TaskFile', Path(self.path).stem, digest, split, self.limit, self.seed])

    def locate(self, split: str, row: int) -> str:
        """Returns `file: instance N`, counted from 0."""
        self.check_split(split)
        return f'{self.path}: instance {self._rows(survey_of(Path(self.path)).num_instances)[row]}'

    def __str__(self) -> str:
        return self.path

    def _rows(self, size: int) -> range | list[int]:
        """Returns which instances of the file are taken, in its order."""
        if self.limit is None or self.limit >= size or self.split == TEST:
            return range(min(size, self.limit or size))
        draw = random.Random(f'{self.seed}/{Path(self.path).stem}')
        return sorted(draw.sample(range(size), self.limit))


class Content(NamedTuple):
    """What a file says."""

    definition: str
    positive: list[dict[str, Any]]
    negative: list[dict[str, Any]]
    instances: list[Any]


class Survey(NamedTuple):
    """What is remembered of a file that was parsed."""

    num_instances: int
    problem: str


@functools.cache
def facts_of(path: Path) -> dict[str, list[str]]:
    """Returns what the two ends of a file say of its category, languages and licence; empty where they do not.

    A quoted key followed by a colon can't stand inside a JSON text, so a match is that key.
    """
    try:
        with open(path, 'rb') as f:
            ends = f.read(_HEAD_BYTES)
            f.seek(max(len(ends), os.fstat(f.fileno()).st_size - _TAIL_BYTES))
            ends += f.read()
    except OSError as error:
        raise UnavailableError(f'{path}: {error.strerror}') from None
    return {key: _fact(key, ends) for key in ('Categories', 'Input_language', 'Output_language', 'Instance License')}


def _fact(key: str, ends: bytes) -> list[str]:
    match = re.search(rb'"%s"\s*:\s*(\[[^\]]*\]|"(?:[^"\\]|\\.)*")' % key.encode(), ends)
    try:
        found = json.loads(match[1]) if match else []
    except ValueError:
        return []
    return [str(item) for item in found] if isinstance(found, list) else [found]


def survey_of(path: Path) -> Survey:
    """Returns how many instances a file has, or what is wrong with it; it is parsed the first time only."""
    try:
        stat = path.stat()
    except OSError as error:
        return Survey(0, f'{path}: {error.strerror}')
    return _surveyed(path, stat.st_mtime_ns, stat.st_size)


@functools.cache
def _surveyed(path: Path, mtime_ns: int, size: int) -> Survey:
    """Parses a file once for as long as it stays the same."""
    del mtime_ns, size
    try:
        return Survey(len(parse(path).instances), '')
    except UserError as error:
        return Survey(0, str(error))


def parse(path: Path) -> Content:
    """Reads a file and checks all but its instances, of which each is checked as it is used."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise UserError(f'{path} is a JSON {type(content).__name__}; a task is an object')
    for field in _REQUIRED:
        if field not in content:
            raise UserError(f'{path} has no field {field!r}; a task has {", ".join(_REQUIRED)}')
    definition = content['Definition']
    definition = definition[0] if isinstance(definition, list) and definition else definition
    if not isinstance(definition, str) or not definition.strip():
        raise UserError(f"{path}: 'Definition' must be a text, or a list that begins with one")
    instances = content['Instances']
    if not isinstance(instances, list) or not instances:
        raise UserError(f"{path}: 'Instances' is empty or not a list; a task needs at least one")
    return Content(
        definition,
        _examples(content['Positive Examples'], f"{path}: 'Positive Examples'"),
        _examples(content['Negative Examples'], f"{path}: 'Negative Examples'"),
        instances,
    )


def _examples(examples: Any, where: str) -> list[dict[str, Any]]:
    if not isinstance(examples, list):
        raise UserError(f'{where} must be a list')
    for number, example in enumerate(examples):
        fields = [example.get(field) for field in ('input', 'output')] if isinstance(example, dict) else [None]
        if not all(isinstance(field, str) for field in fields):
            raise UserError(f"{where}, number {number}: 'input' and 'output' must be texts")
        if not isinstance(example.get('explanation') or '', str):
            raise UserError(f"{where}, number {number}: 'explanation' must be text")
    return examples
