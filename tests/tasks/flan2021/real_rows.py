"""Real rows in the form in which TFDS yields them, and digests of what the templates make of them.

    python tests/tasks/flan2021/real_rows.py DATA show rte     # to read row i in template i; all data sets without names
    python tests/tasks/flan2021/real_rows.py DATA write        # the digests anew, once that reads well

DATA is the shared data folder. The files come from other carriers than TFDS, so each has an adapter here. Where a
carrier lacks a field that no template names (`idx`, `id`, places in the text), the adapter makes one up.
"""

import csv
import gzip
import hashlib
import io
import itertools
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from jaxit.core.files import read_json, write_json
from jaxit.tasks.flan2021.library import make
from jaxit.tasks.rendering import render_row
from jaxit.tasks.sources import Record

NUM_ROWS = 10
GOLDENS = Path(__file__).resolve().parent / 'real_rows.json'

ENTAILMENT = {'rte': ('entailment', 'contradiction'), 'cb': ('entailment', 'contradiction', 'neutral')}
TREC_CLASSES = (0, 1, 2, 3, 5, 4)  # the file numbers locations 4 and numbers 5; TFDS has it the other way round
TOPICS = ('World', 'Sports', 'Business', 'Science or Technology')
FALSE_TRUE = ('False', 'True')


def _open(path: Path) -> io.TextIOBase:
    return gzip.open(path, 'rt', encoding='utf-8-sig', newline='')


def _lines(path: Path) -> Iterator[str]:
    with _open(path) as f:
        yield from (line.rstrip('\r\n') for line in f)


def _benchmark(folder: Path, name: str, part: str = 'train') -> Iterator[tuple[int, str, str]]:
    """Yields (row, text, label) of a file of the benchmark, which has every record written out as one text."""
    for row, line in enumerate(_lines(folder / 'olora_benchmark' / f'{name}_{part}.jsonl.gz')):
        item = json.loads(line)
        yield row, item['sentence'], item['label']


def _fields(text: str, *marks: str) -> list[str]:
    """Returns what follows each mark, the last one up to the end: `_fields('a: x\\nb: y', 'a: ', '\\nb: ')`."""
    match = re.fullmatch('(.*)'.join(map(re.escape, marks)) + '(.*)', text, re.DOTALL)
    assert match, f'no {marks} in {text!r}'
    return list(match.groups())


def mrpc(folder: Path) -> Iterator[Record]:
    rows = itertools.islice(_lines(folder / 'mrpc' / 'msr_paraphrase_train.txt.gz'), 1, None)
    for idx, line in enumerate(rows):
        label, _, _, first, second = line.split('\t')
        yield {'idx': idx, 'label': int(label), 'sentence1': first, 'sentence2': second}


def sst2(folder: Path) -> Iterator[Record]:
    for idx, text, label in _benchmark(folder, 'SC_SST-2'):
        yield {'idx': idx, 'label': ('Bad', 'Good').index(label), 'sentence': _fields(text, 'Text: ')[0]}


def trec(folder: Path) -> Iterator[Record]:
    for line in _lines(folder / 'sst_trec' / 'TREC.train.all.gz'):
        label, text = line.split(' ', 1)
        yield {'label-coarse': TREC_CLASSES.index(int(label)), 'label-fine': 0, 'text': text}


def _entailment(key: str, file: str, part: str = 'train') -> Callable[[Path], Iterator[Record]]:
    def rows(folder: Path) -> Iterator[Record]:
        for idx, text, label in _benchmark(folder, file, part):
            premise, hypothesis = _fields(text, 'sentence 1: ', '\nsentence 2: ')
            yield {'idx': idx, 'label': ENTAILMENT[key].index(label), 'premise': premise, 'hypothesis': hypothesis}

    return rows


def copa(folder: Path) -> Iterator[Record]:
    for idx, text, label in _benchmark(folder, 'COPA_COPA'):
        question, premise, first, second = _fields(
            text, 'Which sentence is the ', ' of "', '"? Choose one between A and B.\nA: ', '\nB: '
        )
        yield {
            'idx': idx,
            'label': 'AB'.index(label),
            'premise': premise,
            'question': question,
            'choice1': first,
            'choice2': second,
        }


def bool_q(folder: Path) -> Iterator[Record]:
    for _, text, label in _benchmark(folder, 'BoolQA_BoolQA'):
        question, page = _fields(text, 'question: ', '\npassage: ')
        title, passage = page.split(' -- ', 1)
        yield {'answer': label == 'True', 'passage': passage, 'question': question, 'title': title}


