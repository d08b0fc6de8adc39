"""Tasks over files in public release formats: P3 rows, Natural Instructions JSON, FLAN chain-of-thought TSV.

Set JAXIT_DATA to the folder that holds `p3_t0_templates`, `natural_instructions`, `flan_cot`,
`olora_benchmark` and `wikitext2`, then:

    jaxit train --module examples.real_tasks --gin_file gin/recipes/gemma3_270m_lora.gin

Held out, as T0 does, is every natural language inference and sentence completion task
(RTE, CB, COPA, CODAH); paraphrase goes too, because FLAN counts it as near to inference.
"""

import gzip
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jaxit.core.errors import UserError
from jaxit.tasks.registry import add_mixture, add_task
from jaxit.tasks.sources import Python
from jaxit.tasks.suites import Suite, add_suite
from jaxit.text.templates import Template

P3_DATASETS = (
    'adversarial_qa ag_news amazon_polarity app_reviews cnn_dailymail common_gen commonsense_qa cosmos_qa dbpedia_14 dream '
    'duorc gigaword imdb kilt_tasks_hotpotqa multi_news qasc quail quarel quartz quoref ropes rotten_tomatoes samsum sciq '
    'social_i_qa trec wiki_bio wiki_hop wiki_qa wiqa xsum yelp_review_full'
).split()
P3_HELD_OUT = ('glue_mrpc', 'glue_qqp', 'paws')
NI_HELD_OUT = ('task156', 'task138', 'task139', 'task142')
NI_LEFT_OUT = (
    'task140',
    'task143',
)  # they ask other questions about the very prompts of 138 and 139, and the words of 142
COT = ('aqua', 'creak', 'ecqa', 'gsm8k', 'qasc', 'sensemaking', 'strategyqa')
MAXIMUM = 400

Record = dict[str, Any]


def data_folder() -> Path:
    """Returns the folder with the released files."""
    folder = os.environ.get('JAXIT_DATA')
    if not folder or not Path(folder).is_dir():
        raise UserError('set JAXIT_DATA to the folder that holds p3_t0_templates, natural_instructions, flan_cot, ...')
    return Path(folder)


def lines(path: Path) -> Iterator[str]:
    """Yields the lines of a gzipped text."""
    with gzip.open(path, 'rt', encoding='utf-8') as f:
        yield from f


def p3_rows() -> dict[str, list[Record]]:
    """Returns P3 rows by data set; the data set is the longest known prefix of the template's name."""
    rows: dict[str, list[Record]] = defaultdict(list)
    for line in lines(data_folder() / 'p3_t0_templates' / 't0_train_by_template.jsonl.gz'):
        row = json.loads(line)
        name = next((d for d in sorted(P3_DATASETS, key=len, reverse=True) if row['template'].startswith(d)), None)
        if name is None:
            if not row['template'].startswith(P3_HELD_OUT):
                raise UserError(f'P3 template {row["template"]!r} belongs to no known data set')
            continue
        targets = row['completion'].removesuffix('<|endoftext|>').strip()
        if targets and row['prompt'].strip():
            rows[name].append({'inputs': row['prompt'].strip(), 'targets': targets})
    return rows


def ni_rows(path: Path) -> list[Record]:
    """Returns the instances of one Natural Instructions file, written as definition and input."""
    content = json.loads(path.read_text())
    definition = content['Definition'] if isinstance(content['Definition'], str) else content['Definition'][0]
    found = []
    for instance in content['Instances']:
        outputs = [text.strip() for text in instance['output'] if text.strip()]
        if outputs:
            inputs = f'{definition.strip()}\n\nInput: {instance["input"].strip()}\n\nOutput:'
            found.append({'inputs': inputs, 'targets': outputs[0], 'references': outputs})
    return found


def cot_rows(name: str) -> list[Record]:
    """Returns one chain-of-thought set: the reasoning, then the answer."""
    found = []
    for line in lines(data_folder() / 'flan_cot' / f'{name}_train.tsv.gz'):
        question, answer, chain = (part.replace('\\n', '\n').strip() for part in line.rstrip('\n').split('\t'))
        inputs = f'{question}\n\nGive the reasons before the answer.'
        found.append({'inputs': inputs, 'targets': f'{chain} So the answer is {answer}.'})
    return found


