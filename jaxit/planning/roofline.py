"""FLOPs of a training step, the least time it can take, and how much of the hardware a step has used.

Counted are model FLOPs, as in PaLM (Chowdhery et al. 2022, arXiv:2204.02311, appendix B): what the mathematics
needs, not what rematerialisation repeats. Unlike there a causal query is charged for the keys it may see, not for all.

    [m, k] @ [k, n]             2 m k n
    a weight of P elements      2 P per token forward, 2 P for the gradient of its input, 2 P for its own: 6 P;
                                4 P when it is frozen (LoRA)
    attention                   4 N H per layer and (query, key) pair forward, twice that backward: 12 N H
    the output projection       6 D V per token that carries loss

B batch, T target length, S source length, D model, N query heads, K kv heads, H head dim, F mlp, V vocab, L layers.
"""

import dataclasses
from typing import NamedTuple

from jaxit.models.decoder import DecoderConfig
from jaxit.models.registry import ModelConfig
from jaxit.models.t5 import T5Config
from jaxit.planning.topologies import Topology
from jaxit.sharding.mesh import MeshConfig

COMPUTE_BYTES = 2  # bfloat16: weights as they are used, activations, gradients on the wire
MASTER_BYTES = 4  # float32


@dataclasses.dataclass(frozen=True)
class StepShape:
    """What one step computes on, all microbatches and devices together.

    Attributes:
        num_rows: B.
        target_length: T.
        source_length: S, of an encoder-decoder.
        head_tokens: tokens the output projection sees; None for all B T (packed responses need fewer).
        num_microbatches: the step reads the weights once for each.
    """

    num_rows: int
    target_length: int
    source_length: int = 0
    head_tokens: int | None = None
    num_microbatches: int = 1

    @property
    def num_head_tokens(self) -> int:
        """Tokens the output projection sees."""
        return self.num_rows * self.target_length if self.head_tokens is None else self.head_tokens


class StepFlops(NamedTuple):
    """Model FLOPs of a step by what they are spent on."""

    blocks: float
    attention: float
    head: float

    @property
    def total(self) -> float:
        """All of them."""
        return self.blocks + self.attention + self.head


def step_flops(config: ModelConfig, shape: StepShape, *, frozen: bool = False) -> StepFlops:
    """Returns the model FLOPs of a training step.

    Args:
        config: the architecture.
        shape: rows and lengths; packed rows count as if each were one example, which is an upper bound on attention.
        frozen: whether weights get no gradient of their own (LoRA, whose own FLOPs are left out).
    """
    passes = 2 if frozen else 3
    tokens, source = shape.num_rows * shape.target_length, shape.num_rows * shape.source_length
    on_target, on_source = _block_params(config)
    pairs = shape.num_rows * _attended_pairs(config, shape)
    return StepFlops(
        blocks=passes * 2.0 * (on_target * tokens + on_source * source),
        attention=3 * 4.0 * config.num_heads * config.head_dim * pairs,
        head=passes * 2.0 * config.embed_dim * config.vocab_size * shape.num_head_tokens,
    )


def _block_params(config: ModelConfig) -> tuple[int, int]:
    """Returns the elements of all weights that see (each target token, each source token).

    Decoder layer: D H (2 N + 2 K) + 3 D F. T5: 4 D N H + (2 or 3) D F in the encoder; as much in the decoder and
    2 D N H for the queries and outputs of its attention to the source, whose keys and values see source tokens.
    """
    if isinstance(config, DecoderConfig):
        attention = config.embed_dim * config.head_dim * 2 * (config.num_heads + config.num_kv_heads)
        return config.num_layers * (attention + 3 * config.embed_dim * config.mlp_dim), 0
    projection = config.embed_dim * config.num_heads * config.head_dim
    mlp = (3 if config.gated else 2) * config.embed_dim * config.mlp_dim
    on_target = config.num_decoder_layers * (6 * projection + mlp)
    on_source = config.num_encoder_layers * (4 * projection + mlp) + config.num_decoder_layers * 2 * projection
    return on_target, on_source


def _attended_pairs(config: ModelConfig, shape: StepShape) -> int:
    """Returns the (query, key) pairs of a row, summed over layers; a prefix LM is counted as causal."""
    T, S = shape.target_length, shape.source_length
    if isinstance(config, T5Config):
        return config.num_encoder_layers * S * S + config.num_decoder_layers * (causal_pairs(T) + T * S)
    windows = (config.sliding_window if config.is_sliding(layer) else None for layer in range(config.num_layers))
    return sum(causal_pairs(T, window) for window in windows)


