"""`jaxit chat`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command('chat')(chat)


def chat(
    checkpoint: Annotated[
        Path, typer.Option('--checkpoint', help='Run folder, checkpoint, or anything weights load from.')
    ],
    system: Annotated[str | None, typer.Option('--system', help='System prompt; needs a chat format.')] = None,
    format: Annotated[str | None, typer.Option('--format', help="Chat format; the run's own by default.")] = None,
    step: Annotated[int | None, typer.Option('--step', help='Of a run; the newest by default.')] = None,
    max_new_tokens: Annotated[int, typer.Option('--max_new_tokens', help='Of each reply.')] = 256,
    temperature: Annotated[float, typer.Option('--temperature', help='0 takes the likeliest token.')] = 0.0,
    top_k: Annotated[int | None, typer.Option('--top_k', help='Keep the k likeliest tokens.')] = None,
    top_p: Annotated[float, typer.Option('--top_p', help='Keep the likeliest tokens that sum to p.')] = 1.0,
    seed: Annotated[int, typer.Option('--seed', help='Of the draws.')] = 0,
) -> None:
    """Talk to a model line by line; /reset forgets the conversation, /quit ends it. Lines may be piped in.

    Without a chat format every line is a prompt of its own, laid out as the run's examples were.

    Example: jaxit chat --checkpoint runs/primer
    """
    from jaxit.cli import console
    from jaxit.cli import loaded as loaded_lib
    from jaxit.core.errors import UserError
    from jaxit.decoding.sampling import SamplingConfig

    sampling = SamplingConfig(temperature, top_k, top_p)
    loaded = loaded_lib.load(checkpoint, step=step)
    chat_format = loaded.chat_format(format)
    if system is not None and (chat_format is None or loaded.model.encoder_decoder):
        raise UserError('--system needs a chat format and a decoder; give --format')
    engine = loaded.engine(chat_format=chat_format)
    remembers = chat_format is not None and not loaded.model.encoder_decoder
    start: list[dict[str, Any]] = [] if system is None else [{'role': 'system', 'content': system}]
    messages = list(start)
    console.say(f'chat format: {chat_format or "none, each line stands alone"}; /reset, /quit')
    for number, line in enumerate(_lines(console.out)):
        if line == '/quit':
            return
        if line == '/reset':
            messages = list(start)
            continue
        if not line.strip():
            continue
        asked = [*messages, {'role': 'user', 'content': line}] if remembers else line
        ids = loaded.prompt_ids(asked, chat_format=chat_format)
        tokens = engine.stream(ids, max_new_tokens=max_new_tokens, sampling=sampling, seed=seed + number)
        reply = _write(tokens, loaded.tokenizer)
        messages = [*messages, {'role': 'user', 'content': line}, {'role': 'assistant', 'content': reply}]


def _lines(out: Any) -> Iterator[str]:
    """Yields what is typed, or piped, to its end."""
    while True:
        if sys.stdin.isatty():
            out.print('> ', end='')
        line = sys.stdin.readline()
        if not line:
            return
        yield line.rstrip('\r\n')


def _write(tokens: Iterator[int], tokenizer: Any) -> str:
    """Writes a reply as its tokens come and returns it; a character that is not whole yet waits."""
    from jaxit.core.files import printable

    ids: list[int] = []
    text = written = ''
    for token in tokens:
        ids.append(token)
        text = tokenizer.decode(ids)
        if text.startswith(written) and not text.endswith('\ufffd'):
            sys.stdout.write(printable(text[len(written) :]))
            sys.stdout.flush()
            written = text
    sys.stdout.write(printable(text[len(written) :]) + '\n')
    sys.stdout.flush()
    return text
