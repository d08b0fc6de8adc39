"""Plots: their marks stand where the data say, their ids resolve, their texts are only texts."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from jaxit.reports import figures, plots
from jaxit.reports.changes import Change
from jaxit.reports.plots import Line
from jaxit.reports.records import MixtureTask, Score, WeightChange
from jaxit.reports.runs import read_run


def paths(svg: str, variable: str) -> list[np.ndarray]:
    """The points of each path stroked or filled with a colour variable."""
    found = []
    for element in ET.fromstring(svg).iter('path'):
        if f'var({variable})' in element.get('style', ''):
            found.append(np.array(re.findall(r'([-\d.]+) ([-\d.]+)', element.get('d')), np.float64))
    return found


def uses(svg: str, variable: str) -> np.ndarray:
    """Where the markers of a colour stand."""
    elements = [u for u in ET.fromstring(svg).iter('use') if f'var({variable})' in u.get('style', '')]
    return np.array([[float(u.get('x')), float(u.get('y'))] for u in elements])


def texts(svg: str) -> list[str]:
    return [''.join(element.itertext()) for element in ET.fromstring(svg).iter('text')]


def assert_affine(data: np.ndarray, drawn: np.ndarray, *, rising: bool) -> None:
    slope, offset = np.polyfit(data, drawn, 1)
    np.testing.assert_allclose(drawn, slope * data + offset, atol=0.12)
    assert (slope > 0) == rising


def test_curves_follow_the_data():
    x, y = np.array([0, 10, 30, 70, 90]), np.array([3.0, 2.0, 2.5, 1.0, np.nan])
    points = max(paths(plots.curves('a', 'Loss', [Line('training', x, y)]).svg, '--series-1'), key=len)
    assert points.shape == (4, 2)  # what is not finite is left out
    assert_affine(x[:4], points[:, 0], rising=True)
    assert_affine(y[:4], points[:, 1], rising=False)  # the y axis of an SVG points down


def test_long_curves_are_averaged_by_bucket():
    x = np.arange(1003)
    y = np.sin(x / 50.0)
    bx, by = plots._bucket_means(x, y, 320)
    size = 4
    np.testing.assert_allclose(by, [y[i : i + size].mean() for i in range(0, 1003, size)])
    np.testing.assert_allclose(bx, [x[i : i + size].mean() for i in range(0, 1003, size)])


def test_the_running_mean_does_not_lag():
    y = np.random.default_rng(0).normal(size=203)
    mean = plots._running_mean(y)
    for i in (0, 1, 4, 100, 199, 202):
        half = min(i, 202 - i, 5)
        np.testing.assert_allclose(mean[i], y[i - half : i + half + 1].mean())
    np.testing.assert_allclose(plots._running_mean(np.arange(90.0)), np.arange(90.0))


def test_the_learning_rate_is_never_smoothed(tmp_path, synthetic):
    run = read_run(synthetic.write_run(tmp_path / 'run', steps=900))
    shown = {plot.title: plot for plot in figures.curve_plots([run])}
    assert 'stroke-opacity: 0.3' in shown['Loss, nats per token'].svg
    assert 'stroke-opacity: 0.3' not in shown['Learning rate'].svg


def test_bars_are_as_long_as_the_shares():
    rows = [('a', 0.5, 0.4), ('b', 0.3, 0.35), ('c', 0.2, None)]
    svg = plots.shares('a', 'Shares', rows).svg
    for variable, column in (('--series-2', 1), ('--series-1', 2)):
        zero = next(float(e.get('x')) for e in ET.fromstring(svg).iter('text') if ''.join(e.itertext()) == '0 %')
        np.testing.assert_allclose([points[:, 0].min() for points in paths(svg, variable)], zero, atol=0.2)
        widths = np.array([np.ptp(points[:, 0]) for points in paths(svg, variable)])
        wanted = np.array([row[column] or 0.0 for row in rows])
        np.testing.assert_allclose(widths / widths.max(), wanted / wanted.max(), atol=0.002)


def test_before_and_after_with_error_bars():
    rows = [
        ('a', Change('accuracy', Score(0.4, 0.05), Score(0.6, 0.025))),
        ('b', Change('accuracy', Score(0.5), Score(0.3))),
    ]
    svg = plots.before_after('a', 'Accuracy', rows).svg
    base, tuned = uses(svg, '--series-2')[:, 0], uses(svg, '--series-1')[:, 0]
    assert_affine(np.array([0.4, 0.5, 0.6, 0.3]), np.concatenate([base, tuned]), rising=True)
    scale = (tuned[0] - base[0]) / 0.2
    lengths = [
        np.ptp(points[:, 0]) for v in ('--series-2', '--series-1') for points in paths(svg, v) if len(points) == 2
    ]
    np.testing.assert_allclose(sorted(lengths)[-2:], [2 * 0.025 * scale, 2 * 0.05 * scale], atol=0.25)


def test_magnitudes_stand_on_a_logarithmic_axis():
    values = np.array([0.3, 0.01, 0.0004])
    svg = plots.magnitudes('a', 'Change', [(f'm{i}', v) for i, v in enumerate(values)]).svg
    assert_affine(np.log10(values), uses(svg, '--series-1')[:, 0], rising=True)


def test_nothing_to_draw_is_no_plot():
    assert plots.curves('a', 'x', [Line('a', np.array([1]), np.array([np.nan]))]) is None
    assert plots.curves('a', 'x', []) is None
    assert plots.shares('a', 'x', []) is None
    assert plots.magnitudes('a', 'x', [('frozen', 0.0)]) is None
    assert plots.before_after('a', 'x', [('task', Change('accuracy', None, None))]) is None


def test_labels_are_shown_as_they_are(synthetic):
    names = [name for key, name in synthetic.HOSTILE.items() if key not in ('surrogate', 'long')]
    svg = plots.shares('a', names[0], [(name, 0.1, 0.2) for name in names]).svg
    shown = texts(svg)
    assert '<script>alert(1)</scrip…' in shown and '../../../etc/passwd' in shown
    assert any(label.startswith('$\\frac{a}{b}$ #010101') for label in shown)  # neither typeset nor coloured
    assert all(
        element.tag in ('svg', 'g', 'path', 'use', 'defs', 'clipPath', 'rect', 'text')
        for element in ET.fromstring(svg).iter()
    )


@pytest.mark.parametrize('small', [False, True])
def test_svg_is_the_same_every_time_and_needs_nothing_else(small):
    x = np.arange(200)
    lines = [Line('a', x, np.cos(x / 9.0)), Line('b', x[::20], np.sin(x[::20] / 9.0), 1, dashed=True)]
    first, again = (plots.curves('key', 'Title', lines, small=small).svg for _ in range(2))
    assert first == again
    assert 'http' not in first and '#0' not in first and 'style=""' not in first
    ids = re.findall(r' id="([^"]+)"', first)
    assert len(ids) == len(set(ids)) and all(i.startswith('key-') for i in ids)
    assert set(re.findall(r'(?:url\(#|href="#)([^)"]+)', first)) == set(ids)
    assert ET.fromstring(first).get('role') == 'img'
    assert 'a: 1.000 at step 0' in ET.fromstring(first).get('aria-label')


def test_many_tasks_are_grouped_by_cluster(run_folder):
    run = read_run(run_folder)
    rows = tuple(MixtureTask(f't{i:02d}', f'c{i % 3}', (i + 1) / 465, 10.0, 10.0, '') for i in range(30))
    many = type(run)(**{**vars(run), 'mixture': rows, 'drawn': {}, 'train': {}})
    clusters, tasks = figures.mixture_plots(many, 'm')
    labels = [label for label in texts(clusters.svg) if label.startswith('c')]
    assert labels == ['c2', 'c1', 'c0']  # by intended share: 165, 155 and 145 of 465
    assert tasks.note == 'The largest 24 of 30 tasks.' and 't29' in texts(tasks.svg) and 't05' not in texts(tasks.svg)
    assert len(figures.mixture_plots(run, 'm')) == 1


def test_modules_join_their_params_and_layers(run_folder, synthetic):
    weights = (
        WeightChange('mlp/kernel', 3.0, 0.3, 10),
        WeightChange('mlp/bias', 4.0, 0.4, 10),
        WeightChange('norm', 2.0, 1.0, 10),
        WeightChange('frozen/kernel', 2.0, 0.0, 10),
        WeightChange('encoder/0/mlp/kernel', 3.0, 0.03, 10),
        WeightChange('encoder/1/mlp/kernel', 4.0, 0.04, 10),
    )
    assert figures.module_changes(weights) == [
        ('norm', 0.5),
        ('mlp', pytest.approx(0.1)),
        ('encoder/mlp', pytest.approx(0.01)),
    ]
    assert figures.module_changes((WeightChange('empty/kernel', 0.0, 1.0, 10),)) == []


def test_changes_by_layer(run_folder, synthetic):
    run = read_run(run_folder)
    found = figures.layer_changes(run.weights)
    assert {stack: [line.label for line in lines] for stack, lines in found.items()} == {
        'encoder': ['mlp/up', 'attention/query'],
        'decoder': ['attention/value'],
    }
    np.testing.assert_allclose(found['encoder'][1].y, [0.125 / 8, 0.25 / 8, 0.375 / 8])
    joined = dict(figures.module_changes(run.weights))
    assert joined['encoder/attention/query'] == pytest.approx(0.125 * np.sqrt(1 + 4 + 9) / np.sqrt(3 * 64))
    titles = [plot.title for plot in figures.weight_plots(run, 'w')]
    assert titles[1:] == ['Relative change by layer, %: decoder', 'Relative change by layer, %: encoder']


def test_runs_are_overlaid_suite_by_suite(run_folder, synthetic, tmp_path):
    runs = [read_run(run_folder), read_run(synthetic.write_run(tmp_path / 'run', 'other', steps=200))]
    shown = {plot.title: plot for plot in figures.curve_plots(runs)}
    wanted = [
        'Loss, nats per token',
        *(f'Evaluation: {s}, {m}' for s in ('inner', 'outer') for m in ('accuracy', 'loss')),
    ]
    assert list(shown)[:5] == wanted
    for title in wanted:
        assert shown[title].legend == ((1, False, 'primer-lora'), (2, False, 'other'))
    alone = {plot.title: plot for plot in figures.curve_plots(runs[:1])}
    assert alone['Loss, nats per token'].legend == ((1, False, 'training'), (2, True, 'inner'), (3, True, 'outer'))
    assert alone['Evaluation: accuracy'].legend == ((1, False, 'inner'), (2, False, 'outer'))


def test_tiles_share_their_steps(tmp_path, synthetic):
    folder = synthetic.write_run(tmp_path / 'run')
    lines = [{'step': step, 'task_loss/always': 1.0 / step} for step in (10, 20, 30, 40)]
    lines[2]['task_loss/once'] = 0.5
    synthetic.write_lines(folder / 'metrics.jsonl', lines)
    always, once = sorted((plot for plot in figures.task_plots([read_run(folder)])), key=lambda plot: plot.title)
    assert [t for t in texts(always.svg) if t in ('10', '20', '30', '40')] == [
        t for t in texts(once.svg) if t in ('10', '20', '30', '40')
    ]
    marker = uses(once.svg, '--series-1')[0]
    points = max(paths(always.svg, '--series-1'), key=len)
    scale = (marker[0] - points[2, 0]) / np.ptp(points[:, 0])
    assert abs(scale) < 0.1  # at the same place, but for the room their labels take
