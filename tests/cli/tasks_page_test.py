"""The page of tasks: by hand for a small task, and docs/tasks.md against the library as it is."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

TASKS = """
from jaxit.tasks.registry import add_task
from jaxit.tasks.sources import Jsonl, Python
from jaxit.text.templates import Template

def rows(split, seed):
    return [{'land': 'France', 'city': 'Paris'}]

add_task(
    'page_capitals',
    Python(rows, size={'train': 1}),
    templates=(
        Template('Capital | of *{land}*?\\n\\nName it.', '{city}'),
        Template('{city}: of what?', '{land}', kind='inverted'),
    ),
    cluster='knowledge', licence='MIT',
)
add_task('page_absent', Jsonl('nowhere.jsonl', fields=('a',)), cluster='knowledge', metrics=('f1', 'rouge_l'))
"""

SMALL = """\
# Tasks

Written by `jaxit tasks page`: 2 tasks in 1 clusters. Examples are of invented rows, or of the first row of sources that make their own.

| task | cluster | language | licence | rows to train on | judged by |
|---|---|---|---|---|---|
| [page_absent](#page_absent) | knowledge | en |  |  | f1, rouge\\_l |
| [page_capitals](#page_capitals) | knowledge | en | MIT | 1 | exact\\_match |

## page_absent

knowledge · en · no licence stated · Jsonl

No example: its data is not here.

## page_capitals

knowledge · en · MIT · Python

| | inputs | targets |
|---|---|---|
| 0 | Capital \\| of \\*{land}\\*? ↵  ↵ Name it. | {city} |
| 1, inverted | {city}: of what? | {land} |

```text
Capital | of *France*?

Name it.
```

is answered

```text
Paris
```
"""


def test_a_small_page_by_hand(jaxit_here: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'page_tasks.py').write_text(TASKS)
    result = jaxit_here('tasks', 'page', tmp_path / 'page.md', '--module', 'page_tasks', '--match', 'page_*')
    assert result.code == 0, result.err
    assert (tmp_path / 'page.md').read_text() == SMALL


def test_mistakes(jaxit_here: Callable, tmp_path: Path) -> None:
    assert 'there is no folder' in jaxit_here('tasks', 'page', tmp_path / 'none' / 'page.md').err
    assert (
        "no task is named as 'nothing_*'" in jaxit_here('tasks', 'page', tmp_path / 'p.md', '--match', 'nothing_*').err
    )
    assert (
        "unknown task 'rte_10template'"
        in jaxit_here('tasks', 'page', tmp_path / 'p.md', '--match', 'rte_10template').err
    )
    assert not (tmp_path / 'p.md').exists()


def test_the_page_of_the_docs_is_as_the_library_is(jaxit_process: Callable, tmp_path: Path) -> None:
    makefile = (ROOT / 'Makefile').read_text()
    names = re.search(r'^PAGE := ((?:.*\\\n)*.*)', makefile, re.MULTILINE)
    patterns = [word for word in names[1].split() if word != '\\']
    options = [option for pattern in patterns for option in ('--match', pattern)]
    result = jaxit_process('tasks', 'page', tmp_path / 'tasks.md', '--module', 'examples.flan2022', *options)
    assert result.code == 0, result.err
    written, committed = (tmp_path / 'tasks.md').read_text(), (ROOT / 'docs' / 'tasks.md').read_text()
    assert written == committed, 'docs/tasks.md is not as the library is; run make docs'
    assert 'No example' not in committed
    for key in ('rte', 'wsc273', 'squad_v2', 'wmt16_translate_ruen'):
        assert f'## {key}_10templates' in committed
