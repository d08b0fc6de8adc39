"""Sources behind TensorFlow: its datasets, and the tasks of SeqIO. TensorFlow is imported when one is read."""

import dataclasses
import importlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jaxit.core.errors import UnavailableError, missing_extra, unknown_name
from jaxit.core.files import sha256_json
from jaxit.tasks.sources import Record, Source, content_hash


@dataclass(frozen=True)
class Tfds(Source):
    """A TensorFlow dataset, as plain Python values.

    Attributes:
        name: as `tfds.builder` takes it, with version: 'glue/rte:2.0.0'.
        split_map: our split to theirs, e.g. `{'train': 'train[:30000]'}`.
        data_dir: where it has been downloaded.
        sizes: the number of records by split, where mixtures are to be planned before the data is there.
        invented: a made-up record.
    """

    name: str
    split_map: Mapping[str, str]
    data_dir: str | None = None
    sizes: Mapping[str, int] | None = None
    invented: Record | None = dataclasses.field(default=None, repr=False)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that are mapped."""
        return tuple(self.split_map)

    def records(self, split: str) -> Iterator[Record]:
        """Yields records; bytes become text."""
        return self._read(split, self.split_map[split])

    def slice(self, split: str, start: int, stop: int | None = None) -> Iterator[Record]:
        """Yields records; those before `start` are not read."""
        self.check_split(split)
        tfds = _tfds()
        splits = self._builder(split).info.splits
        for part in tfds.core.ReadInstruction.from_spec(self.split_map[split]).to_absolute(splits):
            begin = part.from_ or 0
            size = (splits[part.splitname].num_examples if part.to is None else part.to) - begin
            first, last = min(start, size), size if stop is None else min(stop, size)
            if first < last:
                yield from self._read(split, f'{part.splitname}[{begin + first}:{begin + last}]')
            start, stop = max(start - size, 0), None if stop is None else max(stop - size, 0)

    def count(self, split: str) -> int:
        """Returns what the prepared dataset states."""
        return self._prepared_size(split)

    def num_examples(self, split: str) -> int | None:
        """Returns the stated size, else what the dataset states."""
        self.check_split(split)
        return self.sizes[split] if self.sizes and split in self.sizes else self._prepared_size(split)

    def fingerprint(self, split: str) -> str:
        """Returns a hash of name, version, slice and number of records."""
        info = self._builder(split).info
        return sha256_json(['Tfds', info.full_name, self.split_map[split], self._prepared_size(split)])

    def _read(self, split: str, theirs: str) -> Iterator[Record]:
        tfds, builder = _tfds(), self._builder(split)
        try:
            for record in tfds.as_numpy(builder.as_dataset(split=theirs, shuffle_files=False)):
                yield plain(record)
        except Exception as error:  # a damaged file, in whatever way TensorFlow has for that
            raise UnavailableError(f'{self.name}: {_first_line(error)}') from error

    def _prepared_size(self, split: str) -> int:
        return self._builder(split).info.splits[self.split_map[split]].num_examples

    def _builder(self, split: str) -> Any:
        self.check_split(split)
        tfds = _tfds()
        try:
            builder = tfds.builder(self.name, data_dir=self.data_dir)
        except Exception as error:  # no such data set or version, a library of its own that it wants
            raise UnavailableError(f'{self.name}: {_first_line(error)}') from error
        if self.split_map[split].split('[')[0] not in builder.info.splits:
            raise UnavailableError(
                f'{self.name} is not prepared under {builder.data_dir}; run tfds build {self.name} first'
            )
        return builder


@dataclass(frozen=True)
class SeqioTask(Source):
    """The records of a task registered with SeqIO, after its preprocessors and before its tokens.

    Attributes:
        name: the registered name; the module that registers it must have been imported.
        sequence_length: given to its preprocessors, which may trim.
    """

    name: str
    sequence_length: Mapping[str, int] | None = None

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits of the task."""
        return tuple(self._task().splits)

    def records(self, split: str) -> Iterator[Record]:
        """Yields the text of each feature (`inputs_pretokenized` as `inputs`), or its ids where it has no text."""
        self.check_split(split)
        task = self._task()
        dataset = task.get_dataset(self.sequence_length, split, use_cached=False, shuffle=False)
        for record in dataset.as_numpy_iterator():
            yield _untokenized(plain(record), task.output_features)

    def num_examples(self, split: str) -> int | None:
        """Returns what the task's source states; preprocessors may drop some."""
        self.check_split(split)
        task = self._task()
        return task.source.num_input_examples(split) if split in task.source.splits else None

    def fingerprint(self, split: str) -> str:
        """Returns a hash of the records: nothing else tells what foreign preprocessors do."""
        self.check_split(split)
        return content_hash(self, split)[1]

    def _task(self) -> Any:
        try:
            import seqio
        except ImportError:
            raise missing_extra('seqio', 'tasks') from None
        if self.name not in seqio.TaskRegistry.names():
            raise unknown_name('SeqIO task', self.name, seqio.TaskRegistry.names())
        return seqio.TaskRegistry.get(self.name)

    def __hash__(self) -> int:
        return hash((self.name, tuple((self.sequence_length or {}).items())))


def plain(value: Any) -> Any:
    """Returns numpy values and bytes, nested in any way, as Python values and text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, 'tolist'):
        return plain(value.tolist())
    return value.decode('utf-8', errors='replace') if isinstance(value, bytes) else value


def _tfds() -> Any:
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')  # no word about processors and graphics cards
    try:
        return importlib.import_module('tensorflow_datasets')
    except ImportError:
        raise missing_extra('tensorflow_datasets', 'tasks') from None


def _first_line(error: Exception) -> str:
    return ': '.join([type(error).__name__, *str(error).strip().splitlines()[:1]])


def _untokenized(record: Record, features: Iterable[str]) -> Record:
    for name in features:
        if f'{name}_pretokenized' in record:
            record[name] = record.pop(f'{name}_pretokenized')
    return record
