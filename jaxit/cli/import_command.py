"""`jaxit import`."""

import shutil
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command('import')(import_weights)


def import_weights(
    source: Annotated[Path, typer.Argument(metavar='DIR', help='Hugging Face folder, or a GGUF file or folder.')],
    kind: Annotated[str, typer.Option('--from', help="'hf' or 'gguf'.")],
    to: Annotated[Path, typer.Option('--to', help='New folder.')],
    tokenizer: Annotated[
        str | None, typer.Option('--tokenizer', help='Tokenizer file or folder, where none is beside the weights.')
    ] = None,
) -> None:
    """Turn published weights into a checkpoint that every command takes as weights.

    Example: jaxit import --from gguf gemma-3-270m/ --to weights/gemma3_270m --tokenizer tokenizers/gemma3
    """
    from jaxit.checkpoints import weights
    from jaxit.cli import console
    from jaxit.core import tree
    from jaxit.core.errors import UserError, unknown_name
    from jaxit.text import tokenizers

    if kind not in ('hf', 'gguf'):
        raise unknown_name('format', kind, ('hf', 'gguf'), where='--from')
    if to.exists():
        raise UserError(f'{to}: exists already; --to names a new folder')
    is_gguf = source.is_file() or (source.is_dir() and not (source / 'config.json').is_file())
    if source.exists() and is_gguf != (kind == 'gguf'):
        raise UserError(f'{source}: does not look like --from {kind}')
    found = weights.load(source)
    chosen = tokenizer or found.tokenizer
    if chosen is None:
        raise UserError(f'{source}: no tokenizer is beside the weights; name one with --tokenizer')
    loaded = tokenizers.load(chosen)
    if loaded.vocab_size > found.config.vocab_size:
        raise UserError(
            f'{chosen}: the tokenizer has {loaded.vocab_size} tokens, the model {found.config.vocab_size}; '
            'they do not belong together'
        )
    partial = to.with_name(f'.{to.name}.tmp')
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        weights.save(partial, found.config, found.params, tokenizer_sha256=loaded.sha256)
        tokenizers.save(loaded, partial / weights.TOKENIZER_FOLDER)
        partial.rename(to)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    console.say(f'{to}: {tree.num_params(found.params):,} params, {found.config.family}')