def causal_pairs(length: int, window: int | None = None) -> int:
    """Returns how many (query, key) pairs causal attention has: the sum of min(t, window) for t from 1 to length."""
    if window is None or window >= length:
        return length * (length + 1) // 2
    return window * (window + 1) // 2 + (length - window) * window


class Floor(NamedTuple):
    """The least seconds a step can take on each resource if the others cost nothing."""

    compute: float
    memory: float
    network: float

    @property
    def seconds(self) -> float:
        """The least a step can take: everything overlaps, and the slowest resource is never idle."""
        return max(self)

    @property
    def bound(self) -> str:
        """Which resource that is."""
        return self._fields[self.index(self.seconds)]


def step_floor(
    config: ModelConfig,
    shape: StepShape,
    topology: Topology,
    mesh: MeshConfig,
    *,
    num_params: int,
    num_trained: int | None = None,
    moment_bytes: int = 8,
) -> Floor:
    """Returns the least time of a training step. Well-tuned runs publish utilisations of 0.45 to 0.6 of `compute`.

    Args:
        config: the architecture.
        shape: rows and lengths.
        topology: the slice.
        mesh: how the params and the batch are split over it.
        num_params: of the model.
        num_trained: of those that the optimizer changes; None for all.
        moment_bytes: what the optimizer keeps per trained param (AdamW 8, Lion 4, Adafactor nearly 0).
    """
    trained = num_params if num_trained is None else num_trained
    flops = step_flops(config, shape, frozen=trained < num_params).total
    sizes = mesh.sizes(topology.num_devices)
    share = topology.generation.devices_per_chip * 1e-9
    memory = _memory_bytes(sizes, shape, num_params, trained, moment_bytes)
    network = _weight_traffic(sizes, shape, num_params, trained) + _activation_traffic(sizes, shape, config)
    return Floor(
        compute=flops / topology.peak_flops,
        memory=memory * share / topology.generation.hbm_gb_per_s,
        network=network * share / (topology.generation.ici_gb_per_s / 2),
    )


def _memory_bytes(
    sizes: tuple[int, int, int, int], shape: StepShape, params: int, trained: int, moment_bytes: int
) -> float:
    """Bytes through the memory of one device: the weights read forward and backward, the optimizer's state changed."""
    _, fsdp, tensor, _ = sizes
    weights = 2 * COMPUTE_BYTES * params / tensor * shape.num_microbatches
    return weights + 2 * (MASTER_BYTES + moment_bytes) * trained / (fsdp * tensor)


def _weight_traffic(sizes: tuple[int, int, int, int], shape: StepShape, params: int, trained: int) -> float:
    """Bytes one device sends for weights and their gradients.

    fsdp of size n: weights gathered forward and backward, gradients scattered, (n - 1) / n of each, per microbatch.
    data of size n: gradients reduced once, 2 (n - 1) / n of what the device holds.
    """
    data, fsdp, tensor, _ = sizes
    gathered = COMPUTE_BYTES * (2 * params + trained) / tensor * (fsdp - 1) / fsdp * shape.num_microbatches
    return gathered + COMPUTE_BYTES * trained / (tensor * fsdp) * 2 * (data - 1) / data


def _activation_traffic(sizes: tuple[int, int, int, int], shape: StepShape, config: ModelConfig) -> float:
    """Bytes one device sends for tensor parallelism: each sublayer's output is reduced forward and backward.

    What the sequence axis moves is left out, as is what goes between slices.
    """
    data, fsdp, tensor, sequence = sizes
    if isinstance(config, T5Config):
        tokens = 2 * config.num_encoder_layers * shape.source_length
        tokens += 3 * config.num_decoder_layers * shape.target_length
    else:
        tokens = 2 * config.num_layers * shape.target_length
    outputs = COMPUTE_BYTES * shape.num_rows * tokens * config.embed_dim / (data * fsdp * sequence)
    return 2 * outputs * 2 * (tensor - 1) / tensor


def model_flop_utilisation(flops: float, seconds: float, peak_flops: float) -> float:
    """Returns model FLOPs / (seconds * peak FLOP/s), a share of 1; `peak_flops` is that of all chips together."""
    return flops / (seconds * peak_flops)
