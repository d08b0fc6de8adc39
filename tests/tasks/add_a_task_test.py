"""The example of docs/add_a_task.md runs as it stands, and is as short as it says."""

import re
from pathlib import Path

import pytest

from jaxit.data.cache import TokenCache
from jaxit.tasks import caching, registry, rendering
from jaxit.text.examples import TokenFormat
from jaxit.text.tokenizers import ByteTokenizer

PAGE = Path(__file__).parents[2] / 'docs' / 'add_a_task.md'


@pytest.fixture
def blocks():
    return dict(re.findall(r'```(json|python)\n(.*?)```', PAGE.read_text(encoding='utf-8'), re.DOTALL))


def test_the_example_of_the_page(blocks, tmp_path, monkeypatch):
    registry.names()
    monkeypatch.setattr(registry, '_TASKS', dict(registry._TASKS))
    monkeypatch.setattr(registry, '_MIXTURES', dict(registry._MIXTURES))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path('questions.jsonl').write_text(blocks['json'])
    Path('my_tasks.py').write_text(blocks['python'])
    registry.import_module_tasks('my_tasks')
    task = registry.get_task('my_questions')
    made = list(rendering.examples(task, 'validation'))
    assert (made[0].inputs, made[0].targets) == ('Answer the question. What do bees make?', 'honey')
    folder = caching.build(task, 'train', ByteTokenizer(), TokenFormat(False, 64, 16), 'caches')
    assert TokenCache.open(folder).num_examples == 3
    shares = {task.name: rate for task, rate in registry.resolve('my_mixture')}
    assert shares['my_questions'] == 0.5 and sum(shares.values()) == pytest.approx(1.0)


def test_the_registration_is_short(blocks):
    lines = [
        line for line in blocks['python'].splitlines() if line.strip() and not line.startswith(('from ', 'import '))
    ]
    assert len(lines) <= 10
