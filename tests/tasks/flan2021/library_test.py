"""The data sets of FLAN 2021 against the published table, their templates against one another, names against what they mean."""

import dataclasses
import re

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks import registry
from jaxit.tasks.flan2021 import continuations, library
from jaxit.tasks.flan2021.data_set import CAP, MIXING_MAXIMUM
from jaxit.tasks.flan2021.library import CLUSTERS, DATA_SETS
from jaxit.tasks.flan2022 import additions
from jaxit.tasks.rendering import examples
from jaxit.tasks.sources import Python

# Rows that are trained on, after the cap of 30,000 and what is set aside (the repository of the paper, floored to tens).
TABLE = {
    'summarization': 'aeslc 14430, cnn_dailymail cap, gigaword cap, multi_news cap, newsroom cap, samsum 14730, xsum cap, '
    'ag_news_subset cap, opinion_abstracts_rotten_tomatoes 3130, opinion_abstracts_idebate 1650, wiki_lingua_english_en cap',
    'structure_to_text': 'web_nlg_en cap, common_gen cap, e2e_nlg cap, dart cap',
    'reading_comprehension': 'squad_v1 cap, squad_v2 cap, drop cap, multirc 27040, openbookqa 4950, bool_q 9220',
    'open_domain_qa': 'trivia_qa cap, natural_questions cap, arc_challenge 910, arc_easy 2040',
    'paraphrase': 'glue_mrpc 3460, glue_qqp cap, paws_wiki cap, stsb 5640',
    'sentiment': 'imdb_reviews 24800, sentiment140 cap, yelp_polarity_reviews cap, sst2 cap',
    'text_formatting': 'true_case 29260, fix_punct 28070, word_segment cap',
    'common_sense': 'copa 350, hellaswag cap, story_cloze 1670, piqa 16010',
    'translation': 'para_crawl_enes cap, wmt14_enfr cap, wmt16_translate_deen cap, wmt16_translate_tren cap, wmt16_translate_csen '
    'cap, wmt16_translate_fien cap, wmt16_translate_roen cap, wmt16_translate_ruen cap',
    'coreference': 'definite_pronoun_resolution 1120, winogrande cap, wsc 500, wsc273 0',
    'entailment': 'anli_r1 16940, anli_r2 cap, anli_r3 cap, cb 200, rte 2290, mnli_matched cap, mnli_mismatched cap, qnli cap, '
    'wnli 600, snli cap',
    'math': 'math_dataset cap',
    'conversational_qa': 'quac cap, coqa 7090',
    'word_disambiguation': 'wic 5220',
    'linguistic_acceptability': 'cola 8350',
    'question_classification': 'trec 5250',
    'read_comp_and_common_sense': 'record cap, cosmos_qa 25060',
}


def table():
    for cluster, text in TABLE.items():
        for item in text.split(', '):
            key, size = item.split()
            yield key, cluster, CAP if size == 'cap' else int(size)


def test_no_data_set_of_the_table_is_missing():
    assert {key: (d.clusters, d.num_train) for key, d in DATA_SETS.items()} == {
        key: ((cluster,), size) for key, cluster, size in table()
    }
    assert tuple(TABLE) == CLUSTERS


def test_capped_sizes_are_those_of_the_paper():
    total = sum(min(d.num_train, MIXING_MAXIMUM) for d in DATA_SETS.values())
    assert total == pytest.approx(188_330, rel=0.01)
    assert 100 * MIXING_MAXIMUM / total == pytest.approx(1.593, rel=0.01)


def normal(text):
    return re.sub(r'[\W_]+', ' ', text.lower()).strip()


@pytest.mark.parametrize('data_set', [*DATA_SETS.values(), *additions.DATA_SETS], ids=lambda data_set: data_set.key)
def test_ten_templates_differ_and_evaluation_asks_for_the_answer(data_set):
    templates = data_set.templates
    assert len({normal(t.inputs + ' > ' + t.targets) for t in templates}) == 10
    for template in templates:
        if template.kind == 'inverted':
            # What is asked for does not stand in the question, and the answer does.
            assert not set(re.findall(r'{(\w+)}', template.targets)) & set(re.findall(r'{(\w+)}', template.inputs))
        else:
            assert template.targets == '{answer}' and '{answer}' not in template.inputs
    assert not any('{options}' in t.inputs for t in templates) or data_set.classification


