"""Summaries of all kinds: e-mails, news, chats, reviews, debates, guides; and, as in the paper, topics of news."""

import re
from dataclasses import dataclass

from jaxit.tasks.flan2021 import summarization_templates as templates
from jaxit.tasks.flan2021.cleaning import web_text
from jaxit.tasks.flan2021.data_set import CAP, ROUGE, DataSet
from jaxit.tasks.preprocessors import (
    Record,
    choices,
    clean_newlines,
    filter_empty,
    label_text,
    rename,
    strip,
)

CLUSTERS = ('summarization',)
TOPICS = ('World', 'Sports', 'Business', 'Science/Tech')
MAX_OPINIONS = 10  # a film has up to hundreds of reviews

# 'MIAMI, Florida (CNN) -- ' and '(CNN)' before a capital or a quote; other sources only with a dash.
_DATELINE = re.compile(
    r'\A[^()\n]{0,60}\((?:CNN|Reuters|AP|AFP)[^()]{0,30}\)(?:\s*(?:-+|[\u2013\u2014])\s*|\s*(?=["\'\u2018\u201c\dA-Z]))'
    r'|\A\([A-Z][^()]{0,30}\)\s*--+\s*'
)
_ARTICLE_END = '|||||'
_LINE_END = re.compile(r'\r\n?')
_TAG = re.compile(r' ?<[a-z]\w*>')
_LEADING_DASH = re.compile(r'\A\s*[\u2013\u2014-]\s+')


def without_dateline(record: Record) -> Record:
    """Removes place and agency from the beginning of an article."""
    return record | {'article': _DATELINE.sub('', record['article'])}


def without_placeholders(record: Record) -> Record | None:
    """Leaves out pairs in which a word was replaced by UNK or a digit by #."""
    text = record['document'] + record['answer']
    return None if 'UNK' in text or '#' in text else record


def with_numbered_articles(record: Record) -> Record | None:
    """Writes the articles of a record one below the other, each with its number above it."""
    articles = [article.strip() for article in record['articles'].split(_ARTICLE_END) if article.strip()]
    lines = [f'Article {number}\n{article}' for number, article in enumerate(articles, start=1)]
    return record | {'articles': '\n\n'.join(lines)} if articles else None


def without_leading_dash(record: Record) -> Record:
    """Removes the dash that summaries of Multi-News begin with."""
    return record | {'answer': _LEADING_DASH.sub('', record['answer'])}


def with_clean_chat(record: Record) -> Record:
    """Gives a chat plain line ends and removes what stands for pictures and other files."""
    return record | {'dialogue': _TAG.sub('', _LINE_END.sub('\n', record['dialogue']))}


@dataclass(frozen=True)
class numbered:  # noqa: N801 (reads as a function in a data set's list)
    """Writes up to ten opinions as numbered lines into a field, and the first of them into another.

    Attributes:
        field: of the source, a dictionary of lists with the texts under 'value'.
        into: the field for all of them.
        first: the field for one.
    """

    field: str
    into: str
    first: str

    def __call__(self, record: Record) -> Record | None:
        opinions = [' '.join(text.split()) for text in record[self.field]['value']]
        opinions = [text for text in opinions if text][:MAX_OPINIONS]
        if not opinions:
            return None
        lines = [f'{number}. {text}' for number, text in enumerate(opinions, start=1)]
        return record | {self.into: '\n'.join(lines), self.first: opinions[0]}


AESLC = DataSet(
    key='aeslc',
    tfds='aeslc:1.0.0',
    clusters=CLUSTERS,
    train='train',
    dev='validation[:200]',
    test='test',
    num_train=14_430,
    preprocessors=(
        rename({'email_body': 'email', 'subject_line': 'answer'}),
        clean_newlines(('email', 'answer')),
        strip(('email', 'answer')),
        filter_empty(('email', 'answer')),
    ),
    templates=templates.AESLC,
    metrics=ROUGE,
    licence='unknown',
)

CNN_DAILYMAIL = DataSet(
    key='cnn_dailymail',
    tfds='cnn_dailymail:3.4.0',
    clusters=CLUSTERS,
    train='train[:30000]',
    dev='validation[:200]',
    test='test',
    num_train=CAP,
    preprocessors=(
        rename({'highlights': 'answer'}),
        without_dateline,
        strip(('article', 'answer')),
        filter_empty(('article', 'answer')),
    ),
    templates=templates.CNN_DAILYMAIL,
    metrics=ROUGE,
    licence='Apache-2.0',
)

GIGAWORD = DataSet(
    key='gigaword',
    tfds='gigaword:1.2.0',
    clusters=CLUSTERS,
    train='train[:30000]',
    dev='validation[:200]',
    test='test',
    num_train=CAP,
    preprocessors=(
        rename({'summary': 'answer'}),
        without_placeholders,
        strip(('document', 'answer')),
        filter_empty(('document', 'answer')),
    ),
    templates=templates.GIGAWORD,
    metrics=ROUGE,
    licence='MIT',
)

MULTI_NEWS = DataSet(
    key='multi_news',
    tfds='multi_news:2.1.0',
    clusters=CLUSTERS,
    train='train[:30000]',
    dev='validation[:200]',
    test='test',
    num_train=CAP,
    preprocessors=(
        rename({'document': 'articles', 'summary': 'answer'}),
        with_numbered_articles,
        without_leading_dash,
        strip(('answer',)),
        filter_empty(('answer',)),
    ),
    templates=templates.MULTI_NEWS,
    metrics=ROUGE,
    licence='for non-commercial research and educational purposes only',
)

