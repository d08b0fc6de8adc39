"""One tiny model of each family, and batches built token by token, for the tests of all layers above.

Every dimension has another size, and nothing that could be left out stands at its default.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxit.core import tree
from jaxit.core.types import ModelApi, Params
from jaxit.layers.rope import RopeScaling
from jaxit.models.decoder import DecoderConfig
from jaxit.models.execution import Execution
from jaxit.models.registry import build
from jaxit.models.t5 import T5Config

VOCAB = 42
CONFIGS = {
    'decoder': DecoderConfig(
        vocab_size=VOCAB,
        embed_dim=16,
        num_layers=3,
        num_heads=4,
        num_kv_heads=2,
        head_dim=6,
        mlp_dim=20,
        norm_eps=1e-3,
        rope_theta=500.0,
        rope_scaling=RopeScaling('llama3', 4.0, 1.5, 3.0, 16),
        sliding_window=4,
        global_every=3,
        attention_soft_cap=3.0,
        logit_soft_cap=6.0,
    ),
    't5': T5Config(
        vocab_size=VOCAB,
        embed_dim=16,
        num_encoder_layers=1,
        num_decoder_layers=2,
        num_heads=4,
        head_dim=6,
        mlp_dim=20,
        tied_head=True,
        norm_eps=1e-3,
        relative_buckets=10,
        relative_max_distance=7,
    ),
}
KINDS = tuple(CONFIGS)


class Document(NamedTuple):
    """One example: its ids, the mixture component it is of, and the weight of each target token."""

    inputs: Sequence[int]
    targets: Sequence[int]
    task: int = 0
    weight: float = 1.0


@functools.cache
def model_of(kind: str, **execution: Any) -> ModelApi:
    """Returns the tiny model of a family."""
    return build(CONFIGS[kind], Execution(**execution))


def drawn(model: ModelApi, seed: int = 3) -> Params:
    """Returns random params as numpy arrays, larger than initial ones so that logits differ much; no compilation."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(model.init, jax.random.key(0))

    def draw(path: str, leaf: jax.ShapeDtypeStruct) -> np.ndarray:
        noise = rng.normal(size=leaf.shape)
        return (1 + 0.2 * noise if path.endswith('scale') else 0.4 * noise).astype(np.float32)

    return tree.map_with_path(draw, shapes)


@functools.cache
def params_of(kind: str) -> Params:
    """Returns the params of a tiny model."""
    return drawn(model_of(kind))


def documents(rng: np.random.Generator, sizes: Sequence[tuple[int, int]], num_tasks: int = 1) -> list[Document]:
    """Returns random documents of the given (inputs, targets) lengths."""
    return [
        Document(rng.integers(2, VOCAB, n).tolist(), rng.integers(2, VOCAB, m).tolist(), i % num_tasks)
        for i, (n, m) in enumerate(sizes)
    ]


def batch_of(
    kind: str, rows: Sequence[Sequence[Document]], *, target_length: int, source_length: int = 0, prefix: bool = False
) -> dict[str, np.ndarray]:
    """Returns a batch with the documents of each row packed into it, written one token at a time."""
    encoder_decoder = kind == 't5'
    sides = {'decoder': target_length} | ({'encoder': source_length} if encoder_decoder else {})
    shapes = {f'{side}_{name}': (len(rows), n) for side, n in sides.items() for name in ('input_tokens', 'segment_ids')}
    batch = {name: np.zeros(shape, np.int32) for name, shape in shapes.items()}
    for name in ('decoder_target_tokens', 'task_ids'):
        batch[name] = np.zeros((len(rows), target_length), np.int32)
    for side, n in sides.items():
        batch[f'{side}_positions'] = np.zeros((len(rows), n), np.int32)
    batch['decoder_loss_weights'] = np.zeros((len(rows), target_length), np.float32)
    if prefix:
        batch['decoder_causal_attention'] = np.zeros((len(rows), target_length), np.int32)
    for row, packed in enumerate(rows):
        place, source_place = 0, 0
        for number, document in enumerate(packed, 1):
            if encoder_decoder:
                for position, token in enumerate(document.inputs):
                    batch['encoder_input_tokens'][row, source_place] = token
                    batch['encoder_segment_ids'][row, source_place] = number
                    batch['encoder_positions'][row, source_place] = position
                    source_place += 1
                reads, writes, first = [0, *document.targets[:-1]], document.targets, 0
            else:
                whole = [*document.inputs, *document.targets]
                reads, writes, first = whole[:-1], whole[1:], len(document.inputs) - 1
            for position, (read, write) in enumerate(zip(reads, writes, strict=True)):
                batch['decoder_input_tokens'][row, place] = read
                batch['decoder_target_tokens'][row, place] = write
                batch['decoder_segment_ids'][row, place] = number
                batch['decoder_positions'][row, place] = position
                batch['decoder_loss_weights'][row, place] = document.weight if position >= first else 0.0
                batch['task_ids'][row, place] = document.task
                if prefix:
                    batch['decoder_causal_attention'][row, place] = int(position < len(document.inputs))
                place += 1
    return batch
