"""jaxit from Python: load a model, let it write, score answers, train. See docs/api.md."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jaxit.core.errors import UserError

if TYPE_CHECKING:
    from jaxit.cli.experiment import Experiment
    from jaxit.cli.loaded import Loaded


def load(path: str | os.PathLike[str], *, step: int | None = None, dtype: str = 'float32') -> Loaded:
    """Returns a model with `model`, `params`, `tokenizer` and `config`.

    Args:
        path: a run folder, one of its checkpoints, a Hugging Face folder, an export, or what `jaxit import` wrote.
        step: of a run; None for the newest.
        dtype: of matrix products, 'float32' or 'bfloat16'; params are float32.

    Raises:
        UserError: when there is nothing to load there, or it cannot be read.
    """
    from jaxit.cli import loaded

    return loaded.load(path, step=step, dtype=dtype)


def generate(
    loaded: Loaded,
    prompts: str | Sequence[str],
    *,
    max_new_tokens: int = 64,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: Sequence[str] = (),
    seed: int = 0,
    chat_format: str | None = None,
    batch_size: int = 8,
) -> list[str]:
    """Returns what the model writes after each prompt.

    A prompt is laid out as the run that trained the model laid out its examples (BOS, separator or chat
    format, EOS of an encoder). Weights that know of no run get the prompt as it is.

    Args:
        loaded: from `load`.
        prompts: one, or several; the answer is a list either way.
        max_new_tokens: of each answer.
        temperature: 0 takes the likeliest token.
        top_k: keeps the k likeliest tokens.
        top_p: keeps the likeliest tokens that sum to p.
        stop: texts before which an answer is cut.
        seed: of the draws.
        chat_format: writes each prompt as the user's turn in this format; the run's own by default.
        batch_size: prompts decoded together; answers do not depend on it.
    """
    from jaxit.decoding.sampling import SamplingConfig
    from jaxit.decoding.stops import cut_at_stops

    format = loaded.chat_format(chat_format)
    asked = [prompts] if isinstance(prompts, str) else list(prompts)
    completions = loaded.engine(batch_size=batch_size, chat_format=format).generate(
        [loaded.prompt_ids(prompt, chat_format=format) for prompt in asked],
        max_new_tokens=max_new_tokens,
        sampling=SamplingConfig(temperature, top_k, 1.0 if top_p is None else top_p),
        seed=seed,
    )
    stops = [stop] if isinstance(stop, str) else list(stop)
    return [cut_at_stops(loaded.tokenizer.decode(c.ids), stops).strip() for c in completions]


def score(
    loaded: Loaded,
    prompts: Sequence[str],
    completions: Sequence[str],
    *,
    chat_format: str | None = None,
    batch_size: int = 8,
) -> list[float]:
    """Returns the log-likelihood (nats) of each completion after its prompt, summed over its tokens.

    Prompts are laid out as for `generate`; the token that ends an answer in training counts, so that a
    completion is scored as a whole answer.

    Args:
        loaded: from `load`.
        prompts: as many as completions.
        completions: the answers to score.
        chat_format: as for `generate`.
        batch_size: scored together; scores do not depend on it.
    """
    from jaxit.decoding import scoring

    if isinstance(prompts, str) or isinstance(completions, str) or len(prompts) != len(completions):
        raise UserError('score takes a list of prompts and a list of completions of the same length')
    format = loaded.chat_format(chat_format)
    pairs = list(zip(prompts, completions, strict=True))
    scores = scoring.score(
        loaded.model,
        loaded.params,
        [loaded.prompt_ids(prompt, chat_format=format) for prompt, _ in pairs],
        [loaded.completion_ids(prompt, completion, chat_format=format) for prompt, completion in pairs],
        batch_size=batch_size,
        mesh=loaded.mesh,
    )
    return scores.sums.tolist()


def train(
    experiment: Experiment | str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    run_dir: str | os.PathLike[str] | None = None,
    overrides: Sequence[str] = (),
) -> Path:
    """Trains, or goes on training, and returns the run folder: `jaxit train` as a function.

    Args:
        experiment: an `Experiment`, a gin file, or several.
        run_dir: the run folder; `runs/<name>` by default.
        overrides: bindings over gin files, e.g. 'optimizer.learning_rate=1e-4'.

    Raises:
        UserError: for anything that does not fit, before the first step.
    """
    from jaxit.cli import gin_files
    from jaxit.cli import train as train_lib
    from jaxit.cli.experiment import Experiment

    folder = None if run_dir is None else str(run_dir)
    if isinstance(experiment, Experiment):
        if overrides:
            raise UserError('overrides are for gin files; change an Experiment with dataclasses.replace')
        return train_lib.run(experiment, folder)
    files = [experiment] if isinstance(experiment, str | os.PathLike) else list(experiment)
    values = gin_files.load([str(file) for file in files], list(overrides))
    return train_lib.run(values, folder, config_text=gin_files.operative_config())
