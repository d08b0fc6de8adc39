"""Caches hold what tokenising by hand gives, the same bytes for any number of workers, and never half a task."""

import functools
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jaxit.core.errors import JaxitError, UserError
from jaxit.data.cache import TokenCache
from jaxit.tasks import caching, parallel
from jaxit.tasks.preprocessors import filter_empty, strip
from jaxit.tasks.registry import Task
from jaxit.tasks.sources import Jsonl, Python
from jaxit.text.examples import TokenFormat
from jaxit.text.templates import Template
from jaxit.text.tokenizers import ByteTokenizer, train_bpe

FORMAT = TokenFormat(True, 24, 9)
TEMPLATES = (Template('Say {inputs}', '{targets}'), Template('{inputs}?', '{targets}'))


@pytest.fixture
def small_chunks(monkeypatch):
    """Makes tasks of some rows large enough for workers."""
    monkeypatch.setattr(parallel, 'CHUNK_ROWS', 32)
    monkeypatch.setattr(parallel, 'ALONE_CHUNKS', 1)


def many(split, seed, *, count=700):
    return [
        {'inputs': f'{"ä" * (i % 19)} {i}' if i % 50 else ' ', 'targets': f'{i}' * (i % 5 + 1)} for i in range(count)
    ]


def dies(record):
    import os

    os._exit(9)


def build(root, task, **fields):
    split, token_format = fields.pop('split', 'train'), fields.pop('token_format', FORMAT)
    tokenizer = fields.pop('tokenizer', ByteTokenizer())
    return caching.build(task, split, tokenizer, token_format, root, **fields)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def jsonl(tmp_path, records, name='rows.jsonl') -> Jsonl:
    (tmp_path / name).write_text(''.join(json.dumps(record) + '\n' for record in records))
    return Jsonl(tmp_path / name)


def test_a_cache_holds_what_tokenising_by_hand_gives(tmp_path):
    records = [
        {'inputs': 'ab', 'targets': 'c'},
        {'inputs': '', 'targets': 'skipped'},
        {'inputs': 'x' * 40, 'targets': 'y' * 40},
    ]
    task = Task(
        'by_hand', jsonl(tmp_path, records), preprocessors=(filter_empty(('inputs',)),), cluster='c', licence='l'
    )
    folder = build(tmp_path / 'caches', task)
    cache = TokenCache.open(folder, verify='full')
    a, b, c, x, y = (byte + 3 for byte in b'abcxy')
    expected = [([a, b, 1, c, 1], (3,)), ([*[x] * 23, 1, *[y] * 8, 1], (24,))]
    assert cache.num_examples == 2
    for i, (tokens, boundaries) in enumerate(expected):
        assert cache.example(i)[0].tolist() == tokens and cache.example(i)[1] == boundaries
    assert cache.provenance.tolist() == [[0, 0], [2, 0]]
    counts = {name: number for name, number in cache.manifest['counts'].items() if number}
    assert counts == {'filtered_rows': 1, 'cut_inputs': 1, 'cut_targets': 1}
    assert cache.manifest['num_loss_tokens'] == 2 + 9
    assert cache.manifest['metadata'] == {'cluster': 'c', 'licence': 'l', 'language': 'en', 'seed': 0}
    assert folder == tmp_path / 'caches' / f'by_hand-train-{cache.manifest["fingerprint"][:12]}'


def test_a_decoder_row_is_prompt_and_reply(tmp_path):
    task = Task('row', jsonl(tmp_path, [{'inputs': 'ab', 'targets': 'c'}]))
    cache = TokenCache.open(build(tmp_path, task, token_format=TokenFormat(False, 24, 9)))
    assert bytes(cache.example(0)[0][:-1].astype(np.uint8) - 3) == b'ab\nc'
    assert cache.example(0)[0][-1] == 1 and cache.example(0)[1] == (3,)


def test_bytes_are_the_same_for_any_number_of_workers(small_chunks, tmp_path):
    task = Task('many', Python(many), templates=TEMPLATES, preprocessors=(strip(), filter_empty(('inputs',))))
    tokenizer = train_bpe([record['inputs'] for record in many('train', 0)], vocab_size=300)
    built = [
        digests(build(tmp_path / str(workers), task, tokenizer=tokenizer, num_workers=workers)) for workers in (1, 2, 4)
    ]
    assert built[0] == built[1] == built[2]
    assert len(built[0]) == 6


