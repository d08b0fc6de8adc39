"""Cross-lingual ROUGE-L against common subsequences counted by hand, GPT-2's own pieces, and suites that are judged by it."""

import itertools
import json
import re
from types import SimpleNamespace

import pytest
import tokenizers

from jaxit.core.errors import UserError
from jaxit.decoding.engine import Completion
from jaxit.evaluation import metrics
from jaxit.evaluation.answer_values import answer_values
from jaxit.evaluation.cross_lingual import cross_lingual_rouge_l, load
from jaxit.evaluation.suite import Suite, SuiteTask, run_suite
from jaxit.evaluation.suite_files import load_suite, save_suite
from jaxit.text.examples import TokenFormat, ordinary
from jaxit.text.tokenizers import ByteTokenizer


def pieces():
    """Byte-level pieces as GPT-2 has them, with the words `the` and ` the` joined."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    merges = [('t', 'h'), ('th', 'e'), ('Ġ', 'the')]
    words = [*alphabet, *(a + b for a, b in merges)]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE({word: i for i, word in enumerate(words)}, merges))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def ours(folder):
    """Returns the path of that tokenizer."""
    pieces().save(str(folder / 'tokenizer.json'))
    return str(folder / 'tokenizer.json')


def f_measure(common, got, wanted):
    return 2 * common / (got + wanted)


def test_cross_lingual_rouge_l_is_over_pieces_without_the_mark_of_a_space():
    tokenizer = pieces()
    assert tokenizer.encode('the the').tokens == ['the', 'Ġthe']
    assert cross_lingual_rouge_l('the', 'the', tokenizer) == 1
    # ['the'] and ['a', 'the']: the mark is gone, so one piece is common.
    assert cross_lingual_rouge_l('the', 'a the', tokenizer) == pytest.approx(f_measure(1, 1, 2))
    # No stemming and no lower case: 'The' is ['T', 'h', 'e'] and shares nothing with 'the'.
    assert cross_lingual_rouge_l('The', 'the', tokenizer) == 0
    # 日 and 本 are three bytes each; 日本 against 日: three common of six and three.
    assert cross_lingual_rouge_l('日本', '日', tokenizer) == pytest.approx(f_measure(3, 6, 3))
    assert cross_lingual_rouge_l('日本', ['x', '日本', '日'], tokenizer) == 1
    assert cross_lingual_rouge_l('', 'x', tokenizer) == 0


def test_cross_lingual_rouge_l_equals_a_longest_common_subsequence():
    tokenizer = pieces()
    texts = ['a b c', 'b c a', 'the cat', 'cat the', 'あい', 'いあ x']
    for prediction, reference in itertools.product(texts, texts):
        got, wanted = ([t.lstrip('Ġ') for t in tokenizer.encode(text).tokens] for text in (prediction, reference))
        common = max(
            len(chosen)
            for size in range(len(got) + 1)
            for chosen in itertools.combinations(got, size)
            if _is_inside(chosen, wanted)
        )
        expected = f_measure(common, len(got), len(wanted))
        assert cross_lingual_rouge_l(prediction, reference, tokenizer) == pytest.approx(expected)


def _is_inside(chosen, sequence):
    rest = iter(sequence)
    return all(item in rest for item in chosen)


def test_what_has_no_reference_is_told():
    with pytest.raises(UserError, match='no reference'):
        cross_lingual_rouge_l('a', [], pieces())


def longest(a, b):
    """Returns the length of the longest common subsequence, by the textbook's table."""
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


def test_gpt2s_own_pieces_decide(shared_data):
    """Its vocabulary and merges, read from the other files, are the second way to the pieces."""
    folder = shared_data / 'tokenizers' / 'gpt2'
    other = tokenizers.ByteLevelBPETokenizer(str(folder / 'vocab.json'), str(folder / 'merges.txt'))
    gpt2 = load(str(folder / 'tokenizer.json'))
    texts = [
        '北京是中国的首都。',
        '北京 is the capital',
        'Die Katze schläft nicht.',
        'The cats sleep',
        'the cat sleeps',
        'नमस्ते दुनिया',
    ]
    for prediction, reference in itertools.product(texts, texts):
        got, wanted = ([token.lstrip('Ġ') for token in other.encode(text).tokens] for text in (prediction, reference))
        expected = f_measure(longest(got, wanted), len(got), len(wanted))
        assert cross_lingual_rouge_l(prediction, reference, gpt2) == pytest.approx(expected)
        assert (expected == 1) == (prediction == reference)


