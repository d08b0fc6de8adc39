"""The report as HTML: only text and our own marks, self-contained, and equal to the files it was made from."""

import re
from html.parser import HTMLParser

import pytest

from jaxit.core.errors import UserError
from jaxit.reports.html import write_report

VOID = {'meta', 'link', 'img', 'br', 'hr', 'input', 'base', 'embed', 'source', 'path', 'use', 'rect'}
TAGS = set(
    [
        'html',
        'head',
        'meta',
        'link',
        'title',
        'style',
        'body',
        'header',
        'nav',
        'main',
        'section',
        'figure',
        'figcaption',
        'div',
        'p',
        'ul',
        'li',
        'a',
        'i',
        'b',
        'span',
        'small',
        'dl',
        'dt',
        'dd',
        'h1',
        'h2',
        'h3',
        'h4',
        'h5',
        'table',
        'thead',
        'tbody',
        'tr',
        'th',
        'td',
        'article',
        'details',
        'summary',
        'pre',
        'svg',
        'g',
        'defs',
        'path',
        'use',
        'text',
        'rect',
        'clippath',
    ]
)


class Page(HTMLParser):
    """Collects tags, attributes, texts and tables; checks that tags nest."""

    def __init__(self, content: str):
        super().__init__()
        self.stack, self.tags, self.attributes, self.texts, self.tables = [], [], [], [], []
        self.feed(content)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or '') for name, value in attrs]
        if tag not in VOID:
            self.stack.append(tag)
        if tag == 'table':
            self.tables.append([])
        if tag == 'tr':
            self.tables[-1].append([])
        if tag in ('td', 'th'):
            self.tables[-1][-1].append('')

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or '') for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if self.stack and self.stack[-1] != 'style':
            self.texts.append(data)
        if {'td', 'th'} & set(self.stack):
            self.tables[-1][-1][-1] += data

    @property
    def text(self) -> str:
        return re.sub(r'\s+', ' ', ' '.join(self.texts))

    def rows(self, header: str) -> dict[tuple[str, ...], list[str]]:
        """The rows of the tables with a column of this name, by their texts."""
        found = {}
        for table in self.tables:
            if header in table[0]:
                for row in table[1:]:
                    cells = [re.sub(r'\s+', ' ', cell).strip() for cell in row]
                    found[tuple(cells[:2]) if 'metric' in table[0] else (cells[0],)] = cells
        return found


@pytest.fixture(scope='module')
def page(run_folder, tmp_path_factory):
    return Page(write_report([run_folder], tmp_path_factory.mktemp('out') / 'report.html').read_text())


@pytest.fixture(scope='module')
def hostile(hostile_folder, tmp_path_factory):
    return write_report([hostile_folder, hostile_folder], tmp_path_factory.mktemp('out') / 'report.html').read_text()


def assert_self_contained(page: Page) -> None:
    assert set(page.tags) <= TAGS, set(page.tags) - TAGS
    for tag, name, value in page.attributes:
        assert not name.startswith('on'), (tag, name)
        if name in ('href', 'xlink:href'):
            assert value.startswith('#') or (tag == 'link' and value == 'data:,'), value
        assert name not in ('src', 'srcset', 'action', 'data', 'poster', 'background', 'ping'), (tag, name)
        if name == 'style':
            assert re.fullmatch(r'[-\w\s.,:;%#()]*', value), value
            assert all(target.startswith('#') for target in re.findall(r'url\(([^)]*)', value))
    policy = [
        value for tag, name, value in page.attributes if tag == 'meta' and name == 'content' and 'default-src' in value
    ]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    ids = [value for _, name, value in page.attributes if name == 'id']
    assert len(ids) == len(set(ids))
    targets = [value[1:] for _, name, value in page.attributes if name == 'href' and value.startswith('#')]
    assert set(targets) <= set(ids)


def test_the_page_is_self_contained(page, run_folder, tmp_path):
    assert_self_contained(page)
    content = write_report([run_folder], tmp_path / 'a.html').read_text()
    assert not re.search(r'https?:|//\w|@import', content)
    assert ('meta', 'content', 'width=device-width, initial-scale=1') in page.attributes
    assert 'prefers-color-scheme: dark' in content and '@media print' in content


