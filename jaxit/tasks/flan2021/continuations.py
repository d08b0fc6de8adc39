"""Each data set as plain text to be continued, for a language model that has never been tuned on instructions.

What a person reads comes first, in its natural order, and the answer follows it: at the end of a story, after a question,
or after a word that names what comes next. Nothing is asked of the model and no options are listed. The answers are those
of the other templates, so an option says what it says there.
"""

from collections.abc import Mapping

from jaxit.tasks.flan2021.data_set import asks
from jaxit.text.templates import Template

_QUESTION = 'Question: {question}\nAnswer:'
_SUMMARY = '\n\nSummary:'
_OPINION = '\n\nOpinion of the film:'
_IN_WORDS = '\n\nIn words:'
_SAME = '{sentence1}\n{sentence2}\n\nDo these sentences mean the same?'
_TRUE = '{premise}\n\nStatement: {hypothesis}\nIs it true?'
_LANGUAGES = {
    'para_crawl_enes': 'Spanish',
    'wmt14_enfr': 'French',
    'wmt16_translate_deen': 'German',
    'wmt16_translate_tren': 'Turkish',
    'wmt16_translate_csen': 'Czech',
    'wmt16_translate_fien': 'Finnish',
    'wmt16_translate_roen': 'Romanian',
    'wmt16_translate_ruen': 'Russian',
}

INPUTS: Mapping[str, str] = {
    'aeslc': '{email}\n\nSubject:',
    'cnn_dailymail': '{article}\n\nMain points:',
    'gigaword': '{document}\n\nHeadline:',
    'multi_news': '{articles}' + _SUMMARY,
    'newsroom': '{title}\n\n{article}' + _SUMMARY,
    'samsum': '{dialogue}' + _SUMMARY,
    'xsum': '{document}' + _SUMMARY,
    'ag_news_subset': '{title}\n{text}\n\nTopic:',
    'opinion_abstracts_rotten_tomatoes': '{movie}\n\n{reviews}\n\nWhat critics agree on:',
    'opinion_abstracts_idebate': '{debate}\n\n{arguments}\n\nClaim:',
    'wiki_lingua_english_en': '{guide}' + _SUMMARY,
    'web_nlg_en': '{triples}' + _IN_WORDS,
    'common_gen': '{words}\n\nA sentence with these words:',
    'e2e_nlg': '{attributes}' + _IN_WORDS,
    'dart': '{facts}' + _IN_WORDS,
    'squad_v1': '{title}\n\n{context}\n\n' + _QUESTION,
    'squad_v2': '{title}\n\n{context}\n\nQuestion: {question}\nAnswer, or "unanswerable":',
    'drop': '{passage}\n\n' + _QUESTION,
    'multirc': '{paragraph}\n\n' + _QUESTION + ' {response}\nIs that right?',
    'openbookqa': '{fact}\n\n' + _QUESTION,
    'bool_q': '{title}\n\n{passage}\n\nQuestion: {question}?\nAnswer:',
    'trivia_qa': _QUESTION,
    'natural_questions': _QUESTION,
    'arc_challenge': _QUESTION,
    'arc_easy': _QUESTION,
    'glue_mrpc': _SAME,
    'glue_qqp': '{question1}\n{question2}\n\nDo these questions ask the same?',
    'paws_wiki': _SAME,
    'stsb': '{sentence1}\n{sentence2}\n\nLikeness in meaning, from 0 to 5:',
    'imdb_reviews': '{text}' + _OPINION,
    'sentiment140': '{text}\n\nMood:',
    'yelp_polarity_reviews': '{text}\n\nOpinion of the place:',
    'sst2': '{sentence}' + _OPINION,
    'true_case': '{lowered}\n\nWith capital letters:',
    'fix_punct': '{bare}\n\nWith punctuation:',
    'word_segment': '{joined}\n\nWith blanks between the words:',
    'copa': '{premise} {asked}',
    'hellaswag': '{context}',
    'story_cloze': '{context}',
    'piqa': '{goal}',
    'definite_pronoun_resolution': '{sentence}\n\nThe word "{pronoun}"{which} stands for',
    'winogrande': '{context}',
    'wsc': '{text}\n\nDoes "{span2_text}"{which} stand for "{span1_text}"?',
    'wsc273': '{context}',
    'anli_r1': _TRUE,
    'anli_r2': _TRUE,
    'anli_r3': _TRUE,
    'cb': '{premise}\n\nIs it true that {hypothesis}?',
    'rte': '{premise}\n\nStatement: {hypothesis}\nDoes it follow?',
    'mnli_matched': _TRUE,
    'mnli_mismatched': _TRUE,
    'qnli': '{sentence}\n\nQuestion: {question}\nIs the answer given above?',
    'wnli': '{sentence1}\n\nStatement: {sentence2}\nDoes it follow?',
    'snli': _TRUE,
    'math_dataset': '{question}\nResult:',
    'quac': '{title}: {section_title}\n\n{article}\n\nQuestion: {question}\nAnswer, or "unanswerable":',
    'coqa': '{story}\n\nQuestions:\n{questions}\n\nAnswers:',
    'wic': '{sentence1}\n{sentence2}\n\nIn these sentences, "{word}" has',
    'cola': '{sentence}\n\nAs a sentence of English, that is',
    'trec': 'Question: {question}\nKind of answer:',
    'record': '{passage}\n\n{opening}',
    'cosmos_qa': '{context}\n\n' + _QUESTION,
    **{key: f'English: {{english}}\n{language}:' for key, language in _LANGUAGES.items()},
}


def continuation(key: str) -> Template:
    """Returns the pattern of a data set."""
    return asks(INPUTS[key])