def test_replay_too(small_chunks, tmp_path):
    task = Task('text', Python(functools.partial(texts, count=300)), kind='text')
    one, two = (build(tmp_path / str(workers), task, num_workers=workers, seed=5) for workers in (1, 2))
    assert digests(one) == digests(two)
    cache = TokenCache.open(one)
    assert cache.num_examples > 300 and set(cache.provenance[:, 0]) == set(range(300))


def texts(split, seed, *, count):
    return [{'text': f'Here is the story number {i} of many such stories.'} for i in range(count)]


def test_a_cache_that_is_there_is_not_built_again(tmp_path):
    reads = []

    def counted(split, seed):
        reads.append(split)
        return [{'inputs': 'a', 'targets': 'b'}]

    task = Task('counted', Python(counted))
    folder = build(tmp_path, task)
    before = digests(folder), (folder / 'tokens.bin').stat().st_mtime_ns, len(reads)
    assert build(tmp_path, task) == folder
    assert (digests(folder), (folder / 'tokens.bin').stat().st_mtime_ns, len(reads)) == before
    assert build(tmp_path, task, seed=1) != folder


def test_a_changed_file_makes_another_cache(tmp_path):
    records = [{'inputs': 'a', 'targets': 'b'}]
    before = build(tmp_path, Task('changing', jsonl(tmp_path, records)))
    after = build(tmp_path, Task('changing', jsonl(tmp_path, [*records, {'inputs': 'c', 'targets': 'd'}])))
    assert before != after and TokenCache.open(after).num_examples == 2


def test_a_damaged_cache_is_built_again(tmp_path, caplog):
    task = Task('damaged', jsonl(tmp_path, [{'inputs': 'a', 'targets': 'b'}]))
    folder = build(tmp_path, task)
    good = digests(folder)
    (folder / 'offsets.npy').write_bytes((folder / 'offsets.npy').read_bytes()[:-1])
    assert build(tmp_path, task) == folder
    assert digests(folder) == good
    assert 'offsets.npy has' in caplog.text and 'built again' in caplog.text


@pytest.mark.parametrize('workers', [1, 2])
@pytest.mark.parametrize(
    ('bad', 'message'),
    [
        ({'inputs': 'a', 'targets': ''}, 'no token bears loss'),
        ({'inputs': 'a', 'targets': 3}, "field 'targets' is int"),
        ({'inputs': '\ud800', 'targets': 'b'}, 'half of a surrogate pair'),
    ],
)
def test_a_bad_row_ends_the_build_and_leaves_nothing(small_chunks, tmp_path, bad, message, workers):
    good = [{'inputs': 'a', 'targets': 'b'}] * 300
    task = Task('bad', jsonl(tmp_path, [*good, bad, *good]))
    with pytest.raises(UserError, match=message) as caught:
        build(tmp_path / 'caches', task, num_workers=workers)
    assert str(caught.value).startswith(f"task 'bad', {tmp_path / 'rows.jsonl'}: line 301: ")
    assert '\n' not in str(caught.value)
    assert list((tmp_path / 'caches').iterdir()) == []


def test_bad_rows_may_be_left_out_and_are_counted(tmp_path, caplog):
    bad = {'inputs': 'a', 'targets': ''}
    task = Task('bad', jsonl(tmp_path, [{'inputs': 'a', 'targets': 'b'}, bad, bad, {'inputs': 'c', 'targets': 'd'}]))
    cache = TokenCache.open(build(tmp_path, task, on_bad_row='skip'))
    assert cache.provenance[:, 0].tolist() == [0, 3]
    assert cache.manifest['counts']['bad_rows'] == 2
    assert 'line 2' in caplog.text and 'line 3' in caplog.text
    with pytest.raises(UserError, match="on_bad_row is 'ignore'"):
        build(tmp_path, task, on_bad_row='ignore')


