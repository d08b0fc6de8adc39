"""The few types every layer speaks: params, the model as functions, and losses as sums.

Letters for dimensions, here and everywhere: B batch, T query/target length, S key/source
length, D model, N query heads, K kv heads, G = N // K, H head dim, F mlp, V vocab, L layers.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import jax

from jaxit.core.head import Head

Array = jax.Array
Params = Mapping[str, Any]  # nested dict of arrays
Batch = Mapping[str, Any]  # see core/batch.py
Cache = Any  # the key/value cache, a pytree owned by the model


class LossOutput(NamedTuple):
    """A loss as sums: never a mean, so that it adds over microbatches, devices and hosts.

    Attributes:
        loss_sum: [] float32, weighted negative log-likelihood (and what was added to it).
        weight_sum: [] float32, the weights it was summed over.
        task_loss_sums: [num_tasks] float32, the negative log-likelihood by task, with nothing added.
        task_weight_sums: [num_tasks] float32.
        metrics: further sums by name, each [] float32.
    """

    loss_sum: Array
    weight_sum: Array
    task_loss_sums: Array
    task_weight_sums: Array
    metrics: dict[str, Array]


class ModelApi(Protocol):
    """A model as functions of its params. Built by `models.registry`, used by every layer above."""

    @property
    def config(self) -> Any:
        """The frozen dataclass the model was built from."""
        ...

    @property
    def encoder_decoder(self) -> bool:
        """True for T5, False for a decoder."""
        ...

    @property
    def rules(self) -> tuple[tuple[str, Any], ...]:
        """Logical axes to mesh axes."""
        ...

    @property
    def head_path(self) -> str:
        """The path of the param that `head` projects with."""
        ...

    def init(self, key: Array) -> Params:
        """Returns random params, float32."""
        ...

    def logical_axes(self, params: Params) -> Any:
        """Returns a tree shaped like `params` (arrays or shapes) with a `PartitionSpec` of logical names for each leaf."""
        ...

    def hidden(self, params: Params, batch: Batch, *, dropout_key: Array | None = None) -> Array:
        """Returns the final hidden states of the target tokens, [B, T, D] in the compute dtype."""
        ...

    def head(self, params: Params) -> Head:
        """Returns the output projection."""
        ...

    def apply(self, params: Params, batch: Batch) -> Array:
        """Returns logits [B, T, V] float32."""
        ...

    def init_cache(self, batch_size: int, length: int, *, source_length: int = 0) -> Cache:
        """Returns an empty key/value cache for `length` tokens (prompt and completion together)."""
        ...

    def prefill(self, params: Params, cache: Cache, batch: Batch) -> tuple[Array, Cache]:
        """Reads a prompt and returns (logits of the next token [B, V] float32, cache).

        A decoder takes `decoder_input_tokens` [B, T] padded on the right and
        `prompt_lengths` [B]. An encoder-decoder takes `encoder_input_tokens` [B, S]
        (0 = padding) and starts its decoder with the pad token.
        """
        ...

    def decode_step(self, params: Params, cache: Cache, tokens: Array) -> tuple[Array, Cache]:
        """Appends one token [B] int32 to each sequence and returns (logits of the next [B, V] float32, cache)."""
        ...
