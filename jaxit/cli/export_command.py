"""`jaxit export`."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command('export')(export)


def export(
    checkpoint: Annotated[
        Path, typer.Option('--checkpoint', help='Run folder, checkpoint, or anything weights load from.')
    ],
    to: Annotated[Path, typer.Option('--to', help='New folder in Hugging Face layout.')],
    step: Annotated[int | None, typer.Option('--step', help='Of a run; the newest by default.')] = None,
    dtype: Annotated[str, typer.Option('--dtype', help='float32 or bfloat16.')] = 'float32',
    base: Annotated[
        Path | None, typer.Option('--base', help='Interpolate with these weights, against forgetting; see --alpha.')
    ] = None,
    alpha: Annotated[
        float, typer.Option('--alpha', help='Share of --checkpoint against --base: 1 is the tuned model, 0 the base.')
    ] = 1.0,
) -> None:
    """Write weights, config and tokenizer as Hugging Face transformers reads them; LoRA is merged.

    A run's chat format goes along as a chat template, and all that ends its replies; the template of the weights that the
    run began with does not.

    Example: jaxit export --checkpoint runs/gemma --to exported/gemma
    """
    import jax

    from jaxit.checkpoints import huggingface, weights
    from jaxit.cli import console
    from jaxit.cli.loaded import layout_of
    from jaxit.core.errors import UserError
    from jaxit.text import chat, chat_template, tokenizers

    if to.exists():
        raise UserError(f'{to}: exists already; --to names a new folder')
    if not 0 <= alpha <= 1:
        raise UserError(f'--alpha is {alpha}; it must lie in 0..1')
    found = weights.load(checkpoint, step)
    params = found.params
    if base is not None:
        other = weights.load(base)
        if other.config != found.config:
            raise UserError(f'{base}: holds another model than {checkpoint}; only equal ones can be interpolated')
        params = jax.tree.map(lambda x, y: alpha * x + (1 - alpha) * y, params, other.params)
    if found.tokenizer is None:
        huggingface.save(to, found.config, params, tokenizer_files={}, dtype=dtype)
    else:
        tokenizer = tokenizers.load(found.tokenizer)
        layout, files, stops = layout_of(checkpoint), tokenizer.files(), (tokenizer.eos_id,)
        template = None
        if layout is not None and layout.chat_format is not None:
            stops = chat.stop_ids(layout.chat_format, tokenizer)
            template = chat_template.write(layout.chat_format, tokenizer, layout.format)
        files = files if layout is None else chat_template.put(files, template)
        ids = {'eos_ids': stops, 'pad_id': tokenizer.pad_id, 'bos_id': tokenizer.bos_id}
        huggingface.save(to, found.config, params, tokenizer_files=files, dtype=dtype, **ids)
    console.say(f'{to}: written')
