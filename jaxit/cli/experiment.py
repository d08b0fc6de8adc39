"""An experiment as values: everything `jaxit train` needs to know. gin files fill these in."""

import dataclasses

from jaxit.core.errors import UserError
from jaxit.layers.lora import ALL_LINEAR
from jaxit.models.execution import Execution
from jaxit.models.registry import ModelConfig
from jaxit.sharding.mesh import MeshConfig
from jaxit.text.examples import TokenFormat
from jaxit.training.losses import LossConfig
from jaxit.training.optimizers import OptimizerConfig
from jaxit.training.trainer import TrainerConfig


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """What is trained on, and how it becomes rows.

    Attributes:
        mixture: name of a registered mixture or task, or the path of a JSON file written by `jaxit cache --components`.
        modules: Python modules to import first; they register tasks.
        cache_dir: where token caches are kept.
        inputs_length: most tokens of the inputs of an example.
        targets_length: most tokens of its targets, EOS included.
        row_inputs_length: tokens of a row's encoder side; None for inputs_length. Encoder-decoder only.
        row_length: tokens of a row (its decoder side); None for the longest example.
        pack: whether rows hold several examples.
        add_bos: whether a decoder's example begins with BOS, if the vocabulary has one.
        separator: text between inputs and targets of a decoder's example.
        cut: what goes of inputs that are too long: 'end', 'start', or the example ('drop').
        chat_format: writes every example as a conversation (`gemma`, `chatml`, ...); None for plain text.
        num_workers: processes that build caches.
        on_bad_row: 'error' or 'skip' (counted).
        licences: classes of licences whose tasks take part ('permissive', 'share_alike', ...); all of them when empty.
        strict: whether a task whose data is not here ends the run; else it is left out, with a line in the mixture table.
        leave_out: file of rows that are not trained on, written by `jaxit tasks check --rows`.
    """

    mixture: str = 'primer'
    modules: tuple[str, ...] = ()
    cache_dir: str = 'caches'
    inputs_length: int = 512
    targets_length: int = 256
    row_inputs_length: int | None = None
    row_length: int | None = None
    pack: bool = True
    add_bos: bool = True
    separator: str = '\n'
    cut: str = 'end'
    chat_format: str | None = None
    num_workers: int = 1
    on_bad_row: str = 'error'
    licences: tuple[str, ...] = ()
    strict: bool = False
    leave_out: str | None = None

    def token_format(self, *, encoder_decoder: bool) -> TokenFormat:
        """Returns how examples become tokens."""
        return TokenFormat(
            encoder_decoder, self.inputs_length, self.targets_length, self.add_bos, self.separator, self.cut
        )

    def lengths(self, *, encoder_decoder: bool) -> dict[str, int | None]:
        """Returns the lengths of a row's sides, as the reader wants them."""
        if encoder_decoder:
            return {
                'inputs': self.row_inputs_length or self.inputs_length,
                'targets': self.row_length or self.targets_length,
            }
        return {'inputs': None, 'targets': self.row_length or self.inputs_length + self.targets_length}


@dataclasses.dataclass(frozen=True)
class LoraConfig:
    """Low-rank updates instead of full tuning.

    Attributes:
        rank: r.
        patterns: regular expressions of the linear maps that get one.
    """

    rank: int = 16
    patterns: tuple[str, ...] = ALL_LINEAR

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise UserError(f'lora.rank is {self.rank}; it must be at least 1')


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """What a run is judged on.

    Attributes:
        suites: names of suites; see `jaxit tasks suites`.
        limit: examples of each task; None for all.
        text_limit: plain texts of each task of a forgetting suite; None for all.
        max_new_tokens: of each answer.
        batch_size: prompts decoded together.
        before: whether the starting weights are judged too, as 'base'.
        after: whether the last weights are judged, as 'tuned'.
        num_samples: prompts whose answers are written to samples.jsonl at every sample period.
    """

    suites: tuple[str, ...] = ()
    limit: int | None = 100
    text_limit: int | None = 200
    max_new_tokens: int = 32
    batch_size: int = 16
    before: bool = True
    after: bool = True
    num_samples: int = 4


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A whole run.

    Attributes:
        name: of the run; the default run folder is `runs/<name>`.
        model: the architecture; None to read it from the weights.
        weights: where to start: a Hugging Face folder, a GGUF file or folder, a jaxit run or checkpoint; None for random.
        tokenizer: 'bytes', a tokenizer file or a folder; None for the one beside the weights.
        data: what is trained on.
        optimizer: what is trained, and how.
        loss: what is minimised.
        trainer: how long and how often.
        evaluation: what the run is judged on.
        execution: precision, rematerialisation, sharding rules.
        mesh: sizes of the mesh axes.
        lora: low-rank updates; None for full tuning.
        trackers: 'tensorboard', 'wandb'; metrics.jsonl is always written.
    """

    name: str = 'run'
    model: ModelConfig | None = None
    weights: str | None = None
    tokenizer: str | None = None
    data: DataConfig = DataConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    loss: LossConfig = LossConfig()
    trainer: TrainerConfig = TrainerConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    execution: Execution = Execution()
    mesh: MeshConfig = MeshConfig()
    lora: LoraConfig | None = None
    trackers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.model is None and self.weights is None:
            raise UserError(
                'an experiment needs a model (experiment.model = @families....()) or weights (experiment.weights)'
            )
        if self.tokenizer is None and self.weights is None:
            raise UserError("an experiment without weights needs a tokenizer: 'bytes', a file or a folder")
