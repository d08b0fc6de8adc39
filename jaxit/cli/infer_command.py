"""`jaxit infer`."""

import json
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command('infer')(infer)


def infer(
    checkpoint: Annotated[
        Path, typer.Option('--checkpoint', help='Run folder, checkpoint, or anything weights load from.')
    ],
    input: Annotated[Path, typer.Option('--input', help='JSON lines with "inputs" or "messages".')],
    output: Annotated[Path, typer.Option('--output', help='The same records with "prediction" and "finish_reason".')],
    step: Annotated[int | None, typer.Option('--step', help='Of a run; the newest by default.')] = None,
    format: Annotated[str | None, typer.Option('--format', help="Chat format; the run's own by default.")] = None,
    max_new_tokens: Annotated[int, typer.Option('--max_new_tokens', help='Of each answer.')] = 64,
    temperature: Annotated[float, typer.Option('--temperature', help='0 takes the likeliest token.')] = 0.0,
    top_k: Annotated[int | None, typer.Option('--top_k', help='Keep the k likeliest tokens.')] = None,
    top_p: Annotated[float, typer.Option('--top_p', help='Keep the likeliest tokens that sum to p.')] = 1.0,
    seed: Annotated[int, typer.Option('--seed', help='Of the draws.')] = 0,
    batch_size: Annotated[int, typer.Option('--batch_size', help='Prompts decoded together.')] = 16,
    overwrite: Annotated[bool, typer.Option('--overwrite', help='Replace an output that is there.')] = False,
) -> None:
    """Answer a file of prompts; the output appears when it is whole, its lines in the order of the input.

    Example: jaxit infer --checkpoint runs/primer --input questions.jsonl --output answers.jsonl
    """
    from jaxit.cli import console, prompt_files
    from jaxit.cli import loaded as loaded_lib
    from jaxit.core.errors import UserError
    from jaxit.core.files import write_atomic
    from jaxit.decoding.sampling import SamplingConfig

    sampling = SamplingConfig(temperature, top_k, top_p)
    records = prompt_files.read(input)
    if not output.parent.is_dir() or output.is_dir():
        raise UserError(f'{output}: not a file in an existing folder')
    if output.exists() and not overwrite:
        raise UserError(f'{output}: exists already; give --overwrite to replace it')
    loaded = loaded_lib.load(checkpoint, step=step)
    chat_format = loaded.chat_format(format)
    completions = loaded.engine(batch_size=batch_size, chat_format=chat_format).generate(
        [loaded.prompt_ids(prompt_files.prompt_of(record), chat_format=chat_format) for record in records],
        max_new_tokens=max_new_tokens,
        sampling=sampling,
        seed=seed,
        progress=console.Counting('answers'),
    )
    lines = []
    for record, completion in zip(records, completions, strict=True):
        answer = {
            'prediction': loaded.tokenizer.decode(completion.ids).strip(),
            'finish_reason': completion.finish_reason,
        }
        lines.append(json.dumps(record | answer, ensure_ascii=False) + '\n')
    write_atomic(output, ''.join(lines))
    console.say(f'{output}: {len(lines)} answers')
