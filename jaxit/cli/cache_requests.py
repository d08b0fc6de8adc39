"""What to cache, from a gin file or from options."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxit.checkpoints import weights as weights_lib
from jaxit.cli import gin_files
from jaxit.cli.caching import Request
from jaxit.cli.experiment import DataConfig, Experiment
from jaxit.core.errors import UserError
from jaxit.models.t5 import T5Config


def make(
    gin_file: Sequence[str],
    overrides: Sequence[str],
    modules: Sequence[str],
    *,
    tokenizer: str | None,
    encoder_decoder: bool | None,
    changes: Mapping[str, Any],
) -> Request:
    """Returns the request that gin files and options make together; options win.

    Args:
        gin_file: of an experiment; may be none.
        overrides: of gin values.
        modules: Python modules that register tasks.
        tokenizer: path or name.
        encoder_decoder: the kind of model.
        changes: fields of `DataConfig`.

    Raises:
        UserError: when neither says what to cache, or with which tokenizer.
    """
    data, seed = DataConfig(mixture=''), 0
    if gin_file:
        experiment = gin_files.load(gin_file, overrides, modules)
        data, seed = experiment.data, experiment.trainer.seed
        tokenizer = tokenizer or _tokenizer(experiment)
        if encoder_decoder is None:
            config = experiment.model or weights_lib.config_of(str(experiment.weights))
            encoder_decoder = isinstance(config, T5Config)
    elif overrides:
        raise UserError(f'--gin.{overrides[0]}: values are set over a --gin_file')
    data = dataclasses.replace(data, modules=tuple(dict.fromkeys((*data.modules, *modules))), **changes)
    if not data.mixture:
        raise UserError('what is cached? give --mixture NAME or --gin_file FILE')
    if tokenizer is None:
        raise UserError("which tokenizer? give --tokenizer: 'bytes', a file or a folder")
    return Request(dataclasses.asdict(data), tokenizer, bool(encoder_decoder), seed)


def _tokenizer(experiment: Experiment) -> str | None:
    """The experiment's own, or the one beside its weights."""
    if experiment.tokenizer is not None or experiment.weights is None:
        return experiment.tokenizer
    home = weights_lib.home_of(Path(experiment.weights).absolute())
    return experiment.weights if home is None else str(home / weights_lib.TOKENIZER_FOLDER)
