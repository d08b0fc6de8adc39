"""The report in a real browser: fits a phone and a desktop, is not blank, follows the colour scheme.

Chromium has no window narrower than 500 pixels, so the report is shown in a frame of the wanted size by a page
of the test, which also measures it (the report itself may run no script).
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from jaxit.reports.html import write_report

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser')
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason='chromium is not installed (apt-get install -y chromium)')

PHONE, DESKTOP = (390, 844), (1280, 900)
FLAGS = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--hide-scrollbars',
    '--allow-file-access-from-files',
]
HARNESS = """<!doctype html><style>body {{ margin: 0 }} iframe {{ border: 0; display: block }}</style>
{frames}<pre id="result"></pre><script>
function measure(frame) {{
  const page = frame.contentDocument, root = page.documentElement, outside = [], overlaps = [];
  for (const element of page.body.querySelectorAll('*')) {{
    const box = element.getBoundingClientRect();
    if (element.closest('.scroll, pre') || !box.width) continue;
    if (box.right > root.clientWidth + 1 || box.left < -1) outside.push(element.outerHTML.slice(0, 200));
    const plot = element.tagName == 'text' && element.closest('svg').getBoundingClientRect();
    if (plot && (box.left < plot.left - 2 || box.right > plot.right + 2)) outside.push(element.outerHTML.slice(0, 200));
  }}
  for (const plot of page.querySelectorAll('svg')) {{
    const boxes = [...plot.querySelectorAll('text')].map(text => [text.getBoundingClientRect(), text.textContent]);
    boxes.forEach(([a, first], i) => boxes.slice(i + 1).forEach(([b, second]) => {{
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 0.5 && high > 0.4 * a.height) overlaps.push(first + ' | ' + second);
    }}));
  }}
  const text = page.querySelector('svg text');
  return {{
    client: root.clientWidth, scroll: root.scrollWidth, height: root.scrollHeight, outside: outside.slice(0, 5), overlaps: overlaps.slice(0, 5),
    svgs: page.querySelectorAll('svg').length, scripts: page.scripts.length,
    font: text ? text.getBoundingClientRect().height : 0,
    background: frame.contentWindow.getComputedStyle(page.body).backgroundColor,
  }};
}}
onload = () => {{ result.textContent = JSON.stringify([...document.querySelectorAll('iframe')].map(measure)); }};
</script>"""


@pytest.fixture(scope='module')
def reports(run_folder, hostile_folder, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp('out')
    return {
        'one': write_report([run_folder], folder / 'one.html'),
        'two': write_report([run_folder, hostile_folder], folder / 'two.html'),
        'hostile': write_report([hostile_folder], folder / 'hostile.html'),
    }


def chromium(tmp_path: Path, page: Path, size: tuple[int, int], *arguments: str) -> str:
    """Opens a page and returns what chromium prints."""
    command = [
        CHROMIUM,
        *FLAGS,
        f'--user-data-dir={tmp_path / "profile"}',
        f'--window-size={size[0]},{size[1]}',
        *arguments,
    ]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def harness(tmp_path: Path, shown: list[tuple[Path, tuple[int, int]]]) -> Path:
    """Writes the page that shows reports in frames."""
    frames = ''.join(f'<iframe src="{report.as_uri()}" width="{w}" height="{h}"></iframe>' for report, (w, h) in shown)
    page = tmp_path / 'harness.html'
    page.write_text(HARNESS.format(frames=frames))
    return page


def screenshot(tmp_path: Path, report: Path, size: tuple[int, int], *arguments: str) -> np.ndarray:
    """Returns the first screen of a report, [height, width, 3] in 0..1."""
    image = tmp_path / 'screen.png'
    chromium(
        tmp_path, harness(tmp_path, [(report, size)]), (max(size[0], 500), size[1]), f'--screenshot={image}', *arguments
    )
    return matplotlib.image.imread(image)[: size[1], : size[0], :3]


def test_reports_fit_phones_and_desktops(reports, tmp_path):
    shown = [(report, size) for report in reports.values() for size in (PHONE, DESKTOP)]
    dom = chromium(tmp_path, harness(tmp_path, shown), (1400, 1000), '--dump-dom')
    found = json.loads(
        re.search(r'<pre id="result">(.*?)</pre>', dom, re.DOTALL)[1]
        .replace('&lt;', '<')
        .replace('&gt;', '>')
        .replace('&amp;', '&')
    )
    assert len(found) == len(shown)
    for (report, size), measured in zip(shown, found, strict=True):
        where = f'{report.name} at {size[0]}'
        assert (measured['client'], measured['scroll']) == (size[0], size[0]), where
        assert measured['outside'] == [], where
        assert measured['overlaps'] == [], where  # labels of plots
        assert measured['scripts'] == 0 and measured['svgs'] >= 10 and measured['height'] > 3000, where
        assert measured['font'] >= 10, where  # the height of a line of text in a plot, in pixels


@pytest.mark.parametrize('size', [PHONE, DESKTOP])
def test_a_screen_is_not_blank(reports, tmp_path, size):
    image = screenshot(tmp_path, reports['one'], size)
    assert image.shape == (size[1], size[0], 3)
    paper = image[2, 2]
    inked = (np.abs(image - paper).max(axis=-1) > 0.1).mean()
    assert 0.02 < inked < 0.5
    assert paper.min() > 0.95


def test_dark_mode_follows_the_scheme(reports, tmp_path):
    image = screenshot(tmp_path, reports['one'], PHONE, '--blink-settings=preferredColorScheme=0')
    assert image[2, 2].max() < 0.15
    assert (image.min(axis=-1) > 0.8).mean() > 0.005  # light text on it
