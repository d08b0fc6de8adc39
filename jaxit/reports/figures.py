"""Which plots a report shows, from one run or from several laid over one another."""

import dataclasses
import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from jaxit.reports.changes import KINDS, Change, change_of, suites_of
from jaxit.reports.plots import Line, Plot, before_after, curves, magnitudes, shares
from jaxit.reports.records import Run, WeightChange

MAX_TASK_PLOTS = 24
MAX_BARS = 24
MAX_LINES = 8
MAX_ROWS = 40
MAX_SCORE_PLOTS = 12
_QUANTITIES = (
    ('train/learning_rate', 'Learning rate'),
    ('train/grad_norm', 'Gradient norm'),
    ('train/tokens_per_second', 'Tokens per second'),
    ('train/accuracy', 'Training accuracy, share of loss tokens'),
)
_EXACT = ('train/learning_rate',)  # set, not measured


def curve_plots(runs: Sequence[Run]) -> list[Plot]:
    """Returns loss, evaluations over the steps, learning rate, gradient norm and speed.

    Of one run the suites share a plot for each metric; of several runs each suite and metric has its own.
    """
    plots = [curves('loss', 'Loss, nats per token', _loss_lines(runs))]
    for place, (title, lines) in enumerate(list(_eval_lines(runs).items())[:MAX_SCORE_PLOTS]):
        plots.append(curves(f'eval{place}', f'Evaluation: {title}', lines[:MAX_LINES]))
    for i, (key, title) in enumerate(_QUANTITIES):
        lines = [_line(run, key, run.name, c) for c, run in enumerate(runs[:MAX_LINES])]
        plots.append(curves(f'curve{i}', title, lines))
    return [plot for plot in plots if plot]


def task_plots(runs: Sequence[Run]) -> list[Plot]:
    """Returns the loss of each task, those with most draws first, at most 24."""
    plots = []
    steps = [step for run in runs for step in run.train]
    for i, task in enumerate(task_names(runs)):
        if len(plots) == MAX_TASK_PLOTS:
            break
        lines = [_line(run, f'task_loss/{task}', run.name, c) for c, run in enumerate(runs[:MAX_LINES])]
        if plot := curves(f'task{i}', task, lines, small=True, span=(min(steps), max(steps))):
            plots.append(plot)
    return plots


def task_names(runs: Sequence[Run]) -> list[str]:
    """Returns all tasks, those with most draws first."""
    weight: dict[str, float] = defaultdict(float)
    for run in runs:
        for row in run.mixture:
            weight[row.task] += 1e-9 * (row.share or 0.0)
        for key in run.keys('task_loss/'):
            weight[key.removeprefix('task_loss/')] += 0.0
        for task, drawn in run.drawn.items():
            weight[task] += drawn.examples
    return sorted(weight, key=lambda task: (-weight[task], task))


def intended_and_drawn(run: Run) -> dict[str, tuple[float | None, float | None]]:
    """Returns by task the share of draws that was intended and the one that came about."""
    total = math.fsum(drawn.examples for drawn in run.drawn.values())
    intended = {row.task: row.share for row in run.mixture}
    drawn = {task: value.examples / total for task, value in run.drawn.items()} if total else {}
    return {task: (intended.get(task), drawn.get(task, 0.0 if drawn else None)) for task in task_names([run])}


def mixture_plots(run: Run, key: str) -> list[Plot]:
    """Returns the mixture by task, or by cluster (and its largest tasks) when tasks are many."""
    table = intended_and_drawn(run)
    if not run.mixture and not run.drawn:
        return []
    tasks = [(task, intended, drawn) for task, (intended, drawn) in table.items()]
    plots = []
    cluster_of = {row.task: row.cluster or 'other' for row in run.mixture}
    if len(tasks) > MAX_BARS and len(set(cluster_of.values())) > 1:
        sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for task, intended, drawn in tasks:
            sums[cluster_of.get(task, 'other')][0] += intended or 0.0
            sums[cluster_of.get(task, 'other')][1] += drawn or 0.0
        clusters = sorted(((name, pair[0], pair[1]) for name, pair in sums.items()), key=lambda row: (-row[1], row[0]))
        note = _left_out(len(clusters), 'clusters')
        plots.append(shares(f'{key}-clusters', 'Share of examples by cluster', clusters[:MAX_BARS], note=note))
    note = _left_out(len(tasks), 'tasks')
    plots.append(shares(f'{key}-tasks', 'Share of examples by task', tasks[:MAX_BARS], note=note))
    return [plot for plot in plots if plot]


def evaluation_plots(run: Run, key: str, kinds: Sequence[str]) -> list[Plot]:
    """Returns one plot for each kind of suite and metric, base against tuned; the first 12."""
    groups: dict[tuple[str, str], list[tuple[str, Change]]] = defaultdict(list)
    for kind in kinds:
        for label, change in sorted(task_changes(run, kind), key=lambda row: row[1].metric):
            groups[kind, change.metric].append((label, change))
    plots = []
    for (kind, metric), rows in list(groups.items())[:MAX_SCORE_PLOTS]:
        note = f'The first {MAX_ROWS} of {len(rows)}.' if len(rows) > MAX_ROWS else ''
        title = f'{kind_title(kind)}: {metric}'
        plots.append(before_after(f'{key}-{len(plots)}', title, rows[:MAX_ROWS], note=note))
    return [plot for plot in plots if plot]


