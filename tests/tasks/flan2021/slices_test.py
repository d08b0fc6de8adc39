"""Which rows are trained on, which the best template is chosen on, which are reported: never the same ones.

The slices are written out here a second time, so that a mistake in one of them shows.
"""

import re

import pytest

from jaxit.tasks.flan2021.library import DATA_SETS

# Key: (train, dev, test).
CAPPED = ('train[:30000]', 'train[-200:]')
WHOLE = ('train', 'validation[:200]', 'test')
REST = ('train[:-200]', 'train[-200:]')
NEWS = ('train[:30000]', 'validation[:200]', 'test')
SLICES = {
    **dict.fromkeys(('aeslc', 'samsum', 'openbookqa'), WHOLE),
    **dict.fromkeys(
        'cnn_dailymail gigaword multi_news newsroom xsum wiki_lingua_english_en paws_wiki anli_r2 anli_r3 snli wmt14_enfr '
        'wmt16_translate_deen wmt16_translate_tren wmt16_translate_csen wmt16_translate_fien wmt16_translate_roen '
        'wmt16_translate_ruen'.split(),
        NEWS,
    ),
    **dict.fromkeys(('ag_news_subset', 'sentiment140', 'yelp_polarity_reviews', 'math_dataset'), (*CAPPED, 'test')),
    **dict.fromkeys(
        'web_nlg_en common_gen e2e_nlg dart squad_v1 squad_v2 trivia_qa natural_questions glue_qqp sst2 hellaswag qnli quac '
        'record'.split(),
        (*CAPPED, 'validation'),
    ),
    **dict.fromkeys('arc_challenge arc_easy imdb_reviews definite_pronoun_resolution trec'.split(), (*REST, 'test')),
    **dict.fromkeys('multirc bool_q glue_mrpc rte wic cola cosmos_qa'.split(), (*REST, 'validation')),
    **dict.fromkeys(('copa', 'cb', 'wsc'), ('train[:-50]', 'train[-50:]', 'validation')),
    **dict.fromkeys(('stsb', 'piqa'), ('train[:-100]', 'train[-100:]', 'validation')),
    'opinion_abstracts_rotten_tomatoes': ('train[:-600]', 'train[-600:-500]', 'train[-500:]'),
    'opinion_abstracts_idebate': ('train[:-600]', 'train[-600:-500]', 'train[-500:]'),
    'drop': (*CAPPED, 'dev'),
    'true_case': ('train[:30000]', 'train[30000:30200]', 'train[-3000:]'),
    'fix_punct': ('train[30200:60200]', 'train[60200:60400]', 'train[-3000:]'),
    'word_segment': ('train[60400:90400]', 'train[90400:90600]', 'train[-3000:]'),
    'story_cloze': ('validation[:-200]', 'validation[-200:]', 'test'),
    'para_crawl_enes': ('train[:30000]', 'train[-1200:-1000]', 'train[-1000:]'),
    'winogrande': ('train_xl[:30000]', 'train_xl[-200:]', 'validation'),
    'wsc273': ('', '', 'test'),
    'anli_r1': ('train', 'validation[:200]', 'test'),
    'mnli_matched': (*CAPPED, 'validation_matched'),
    'mnli_mismatched': (*CAPPED, 'validation_mismatched'),
    'wnli': ('train[:-30]', 'train[-30:]', 'validation'),
    'coqa': ('train[:-100]', 'train[-100:]', 'test'),
}
DEV_ROWS = {
    'wsc': 50,
    'cb': 50,
    'copa': 50,
    'wnli': 30,
    'stsb': 100,
    'piqa': 100,
    'coqa': 100,
    'wsc273': 0,
} | dict.fromkeys(('opinion_abstracts_rotten_tomatoes', 'opinion_abstracts_idebate'), 100)
NUM_ROWS = 1_000_000  # of a split that is sliced at both ends: more than any slice reaches to


def rows_of(text):
    """Returns a slice as (split, rows)."""
    split, first, last = re.fullmatch(r'(\w+)(?:\[(-?\d*):(-?\d*)\])?', text).groups()
    return split, range(NUM_ROWS)[slice(int(first) if first else None, int(last) if last else None)]


def test_slices_are_those_of_the_table():
    assert {key: (d.train, d.dev, d.test) for key, d in DATA_SETS.items()} == SLICES


@pytest.mark.parametrize('key', [key for key in DATA_SETS if key != 'wsc273'])
def test_no_row_is_in_two_of_them(key):
    data_set = DATA_SETS[key]
    slices = [rows_of(text) for text in (data_set.train, data_set.dev, data_set.test)]
    for number, (split, rows) in enumerate(slices):
        assert rows
        for other_split, others in slices[:number]:
            assert split != other_split or not range(max(rows[0], others[0]), min(rows[-1], others[-1]) + 1)
    assert len(slices[1][1]) == DEV_ROWS.get(key, 200)


def test_texts_of_one_source_are_shared_out():
    """Three sets are made of the same web pages."""
    keys = ('true_case', 'fix_punct', 'word_segment')
    rows = [set(rows_of(text)[1]) for key in keys for text in (DATA_SETS[key].train, DATA_SETS[key].dev)]
    assert sum(map(len, rows)) == len(set().union(*rows))
