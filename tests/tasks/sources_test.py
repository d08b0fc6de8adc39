"""Sources: what they yield, where they say a bad record stands, and when their fingerprint changes."""

import gzip
import json

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks.sources import First, Jsonl, Python, Tsv

RECORDS = [{'inputs': f'Ünï {i}', 'targets': str(i * i)} for i in range(5)]


def write(path, records):
    content = ''.join(json.dumps(record, ensure_ascii=False) + '\n' for record in records).encode()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == '.gz' else content)
    return path


def test_json_lines_by_split(tmp_path):
    first, second = write(tmp_path / 'a.jsonl', RECORDS[:2]), write(tmp_path / 'b.jsonl.gz', RECORDS[2:])
    source = Jsonl({'train': [first, second], 'test': str(second)})
    assert source.splits == ('train', 'test')
    assert list(source.records('train')) == RECORDS
    assert list(source.records('test')) == RECORDS[2:]
    assert (source.num_examples('train'), source.num_examples('test')) == (5, 3)
    assert source.locate('train', 1) == f'{first}: line 2'
    assert source.locate('train', 4) == f'{second}: line 3'
    assert Jsonl(first).splits == ('train',)
    with pytest.raises(UserError, match=r"unknown split 'tset' in Jsonl.*did you mean test"):
        list(source.records('tset'))


def test_empty_lines_do_not_shift_the_line_numbers(tmp_path):
    path = tmp_path / 'a.jsonl'
    path.write_text('\n\n{"inputs": "a", "targets": "b"}\n\n{"inputs": "c", "targets": "d"}\n')
    assert Jsonl(path).locate('train', 1) == f'{path}: line 5'
    assert [record['inputs'] for record in Jsonl(path).records('train')] == ['a', 'c']


@pytest.mark.parametrize(
    ('records', 'fields', 'message'),
    [
        ([{'inputs': 'a', 'targets': 'b'}, {'inputs': 'c'}], (), "line 2 has no field 'targets'; it has inputs"),
        ([{'prompt': 'a', 'completion': 'b'}, {'inputs': 'c', 'targets': 'd'}], (), "line 2 has no field 'prompt'"),
        ([{'targets': 'b'}], (), "line 1 has no field 'inputs'; it has targets"),
        ([{'messages': []}, {'x': 1}], (), "line 2 has no field 'messages'"),
        ([{'q': 'a', 'a': None}], ('q', 'a'), "line 1 has no field 'a'"),
        ([{'q': 'a'}, {}], ('q',), "line 2 has no field 'q'; it has no field"),
    ],
)
@pytest.mark.parametrize('name', ['a.jsonl', 'a.jsonl.gz'])
def test_a_missing_field_is_named_with_file_and_line(tmp_path, records, fields, message, name):
    path = write(tmp_path / name, records)
    with pytest.raises(UserError, match=message) as caught:
        list(Jsonl(path, fields).records('train'))
    assert str(caught.value).startswith(f'{path}: line') and '\n' not in str(caught.value)


def test_arbitrary_fields_pass_unchecked(tmp_path):
    records = [{'a': 1}, {'b': [2]}]
    assert list(Jsonl(write(tmp_path / 'a.jsonl', records)).records('train')) == records


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('a.jsonl', b'{"inputs": "a", "targets": "b"}\n[1]\n', 'a.jsonl: line 2 is a JSON list'),
        ('a.jsonl', b'{"inputs": \n', 'a.jsonl: line 1 is not JSON'),
        ('a.jsonl', b'\xff\xfe\n', 'a.jsonl: line 1 is not UTF-8'),
        (
            'a.jsonl.gz',
            gzip.compress(b'{"inputs": "a", "targets": "b"}\nnull\n', mtime=0),
            'a.jsonl.gz: line 2 is a JSON NoneType',
        ),
        ('a.jsonl.gz', b'this is no gzip', 'a.jsonl.gz: Not a gzipped file'),
        ('a.jsonl.gz', gzip.compress(b'{}' * 100, mtime=0)[:-9], 'a.jsonl.gz: Compressed file ended'),
    ],
)
def test_a_broken_file_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        list(Jsonl(tmp_path / name).records('train'))


def test_a_missing_file_is_named(tmp_path):
    for source in (Jsonl(tmp_path / 'no.jsonl'), Jsonl(tmp_path / 'no.jsonl.gz'), Tsv(tmp_path / 'no.tsv')):
        for use in (lambda s: list(s.records('train')), lambda s: s.fingerprint('train')):
            with pytest.raises(UserError, match=r'no\.(jsonl|tsv).*: No such file'):
                use(source)