def task_changes(run: Run, kind: str) -> list[tuple[str, Change]]:
    """Returns the change of each metric of each task of a kind, the task named with its suite where suites are several."""
    sides = suites_of(run.base, kind), suites_of(run.tuned, kind)
    names = sorted({*sides[0], *sides[1]})
    changes = []
    for name in names:
        found = {(t, m) for side in sides if name in side for t, scores in side[name].tasks.items() for m in scores}
        for task, metric in sorted(found):
            label = task if len(names) == 1 or task.startswith(name) else f'{name}: {task}'
            changes.append((label, change_of(run, name, task, metric)))
    return changes


def weight_plots(run: Run, key: str) -> list[Plot]:
    """Returns how far each module moved relative to its initial norm: all its layers together, and layer by layer."""
    rows = module_changes(run.weights)
    note = f'The {MAX_ROWS} that moved most, of {len(rows)}.' if len(rows) > MAX_ROWS else ''
    plots = [magnitudes(f'{key}-weights', 'Relative change ‖Δw‖ / ‖w‖', rows[:MAX_ROWS], note=note)]
    for stack, lines in sorted(layer_changes(run.weights).items()):
        title = f'Relative change by layer, %: {stack}' if stack else 'Relative change by layer, %'
        note = f'The {MAX_LINES} modules that moved most, of {len(lines)}.' if len(lines) > MAX_LINES else ''
        drawn = [
            dataclasses.replace(line, y=100 * line.y, colour=colour) for colour, line in enumerate(lines[:MAX_LINES])
        ]
        plots.append(curves(f'{key}-layers{len(plots)}', title, drawn, over='layer', note=note))
    return [plot for plot in plots if plot]


def module_changes(weights: Sequence[WeightChange]) -> list[tuple[str, float]]:
    """Returns the relative change by module, largest first; layers and params of one are joined, frozen ones left out."""
    found: dict[str, list[WeightChange]] = defaultdict(list)
    for weight in weights:
        stack, _, module = _place(weight.path)
        found['/'.join(filter(None, (stack, module)))].append(weight)
    changes = [(module, _relative_change(joined)) for module, joined in found.items()]
    return sorted((row for row in changes if row[1] > 0), key=lambda row: (-row[1], row[0]))


def layer_changes(weights: Sequence[WeightChange]) -> dict[str, list[Line]]:
    """Returns for each stack the relative change of its modules over the layers, those that moved most first."""
    found: dict[str, dict[str, dict[int, list[WeightChange]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for weight in weights:
        stack, layer, module = _place(weight.path)
        if layer is not None:
            found[stack][module][layer].append(weight)
    lines: dict[str, list[Line]] = {}
    for stack, modules in found.items():
        values = {
            module: {i: _relative_change(layers[i]) for i in sorted(layers)} for module, layers in modules.items()
        }
        moved = [module for module in values if len(values[module]) > 1 and max(values[module].values()) > 0]
        moved.sort(key=lambda module: (-max(values[module].values()), module))
        if moved:
            lines[stack] = [Line(m, np.array(list(values[m])), np.array(list(values[m].values()))) for m in moved]
    return lines


def _place(path: str) -> tuple[str, int | None, str]:
    """Splits 'encoder/3/attention/query/kernel' into stack, layer and module; the layer is the first part that is a number."""
    *parts, leaf = path.split('/')
    place = next((i for i, part in enumerate(parts) if part.isascii() and part.isdigit() and len(part) < 6), None)
    if place is None:
        return '', None, '/'.join(parts) or leaf
    return '/'.join(parts[:place]), int(parts[place]), '/'.join(parts[place + 1 :]) or leaf


def _relative_change(weights: Sequence[WeightChange]) -> float:
    initial = math.hypot(*(weight.norm_initial for weight in weights))
    return math.hypot(*(weight.norm_change for weight in weights)) / initial if initial else 0.0


def kind_title(kind: str) -> str:
    """Returns 'Held-in', 'Held-out', 'Forgetting', or the kind itself."""
    return kind.replace('_', '-').capitalize() if kind in KINDS else kind


def _loss_lines(runs: Sequence[Run]) -> list[Line]:
    if len(runs) > 1:
        return [_line(run, 'train/loss', run.name, i) for i, run in enumerate(runs[:MAX_LINES])]
    found = [key for key in runs[0].keys('eval/') if key.endswith('/loss')][: MAX_LINES - 1]
    evals = [_line(runs[0], key, _suite(key), i + 1, dashed=True) for i, key in enumerate(found)]
    return [_line(runs[0], 'train/loss', 'training', 0), *evals]


def _eval_lines(runs: Sequence[Run]) -> dict[str, list[Line]]:
    """Curves of evaluations over the steps by title; the loss of a single run stands with its training loss."""
    found: dict[str, list[Line]] = defaultdict(list)
    for i, run in enumerate(runs):
        for key in run.keys('eval/'):
            metric = key.rpartition('/')[2]
            if len(runs) > 1:
                found[f'{_suite(key)}, {metric}'].append(_line(run, key, run.name, i))
            elif metric != 'loss':
                found[metric].append(_line(run, key, _suite(key), len(found[metric])))
    return dict(sorted(found.items()))


def _suite(key: str) -> str:
    return key.removeprefix('eval/').rpartition('/')[0]


def _line(run: Run, key: str, label: str, colour: int, *, dashed: bool = False) -> Line:
    series = run.series(key)
    return Line(label, series.steps, series.values, colour, dashed, exact=key in _EXACT)


def _left_out(total: int, things: str) -> str:
    return f'The largest {MAX_BARS} of {total} {things}.' if total > MAX_BARS else ''
