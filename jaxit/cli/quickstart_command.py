"""`jaxit quickstart`: a base model, instruction tuning with and without replay, one table, one report."""

import dataclasses
import time
from pathlib import Path
from typing import Annotated, Any

import typer

SUITES = ('held_in', 'held_out_templates', 'held_out_compositions', 'forgetting')
METRICS = {'forgetting': 'perplexity'}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command('quickstart')(quickstart)


def quickstart(
    run_dir: Annotated[Path, typer.Option('--run_dir', help='Where everything goes; is begun anew.')] = Path(
        'runs/quickstart'
    ),
    steps: Annotated[
        int | None,
        typer.Option('--steps', help='Steps of every phase instead of those of the recipes, for a quick look.'),
    ] = None,
) -> None:
    """Tune a small model end to end, offline, in minutes on two cores; prints a table and writes a report.

    Example: jaxit quickstart
    """
    from jaxit.cli import console
    from jaxit.reports.html import write_report

    seconds: dict[str, float] = {}
    base = _timed(
        seconds, 'pretrain', lambda: _train('primer_pretrain', run_dir / 'base', steps, tokenizer=_tokenizer(run_dir))
    )
    tuned = _timed(seconds, 'tune', lambda: _train('primer', run_dir / 'tuned', steps, weights=base))
    bindings = ('data.mixture=primer', 'evaluation.before=False', 'experiment.name=primer_without_replay')
    without = _timed(
        seconds,
        'tune_without_replay',
        lambda: _train('primer', run_dir / 'without_replay', steps, *bindings, weights=base),
    )
    _timed(seconds, 'report', lambda: write_report([tuned, without], run_dir / 'report.html'))
    summary = {**_summary(tuned, without), 'seconds': {**seconds, 'total': sum(seconds.values())}}
    _print(summary)
    from jaxit.core.files import write_json

    write_json(run_dir / 'summary.json', summary)
    console.say(f'report: {run_dir / "report.html"}')


def _timed(seconds: dict[str, float], phase: str, action: Any) -> Any:
    begin = time.monotonic()
    result = action()
    seconds[phase] = round(time.monotonic() - begin, 1)
    return result


def _tokenizer(run_dir: Path) -> Path:
    """Learns a small vocabulary from the primer's own texts."""
    from jaxit.tasks import registry
    from jaxit.tasks.rendering import examples
    from jaxit.text import tokenizers
    from jaxit.text.huggingface import train_bpe

    texts = [
        ''.join(part.text for part in example.parts)
        for example in examples(registry.get_task('primer_replay'), 'train')
    ]
    for task, _ in registry.resolve('primer'):
        texts += [f'{example.inputs}\n{example.targets}' for example in examples(task, 'train')]
    folder = run_dir / 'tokenizer'
    tokenizers.save(train_bpe(texts, 1024, prefix_space=True), folder)
    return folder


def _train(recipe: str, folder: Path, steps: int | None, *bindings: str, **experiment: Path) -> Path:
    from jaxit.cli import gin_files, train

    overrides = [f'experiment.{name}={str(path)!r}' for name, path in experiment.items()]
    overrides += [*bindings, f'data.cache_dir={str(folder.parent / "caches")!r}']
    overrides += [] if steps is None else [f'trainer.num_steps={steps}']
    loaded = gin_files.load([str(_recipes() / f'{recipe}.gin')], overrides)
    return train.run(dataclasses.replace(loaded), str(folder), config_text=gin_files.operative_config(), overwrite=True)


def _recipes() -> Path:
    return Path(__file__).resolve().parents[2] / 'gin' / 'recipes'


def _summary(tuned: Path, without: Path) -> dict[str, Any]:
    from jaxit.core.files import read_json

    found = {
        'base': read_json(tuned / 'evaluation' / 'base.json'),
        'tuned': read_json(tuned / 'evaluation' / 'tuned.json'),
        'tuned_without_replay': read_json(without / 'evaluation' / 'tuned.json'),
    }
    summary: dict[str, Any] = {'metrics': {suite: METRICS.get(suite, 'exact_match') for suite in SUITES}, 'stderr': {}}
    for label, evaluation in found.items():
        means = {s: evaluation['suites'][f'primer_{s}']['mean'][METRICS.get(s, 'exact_match')] for s in SUITES}
        summary[label] = {suite: mean['value'] for suite, mean in means.items()}
        summary['stderr'][label] = {suite: mean['stderr'] for suite, mean in means.items()}
    return summary


def _print(summary: dict[str, Any]) -> None:
    from jaxit.cli import console

    labels = ('base', 'tuned', 'tuned_without_replay')
    rows = []
    for suite in SUITES:
        text = suite == 'forgetting'
        cells = [f'{summary[label][suite]:.2f}' if text else f'{100 * summary[label][suite]:.1f} %' for label in labels]
        rows.append([suite.replace('_', ' '), summary['metrics'][suite].replace('_', ' '), *cells])
    console.table('', ['suite', 'metric', 'base', 'tuned', 'tuned without replay'], rows, left=2)
    console.out.print('  '.join(f'{phase} {s:.0f} s' for phase, s in summary['seconds'].items()))
