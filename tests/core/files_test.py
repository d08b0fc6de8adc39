"""Files that are whole or absent, and lines that are refused by name."""

import hashlib
import json
import os
import stat

import pytest

from jaxit.core import files
from jaxit.core.errors import UserError, missing_extra, unknown_name


def test_a_file_is_replaced_whole_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / 'a.json'
    files.write_json(path, {'b': 'é', 'a': 1})
    assert path.read_text() == '{\n  "a": 1,\n  "b": "é"\n}\n'
    files.write_atomic(path, b'\x00raw')
    assert path.read_bytes() == b'\x00raw'
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == ['a.json']


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / 'a'
    path.write_text('old')

    def fail(source, target):
        raise OSError('no')

    monkeypatch.setattr(files.os, 'replace', fail)
    with pytest.raises(OSError, match='no'):
        files.write_atomic(path, 'new')
    assert path.read_text() == 'old' and os.listdir(tmp_path) == ['a']


def test_json_errors_name_file_and_line(tmp_path):
    path = tmp_path / 'x.json'
    for content, message in (
        (b'{"a": 1,\n oops}', r'x.json: line 2 is not JSON'),
        (b'\xff', r'x.json: not UTF-8 at byte 0'),
        (b'[' * 100_000, r'x.json: JSON nested too deeply'),
        (b'9' * 5000, r'x.json: not JSON that can be read: Exceeds the limit'),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=message):
            files.read_json(path)
    with pytest.raises(UserError, match=r'none.json: No such file'):
        files.read_json(tmp_path / 'none.json')


def test_lines_are_numbered_as_an_editor_does(tmp_path):
    path = tmp_path / 'x.jsonl'
    path.write_bytes('\ufeff{"a": "é"}\n\n  \n{"b": 2}'.encode())
    assert list(files.read_jsonl(path)) == [(1, {'a': 'é'}), (4, {'b': 2})]


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        (b'[1]', 'line 2 is a JSON list; every line must be an object'),
        (b'{"a"', 'line 2 is not JSON'),
        (b'{"a": "\xff"}', 'line 2 is not UTF-8 at byte 7'),
        (b'[' * 50_000, 'line 2 is not JSON'),
        (b'{"a": ' + b'9' * 5000 + b'}', 'line 2 is not JSON'),
    ],
)
def test_bad_lines_are_named(tmp_path, line, message):
    path = tmp_path / 'x.jsonl'
    path.write_bytes(b'{}\n' + line + b'\n')
    with pytest.raises(UserError, match=f'x.jsonl: {message}'):
        list(files.read_jsonl(path))


def test_a_line_without_end_is_not_read_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(files, 'MAX_LINE_BYTES', 1 << 20)
    path = tmp_path / 'x.jsonl'
    path.write_bytes(b'{"a": "' + b'x' * (1 << 21) + b'"}')
    with pytest.raises(UserError, match='line 1 is longer than 1 MiB'):
        list(files.read_jsonl(path))


def test_append_and_read_back(tmp_path):
    path = tmp_path / 'x.jsonl'
    for i in range(3):
        files.append_jsonl(path, {'i': i, 'text': 'a\nb'})
    assert [record for _, record in files.read_jsonl(path)] == [{'i': i, 'text': 'a\nb'} for i in range(3)]


def test_hashes(tmp_path):
    (tmp_path / 'x').write_bytes(b'abc' * 1000)
    assert files.sha256_file(tmp_path / 'x') == hashlib.sha256(b'abc' * 1000).hexdigest()
    assert files.sha256_json({'a': 1, 'b': [2]}) == files.sha256_json({'b': [2], 'a': 1})
    assert files.sha256_json({'a': 1}) == hashlib.sha256(json.dumps({'a': 1}).encode()).hexdigest()


def test_control_characters_do_not_reach_a_terminal():
    assert files.printable('a\x1b]0;title\x07b\x7f\r\n\tc') == 'a]0;titleb\n\tc'


def test_unknown_names_come_with_their_neighbours():
    choices = ['adamw', 'adafactor', 'lion']
    assert str(unknown_name('optimizer', 'adamW', choices)) == "unknown optimizer 'adamW'; did you mean adamw?"
    text = str(unknown_name('optimizer', 'zzz', choices, where='x.gin line 3'))
    assert text == "unknown optimizer 'zzz' in x.gin line 3; choices: adafactor, adamw, lion"
    many = unknown_name('task', 'zzz', [f'name{i}' for i in range(20)])
    assert str(many).endswith(', ...') and str(many).count('name') == 8
    assert str(unknown_name('task', 'a', [])) == "unknown task 'a'; no task is registered"
    assert str(missing_extra('wandb', 'tracking')) == (
        "wandb is not installed; it comes with the extra 'tracking': pip install 'jaxit[tracking]'"
    )