def test_the_tokenizer_cuts_nothing_off(tmp_path):
    short = pieces()
    short.enable_truncation(2)
    short.enable_padding(length=9)
    short.save(str(tmp_path / 'short.json'))
    assert len(load(str(tmp_path / 'short.json')).encode('a b c', add_special_tokens=False).tokens) == 5


@pytest.mark.parametrize(('content', 'message'), [(None, 'No such file'), ('{"a": 1}', 'is not a tokenizer.json')])
def test_a_file_that_is_no_tokenizer_is_told(tmp_path, content, message):
    path = tmp_path / 'tokenizer.json'
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=f'{re.escape(str(path))}.*{message}.*it is the path of a tokenizer.json'):
        load(str(path))


def test_a_tokenizer_of_another_kind_is_told(shared_data):
    with pytest.raises(UserError, match=r"t5.* does not write a space as 'Ġ'"):
        load(str(shared_data / 'tokenizers' / 't5' / 'tokenizer.json'))


METRICS = ('exact_match_with_articles', 'cross_lingual_rouge_l')
ASKED = tuple(ordinary(q, t, references=(t, '否')) for q, t in (('甲', '北京'), ('乙', '上海'), ('丙', '上海')))


def suite_of(path, **fields):
    tasks = (SuiteTask('zh', ASKED, METRICS),)
    return Suite('s', 'held_out', tasks, **{'categories': {'zh': 'title_generation'}, 'rouge_tokenizer': path} | fields)


def test_a_suite_names_its_tokenizer_and_is_judged_with_it(tmp_path):
    answers = ('北京', 'x', '否 海')
    done = [Completion(tuple(ByteTokenizer().encode(text)), 'stop', 0.0, 1) for text in answers]
    engine = SimpleNamespace(generate=lambda prompts, **_: done)
    suite = suite_of(ours(tmp_path))
    save_suite(suite, tmp_path / 'suite.jsonl')
    again = load_suite(tmp_path / 'suite.jsonl')
    assert (again.categories, again.rouge_tokenizer) == (suite.categories, suite.rouge_tokenizer)
    assert again.limited(1).rouge_tokenizer == suite.rouge_tokenizer
    result = run_suite(engine, ByteTokenizer(), again, TokenFormat(True, 20, 20))
    assert result.tasks['zh'].values['cross_lingual_rouge_l'].sums.tolist() == [1, 0, f_measure(3, 7, 3)]
    assert result.tasks['zh'].values['exact_match_with_articles'].sums.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'rouge_tokenizer': ''}, "suite 's': task 'zh' is judged by cross_lingual_rouge_l, and no tokenizer for it"),
        ({'categories': {'en': 'x'}}, "suite 's': the category of task 'zh' is not given"),
    ],
)
def test_a_suite_without_what_it_needs_is_refused_before_anything_is_answered(tmp_path, fields, message):
    with pytest.raises(UserError, match=message):
        suite_of(ours(tmp_path), **fields)
    header = {'suite': 's', 'kind': 'held_out', 'metrics': {'zh': list(METRICS)}}
    for wrong in ({'rouge_tokenizer': 3}, {'categories': 'x'}, {'rouge_tokenizer': str(tmp_path / 'none.json')}):
        lines = [header | wrong, {'task': 'zh', 'inputs': 'q', 'targets': 't'}]
        (tmp_path / 'suite.jsonl').write_text(''.join(json.dumps(line) + '\n' for line in lines))
        with pytest.raises(UserError, match='rouge_tokenizer'):
            load_suite(tmp_path / 'suite.jsonl')


def test_values_without_a_tokenizer_are_an_error_never_0():
    with pytest.raises(UserError, match='cross_lingual_rouge_l needs a tokenizer: it is the path'):
        answer_values(metrics.PIECE_METRICS, ASKED, ['北京', '上海', ''])