def test_every_section_is_there_and_listed(page):
    anchors = [value[1:] for tag, name, value in page.attributes if tag == 'a' and name == 'href']
    assert anchors == [
        'summary', 'evaluation', 'forgetting', 'curves', 'task-loss', 'run-tasks', 'run-mixture',
        'run-samples', 'run-weights', 'run-goodput', 'run-provenance',
    ]  # fmt: skip


def test_the_evaluation_table_equals_the_files(page, synthetic):
    rows = page.rows('metric')
    assert len(rows) == 7 + 4  # tasks, and the means of the suites by metric
    for suite, (_, tasks) in synthetic.SUITES.items():
        for task, metric in tasks.items():
            base, tuned = (synthetic.score_of(label, task, metric) for label in ('base', 'tuned'))
            error = (base['stderr'] ** 2 + tuned['stderr'] ** 2) ** 0.5
            assert rows[task, metric][2:] == [
                f'{base["value"]:.3f} ± {base["stderr"]:.3f}',
                f'{tuned["value"]:.3f} ± {tuned["stderr"]:.3f}',
                f'+{tuned["value"] - base["value"]:.3f} ± {error:.3f}',
                str(base['count']),
            ]
        means = [
            sum(synthetic.score_of(x, t, metric)['value'] for t, m in tasks.items() if m == metric)
            for x in ('base', 'tuned')
        ]
        size = sum(m == metric for m in tasks.values())
        assert rows[suite, metric][2].split(' ± ')[0] == f'{means[0] / size:.3f}'
        assert rows[suite, metric][3].split(' ± ')[0] == f'{means[1] / size:.3f}'


def test_the_task_table_equals_the_files(page, synthetic):
    rows = page.rows('intended')
    total = sum(synthetic.drawn_of(task)['examples'] for task in synthetic.TASKS)
    assert list(rows) == [(task,) for task in synthetic.TASKS]
    for task in synthetic.TASKS:
        drawn = synthetic.drawn_of(task)
        name, cluster, first, last, intended, share, examples, epochs, _, loss_tokens, licence = rows[(task,)]
        assert (name, cluster, licence) == (task, synthetic.CLUSTERS[task], 'CC-BY-4.0')
        assert (first, last) == (f'{synthetic.task_loss_at(task, 10):.3f}', f'{synthetic.task_loss_at(task, 300):.3f}')
        assert intended == f'{100 * synthetic.share_of(task):.1f} %'
        assert share == f'{100 * drawn["examples"] / total:.1f} %'
        assert (examples, loss_tokens) == (f'{drawn["examples"]:,}', f'{drawn["loss_tokens"]:,}')
        assert epochs == f'{drawn["examples"] / 2500:.2f}'


def test_the_time_table_equals_the_events(page):
    rows = page.rows('share')
    wall = 12.5 + 41 + 607.5 + 30 + 4 + 7
    assert rows['step',] == ['step', '30', '10 min 0 s', f'{100 * 600 / wall:.1f} %']
    assert rows['compile',] == ['compile', '1', '41.0 s', f'{100 * 41 / wall:.1f} %']
    assert rows['other',][2:] == ['7.0 s', f'{100 * 7 / wall:.1f} %']
    assert rows['wall time',][2:] == ['11 min 42 s', '100.0 %']


def test_the_summary_says_it_in_words(page):
    assert 't5 (248 M parameters, 1.77 M trained) was tuned for 300 steps on 3.24 M tokens of 5 tasks' in page.text
    assert re.search(
        r'Held-out accuracy rose from 0\.470 to 0\.573 \(\+0\.103 ± 0\.008\), which is better\.', page.text
    )
    assert re.search(r'Forgetting loss rose from 3\.180 to 3\.191 .*, which may be chance\.', page.text)


def test_samples_stand_side_by_side(page):
    assert '14 of 18 samples. Of all: 2 wrong, now right, 6 right both times, 10 wrong both times.' in page.text
    marks = re.findall(r'base (✓ right|✗ wrong) .*? tuned (✓ right|✗ wrong)', page.text)
    assert marks[:2] == [('✗ wrong', '✓ right')] * 2 and len(marks) == 14


def test_configuration_and_versions_are_shown(page):
    assert "include 'base.gin' train.steps = 300" in page.text
    assert 'tokenizer sha256 ' + 'ab' * 32 in page.text.replace('  ', ' ')
    assert 'data 2, fsdp 4, tensor 1, sequence 1' in page.text
    assert 'optax' not in page.text and '0.10.2' in page.text


