"""From runs to sections: what is said, in which order, in which words."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jaxit.reports import figures, text
from jaxit.reports.blocks import Bar, Block, Facts, Listing, Plots, Row, Section, Table, Words
from jaxit.reports.goodput import goodput
from jaxit.reports.records import Run
from jaxit.reports.runs import timestamp
from jaxit.reports.samples import sample_blocks
from jaxit.reports.scores import about, evaluation_tables, score_kinds
from jaxit.reports.story import comparison_table, summary_blocks

MAX_TASK_ROWS = 500
_LEFT_OUT = {'name', 'mixture', 'versions', 'left_out'}
_FIRST_FACTS = (
    'started',
    'command',
    'model',
    'num_params',
    'num_trained_params',
    'hardware',
    'devices',
    'mesh',
    'git',
    'seed',
)


def report_sections(runs: Sequence[Run]) -> list[Section]:
    """Returns the sections of a report on one run, or on several side by side."""
    if len(runs) == 1:
        return [
            Section('summary', 'Summary', summary_blocks(runs[0])),
            *_score_sections(runs),
            *_curve_sections(runs),
            *_run_sections(runs[0], 'run', 2),
        ]
    sections = [
        Section('summary', 'Comparison', [comparison_table(runs)]),
        *_score_sections(runs),
        *_curve_sections(runs),
    ]
    for i, run in enumerate(runs):
        sections.append(Section(f'run{i + 1}', run.name, summary_blocks(run)))
        sections += _run_sections(run, f'run{i + 1}', 3)
    return sections


def _score_sections(runs: Sequence[Run]) -> list[Section]:
    other = [kind for kind in score_kinds(runs) if kind != 'forgetting']
    sections = []
    for anchor, title, kinds in (('evaluation', 'Evaluation', other), ('forgetting', 'Forgetting', ['forgetting'])):
        blocks: list[Block] = list(evaluation_tables(runs, kinds))
        if blocks and not sections:
            blocks.insert(0, Words([about(runs)], small=True))
        plots = figures.evaluation_plots(runs[0], anchor, kinds) if len(runs) == 1 else []
        if plots:
            blocks.append(Plots(plots))
        if blocks:
            sections.append(Section(anchor, title, blocks))
    return sections


def _curve_sections(runs: Sequence[Run]) -> list[Section]:
    sections = []
    if plots := figures.curve_plots(runs):
        words = Words(['Over the training steps. Thin lines are as logged, bold ones a running mean.'], small=True)
        sections.append(Section('curves', 'Curves', [words, Plots(plots)]))
    if plots := figures.task_plots(runs):
        total = len({key for run in runs for key in run.keys('task_loss/')})
        more = f' The {len(plots)} most drawn of {total} tasks.' if total > len(plots) else ''
        words = Words([f'Nats per loss token over the steps, each task on its own scale.{more}'], small=True)
        sections.append(Section('task-loss', 'Loss by task', [words, Plots(plots, small=True)]))
    return sections


def _run_sections(run: Run, anchor: str, level: int) -> list[Section]:
    parts: list[tuple[str, str, list[Block]]] = [
        ('tasks', 'Tasks', task_blocks(run)),
        ('mixture', 'Mixture', [Plots(plots) for plots in [figures.mixture_plots(run, f'{anchor}-mixture')] if plots]),
        ('samples', 'Samples', sample_blocks(run)),
        ('weights', 'Where the weights moved', weight_blocks(run, anchor)),
        ('goodput', 'Where the time went', goodput_blocks(run)),
        ('provenance', 'Versions and configuration', provenance_blocks(run)),
    ]
    return [Section(f'{anchor}-{name}', title, blocks, level) for name, title, blocks in parts if blocks]


def task_blocks(run: Run) -> list[Block]:
    """Returns the table of tasks: losses, shares intended and drawn, tokens."""
    table = figures.intended_and_drawn(run)
    rows_of = {row.task: row for row in run.mixture}
    rows = []
    for task in list(table)[:MAX_TASK_ROWS]:
        losses = run.series(f'task_loss/{task}').values
        intended, drawn_share = table[task]
        drawn, row = run.drawn.get(task), rows_of.get(task)
        size = row.num_examples if row else None
        rows.append(Row([
            task,
            row.cluster if row else '',
            text.fixed(float(losses[0]) if losses.size else None),
            text.fixed(float(losses[-1]) if losses.size else None),
            text.percent(intended),
            text.percent(drawn_share),
            text.count(drawn.examples if drawn else None),
            f'{drawn.examples / size:.2f}' if drawn and size else '–',
            text.count(drawn.tokens if drawn else None),
            text.count(drawn.loss_tokens if drawn else None),
            row.licence if row else '',
        ]))  # fmt: skip
    if not rows:
        return []
    headers = [
        'task',
        'cluster',
        'loss first',
        'last',
        'intended',
        'drawn',
        'examples',
        'epochs',
        'tokens',
        'in the loss',
        'licence',
    ]
    headers, rows = _without_empty(headers, rows)
    more = f' The first {MAX_TASK_ROWS} of {len(table)} tasks.' if len(table) > MAX_TASK_ROWS else ''
    words = f'Loss in nats per loss token; intended and drawn are shares of the examples; epochs are those drawn so far.{more}'
    absent = run.info.get('left_out')
    lines = [f'Left out: {task}: {why}' for task, why in absent.items()] if isinstance(absent, Mapping) else []
    return [
        Words([words, *lines], small=True),
        Table('Tasks by examples drawn', headers, rows, num_text=2 if 'cluster' in headers else 1),
    ]


def weight_blocks(run: Run, anchor: str) -> list[Block]:
    """Returns how far each module moved, and how much did not move at all."""
    plots = figures.weight_plots(run, anchor)
    if not plots:
        return []
    still = sum(weight.num_params for weight in run.weights if weight.norm_change == 0)
    total = sum(weight.num_params for weight in run.weights)
    words = 'Norm of the change of each module over the norm it began with, on a logarithmic axis.'
    if still and total:
        words += f' {text.count(still)} of {text.count(total)} parameters ({text.percent(still / total)}) did not move.'
    return [Words([words], small=True), Plots(plots)]


def goodput_blocks(run: Run) -> list[Block]:
    """Returns seconds by kind of event and their shares of the wall time."""
    parts = goodput(run)
    if not parts:
        return []
    rows = [
        Row([p.event, f'{p.num_events:,}' if p.num_events else '–', text.duration(p.seconds), text.percent(p.share)])
        for p in parts
    ]
    total = sum(part.seconds for part in parts)
    rows.append(Row(['wall time', '', text.duration(total), text.percent(1.0)], kind='total'))
    table = Table('Wall time by kind of work', ['', 'events', 'time', 'share'], rows)
    return [Bar([(part.event, part.share) for part in parts if part.share >= 0.001]), table]


def provenance_blocks(run: Run) -> list[Block]:
    """Returns where a run came from: command, hardware, versions and the operative configuration."""
    order = [key for key in _FIRST_FACTS if key in run.info]
    order += [key for key in run.info if key not in order and key not in _LEFT_OUT]
    facts = [(key.removeprefix('num_').replace('_', ' '), _shown(run.info[key])) for key in order if key != 'started']
    if 'started' in run.info:
        facts.insert(0, ('started', text.moment(timestamp(run.info['started'])) or _shown(run.info['started'])))
    blocks: list[Block] = [Facts(facts)] if facts else []
    versions = run.info.get('versions')
    if isinstance(versions, Mapping) and versions:
        blocks.append(Facts([(package, _shown(version)) for package, version in sorted(versions.items())], narrow=True))
    if run.config:
        blocks.append(
            Listing(f'Operative configuration: config.gin, {len(run.config.splitlines()):,} lines', run.config)
        )
    return blocks


def _without_empty(headers: Sequence[str], rows: Sequence[Row]) -> tuple[list[str], list[Row]]:
    """Drops the columns in which no row says anything."""
    keep = [i for i in range(len(headers)) if any(row.cells[i] not in ('', '–') for row in rows)]
    return [headers[i] for i in keep], [Row([row.cells[i] for i in keep], row.kind) for row in rows]


def _shown(value: Any) -> str:
    """A value of `run.json` as one line."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return f'{value:,}' if abs(value) >= 10_000 else str(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ' '.join(value)
    if isinstance(value, Mapping) and all(isinstance(item, str | int | float) for item in value.values()):
        return ', '.join(f'{key} {item}' for key, item in value.items())
    return json.dumps(value, ensure_ascii=False)