def multirc(folder: Path) -> Iterator[Record]:
    for row, text, label in _benchmark(folder, 'MultiRC_MultiRC'):
        paragraph, question, answer = _fields(text, 'paragraph: ', '\nquestion: ', '\ncandidate answer: ')
        yield {
            'idx': {'answer': row, 'paragraph': row, 'question': row},
            'label': FALSE_TRUE.index(label),
            'paragraph': paragraph,
            'question': question,
            'answer': answer,
        }


def wic(folder: Path) -> Iterator[Record]:
    for idx, text, label in _benchmark(folder, 'WiC_WiC'):
        word, first, second = _fields(text, 'word: ', '\n', '\n')
        places = {'start1': 0, 'end1': 0, 'start2': 0, 'end2': 0}
        record = {'idx': idx, 'label': FALSE_TRUE.index(label), 'word': word, 'sentence1': first, 'sentence2': second}
        yield record | places


def ag_news(folder: Path) -> Iterator[Record]:
    for _, text, label in _benchmark(folder, 'TC_agnews'):
        title, description = _fields(text, 'Title: ', '\nText: ')
        yield {'title': title, 'description': description.removesuffix('\n'), 'label': TOPICS.index(label)}


def squad(folder: Path) -> Iterator[Record]:
    with _open(folder / 'xquad' / 'xquad.en.json.gz') as f:
        articles = json.load(f)['data']
    for article in articles:
        for paragraph in article['paragraphs']:
            for item in paragraph['qas']:
                answers = {name: [answer[name] for answer in item['answers']] for name in ('answer_start', 'text')}
                context = {'title': article['title'], 'context': paragraph['context']}
                yield context | {'id': item['id'], 'question': item['question'], 'answers': answers}


def e2e_nlg(folder: Path) -> Iterator[Record]:
    with _open(folder / 'e2e_nlg' / 'devset.csv.gz') as f:
        for number, row in enumerate(csv.DictReader(f)):
            name = f'e2e_nlg-train-{number}'
            yield {
                'gem_id': name,
                'gem_parent_id': name,
                'meaning_representation': row['mr'],
                'target': row['ref'],
                'references': [],
            }


def english_german(folder: Path) -> Iterator[Record]:
    sides = (_lines(folder / 'multi30k' / f'train.{code}.gz') for code in ('en', 'de'))
    for english, german in zip(*sides, strict=True):
        yield {'en': english, 'de': german}


ADAPTERS: dict[str, Callable[[Path], Iterator[Record]]] = {
    'glue_mrpc': mrpc,
    'sst2': sst2,
    'trec': trec,
    'rte': _entailment('rte', 'NLI_RTE'),
    'cb': _entailment('cb', 'NLI_CB'),
    'copa': copa,
    'bool_q': bool_q,
    'multirc': multirc,
    'wic': wic,
    'ag_news_subset': ag_news,
    'squad_v1': squad,
    'e2e_nlg': e2e_nlg,
    'wmt16_translate_deen': english_german,
}

# The rows that are judged.
JUDGED = {'rte': _entailment('rte', 'NLI_RTE', 'test'), 'cb': _entailment('cb', 'NLI_CB', 'test')}


def first_rows(key: str, folder: Path, count: int = NUM_ROWS) -> list[Record]:
    """Returns the first rows of a data set as TFDS would yield them."""
    return list(itertools.islice(ADAPTERS[key](folder), count))


def rendered(key: str, folder: Path) -> Iterator[tuple[int, str, str]]:
    """Yields (row, inputs, targets): row i in template i."""
    task = make(f'{key}_{NUM_ROWS}templates')
    assert task is not None, key
    for row, record in enumerate(first_rows(key, folder)):
        for example in render_row(task, 'train', row, record, seed=0, template=row):
            yield row, example.inputs, example.targets


def digest(examples: Iterable[tuple[int, str, str]]) -> str:
    """Returns the sha256 of rendered examples."""
    return hashlib.sha256(json.dumps(list(examples)).encode()).hexdigest()


def goldens() -> dict[str, str]:
    """Returns the digests on file, by data set."""
    return read_json(GOLDENS)


def main(folder: Path, command: str, keys: Iterable[str]) -> None:
    """Shows what is rendered, or writes its digests."""
    if command == 'write':
        write_json(GOLDENS, {key: digest(rendered(key, folder)) for key in ADAPTERS})
        return
    for key in keys or ADAPTERS:
        for row, inputs, targets in rendered(key, folder):
            print(f'===== {key} {row}\n{inputs}\n----- targets\n{targets}')


if __name__ == '__main__':
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
