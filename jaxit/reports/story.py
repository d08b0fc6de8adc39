"""A run's story: a few sentences, the important figures, and several runs in one table."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxit.reports import text
from jaxit.reports.blocks import Block, Cell, Figure, Figures, Row, Table, Words
from jaxit.reports.changes import KINDS
from jaxit.reports.figures import kind_title
from jaxit.reports.records import Run
from jaxit.reports.summary import summary


def summary_blocks(run: Run) -> list[Block]:
    """Returns a run's story in a few sentences and its important figures."""
    numbers = summary(run)
    paragraphs = [_what_was_done(numbers), *(_gain(kind, found) for kind in KINDS if (found := numbers[kind]))]
    paragraphs += _mishaps(numbers)
    if not run.evaluations:
        paragraphs.append(
            'There is no evaluation in this run folder, so this report cannot say what got better or worse.'
        )
    notes = [Words([f'Note: {note}.' for note in run.notes], small=True)] if run.notes else []
    return [Figures(_important(numbers)), Words(paragraphs), *notes]


def comparison_table(runs: Sequence[Run]) -> Table:
    """Returns the figures of several runs, one column each."""
    columns = [summary(run) for run in runs]
    rows = []
    for label, shown in _COMPARED:
        cells = [shown(numbers) for numbers in columns]
        if any(cell not in ('–', '') for cell in cells):
            verdict = 'unclear' if len(set(cells)) == 1 else ''  # grey: no difference to look at
            rows.append(Row([label, *(Cell(cell or '–', verdict) for cell in cells)]))
    return Table('The important figures of each run', ['', *(run.name for run in runs)], rows)


def _what_was_done(numbers: Mapping[str, Any]) -> str:
    """One sentence: model, steps, tokens, time, hardware; with only what is known."""
    params, trained = numbers['num_params'], numbers['num_trained_params']
    parts = [(numbers['model'] and text.name(numbers['model'])) or 'The model']
    if params:
        share = '' if trained is None else ', all trained' if trained == params else f', {text.count(trained)} trained'
        parts.append(f'({text.count(params)} parameters{share})')
    parts.append('was tuned')
    if numbers['steps'] is not None:
        parts.append(f'for {numbers["steps"]:,} steps')
    if numbers['tokens'] is not None:
        loss = numbers['loss_tokens']
        of = f' of {numbers["tasks"]} task{"s" if numbers["tasks"] != 1 else ""}' if numbers['tasks'] else ''
        parts.append(
            f'on {text.count(numbers["tokens"])} tokens{of}'
            + (f' ({text.count(loss)} of them in the loss)' if loss is not None else '')
        )
    if numbers['wall_seconds']:
        parts.append(f'in {text.duration(numbers["wall_seconds"])}')
    if numbers['hardware']:
        parts.append(f'on {text.name(numbers["hardware"])}')
    return ' '.join(parts) + '.'


def _mishaps(numbers: Mapping[str, Any]) -> list[str]:
    """What a reader should know went otherwise than planned."""
    found = []
    if (starts := numbers['starts'] or 0) > 1:
        between = (
            f'; between, it stood still for {text.duration(numbers["idle_seconds"])}' if numbers['idle_seconds'] else ''
        )
        found.append(f'The run was started {starts} times{between}.')
    if skipped := numbers['skipped_steps']:
        found.append(
            f'{skipped:,} step{"s were" if skipped > 1 else " was"} skipped because the loss or a gradient was not finite.'
        )
    return found


def _gain(kind: str, found: Mapping[str, Any]) -> str:
    """One sentence: what became of a kind of suite."""
    where = f'{kind_title(kind)} {text.name(found["metric"])}'
    mean = f', mean of {found["suites"]} suites' if found['suites'] > 1 else ''
    if found['delta'] is None:
        side = 'tuned' if found['tuned'] is not None else 'base'
        return f'{where} is {text.fixed(found[side])} ({side} only{mean}).'
    error = f' ± {text.fixed(found["stderr"])}' if found['stderr'] is not None else ''
    went = 'did not change' if not found['delta'] else 'rose' if found['delta'] > 0 else 'fell'
    end = {
        'unclear': ', which may be chance',
        'worse': ', which is worse',
        'better': ', which is better',
    }
    verdict = end[found['verdict']] if found['delta'] else ''
    if went == 'did not change':
        return f'{where} did not change: {text.fixed(found["tuned"])}{mean}.'
    return f'{where} {went} from {text.fixed(found["base"])} to {text.fixed(found["tuned"])} ({text.signed(found["delta"])}{error}{mean}){verdict}.'


