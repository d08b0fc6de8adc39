"""The examples of docs/add_a_task.md run as they stand, and are as short as it says."""

import re
import warnings
from pathlib import Path

import pytest

from jaxit.data.cache import TokenCache
from jaxit.tasks import caching, registry, rendering
from jaxit.tasks.tensorflow_sources import plain
from jaxit.text.examples import TokenFormat
from jaxit.text.tokenizers import ByteTokenizer

PAGE = Path(__file__).parents[2] / 'docs' / 'add_a_task.md'
BLOCKS = dict(re.findall(r'```(json|python \w+)\n(.*?)```', PAGE.read_text(encoding='utf-8'), re.DOTALL))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with the file of the page; what is registered is gone afterwards."""
    registry.names()
    for table in ('_TASKS', '_MIXTURES'):
        monkeypatch.setattr(registry, table, dict(getattr(registry, table)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path('questions.jsonl').write_text(BLOCKS['json'])


def run(way):
    Path(f'my_{way}_tasks.py').write_text(BLOCKS[f'python {way}'])
    registry.import_module_tasks(f'my_{way}_tasks')


def test_the_page_has_three_ways():
    assert set(BLOCKS) == {'json', 'python jsonl', 'python tfds', 'python function'}


def test_from_a_file():
    run('jsonl')
    task = registry.get_task('my_questions')
    made = list(rendering.examples(task, 'validation'))
    assert (made[0].inputs, made[0].targets) == ('Answer the question. What do bees make?', 'honey')
    folder = caching.build(task, 'train', ByteTokenizer(), TokenFormat(False, 64, 16), 'caches')
    assert TokenCache.open(folder).num_examples == 3
    shares = {task.name: rate for task, rate in registry.resolve('my_mixture')}
    assert shares['my_questions'] == 0.5 and sum(shares.values()) == pytest.approx(1.0)


@pytest.mark.tasks
@pytest.mark.filterwarnings('ignore')
def test_from_tensorflow_datasets():
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        tfds = pytest.importorskip('tensorflow_datasets')
        with tfds.testing.mock_data(num_examples=4):
            run('tfds')
            task = registry.get_task('my_rte')
            # The made-up dataset is not prepared, so its rows are read past the source.
            rows = tfds.as_numpy(tfds.builder(task.source.name).as_dataset(split=task.source.split_map['test']))
            records = [plain(row) for row in rows]
    made = [e for i, record in enumerate(records) for e in rendering.render_row(task, 'test', i, record, seed=0)]
    assert task.splits == ('train', 'dev', 'test') and len(made) == 4
    assert all(example.targets in example.options == ('yes', 'no') for example in made)
    assert all('Does it follow that' in example.inputs and example.inputs.endswith('- yes\n- no') for example in made)


def test_from_python():
    run('function')
    (first, *_), test = (list(rendering.examples(registry.get_task('my_sums'), split)) for split in ('train', 'test'))
    assert (first.inputs, first.targets) == ('What is 0 + 3?', '3')
    assert (test[-1].inputs, test[-1].targets) == ('What is 99 + 102?', '201')


@pytest.mark.parametrize('way', ['jsonl', 'tfds', 'function'])
def test_each_way_is_short(way):
    lines = BLOCKS[f'python {way}'].splitlines()
    assert len([line for line in lines if line.strip() and not line.startswith(('from ', 'import '))]) <= 10
