"""Reading comprehension: questions that a given text answers."""

import dataclasses
import re
from urllib.parse import unquote

from jaxit.tasks.flan2021.cleaning import straight_quotes
from jaxit.tasks.flan2021.data_set import UNANSWERABLE, DataSet, distinct
from jaxit.tasks.flan2021.reading_comprehension_templates import (
    BOOL_Q_TEMPLATES,
    DROP_TEMPLATES,
    MULTIRC_TEMPLATES,
    OPENBOOKQA_TEMPLATES,
    SQUAD_V1_TEMPLATES,
    SQUAD_V2_TEMPLATES,
)
from jaxit.tasks.preprocessors import Record, choices, keep_where, label_text, rename, strip

_CLUSTERS = ('reading_comprehension',)
NO_YES = ('no', 'yes')

_DATE = re.compile(r'(\d*)-([A-Z][a-z]+)-(\d+)')  # as the reader of DROP writes it


def squad_answers(record: Record) -> Record | None:
    """Takes the first answer, keeps them all as references, and writes the title, `New_York_City`, as words."""
    texts = [UNANSWERABLE] if record.get('is_impossible') else distinct(record['answers']['text'])
    if not texts:
        return None
    return record | {'title': unquote(record['title']).replace('_', ' '), 'answer': texts[0], 'references': texts}


def drop_answers(record: Record) -> Record | None:
    """Keeps the validators' answers beside the first one; some rows have none that the source could read.

    Dates such as `1918-March-3`, or `-March-3` without a year, become `3 March 1918` and `3 March`.
    """
    texts = distinct(_as_said(text) for text in (record['answer'], *record['validated_answers']))
    return record | {'answer': texts[0], 'references': texts} if texts else None


def _as_said(text: str) -> str:
    date = _DATE.fullmatch(text.strip())
    return f'{date[3]} {date[2]} {date[1]}'.strip() if date else text


def openbookqa_options(record: Record) -> Record:
    """Takes the question apart into its stem and four options; `fact` is the line of the open book."""
    question = record['question']
    options = [question[f'choice_{letter}'].strip() for letter in 'ABCD']
    made = {'fact': record['fact1'].strip(), 'question': question['stem'].strip()}
    return record | made | {'options': options, 'answer': options[record['answerKey']]}


def bool_q_question(record: Record) -> Record:
    """Drops the question mark where there is one: the questions are search queries, and templates write their own."""
    return record | {'question': record['question'].strip().rstrip('?').rstrip()}


def multirc_question(record: Record) -> Record:
    """Groups the records of a question, each of which has one of its answers, by paragraph and question."""
    return record | {'group': '{paragraph}/{question}'.format(**record['idx'])}


SQUAD_V1 = DataSet(
    key='squad_v1',
    tfds='squad/v1.1:3.0.0',
    clusters=_CLUSTERS,
    train='train[:30000]',
    dev='train[-200:]',
    test='validation',
    num_train=30_000,
    preprocessors=(strip(('context', 'question')), squad_answers),
    templates=SQUAD_V1_TEMPLATES,
    metrics=('exact_match', 'f1'),
    licence='CC-BY-SA-4.0',
)

SQUAD_V2 = dataclasses.replace(SQUAD_V1, key='squad_v2', tfds='squad/v2.0:3.0.0', templates=SQUAD_V2_TEMPLATES)

DROP = DataSet(
    key='drop',
    tfds='drop:2.0.0',
    clusters=_CLUSTERS,
    train='train[:30000]',
    dev='train[-200:]',
    test='dev',
    num_train=30_000,
    preprocessors=(strip(('passage', 'question')), drop_answers),
    templates=DROP_TEMPLATES,
    metrics=('exact_match', 'f1'),
    licence='CC-BY-SA-4.0',
)

MULTIRC = DataSet(
    key='multirc',
    tfds='super_glue/multirc:1.0.2',
    clusters=_CLUSTERS,
    train='train[:-200]',
    dev='train[-200:]',
    test='validation',
    num_train=27_040,
    preprocessors=(
        keep_where('label', (0, 1)),
        multirc_question,
        rename({'answer': 'response'}),
        strip(('paragraph', 'question', 'response')),
        label_text('label', 'answer', NO_YES),
        choices(NO_YES),
    ),
    templates=MULTIRC_TEMPLATES,
    metrics=('binary_f1', 'group_exact_match', 'exact_match'),
    licence='unknown',
    classification=True,
)

OPENBOOKQA = DataSet(
    key='openbookqa',
    tfds='openbookqa:0.1.0',
    clusters=_CLUSTERS,
    train='train',
    dev='validation[:200]',
    test='test',
    num_train=4_950,
    preprocessors=(openbookqa_options,),
    templates=OPENBOOKQA_TEMPLATES,
    metrics=('exact_match',),
    licence='unknown',
    classification=True,
)

BOOL_Q = DataSet(
    key='bool_q',
    tfds='bool_q:1.0.0',
    clusters=_CLUSTERS,
    train='train[:-200]',
    dev='train[-200:]',
    test='validation',
    num_train=9_220,
    preprocessors=(
        straight_quotes(('title', 'passage')),
        strip(('title', 'passage')),
        bool_q_question,
        label_text('answer', 'answer', NO_YES),
        choices(NO_YES),
    ),
    templates=BOOL_Q_TEMPLATES,
    metrics=('exact_match',),
    licence='CC-BY-SA-3.0',
    classification=True,
)

DATA_SETS = (SQUAD_V1, SQUAD_V2, DROP, MULTIRC, OPENBOOKQA, BOOL_Q)