def test_hostile_texts_are_only_texts(hostile, synthetic):
    page = Page(hostile)
    assert_self_contained(page)
    assert '<script>alert(1)</script>' in page.text  # as text
    assert '{{ 7 * 7 }}{% raw %}' in page.text and '49' not in re.findall(r'\b\d+\b', page.text)
    assert not re.search('[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]', hostile)
    outside = re.sub('<pre.*?</pre>', '', hostile, flags=re.DOTALL)  # a configuration may have long lines
    cells = [cell for table in page.tables for row in table for cell in row]
    assert max(map(len, cells)) < 300 and 'n' * 97 not in ''.join(re.findall('<(?:h[1-4]|a) .*?</', hostile))
    assert 'n' * 2001 not in outside and '(3,000 more characters)' in outside
    assert not re.search(r'(?<!u001b)\[31m', page.text)  # gone, but for nested values, shown as JSON with its escapes
    assert len(hostile) < 3_000_000


def test_nothing_but_the_report_is_written(hostile_folder, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in hostile_folder.rglob('*')}
    assert write_report([hostile_folder], tmp_path / 'report.html') == tmp_path / 'report.html'
    assert [path.name for path in tmp_path.iterdir()] == ['report.html']
    assert {path: path.stat().st_mtime_ns for path in hostile_folder.rglob('*')} == before


def test_the_same_run_gives_the_same_bytes(run_folder, tmp_path):
    first, again = (
        write_report([run_folder, run_folder], tmp_path / name).read_bytes() for name in ('a.html', 'b.html')
    )
    assert first == again


def test_two_runs_stand_side_by_side(run_folder, synthetic, tmp_path):
    other = synthetic.write_run(tmp_path / 'other', 'primer-full', steps=200)
    worse = synthetic.evaluation('tuned', 200)
    worse['suites']['outer']['tasks']['wic']['accuracy']['value'] = 0.123
    synthetic.write_json(other / 'evaluation' / 'tuned.json', worse)
    page = Page(write_report([run_folder, other], tmp_path / 'two.html').read_text())
    assert_self_contained(page)
    rows = page.rows('primer-full')
    assert page.tables[0][0] == ['', 'primer-lora', 'primer-full']
    assert rows['Steps',] == ['Steps', '300', '200']
    assert rows['Training loss, last',][1:] == [f'{synthetic.loss_at(300):.3f}', f'{synthetic.loss_at(200):.3f}']
    base, tuned = (synthetic.score_of(label, 'wic', 'accuracy') for label in ('base', 'tuned'))
    shown = rows['wic', 'accuracy']
    assert shown[3].endswith(f'+{tuned["value"] - base["value"]:.3f}') and shown[3].startswith(f'{tuned["value"]:.3f}')
    assert shown[4].startswith('0.123') and shown[4].endswith(f'−{base["value"] - 0.123:.3f}')
    assert ('a', 'href', '#run1') in page.attributes and ('a', 'href', '#run2') in page.attributes


def test_a_run_that_has_only_begun_gives_a_report(tmp_path):
    (tmp_path / 'run.json').write_text('{"name": "begun"}')
    page = Page(write_report([tmp_path], tmp_path / 'report.html').read_text())
    assert_self_contained(page)
    assert 'no evaluation in this run folder' in page.text and 'svg' not in page.tags


def test_what_could_not_be_read_is_told(run_folder, synthetic, tmp_path):
    folder = synthetic.write_run(tmp_path / 'run')
    (folder / 'weights.json').write_text('[')
    assert (
        'Note: left out: weights.json: line 1 is not JSON'
        in Page(write_report([folder], tmp_path / 'r.html').read_text()).text
    )


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda run, tmp: ([], tmp / 'r.html'), 'at least one'),
        (lambda run, tmp: ([run] * 9, tmp / 'r.html'), 'at most 8'),
        (lambda run, tmp: ([run], tmp), 'not a file in an existing folder'),
        (lambda run, tmp: ([run], tmp / 'missing' / 'r.html'), 'not a file in an existing folder'),
        (lambda run, tmp: ([run, tmp], tmp / 'r.html'), 'not a run folder'),
    ],
)
def test_wrong_input_is_refused_and_writes_nothing(run_folder, tmp_path, make, message):
    runs, path = make(run_folder, tmp_path)
    with pytest.raises(UserError, match=message):
        write_report(runs, path)
    assert list(tmp_path.iterdir()) == []
