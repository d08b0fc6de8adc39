"""The shards of many caches made by Apache Beam, where one machine is not enough; this process puts them together.

Each element of the pipeline is a shard: a worker reads its rows from the source, renders and tokenises them and writes one
file. So the sources, the place of the shards and the modules of the tasks must be within reach of every worker. A shard that
is there already is not made again.
"""

import contextlib
import functools
import importlib
import io
import logging
import pickle
import shutil
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from jaxit.core.errors import JaxitError, UserError, missing_extra, unknown_name
from jaxit.data import shards, staging
from jaxit.tasks.building import Build


def build(builds: Sequence[Build], options: str = '', place: str | None = None) -> None:
    """Builds the caches that are missing, with one pipeline for all of them.

    Args:
        builds: the caches.
        options: of the pipeline, joined by commas: 'runner=DirectRunner,direct_num_workers=4'. Beam's own names.
        place: a folder for the shards that this process and all workers can reach, in any file system that Beam knows
            (gs://, hdfs://, s3://); beside the caches by default.

    Raises:
        UserError: for a bad row, with its file and line, or options that Beam does not take.
    """
    beam = _beam()
    flags = parse_options(options)
    missing = [item for item in builds if not item.is_done()]
    if not missing:
        return
    places = [_place(item, place) for item in missing]
    sizes = [item.num_shards() for item in missing]
    todo = [
        (number, shard)
        for number, (item, size) in enumerate(zip(missing, sizes, strict=True))
        for shard in range(size)
        if not _is_whole(_read_shard(item, places[number], shard))
    ]
    if todo:
        work = _write_work(missing, places, place or str(missing[0].folder.parent.absolute()))
        try:
            _run(beam, todo, work, flags)
        finally:
            _delete(work)
    for item, where, size in zip(missing, places, sizes, strict=True):
        with staging.alone(item.partial), _kept_unless_done_or_refused(where, place):
            if item.is_done():  # by another process meanwhile
                shutil.rmtree(item.partial)
            else:
                item.put_together(_found(item, where, number) for number in range(size))


@contextlib.contextmanager
def _kept_unless_done_or_refused(where: str, place: str | None) -> Iterator[None]:
    """Removes the shards of a cache from a place of their own, unless another try could go on from them."""
    try:
        yield
    except UserError:
        _delete(where if place else None)
        raise
    _delete(where if place else None)


def parse_options(options: str) -> list[str]:
    """Returns 'name=value,name' as flags of a command line.

    Raises:
        UserError: for a value that Beam refuses, or a name that it would pass over in silence.
    """
    _beam()
    from apache_beam.options.pipeline_options import PipelineOptions

    known = PipelineOptions([]).get_all_options()
    pieces = [piece.strip() for piece in options.split(',') if piece.strip()]
    for piece in pieces:
        if piece.partition('=')[0] not in known:
            raise unknown_name('option of Apache Beam', piece.partition('=')[0], known, where='--beam')
    flags = [f'--{piece}' for piece in pieces]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            PipelineOptions(flags).get_all_options()
    except SystemExit:  # the option parser's way; the last line says why
        raise UserError(f'--beam: {said.getvalue().strip().rpartition("error: ")[2]}') from None
    return flags


def make_shard(item: tuple[int, int], work: str) -> str:
    """Makes one shard and writes its file; runs on a worker.

    Args:
        item: (number of the cache, number of the shard).
        work: path of the file with the builds.

    Returns:
        The path of the shard.
    """
    number, shard = item
    build, place = _work_of(work)[number]
    path = f'{place}/{build.shard_name(shard)}'
    _write(path, shards.to_bytes(build.make(shard), build.key))
    return path


@functools.lru_cache(maxsize=1)
def _work_of(path: str) -> list[tuple[Build, str]]:
    return pickle.loads(_read(path))


def _run(beam: Any, todo: list[tuple[int, int]], work: str, flags: list[str]) -> None:
    from apache_beam.options.pipeline_options import PipelineOptions

    try:
        pipeline = beam.Pipeline(options=PipelineOptions(flags))
    except ValueError as error:  # an unknown runner
        raise UserError(f'--beam: {error}') from None
    with pipeline:
        elements = pipeline | 'shards' >> beam.Create(todo) | 'spread' >> beam.Reshuffle()
        _ = elements | 'make' >> beam.Map(make_shard, work)


def _place(build: Build, place: str | None) -> str:
    return str(build.partial.absolute()) if place is None else f'{place.rstrip("/")}/{build.folder.name}'


def _write_work(builds: Sequence[Build], places: Sequence[str], folder: str) -> str:
    """Writes what the workers need; once, since a tokenizer may have tens of megabytes."""
    path = f'{folder.rstrip("/")}/.{uuid.uuid4().hex}.work'
    try:
        packed = pickle.dumps(list(zip(builds, places, strict=True)))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise UserError(
            f'the tasks can not be sent to the workers of Apache Beam ({error}): their functions must stand in a module, '
            'not in a function or a lambda'
        ) from None
    _write(path, packed)
    return path


def _found(build: Build, place: str, number: int) -> shards.Shard:
    shard = _read_shard(build, place, number)
    if shard is None:
        raise JaxitError(
            f'{place}/{build.shard_name(number)}: the pipeline ended without this part; are its workers able to write there?'
        )
    return shard


def _is_whole(shard: shards.Shard | None) -> bool:
    return shard is not None and not shard.error


def _read_shard(build: Build, place: str, number: int) -> shards.Shard | None:
    path = f'{place}/{build.shard_name(number)}'
    return shards.from_bytes(_read(path), build.key) if _files().exists(path) else None


def _read(path: str) -> bytes:
    with _files().open(path, mime_type='application/octet-stream') as f:
        return f.read()


def _write(path: str, data: bytes) -> None:
    """Writes a file that is whole or absent; two workers may be at the same one."""
    files, temporary = _files(), f'{path}.{uuid.uuid4().hex}.tmp'
    with contextlib.suppress(OSError):  # there already
        files.mkdirs(path.rpartition('/')[0])
    with files.create(temporary, mime_type='application/octet-stream') as f:
        f.write(data)
    files.rename([temporary], [path])


def _delete(path: str | None) -> None:
    if path is not None and _files().exists(path):
        _files().delete([path])


def _files() -> Any:
    return importlib.import_module('apache_beam.io.filesystems').FileSystems


def _beam() -> Any:
    logging.getLogger('apache_beam').setLevel(logging.WARNING)  # it tells of every channel it opens
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)  # while it is imported, of Google's clients that nobody asked for
    try:
        return importlib.import_module('apache_beam')
    except ImportError:
        raise missing_extra('apache_beam', 'beam') from None
    finally:
        logging.disable(level)
