"""Files that are either whole or absent, and their hashes."""

import codecs
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jaxit.core.errors import UnavailableError, UserError

MAX_LINE_BYTES = 16 * 1024 * 1024
_CONTROL = re.compile(r'[\x00-\x08\x0b-\x1f\x7f]')


def write_atomic(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Writes a file under a temporary name and moves it into place."""
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.', suffix='.tmp')
    try:
        with os.fdopen(descriptor, 'wb') as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Writes `value` as indented JSON with sorted keys, atomically."""
    write_atomic(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + '\n')


def read_json(path: str | os.PathLike[str]) -> Any:
    """Reads a JSON file; a malformed one raises `UserError` with its path and line."""
    try:
        return json.loads(Path(path).read_text(encoding='utf-8'))
    except json.JSONDecodeError as error:
        raise UserError(f'{path}: line {error.lineno} is not JSON: {error.msg}') from None
    except UnicodeDecodeError as error:
        raise UserError(f'{path}: not UTF-8 at byte {error.start}') from None
    except RecursionError:
        raise UserError(f'{path}: JSON nested too deeply') from None
    except ValueError as error:  # a number of thousands of digits
        raise UserError(f'{path}: not JSON that can be read: {error}') from None
    except OSError as error:
        raise UserError(f'{path}: {error.strerror or error}') from None


def read_jsonl(path: str | os.PathLike[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields `(line number, record)` for each non-empty line of a JSONL file.

    Raises:
        UserError: with file and line, for a line that is not a JSON object, not UTF-8,
            or longer than 16 MiB.
    """
    for number, raw in read_lines(path):
        yield number, parse_line(raw, f'{path}: line {number}')


def read_lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, bytes]]:
    """Yields `(line number, bytes)` for each non-empty line of a file, a byte order mark aside; nothing is decoded.

    Raises:
        UnavailableError: when the file can't be opened.
    """
    try:
        f = open(path, 'rb')  # noqa: SIM115 (closed below; only errors of opening are translated here)
    except OSError as error:
        raise UnavailableError(f'{path}: {error.strerror}') from None
    with f:
        number = 0
        while raw := f.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(raw) > MAX_LINE_BYTES:
                raise UserError(f'{path}: line {number} is longer than {MAX_LINE_BYTES >> 20} MiB')
            raw = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
            if raw.strip():
                yield number, raw


def parse_line(raw: bytes, where: str) -> dict[str, Any]:
    """Returns the JSON object of a line; `where` names it in messages."""
    try:
        record = json.loads(raw.decode('utf-8'))
    except UnicodeDecodeError as error:
        raise UserError(f'{where} is not UTF-8 at byte {error.start}') from None
    except (json.JSONDecodeError, RecursionError, ValueError) as error:
        raise UserError(f'{where} is not JSON: {getattr(error, "msg", error)}') from None
    if not isinstance(record, dict):
        raise UserError(
            f'{where} is a JSON {type(record).__name__}; every line must be an object like {{"inputs": ..., "targets": ...}}'
        )
    return record


def append_jsonl(path: str | os.PathLike[str], record: dict[str, Any]) -> None:
    """Appends one record as one line."""
    with open(path, 'a', encoding='utf-8') as f:
        f.write(json.dumps(record, ensure_ascii=False) + '\n')


def sha256_file(path: str | os.PathLike[str]) -> str:
    """Returns the sha256 of a file's bytes as hex."""
    with open(path, 'rb') as f:
        return hashlib.file_digest(f, 'sha256').hexdigest()


def sha256_json(value: Any) -> str:
    """Returns the sha256 of a JSON-able value, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def printable(text: str) -> str:
    """Returns `text` without control characters, so that a log line can't drive a terminal."""
    return _CONTROL.sub('', text)
