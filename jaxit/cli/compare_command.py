"""`jaxit compare`."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command('compare')(compare)


def compare(
    a: Annotated[Path, typer.Argument(metavar='A', help='Weights or a run: before.')],
    b: Annotated[Path, typer.Argument(metavar='B', help='Weights or a run: after.')],
    prompts: Annotated[
        Path | None, typer.Option('--prompts', help='File of prompts, one a line, or .jsonl as for infer; - for stdin.')
    ] = None,
    suite: Annotated[list[str] | None, typer.Option('--suite', help='Suite to compare on; may be repeated.')] = None,
    module: Annotated[
        list[str] | None, typer.Option('--module', help='Python module that registers tasks and suites.')
    ] = None,
    limit: Annotated[int | None, typer.Option('--limit', help='Examples of each task; all by default.')] = None,
    format: Annotated[
        str | None, typer.Option('--format', help="Chat format of prompts; the run's own by default.")
    ] = None,
    max_new_tokens: Annotated[int, typer.Option('--max_new_tokens', help='Of each answer.')] = 32,
    batch_size: Annotated[int, typer.Option('--batch_size', help='Prompts decoded together.')] = 16,
    as_json: Annotated[bool, typer.Option('--json', help='Print JSON.')] = False,
) -> None:
    """Put two models side by side: their answers to prompts, and paired differences with standard errors on suites.

    Weights that know no run's layout of prompts (a base model) are asked in the layout of the other side.

    Example: jaxit compare weights/gemma3_270m runs/gemma --suite primer_held_in --limit 50
    """
    import dataclasses

    from jaxit.cli import console, evaluating
    from jaxit.cli import loaded as loaded_lib
    from jaxit.core.errors import UserError

    if prompts is None and not suite:
        if sys.stdin.isatty():
            raise UserError('nothing to compare on; give --prompts FILE or --suite NAME')
        prompts = Path('-')
    asked = [] if prompts is None else _prompts(prompts)
    layouts = [loaded_lib.layout_of(path) for path in (a, b)]
    shared = layouts[1] or layouts[0]
    suites = evaluating.suites_of(
        suite or [],
        modules=[*(shared.modules if shared else ()), *(module or ())],
        limit=limit,
        chat_format=shared.chat_format if shared else None,
        seed=shared.seed if shared else 0,
    )
    answers, evaluations = [], []
    for name, path in (('A', a), ('B', b)):
        loaded = loaded_lib.load(path)
        loaded = dataclasses.replace(loaded, layout=loaded.layout or shared)
        answers.append(_answers(loaded, asked, loaded.chat_format(format), max_new_tokens, batch_size))
        evaluations.append(
            evaluating.evaluate(
                loaded, suites, label=name, path=path, max_new_tokens=max_new_tokens, batch_size=batch_size
            )
        )
        del loaded
    found = {'A': str(a), 'B': str(b), 'prompts': _side_by_side(asked, answers), 'suites': _deltas(suites, evaluations)}
    if as_json:
        console.json_out(found)
    else:
        _show(found)


def _prompts(path: Path) -> list[str | list[dict[str, Any]]]:
    """Reads prompts: records of JSON lines, or plain lines."""
    from jaxit.cli import prompt_files
    from jaxit.core.errors import UserError

    if path.suffix == '.jsonl':
        return [prompt_files.prompt_of(record) for record in prompt_files.read(path)]
    try:
        text = sys.stdin.read() if str(path) == '-' else path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f'{path}: {getattr(error, "strerror", None) or "not UTF-8"}') from None
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise UserError(f'{path}: no prompt; one a line')
    return list(lines)


def _answers(loaded: Any, asked: list, chat_format: str | None, max_new_tokens: int, batch_size: int) -> list[str]:
    if not asked:
        return []
    completions = loaded.engine(batch_size=batch_size, chat_format=chat_format).generate(
        [loaded.prompt_ids(prompt, chat_format=chat_format) for prompt in asked], max_new_tokens=max_new_tokens
    )
    return [loaded.tokenizer.decode(completion.ids).strip() for completion in completions]


def _side_by_side(asked: list, answers: list[list[str]]) -> list[dict[str, Any]]:
    shown = [prompt if isinstance(prompt, str) else prompt[-1]['content'] for prompt in asked]
    return [{'prompt': p, 'A': x, 'B': y} for p, x, y in zip(shown, *answers, strict=True)]


def _deltas(suites: list, evaluations: list) -> list[dict[str, Any]]:
    from jaxit.evaluation.forgetting import delta_table
    from jaxit.evaluation.suite import KINDS

    return [delta._asdict() for delta in delta_table(*evaluations, kinds=KINDS)] if suites else []


def _show(found: dict[str, Any]) -> None:
    from jaxit.cli import console

    if found['prompts']:
        rows = [[row['prompt'], row['A'], row['B']] for row in found['prompts']]
        console.table('', ['prompt', f'A: {found["A"]}', f'B: {found["B"]}'], rows, left=3)
    if found['suites']:
        rows = [
            [
                row['suite'],
                row['task'] or 'mean',
                row['metric'],
                f'{row["before"]:.4f}',
                f'{row["after"]:.4f}',
                f'{row["difference"]:+.4f}',
                '' if row['stderr'] is None else f'{row["stderr"]:.4f}',
                row['count'],
            ]
            for row in found['suites']
        ]
        columns = ['suite', 'task', 'metric', 'A', 'B', 'B - A', 'stderr', 'n']
        console.table(f'A: {found["A"]}   B: {found["B"]}', columns, rows, left=3)