def test_rows_too_long_are_dropped_where_the_format_says_so(tmp_path):
    records = [{'inputs': 'x' * 40, 'targets': 'y'}, {'inputs': 'x', 'targets': 'y'}]
    token_format = TokenFormat(True, 24, 9, cut='drop')
    cache = TokenCache.open(build(tmp_path, Task('long', jsonl(tmp_path, records)), token_format=token_format))
    assert cache.manifest['counts']['dropped'] == 1 and cache.provenance[:, 0].tolist() == [1]


def test_what_can_not_be_sent_to_workers_is_refused(small_chunks, tmp_path):
    task = Task('local', jsonl(tmp_path, [{'inputs': 'a', 'targets': 'b'}]), preprocessors=(lambda record: record,))
    with pytest.raises(
        UserError, match="task 'local' can not be sent to 2 workers: its functions must stand in a module"
    ):
        build(tmp_path, task, num_workers=2)
    assert TokenCache.open(build(tmp_path, task)).num_examples == 1
    with pytest.raises(UserError, match='num_workers is 0'):
        build(tmp_path, task, num_workers=0)


def test_a_worker_that_dies_ends_the_build(small_chunks, tmp_path):
    task = Task('dying', jsonl(tmp_path, [{'inputs': 'a', 'targets': 'b'}]), preprocessors=(dies,))
    with pytest.raises(JaxitError, match="a worker that cached task 'dying' died"):
        build(tmp_path / 'caches', task, num_workers=2)
    assert list((tmp_path / 'caches').iterdir()) == []


def test_an_empty_task_and_an_unknown_split_are_refused(tmp_path):
    with pytest.raises(UserError, match="task 'nothing' split 'train' has no example"):
        build(tmp_path, Task('nothing', jsonl(tmp_path, [])))
    with pytest.raises(UserError, match="unknown split 'validation'"):
        build(tmp_path, Task('nothing', jsonl(tmp_path, [])), split='validation')


def test_caching_json_lines_imports_no_tensorflow(tmp_path):
    (tmp_path / 'rows.jsonl').write_text('{"inputs": "a", "targets": "b"}\n')
    code = (
        'import sys; from jaxit.tasks import caching, parallel, registry, sources\n'
        'from jaxit.text import tokenizers; from jaxit.text.examples import TokenFormat\n'
        "task = registry.add_task('mine', sources.Jsonl('rows.jsonl'))\n"
        "caching.build(task, 'train', tokenizers.load('bytes'), TokenFormat(True, 9, 9), 'caches')\n"
        "print(sorted({'tensorflow', 'seqio', 'tensorflow_datasets', 'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == '[]'


def test_rows_may_be_left_out_and_the_others_keep_their_numbers(small_chunks, tmp_path):
    task = Task('many', Python(many), templates=TEMPLATES)
    whole = TokenCache.open(build(tmp_path, task))
    left_out = {0, 33, 650}
    one, two = (build(tmp_path / str(workers), task, leave_out=left_out, num_workers=workers) for workers in (1, 2))
    assert digests(one) == digests(two)
    cache = TokenCache.open(one)
    kept = [i for i, (row, _) in enumerate(whole.provenance.tolist()) if row not in left_out]
    assert cache.provenance.tolist() == whole.provenance[kept].tolist()
    assert all((cache.example(i)[0] == whole.example(j)[0]).all() for i, j in enumerate(kept))
    assert cache.manifest['counts']['left_out_rows'] == 3
    assert build(tmp_path, task, leave_out=()).name == build(tmp_path, task).name != one.name


def test_rows_that_are_left_out_are_no_exemplars(tmp_path):
    records = [{'inputs': letter, 'targets': 'x'} for letter in 'abcdef']
    task = Task('shots', jsonl(tmp_path, records), shots=3)
    tokenizer = ByteTokenizer()
    cache = TokenCache.open(build(tmp_path, task, token_format=TokenFormat(True, 90, 9), leave_out={0, 4}))
    said = ''.join(tokenizer.decode(cache.example(i)[0].tolist()) for i in range(cache.num_examples))
    assert cache.num_examples == 4 and set('bcdf') < set(said) and not set('ae') & set(said)