def test_the_fingerprint_of_files_follows_their_bytes(tmp_path):
    path = write(tmp_path / 'a.jsonl', RECORDS)
    before = Jsonl(path).fingerprint('train')
    assert Jsonl({'train': [path]}).fingerprint('train') == before
    assert Jsonl(path, ('inputs',)).fingerprint('train') != before
    assert Tsv(path).fingerprint('train') != before
    write(path, RECORDS[::-1])
    assert Jsonl(path).fingerprint('train') != before


def test_tables(tmp_path):
    path = tmp_path / 'a.tsv'
    path.write_text('question\tanswer\nwho "he"?\tBen\n\'tis\tÄnne\n', encoding='utf-8')
    assert list(Tsv(path).records('train')) == [
        {'question': 'who "he"?', 'answer': 'Ben'},
        {'question': "'tis", 'answer': 'Änne'},
    ]
    assert Tsv(path).locate('train', 1) == f'{path}: line 3'
    assert next(Tsv(path, columns=('a', 'b')).records('train')) == {'a': 'question', 'b': 'answer'}
    with pytest.raises(UserError, match="line 2 has no field 'rating'"):
        list(Tsv(path, fields=('rating',)).records('train'))
    path.write_text('a\tb\n1\t2\n3\n')
    with pytest.raises(UserError, match=r'a\.tsv: line 3 has 1 columns, expected 2'):
        list(Tsv(path).records('train'))
    path.write_bytes(b'a\tb\n\xff\t2\n')
    with pytest.raises(UserError, match=r'a\.tsv is not a table of UTF-8 text'):
        list(Tsv(path).records('train'))


def test_a_python_source_is_known_by_its_records():
    def make(split, seed):
        return [{'inputs': f'{split} {seed}', 'targets': 'x'}] * (2 if split == 'train' else 1)

    source = Python(make, ('train', 'test'), 7)
    assert list(source.records('test')) == [{'inputs': 'test 7', 'targets': 'x'}]
    assert source.num_examples('train') == 2
    assert len({Python(make, ('train', 'test'), seed).fingerprint('train') for seed in (7, 8)}) == 2
    assert source.fingerprint('train') == Python(lambda split, seed: make(split, seed), ('train',), 7).fingerprint(
        'train'
    )
    with pytest.raises(UserError, match='expected a dict, got str'):
        list(Python(lambda split, seed: ['x']).records('train'))


def test_the_first_records(tmp_path):
    whole = Jsonl({'train': write(tmp_path / 'a.jsonl', RECORDS), 'test': write(tmp_path / 'b.jsonl', RECORDS)})
    first = First(whole, {'train': 2})
    assert list(first.records('train')) == RECORDS[:2]
    assert list(first.records('test')) == RECORDS
    assert (first.num_examples('train'), first.num_examples('test')) == (2, 5)
    assert First(whole, {'train': 99}).num_examples('train') == 5
    assert first.fingerprint('train') != whole.fingerprint('train')
    assert first.locate('train', 1) == whole.locate('train', 1)


@pytest.mark.parametrize('start', [0, 1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize('stop', [None, 0, 2, 3, 5, 9])
def test_a_slice_is_a_piece_of_the_whole(tmp_path, start, stop):
    first, second = write(tmp_path / 'a.jsonl', RECORDS[:2]), write(tmp_path / 'b.jsonl.gz', RECORDS[2:])
    table = tmp_path / 'a.tsv'
    table.write_text('inputs\ttargets\n' + ''.join(f'{r["inputs"]}\t{r["targets"]}\n' for r in RECORDS))
    for source in (
        Jsonl([first, second]),
        Jsonl([first, second], ('inputs',)),
        Tsv(table),
        Python(lambda split, seed: RECORDS),
        First(Jsonl([first, second]), {'train': 9}),
    ):
        assert list(source.slice('train', start, stop)) == RECORDS[start:stop]
        assert source.count('train') == 5
    three = First(Jsonl([first, second]), {'train': 3})
    assert list(three.slice('train', start, stop)) == RECORDS[:3][start:stop] and three.count('train') == 3


def test_a_slice_does_not_parse_what_stands_before_it_and_counts_lines_from_the_start(tmp_path):
    path = tmp_path / 'a.jsonl'
    path.write_text('{"inputs": "a", "targets": "b"}\n\nno json\n{"inputs": "c", "targets": "d"}\n{"inputs": "e"}\n')
    assert Jsonl(path, ('inputs',)).count('train') == 4
    assert [record['inputs'] for record in Jsonl(path, ('inputs',)).slice('train', 2)] == ['c', 'e']
    with pytest.raises(UserError, match=f"{path}: line 5 has no field 'targets'"):
        list(Jsonl(path).slice('train', 2))
