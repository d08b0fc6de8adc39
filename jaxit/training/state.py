"""The train state, and where each of its arrays lives."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxit.core import tree
from jaxit.core.types import Array, ModelApi, Params
from jaxit.sharding.apply import shardings
from jaxit.sharding.rules import Rules


class TrainState(NamedTuple):
    """Everything a step reads and writes; a checkpoint holds this and the data position.

    Attributes:
        step: [] int32, optimizer steps so far, skipped ones included.
        params: all params, trained or frozen, float32.
        opt_state: the optimizer's state of the trained params.
        rng: [2] uint32, the base key of dropout; step t uses `fold_in(key, t)`.
        skipped: [] int32, steps whose loss or gradient was not finite.
        skipped_in_a_row: [] int32.
    """

    step: Array
    params: Params
    opt_state: optax.OptState
    rng: Array
    skipped: Array
    skipped_in_a_row: Array


def create(
    params: Params, optimizer: optax.GradientTransformation, is_trained: Callable[[str], bool], key: Array
) -> TrainState:
    """Returns the first state; call it inside jit with `state_shardings` as out_shardings."""
    trained, _ = tree.partition(params, is_trained)
    zero = jnp.zeros((), jnp.int32)
    # Distinct buffers: the state is donated, and a buffer can be donated once.
    return TrainState(zero, params, optimizer.init(trained), jax.random.key_data(key), zero + 0, zero + 0)


def state_shardings(model: ModelApi, abstract: TrainState, mesh: Mesh, rules: Rules) -> Any:
    """Returns a `TrainState` of shardings.

    Moments live where their params do. What is not shaped like a param (Adafactor's
    factored rows and columns, counters) is small and replicated.
    """
    everywhere: Any = NamedSharding(mesh, PartitionSpec())
    params = shardings(model.logical_axes(abstract.params), abstract.params, mesh, rules)
    by_path = tree.flatten(params)
    shapes = tree.flatten(abstract.params)

    def of_moment(path: tuple, leaf: Any) -> NamedSharding:
        text = tree.path_string(path)
        owner = next((p for p in by_path if text.endswith(f'/{p}') and shapes[p].shape == leaf.shape), None)
        return everywhere if owner is None else by_path[owner]

    opt_state = jax.tree_util.tree_map_with_path(of_moment, abstract.opt_state)
    return TrainState(everywhere, params, opt_state, everywhere, everywhere, everywhere)


def initialize(
    model: ModelApi,
    optimizer: optax.GradientTransformation,
    is_trained: Callable[[str], bool],
    mesh: Mesh,
    rules: Rules,
    *,
    key: Array,
    prepare: Callable[[Params, Array], Params] | None = None,
    params: Params | None = None,
) -> TrainState:
    """Returns the first state on the mesh; no array is ever whole on one device unless the rules say so.

    Args:
        model: the model.
        optimizer: of the trained params.
        is_trained: which paths are trained.
        mesh: the mesh.
        rules: logical axes to mesh axes.
        key: initial params and LoRA come from it.
        prepare: changes the params before the optimizer sees them (adds LoRA).
        params: weights to start from; random when None.
    """
    make, arguments = _maker(model, optimizer, is_trained, key, prepare, params)
    abstract = jax.eval_shape(make, *arguments)
    with jax.set_mesh(mesh):
        return jax.jit(make, out_shardings=state_shardings(model, abstract, mesh, rules))(*arguments)


def abstract_state(
    model: ModelApi,
    optimizer: optax.GradientTransformation,
    is_trained: Callable[[str], bool],
    mesh: Mesh,
    rules: Rules,
    *,
    prepare: Callable[[Params, Array], Params] | None = None,
) -> TrainState:
    """Returns shapes, dtypes and shardings of the state, as a restore wants them; nothing is computed."""
    make, arguments = _maker(model, optimizer, is_trained, jax.random.key(0), prepare, None)
    abstract = jax.eval_shape(make, *arguments)
    places = state_shardings(model, abstract, mesh, rules)
    return jax.tree.map(lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s), abstract, places)


def _maker(
    model: ModelApi,
    optimizer: optax.GradientTransformation,
    is_trained: Callable[[str], bool],
    key: Array,
    prepare: Callable[[Params, Array], Params] | None,
    params: Params | None,
) -> tuple[Callable[..., TrainState], tuple]:
    def make(key: Array, params: Params | None) -> TrainState:
        params = model.init(key) if params is None else params
        params = params if prepare is None else prepare(params, jax.random.fold_in(key, 1))
        return create(params, optimizer, is_trained, jax.random.fold_in(key, 2))

    return make, (key, params)