def _important(numbers: Mapping[str, Any]) -> list[Figure]:
    """The figures on top; those the run does not know are left out."""
    items = [
        Figure(
            kind_title(kind),
            text.signed(found['delta']) if found['delta'] is not None else _one_side(found),
            f'{text.name(found["metric"], 32)} {text.fixed(found["base"])}{text.NBSP}→{text.NBSP}{text.fixed(found["tuned"])}',
            found['verdict'],
        )
        for kind in KINDS
        if (found := numbers[kind])
    ]
    if numbers['final_loss'] is not None:
        items.append(
            Figure(
                'Training loss',
                text.fixed(numbers['final_loss']),
                f'from {text.fixed(numbers["first_loss"])} nats per token',
            )
        )
    if numbers['tokens'] is not None:
        loss = numbers['loss_tokens']
        items.append(
            Figure(
                'Tokens', text.count(numbers['tokens']), f'{text.count(loss)} in the loss' if loss is not None else ''
            )
        )
    if numbers['wall_seconds']:
        share = numbers['step_share']
        items.append(
            Figure(
                'Time', text.duration(numbers['wall_seconds']), f'{text.percent(share)} of it in steps' if share else ''
            )
        )
    if numbers['tokens_per_second']:
        items.append(Figure('Speed', text.count(numbers['tokens_per_second']), 'tokens per second, median'))
    return items


def _one_side(found: Mapping[str, Any]) -> str:
    return text.fixed(found['tuned'] if found['tuned'] is not None else found['base'])


def _kind_cell(kind: str) -> Callable[[Mapping[str, Any]], str]:
    def shown(numbers: Mapping[str, Any]) -> str:
        found = numbers[kind]
        if not found:
            return '–'
        if found['delta'] is None:
            return f'{text.name(found["metric"], 24)} {_one_side(found)}'
        return f'{text.name(found["metric"], 24)} {text.fixed(found["tuned"])} ({text.signed(found["delta"])})'

    return shown


_COMPARED: tuple[tuple[str, Callable[[Mapping[str, Any]], str]], ...] = (
    *((kind_title(kind), _kind_cell(kind)) for kind in KINDS),
    ('Training loss, first', lambda n: text.fixed(n['first_loss'])),
    ('Training loss, last', lambda n: text.fixed(n['final_loss'])),
    ('Steps', lambda n: '–' if n['steps'] is None else f'{n["steps"]:,}'),
    ('Examples', lambda n: text.count(n['examples'])),
    ('Tokens', lambda n: text.count(n['tokens'])),
    ('Tokens in the loss', lambda n: text.count(n['loss_tokens'])),
    ('Tokens per second, median', lambda n: text.count(n['tokens_per_second'])),
    ('Wall time', lambda n: text.duration(n['wall_seconds'])),
    ('Starts', lambda n: '–' if n['starts'] is None else str(n['starts'])),
    ('Steps skipped', lambda n: '–' if n['skipped_steps'] is None else f'{n["skipped_steps"]:,}'),
    ('Share of time in steps', lambda n: text.percent(n['step_share'])),
    ('Model', lambda n: text.name(n['model'], 48)),
    ('Parameters', lambda n: text.count(n['num_params'])),
    ('Parameters trained', lambda n: text.count(n['num_trained_params'])),
    ('Hardware', lambda n: text.name(n['hardware'], 48)),
    ('Seed', lambda n: '–' if n['seed'] is None else str(n['seed'])),
    ('Started', lambda n: text.moment(n['started']) or '–'),
)