def test_names_stand_for_what_they_say():
    rte = library.make('rte_10templates')
    assert (rte.name, len(rte.templates), rte.shots, rte.splits) == ('rte_10templates', 10, 0, ('train', 'dev', 'test'))
    assert registry.size_of(rte) == 2_290
    assert len(library.make('rte_4templates').templates) == 4
    assert library.make('rte_type_3').templates == (DATA_SETS['rte'].templates[3],)
    assert library.make('rte_type_0_scoring_eval').metrics == library.RANKED
    for name in ('rte_type_0_score_eval_no_options', 'rte_type_0_score_flan_no_options'):
        hidden = library.make(name)
        assert (hidden.name, hidden.metrics) == (name, library.RANKED)
        record = {'premise': 'a', 'hypothesis': 'b', 'answer': 'no', 'options': ['yes', 'no']}
        [shown], [asked] = library.make('rte_type_0').templates, hidden.templates
        assert shown.render(record)[0] == asked.render(record)[0] + '\n\nOPTIONS:\n- yes\n- no'
    everything = library.make('rte_all_prompts')
    assert dataclasses.replace(everything, name='rte_10templates') == rte
    assert library.make('squad_v1_7templates_five_shot').shots == 5
    assert library.make('arc_easy_type_0_multi_shot').shots == 16
    assert library.make('arc_easy_type_0_score_flan_no_options_two_shot').shots == 2


@pytest.mark.parametrize(
    'name',
    [
        'rte_3templates',
        'nothing_10templates',
        'rte',
        'rte_type_9',
        'trivia_qa_type_0_scoring_eval',
        'rte_type_0_six_shot',
        'rte_type_9_score_flan_no_options',
        'trivia_qa_type_0_score_flan_no_options',
        'rte_type_0_all_prompts',
        'continuations_nothing_type_0',
        'continuations_rte_type_1',
        'continuations_rte_10templates',
        'continuations_rte_all_prompts',
        'continuations_rte_type_0_score_eval_no_options',
        'continuations_trivia_qa_type_0_scoring_eval',
    ],
)
def test_other_names_stand_for_nothing(name):
    assert library.make(name) is None


def test_continuations_name_what_the_templates_name_and_list_no_options():
    assert set(continuations.INPUTS) == set(DATA_SETS)
    for key, data_set in DATA_SETS.items():
        [pattern] = library.make(f'continuations_{key}_type_0').templates
        assert pattern.targets == '{answer}'
        known = {field for template in data_set.templates for field in template.fields}
        assert set(pattern.fields[:-1]) <= known - {'answer', 'options'} and len(pattern.fields) > 1
        assert data_set.clusters != ('translation',) or f'\n{data_set.templates[-1].targets}:' in pattern.inputs
        ranked = library.make(f'continuations_{key}_type_0_scoring_eval')
        assert (ranked is not None) == data_set.classification
        assert ranked is None or (ranked.metrics[:2], ranked.answer_options) == (library.RANKED, 'options')


def test_a_continuation_of_cb_ends_with_what_its_label_says():
    record = {'premise': 'I doubt it.', 'hypothesis': 'it rains', 'idx': 0}
    rows = [record | {'label': label} for label in (0, 1, 2)]  # entailment, contradiction, neutral
    task = library.make('continuations_cb_type_0_scoring_eval_two_shot')
    task = dataclasses.replace(task, source=Python(lambda split, seed: rows, ('train', 'test')))
    made = list(examples(task, 'test'))
    assert [example.targets for example in made] == ['Yes', 'No', "One can't tell"]
    for example in made:
        *shown, prompt, _ = (part.text for part in example.parts)
        assert prompt == 'I doubt it.\n\nIs it true that it rains?' and len(shown) == 2
        assert all(text.startswith(f'{prompt}\n') for text in shown)
        assert example.options == ('Yes', 'No', "One can't tell")


def test_an_unknown_name_is_refused_with_near_ones():
    with pytest.raises(UserError, match=r"unknown task 'rte_10template'.*rte_10templates"):
        registry.get_task('rte_10template')


def test_inverted_templates_are_never_evaluated():
    for key in DATA_SETS:
        names = library.evaluation_names(key)
        assert names and all(library.make(name) is not None for name in names)
        assert len(names) == sum(t.kind != 'inverted' for t in DATA_SETS[key].templates)
