"""The 193 prompts of P3 (arXiv:2110.08207) that Flan 2022 adds to its own data sets, and how many rows each has.

The numbers are those of the paper's repository, floored to tens. Names are in lower case, joined by single underscores.
"""

from collections.abc import Iterator, Mapping

_QUESTIONS = 'answer_the_following_q based_on generate_question question_context_answer tell_what_it_is'
_QUAIL = (
    'context_description_question_answer_id context_description_question_answer_text context_description_question_text '
    'context_question_answer_description_id context_question_answer_description_text '
    'context_question_description_answer_id context_question_description_answer_text context_question_description_text '
    'description_context_question_answer_id description_context_question_answer_text description_context_question_text '
    'no_prompt_id no_prompt_text'
)
_DUORC = 'answer_question decide_worth_it extract_answer movie_director question_answering title_generation'
_DUORC_OF_ANSWERED = 'build_story_around_qa generate_question generate_question_by_answer'
_RACE = (
    'is_this_the_right_answer read_the_article_and_answer_the_question_no_option select_the_best_answer '
    'select_the_best_answer_generate_span select_the_best_answer_no_instructions taking_a_test '
    'write_a_multi_choice_question_for_the_following_article write_a_multi_choice_question_options_given'
)
_TABLE = (
    ('adversarial_qa_dbert', 10_000, _QUESTIONS),
    ('adversarial_qa_dbidaf', 10_000, _QUESTIONS),
    ('adversarial_qa_droberta', 10_000, _QUESTIONS),
    (
        'amazon_polarity',
        3_600_000,
        'is_this_product_review_positive is_this_review is_this_review_negative user_recommend_this_product '
        'convey_negative_or_positive_sentiment flattering_or_not negative_or_positive_tone user_satisfied would_you_buy',
    ),
    (
        'app_reviews',
        288_060,
        'categorize_rating_using_review convert_to_rating convert_to_star_rating generate_review',
    ),
    (
        'cos_e_v1_11',
        9_740,
        'aligned_with_common_sense description_question_option_id description_question_option_text explain_why_human '
        'generate_explanation_given_text i_think question_description_option_id question_description_option_text '
        'question_option_description_id question_option_description_text rationale',
    ),
    (
        'dbpedia_14',
        560_000,
        'given_a_choice_of_categories given_a_list_of_category_what_does_the_title_belong_to '
        'given_list_what_category_does_the_paragraph_belong_to pick_one_category_for_the_following_text',
    ),
    (
        'dream',
        6_110,
        'answer_to_dialogue baseline generate_first_utterance generate_last_utterance '
        'read_the_following_conversation_and_answer_the_question',
    ),
    ('duorc_paraphraserc', 69_520, _DUORC),
    ('duorc_paraphraserc', 58_750, _DUORC_OF_ANSWERED),
    ('duorc_selfrc', 60_720, _DUORC),
    ('duorc_selfrc', 60_090, _DUORC_OF_ANSWERED),
    ('kilt_tasks_hotpotqa', 88_860, 'combining_facts complex_question final_exam formulate straighforward_qa'),
    (
        'qasc',
        8_130,
        'is_correct_1 is_correct_2 qa_with_combined_facts_1 qa_with_separated_facts_1 qa_with_separated_facts_2 '
        'qa_with_separated_facts_3 qa_with_separated_facts_4 qa_with_separated_facts_5',
    ),
    ('quail', 10_240, _QUAIL),
    ('quarel', 1_940, 'choose_between do_not_use heres_a_story logic_test testing_students'),
    (
        'quartz',
        2_690,
        'answer_question_based_on answer_question_below given_the_fact_answer_the_q having_read_above_passage '
        'paragraph_question_plain_concat read_passage_below_choose use_info_from_paragraph_question '
        'use_info_from_question_paragraph',
    ),
    (
        'quoref',
        19_390,
        'answer_friend_question answer_question_given_context answer_test context_contains_answer find_answer '
        'found_context_online given_context_answer_question guess_answer guess_title_for_context read_and_extract '
        'what_is_the_answer',
    ),
    ('race_high', 62_440, _RACE),
    ('race_middle', 25_420, _RACE),
    (
        'ropes',
        10_920,
        'background_new_situation_answer background_situation_middle given_background_situation '
        'new_situation_background_answer plain_background_situation plain_bottom_hint plain_no_background '
        'prompt_beginning prompt_bottom_hint_beginning prompt_bottom_no_hint prompt_mix read_background_situation',
    ),
    (
        'sciq',
        11_670,
        'direct_question direct_question_closed_book multiple_choice multiple_choice_closed_book '
        'multiple_choice_question_first',
    ),
    (
        'social_i_qa',
        33_410,
        'check_if_a_random_answer_is_valid_or_not generate_answer generate_the_question_from_the_answer i_was_wondering '
        'show_choices_and_generate_answer show_choices_and_generate_index',
    ),
    (
        'web_questions',
        3_770,
        'get_the_answer potential_correct_answer question_answer short_general_knowledge_q whats_the_answer',
    ),
    ('wiki_bio', 582_630, 'comprehension guess_person key_content what_content who'),
    (
        'wiki_hop_original',
        43_730,
        'choose_best_object_affirmative_1 choose_best_object_affirmative_2 choose_best_object_affirmative_3 '
        'choose_best_object_interrogative_1 choose_best_object_interrogative_2 explain_relation generate_object '
        'generate_subject generate_subject_and_object',
    ),
    ('wiki_qa', 20_360, 'automatic_system decide_good_answer exercise found_on_google is_this_true'),
    (
        'wiki_qa',
        1_040,
        'direct_answer_to_question generate_question_from_topic jeopardy_style topic_prediction_answer_only '
        'topic_prediction_question_and_answer_pair topic_prediction_question_only',
    ),
    (
        'wiqa',
        29_800,
        'does_the_supposed_perturbation_have_an_effect effect_with_label_answer effect_with_string_answer '
        'what_is_the_final_step_of_the_following_process what_is_the_missing_first_step '
        'what_might_be_the_first_step_of_the_process what_might_be_the_last_step_of_the_process '
        'which_of_the_following_is_the_supposed_perturbation',
    ),
)


def _prompts() -> Iterator[tuple[str, int]]:
    for data_set, size, prompts in _TABLE:
        for prompt in prompts.split():
            yield f'{data_set}_{prompt}', size


PROMPTS: Mapping[str, int] = dict(_prompts())
