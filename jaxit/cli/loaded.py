"""A model opened for use: weights, tokenizer, and how its run laid prompts out."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from jaxit.checkpoints import weights as weights_lib
from jaxit.cli.experiment import DataConfig
from jaxit.core.errors import UserError
from jaxit.core.files import read_json
from jaxit.core.types import ModelApi, Params
from jaxit.decoding.engine import Engine
from jaxit.evaluation.rank_classification import reply_ids
from jaxit.models import registry
from jaxit.models.execution import Execution
from jaxit.sharding.apply import shardings
from jaxit.sharding.mesh import MeshConfig, make_mesh
from jaxit.text import chat, tokenizers
from jaxit.text.base import Tokenizer
from jaxit.text.examples import Example, Part, TokenFormat, ordinary, prompt_ids

RUN_FILE = 'run.json'
MAX_PROMPT_LENGTH = 1 << 16

Prompt = str | Sequence[Mapping[str, Any]]  # a text, or the messages of a conversation


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a run laid out its examples.

    Attributes:
        format: lengths, BOS and separator.
        chat_format: the format of conversations; None for plain text.
        modules: Python modules that register the run's tasks.
        seed: of the run; it drew the templates of its suites.
    """

    format: TokenFormat
    chat_format: str | None = None
    modules: tuple[str, ...] = ()
    seed: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class Loaded:
    """A model ready to write and to score.

    Attributes:
        model: as functions of params.
        params: float32, low-rank updates merged.
        tokenizer: the one it was trained with.
        config: the architecture.
        layout: of its run; None where the weights came without one.
        mesh: of all devices, where there are several.
    """

    model: ModelApi
    params: Params
    tokenizer: Tokenizer
    config: Any
    layout: Layout | None = None
    mesh: Any = None

    def engine(self, *, batch_size: int = 8, chat_format: str | None = None) -> Engine:
        """Returns the engine that writes; replies end at EOS and at the end mark of the chat format."""
        stops = chat.stop_ids(chat_format, self.tokenizer) if chat_format is not None else (self.tokenizer.eos_id,)
        return Engine(
            self.model,
            self.params,
            stops,
            pad_id=self.tokenizer.pad_id,
            max_prompt_length=MAX_PROMPT_LENGTH,
            batch_size=batch_size,
            mesh=self.mesh,
        )

    def chat_format(self, chosen: str | None = None) -> str | None:
        """Returns the chat format that was chosen, or else the run's own."""
        if chosen is not None:
            return chat.get(chosen).name
        return None if self.layout is None else self.layout.chat_format

    def suite_format(self) -> TokenFormat:
        """Returns how examples of suites are laid out: as the run did, or as a run does by default."""
        if self.layout is not None:
            return self.layout.format
        return DataConfig().token_format(encoder_decoder=self.model.encoder_decoder)

    def prompt_format(self) -> TokenFormat:
        """Returns how a prompt is laid out: as the run did but never cut; without a run nothing is put behind it."""
        plain = TokenFormat(self.model.encoder_decoder, MAX_PROMPT_LENGTH, 2, separator='')
        known = plain if self.layout is None else self.layout.format
        return dataclasses.replace(known, inputs_length=MAX_PROMPT_LENGTH, targets_length=MAX_PROMPT_LENGTH)

    def example(self, prompt: Prompt, completion: str = '', *, chat_format: str | None = None) -> Example:
        """Returns a prompt with its completion as training would see it.

        Args:
            prompt: a text, or messages that end with the user's.
            completion: the reply.
            chat_format: see `chat_format`.
        """
        if isinstance(prompt, str) and chat_format is None:
            return ordinary(prompt, completion)
        messages = [{'role': 'user', 'content': prompt}] if isinstance(prompt, str) else list(prompt)
        if chat_format is None:
            raise UserError(
                f'these weights know no chat format, and the prompt is a conversation; choose one of {", ".join(chat.FORMATS)}'
            )
        given = chat.prompt_parts(messages, chat_format)
        if not completion:
            return Example((*given, Part('', loss=True)))
        reply = {'role': 'assistant', 'content': completion}
        whole = chat.to_parts([*messages, reply], chat_format)
        return Example((*given, *(part for part in whole[len(given) :] if part.loss)))

    def prompt_ids(self, prompt: Prompt, *, chat_format: str | None = None) -> list[int]:
        """Returns the tokens that the model reads before it writes."""
        return prompt_ids(self.example(prompt, chat_format=chat_format), self.tokenizer, self.prompt_format())

    def completion_ids(self, prompt: Prompt, completion: str, *, chat_format: str | None = None) -> list[int]:
        """Returns the tokens of a completion, ended as replies are in training."""
        example = self.example(prompt, completion, chat_format=chat_format)
        return reply_ids(example, self.tokenizer, self.prompt_format())


def load(path: str | os.PathLike[str], *, step: int | None = None, dtype: str = 'float32') -> Loaded:
    """Opens weights from wherever they are.

    Args:
        path: a run, its checkpoint, a Hugging Face folder, or what `jaxit import` wrote.
        step: of a run; None for the newest.
        dtype: of matrix products, 'float32' or 'bfloat16'.

    Raises:
        UserError: when there is nothing to load, or no tokenizer beside it.
    """
    execution = Execution(dtype=dtype)
    found = weights_lib.load(path, step)
    if found.tokenizer is None:
        raise UserError(f'{path}: no tokenizer came with these weights; jaxit import --tokenizer brings them together')
    tokenizer = tokenizers.load(found.tokenizer)
    if found.tokenizer_sha256 and tokenizer.sha256 != found.tokenizer_sha256:
        raise UserError(f'{found.tokenizer}: not the tokenizer that {path} was trained with')
    if tokenizer.vocab_size > found.config.vocab_size:
        raise UserError(
            f'{found.tokenizer}: the tokenizer has {tokenizer.vocab_size} tokens and the model '
            f'{found.config.vocab_size}; they do not belong together'
        )
    model = registry.build(found.config, execution)
    mesh, params = None, found.params
    if len(devices()) > 1:
        mesh = make_mesh(MeshConfig(data=1, fsdp=-1), devices())
        params = jax.device_put(params, shardings(model.logical_axes(params), params, mesh, execution.rules))
    return Loaded(model, params, tokenizer, found.config, layout_of(path), mesh)


def devices() -> list[Any]:
    """Returns the devices that weights are spread over: all of this process."""
    return jax.local_devices()


def layout_of(path: str | os.PathLike[str]) -> Layout | None:
    """Returns how the run at a path laid out its examples; None where there is no run, or none that says so."""
    home = weights_lib.home_of(Path(path).absolute())
    if home is None or not (home / RUN_FILE).is_file():
        return None
    facts = read_json(home / RUN_FILE)
    data = facts.get('data')
    if data is None:
        return None
    try:
        format = TokenFormat(**data['format'])
        return Layout(format, data['chat_format'], tuple(data['modules']), facts['seed'])
    except (KeyError, TypeError):
        raise UserError(f'{home / RUN_FILE}: "data" does not say how examples were laid out') from None
