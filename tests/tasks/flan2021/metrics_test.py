"""What the data sets are judged by, against the published table; the fields that some metrics need, on rows by hand."""

import pytest
from real_rows import first_rows

from jaxit.evaluation import metrics
from jaxit.evaluation.answer_values import check_examples
from jaxit.tasks.flan2021 import library
from jaxit.tasks.flan2021.library import DATA_SETS, make
from jaxit.tasks.rendering import render_row

# The column `metric` of the table of data sets, from the repository of the paper.
TABLE = {
    'rouge': 'aeslc cnn_dailymail gigaword multi_news newsroom samsum xsum opinion_abstracts_rotten_tomatoes '
    'opinion_abstracts_idebate wiki_lingua_english_en',
    'mref-rouge': 'web_nlg_en common_gen e2e_nlg dart',
    'squad': 'squad_v1 squad_v2 drop coqa',
    'tqa': 'trivia_qa natural_questions quac',
    'bleu': 'para_crawl_enes wmt14_enfr wmt16_translate_deen wmt16_translate_tren wmt16_translate_csen '
    'wmt16_translate_fien wmt16_translate_roen wmt16_translate_ruen',
    'ED': 'true_case fix_punct word_segment',
    'acc': 'ag_news_subset openbookqa arc_challenge arc_easy paws_wiki imdb_reviews sentiment140 yelp_polarity_reviews '
    'hellaswag story_cloze piqa definite_pronoun_resolution winogrande wsc wsc273 anli_r1 anli_r2 anli_r3 snli trec cosmos_qa',
    'acc of numbers': 'math_dataset',
    'acc and Matthews': 'cola',
    'GLUE mrpc, qqp': 'glue_mrpc glue_qqp',
    'GLUE stsb': 'stsb',
    'GLUE sst2, mnli, qnli, wnli': 'sst2 mnli_matched mnli_mismatched qnli wnli',
    'SuperGLUE boolq, copa, rte, wic': 'bool_q copa rte wic',
    'SuperGLUE cb': 'cb',
    'SuperGLUE multirc': 'multirc',
    'SuperGLUE record': 'record',
}
# What each of them is (T5's evaluation/metrics.py and data/glue_utils.py), in names of ours.
MEANING = {
    'rouge': {'rouge_1', 'rouge_2', 'rouge_lsum'},
    'mref-rouge': {'rouge_1', 'rouge_2', 'rouge_lsum'},
    'squad': {'exact_match', 'f1'},
    'tqa': {'exact_match', 'f1'},
    'bleu': {'bleu'},
    'ED': {'edit_distance'},
    'acc': {'exact_match'},
    'acc of numbers': {'verbatim_match'},  # exact match drops punctuation, and with it the sign
    'acc and Matthews': {'exact_match', 'matthews'},
    'GLUE mrpc, qqp': {'exact_match', 'binary_f1'},
    'GLUE stsb': {'pearson', 'spearman', 'exact_match'},  # the last for samples, which are right or wrong
    'GLUE sst2, mnli, qnli, wnli': {'exact_match'},
    'SuperGLUE boolq, copa, rte, wic': {'exact_match'},
    'SuperGLUE cb': {'exact_match', 'macro_f1'},
    'SuperGLUE multirc': {'binary_f1', 'group_exact_match', 'exact_match'},
    'SuperGLUE record': {'exact_match', 'f1'},
}


def test_data_sets_carry_the_metrics_of_the_table():
    expected = {key: MEANING[name] for name, keys in TABLE.items() for key in keys.split()}
    assert {key: set(data_set.metrics) for key, data_set in DATA_SETS.items()} == expected


def test_all_of_them_exist_and_answers_are_judged_by_them():
    for key, data_set in DATA_SETS.items():
        task = make(f'{key}_type_0')
        assert task.metrics == data_set.metrics and set(task.metrics) <= set(metrics.WRITTEN_METRICS)


def test_ranked_tasks_are_only_ranked():
    ranks = {*metrics.RANK_METRICS, *metrics.CHOSEN_METRICS}
    for key in (key for key, data_set in DATA_SETS.items() if data_set.classification):
        for suffix in ('_scoring_eval', '_score_eval_no_options'):
            task = make(f'{key}_type_0{suffix}')
            assert task.metrics[:2] == library.RANKED == metrics.RANK_METRICS and set(task.metrics) <= ranks
            like = {metrics.CHOSEN_METRICS[metric] for metric in task.metrics[2:]}
            assert like == set(DATA_SETS[key].metrics) - {'exact_match'}


def rendered(key, records):
    task = make(f'{key}_type_0')
    return [e for row, record in enumerate(records) for e in render_row(task, 'test', row, record, seed=0)]


def test_answers_are_correlated_with_the_scores_before_rounding():
    labels = [0.0, 3.8, 2.5, 4.75, 5.0]
    examples = rendered('stsb', [{'sentence1': 'a', 'sentence2': 'b', 'label': label, 'idx': 0} for label in labels])
    assert [e.targets for e in examples] == ['0', '4', '2', '5', '5']
    assert [e.gold_number for e in examples] == labels
    check_examples(DATA_SETS['stsb'].metrics, examples, where='')


def test_answers_of_multirc_are_grouped_by_their_question():
    places = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 0, 1)]
    records = [
        {
            'idx': {'paragraph': paragraph, 'question': question, 'answer': answer},
            'label': answer,
            'paragraph': 'It rained.',
            'question': 'Why?',
            'answer': 'Clouds.',
        }
        for paragraph, question, answer in places
    ]
    examples = rendered('multirc', records)
    assert [e.group for e in examples] == ['0/0', '0/0', '0/1', '1/0', '1/0']
    check_examples(DATA_SETS['multirc'].metrics, examples, where='')


@pytest.mark.parametrize('key', ['glue_mrpc', 'cb', 'multirc'])
def test_real_rows_have_what_their_metrics_need(key, shared_data):
    examples = rendered(key, first_rows(key, shared_data, 200))
    check_examples(DATA_SETS[key].metrics, examples, where=key)
    assert {e.targets for e in examples} == set(examples[0].options)
    if 'binary_f1' in DATA_SETS[key].metrics:
        assert examples[0].options == ('no', 'yes')