def pair_rows(name: str) -> list[Record]:
    """Returns an inference set as premise, hypothesis and answer."""
    found = []
    for line in lines(data_folder() / 'olora_benchmark' / f'{name}_test.jsonl.gz'):
        row = json.loads(line)
        premise, hypothesis = row['sentence'].removeprefix('sentence 1: ').split('\nsentence 2: ')
        found.append({'premise': premise, 'hypothesis': hypothesis, 'label': ANSWERS[row['label']]})
    return found


ANSWERS = {'entailment': 'yes', 'contradiction': 'no', 'neutral': 'maybe'}


def copa_rows() -> list[Record]:
    """Returns COPA as premise, question and two alternatives."""
    pattern = re.compile(r'Which sentence is the (cause|effect) of "(.*)"\?.*\nA: (.*)\nB: (.*)', re.S)
    found = []
    for line in lines(data_folder() / 'olora_benchmark' / 'COPA_COPA_test.jsonl.gz'):
        row = json.loads(line)
        match = pattern.match(row['sentence'])
        assert match is not None, row
        kind, premise, *choices = match.groups()
        label = choices['AB'.index(row['label'])]
        found.append({'premise': premise, 'kind': kind, 'choices': tuple(choices), 'label': label})
    return found


def wikitext_rows(split: str, seed: int) -> Iterator[Record]:
    """Yields the paragraphs of WikiText-2 as plain text."""
    del seed
    name = {'train': 'valid', 'test': 'test'}[split]
    for line in lines(data_folder() / 'wikitext2' / f'{name}.txt.gz'):
        text = line.strip()
        if len(text) > 200 and not text.startswith('='):
            yield {'text': text}


def source(rows: list[Record], split: str = 'train') -> Python:
    """Returns rows in memory as a source of one split."""
    return Python(lambda split, seed: iter(rows), (split,), size={split: len(rows)})


def register() -> None:
    """Registers the tasks, the mixture `real` (5 % replay) and its suites."""
    trained = []
    for name, rows in p3_rows().items():
        trained.append(add_task(f'p3_{name}', source(rows), cluster=f'p3 {name}', licence='Apache-2.0').name)
    held_out = ['rte', 'cb', 'copa']
    for path in sorted((data_folder() / 'natural_instructions' / 'tasks').glob('*.json')):
        number, rows = path.stem.split('_')[0], ni_rows(path)
        if number in NI_LEFT_OUT:
            continue
        if number in NI_HELD_OUT:
            held_out.append(add_task(f'ni_{number}', source(rows, 'test'), cluster='held out').name)
        else:
            trained.append(add_task(f'ni_{number}', source(rows), cluster='natural instructions').name)
    for name in COT:
        trained.append(
            add_task(f'cot_{name}', source(cot_rows(name)), cluster='chain of thought', licence='Apache-2.0').name
        )
    inference = Template(
        '{premise}\n\nGiven the text above, is it true that: {hypothesis}\n\n{options}', '{label}', name='is it true'
    )
    for name, options in (('rte', ('yes', 'no')), ('cb', ('yes', 'no', 'maybe'))):
        rows = pair_rows(f'NLI_{name.upper()}')
        add_task(name, source(rows, 'test'), templates=(inference,), answer_options=options, cluster='inference')
    completion = Template(
        '{premise}\n\nWhat is the most likely {kind} of this?\n\n{options}', '{label}', name='most likely'
    )
    add_task(
        'copa', source(copa_rows(), 'test'), templates=(completion,), answer_options='choices', cluster='completion'
    )
    add_task(
        'wikitext', Python(wikitext_rows, ('train', 'test')), kind='text', cluster='replay', licence='CC BY-SA 3.0'
    )
    add_mixture('real_instructions', trained, maximum=MAXIMUM)
    add_mixture('real', [('real_instructions', 0.95), ('wikitext', 0.05)])
    add_suite(Suite('real_held_out', 'held_out', tuple(held_out)))
    add_suite(Suite('real_forgetting', 'forgetting', ('wikitext',)))


register()
