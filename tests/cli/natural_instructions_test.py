"""Super-NaturalInstructions from the command line: the table by category, and scores of answers that are not in Latin letters."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import tokenizers

MODULE = """
from jaxit.tasks.natural_instructions import register

TASKS = register({folder!r}, track='xlingual', tokenizer={tokenizer!r}, encoding='def')
"""
FILES = {
    'task1_titles': ('Title Generation', ['甲', '乙']),
    'task2_more_titles': ('Title Generation', ['丙']),
    'task3_entails': ('Textual Entailment', ['是', '否']),
}


@pytest.fixture
def checkout(workspace: Path, tmp_path: Path) -> Callable[[str, str | None], None]:
    """Writes a checkout of three test tasks, a tokenizer, and a module of a name that registers them."""
    (tmp_path / 'tasks').mkdir()
    (tmp_path / 'splits' / 'xlingual').mkdir(parents=True)
    for name, (category, outputs) in FILES.items():
        content = {
            'Categories': [category],
            'Definition': ['Say it.'],
            'Positive Examples': [],
            'Negative Examples': [],
            'Instances': [{'input': output, 'output': [output, output + '。']} for output in outputs],
        }
        (tmp_path / 'tasks' / f'{name}.json').write_text(json.dumps(content))
    (tmp_path / 'splits' / 'xlingual' / 'train_tasks.txt').write_text('')
    (tmp_path / 'splits' / 'xlingual' / 'test_tasks.txt').write_text('\n'.join(FILES))
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    pieces = tokenizers.Tokenizer(tokenizers.models.BPE({piece: i for i, piece in enumerate(alphabet)}, []))
    pieces.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.save(str(tmp_path / 'tokenizer.json'))

    def write(module: str, tokenizer: str | None) -> None:
        path = None if tokenizer is None else str(tmp_path / tokenizer)
        (workspace / f'{module}.py').write_text(MODULE.format(folder=str(tmp_path), tokenizer=path))

    return write


def test_eval_tells_the_scores_by_category(
    jaxit_here: Callable, run_folder: Path, checkout: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model's answers are replaced by right ones: by ROUGE-L of words a perfect answer in Chinese would score 0."""
    from jaxit.evaluation import suite

    monkeypatch.setattr(suite._Runner, 'answers', lambda self, task: [example.targets for example in task.examples])
    checkout('my_xlingual', 'tokenizer.json')
    command = (
        'eval',
        '--checkpoint',
        run_folder,
        '--module',
        'my_xlingual',
        '--suite',
        'natural_instructions_xlingual_test',
    )
    result = jaxit_here(*command, '--json')
    assert result.code == 0, result.err
    found = json.loads(result.out)['suites']['natural_instructions_xlingual_test']['categories']
    assert [(row['category'], row['metric'], row['value'], row['count'], row['num_tasks']) for row in found] == [
        ('textual_entailment', 'exact_match_with_articles', 1.0, 2, 1),
        ('title_generation', 'cross_lingual_rouge_l', 1.0, 3, 2),
        ('all', 'cross_lingual_rouge_l', 1.0, 5, 3),
        ('all', 'exact_match_with_articles', 1.0, 5, 3),
    ]
    shown = jaxit_here(*command)
    assert shown.code == 0 and 'natural_instructions_xlingual_test by category' in shown.out
    assert 'title_generation' in shown.out.split('by category')[1]


@pytest.mark.parametrize(
    ('tokenizer', 'message'), [(None, 'no tokenizer for it is named'), ('none.json', 'No such file or directory')]
)
def test_without_a_tokenizer_nothing_is_answered(
    jaxit_here: Callable, run_folder: Path, checkout: Callable, tokenizer: str | None, message: str
) -> None:
    module = f'my_xlingual_{"without" if tokenizer is None else "wrong"}'
    checkout(module, tokenizer)
    result = jaxit_here(
        'eval', '--checkpoint', run_folder, '--module', module, '--suite', 'natural_instructions_xlingual_test'
    )
    assert result.code != 0 and result.out == ''
    assert 'cross_lingual_rouge_l' in result.err and message in result.err and 'tokenizer=PATH' in result.err
