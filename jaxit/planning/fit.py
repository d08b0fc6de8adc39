"""Does a run fit? The real train step, compiled by the TPU compiler for the real slice, on any machine."""

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxit.core import batch as batch_lib
from jaxit.core import tree
from jaxit.core.types import Array, Params
from jaxit.planning.topologies import Topology, devices
from jaxit.sharding.apply import batch_sharding
from jaxit.sharding.mesh import MeshConfig, make_mesh
from jaxit.sharding.rules import Rules
from jaxit.training.state import TrainState, abstract_state
from jaxit.training.step import TrainStep, compile_step


@dataclasses.dataclass(frozen=True)
class Fit:
    """What the compiler says of one device.

    Attributes:
        state_bytes: params, moments and counters of its share.
        batch_bytes: its rows.
        temporary_bytes: the most that activations and gradients take at once.
        code_bytes: of the program.
        capacity_bytes: memory of the device that a program may use.
        num_params: of the whole model.
        num_trained_params: those with gradients and moments.
        flops: of the program on one device, as the compiler counts them; loops are counted once.
    """

    state_bytes: int
    batch_bytes: int
    temporary_bytes: int
    code_bytes: int
    capacity_bytes: int
    num_params: int
    num_trained_params: int
    flops: float

    @property
    def total_bytes(self) -> int:
        """What one device needs; the state is updated in place."""
        return self.state_bytes + self.batch_bytes + self.temporary_bytes + self.code_bytes

    @property
    def fits(self) -> bool:
        """Whether it fits."""
        return self.total_bytes <= self.capacity_bytes


def compile_for(
    step: TrainStep,
    topology: Topology,
    mesh_config: MeshConfig,
    rules: Rules,
    *,
    batch_size: int,
    lengths: dict[str, int | None],
    prepare: Callable[[Params, Array], Params] | None = None,
) -> Fit:
    """Compiles a train step for a slice and returns what it needs.

    Args:
        step: the train step.
        topology: the slice.
        mesh_config: axes over all its devices.
        rules: logical axes to mesh axes.
        batch_size: rows of the global batch.
        lengths: `{'inputs': S or None, 'targets': T}` of a row.
        prepare: adds LoRA.

    Raises:
        UserError: when the mesh does not fit the slice, or libtpu is missing.
        jax.errors.JaxRuntimeError: what the compiler refuses, e.g. a program larger than the memory.
    """
    mesh = make_mesh(mesh_config, devices(topology))
    abstract = abstract_state(step.model, step.optimizer, step.is_trained, mesh, rules, prepare=prepare)
    rows = abstract_batch(batch_size, lengths, mesh, rules)
    with jax.set_mesh(mesh), _without_cache():
        traced = compile_step(step, abstract, mesh, rules).trace(abstract, rows)
        compiled = traced.lower(lowering_platforms=('tpu',)).compile()
    memory, cost = compiled.memory_analysis(), compiled.cost_analysis()
    trained, _ = tree.partition(abstract.params, step.is_trained)
    batch_bytes = sum(_local_bytes(leaf) for leaf in jax.tree.leaves(rows))
    return Fit(
        state_bytes=int(memory.argument_size_in_bytes) - batch_bytes,
        batch_bytes=batch_bytes,
        temporary_bytes=int(memory.temp_size_in_bytes)
        + int(memory.output_size_in_bytes)
        - int(memory.alias_size_in_bytes),
        code_bytes=int(memory.generated_code_size_in_bytes),
        capacity_bytes=topology.device_hbm_bytes,
        num_params=tree.num_params(abstract.params),
        num_trained_params=tree.num_params(trained),
        flops=float((cost or {}).get('flops', 0.0)),
    )


def abstract_batch(batch_size: int, lengths: dict[str, int | None], mesh: Mesh, rules: Rules) -> dict[str, Any]:
    """Returns the shapes and places of a global batch."""
    encoder_decoder = lengths['inputs'] is not None
    made = {}
    for name in batch_lib.features(encoder_decoder=encoder_decoder):
        length = lengths['inputs'] if name.startswith('encoder_') else lengths['targets']
        dtype = jnp.float32 if name in batch_lib.FLOAT_FEATURES else jnp.int32
        made[name] = jax.ShapeDtypeStruct((batch_size, length), dtype, sharding=batch_sharding(mesh, rules))
    return made


def state_bytes_per_device(abstract: TrainState) -> int:
    """Returns the bytes of a state's share on one device."""
    return sum(_local_bytes(leaf) for leaf in jax.tree.leaves(abstract))


def _local_bytes(leaf: jax.ShapeDtypeStruct) -> int:
    assert leaf.sharding is not None
    return int(np.prod(leaf.sharding.shard_shape(leaf.shape), dtype=np.int64)) * leaf.dtype.itemsize


@contextlib.contextmanager
def _without_cache() -> Any:
    """A program for a machine that is not here must not be served from, or kept in, this machine's cache."""
    config: Any = jax.config
    before = config.jax_enable_compilation_cache
    config.update('jax_enable_compilation_cache', False)
    try:
        yield
    finally:
        config.update('jax_enable_compilation_cache', before)