NEWSROOM = DataSet(
    key='newsroom',
    tfds='newsroom:1.0.0',
    clusters=CLUSTERS,
    train='train[:30000]',
    dev='validation[:200]',
    test='test',
    num_train=CAP,
    preprocessors=(
        filter_empty(('text', 'title', 'summary')),
        rename({'text': 'article', 'summary': 'answer'}),
        strip(('article', 'title', 'answer')),
    ),
    templates=templates.NEWSROOM,
    metrics=ROUGE,
    licence='for non-commercial research and educational purposes only',
    manual='register at https://summari.es/download; put train.jsonl, dev.jsonl and test.jsonl into the manual folder',
)

SAMSUM = DataSet(
    key='samsum',
    tfds='samsum:1.0.0',
    clusters=CLUSTERS,
    train='train',
    dev='validation[:200]',
    test='test',
    num_train=14_730,
    preprocessors=(
        rename({'summary': 'answer'}),
        with_clean_chat,
        strip(('dialogue', 'answer')),
        filter_empty(('dialogue', 'answer')),
    ),
    templates=templates.SAMSUM,
    metrics=ROUGE,
    licence='CC-BY-NC-ND-4.0',
    manual='unpack https://arxiv.org/src/1911.12237v2/anc/corpus.7z; put its three JSON files into the manual folder',
)

XSUM = DataSet(
    key='xsum',
    tfds='xsum:1.1.0',
    clusters=CLUSTERS,
    train='train[:30000]',
    dev='validation[:200]',
    test='test',
    num_train=CAP,
    preprocessors=(
        rename({'summary': 'answer'}),
        strip(('document', 'answer')),
        filter_empty(('document', 'answer')),
    ),
    templates=templates.XSUM,
    metrics=ROUGE,
    licence='unknown',
    manual=(
        'run the scripts of https://github.com/EdinburghNLP/XSum/tree/master/XSum-Dataset; '
        'put xsum-extracts-from-downloads.tar.gz into the manual folder'
    ),
)

AG_NEWS_SUBSET = DataSet(
    key='ag_news_subset',
    tfds='ag_news_subset:1.0.0',
    clusters=CLUSTERS,
    train='train[:30000]',
    dev='train[-200:]',
    test='test',
    num_train=CAP,
    preprocessors=(
        rename({'description': 'text'}),
        web_text(('title', 'text')),
        strip(('title', 'text')),
        filter_empty(('title', 'text')),
        label_text('label', 'answer', TOPICS),
        choices(TOPICS),
    ),
    templates=templates.AG_NEWS,
    metrics=('exact_match',),
    licence='for research and any other non-commercial activity',
    classification=True,
)

OPINION_ABSTRACTS_ROTTEN_TOMATOES = DataSet(
    key='opinion_abstracts_rotten_tomatoes',
    tfds='opinion_abstracts/rotten_tomatoes:1.0.0',
    clusters=CLUSTERS,
    train='train[:-600]',
    dev='train[-600:-500]',
    test='train[-500:]',
    num_train=3_130,
    preprocessors=(
        rename({'_movie_name': 'movie', '_critic_consensus': 'answer'}),
        numbered('_critics', into='reviews', first='review'),
        strip(('movie', 'answer')),
        filter_empty(('movie', 'answer')),
    ),
    templates=templates.ROTTEN_TOMATOES,
    metrics=ROUGE,
    licence='unknown',
)

OPINION_ABSTRACTS_IDEBATE = DataSet(
    key='opinion_abstracts_idebate',
    tfds='opinion_abstracts/idebate:1.0.0',
    clusters=CLUSTERS,
    train='train[:-600]',
    dev='train[-600:-500]',
    test='train[-500:]',
    num_train=1_650,
    preprocessors=(
        rename({'_debate_name': 'debate', '_claim': 'answer'}),
        numbered('_argument_sentences', into='arguments', first='argument'),
        strip(('debate', 'answer')),
        filter_empty(('debate', 'answer')),
    ),
    templates=templates.IDEBATE,
    metrics=ROUGE,
    licence='unknown',
)

WIKI_LINGUA_ENGLISH_EN = DataSet(
    key='wiki_lingua_english_en',
    tfds='gem/wiki_lingua_english_en:1.1.0',
    clusters=CLUSTERS,
    train='train[:30000]',
    dev='validation[:200]',
    test='test',
    num_train=CAP,
    preprocessors=(
        rename({'source': 'guide', 'target': 'answer'}),
        strip(('guide', 'answer')),
        filter_empty(('guide', 'answer')),
    ),
    templates=templates.WIKI_LINGUA,
    metrics=ROUGE,
    licence='CC-BY-NC-SA-3.0',
)

DATA_SETS = (
    AESLC,
    CNN_DAILYMAIL,
    GIGAWORD,
    MULTI_NEWS,
    NEWSROOM,
    SAMSUM,
    XSUM,
    AG_NEWS_SUBSET,
    OPINION_ABSTRACTS_ROTTEN_TOMATOES,
    OPINION_ABSTRACTS_IDEBATE,
    WIKI_LINGUA_ENGLISH_EN,
)
