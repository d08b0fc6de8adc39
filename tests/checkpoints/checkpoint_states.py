"""Small train states whose values are a pure function of the step, sharded on a mesh."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

OPTIMIZER = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(1e-3))
SHAPES = {'embedding': (16, 40), 'kernel': (40, 24), 'scale': (24,)}


def make_mesh(*shape: int) -> jax.sharding.Mesh:
    devices = jax.devices()[: int(np.prod(shape))]
    return jax.make_mesh(shape, ('data', 'model')[: len(shape)], (AxisType.Auto,) * len(shape), devices=devices)


def values(step: int) -> dict:
    """The state on the host; every leaf differs at every step."""
    generator = np.random.default_rng(step)
    params = {
        'decoder': {name: generator.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()},
        'head': {'kernel': generator.normal(size=(40, 16)).astype(jnp.bfloat16)},
    }
    moments = jax.tree.map(lambda x: np.asarray(x * 0.5).astype(x.dtype), params)
    state = OPTIMIZER.init(jax.tree.map(jnp.asarray, params))
    adam = state[1][0]._replace(count=np.int32(step), mu=moments, nu=moments)
    return {
        'params': params,
        'opt_state': (state[0], (adam, *state[1][1:])),
        'step': np.int32(step),
        'rng': jax.random.key(step),
        'flags': generator.integers(0, 2, (3,)).astype(bool),
        'bytes': generator.integers(0, 256, (2, 5)).astype(np.uint8),
        'counters': generator.integers(0, 2**32, (7,), dtype=np.uint32),
    }


def sharding(mesh: jax.sharding.Mesh, shape: tuple[int, ...]) -> NamedSharding:
    """Splits each of the first dimensions over a mesh axis that divides it."""
    spec = [axis if size % mesh.shape[axis] == 0 else None for axis, size in zip(mesh.axis_names, shape, strict=False)]
    return NamedSharding(mesh, P(*spec))


def make_state(step: int, mesh: jax.sharding.Mesh) -> dict:
    return jax.tree.map(lambda x: jax.device_put(x, sharding(mesh, np.shape(x))), values(step))


def abstract_state(mesh: jax.sharding.Mesh) -> dict:
    shapes = jax.eval_shape(
        lambda: jax.tree.map(lambda x: x if isinstance(x, jax.Array) else jnp.asarray(x), values(0))
    )
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding(mesh, x.shape)), shapes)


def host(leaf: jax.Array) -> np.ndarray:
    return np.asarray(jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf)


def differing(state: dict, step: int) -> list[str]:
    """The paths whose bytes are not those of `values(step)`; types of the containers are compared too."""
    expected = jax.tree.map(lambda x: x if isinstance(x, jax.Array) else jnp.asarray(x), values(step))
    if jax.tree.structure(state) != jax.tree.structure(expected):
        return ['(structure)']
    pairs = zip(jax.tree_util.tree_leaves_with_path(state), jax.tree.leaves(expected), strict=True)
    return [
        jax.tree_util.keystr(path)
        for (path, got), want in pairs
        if got.dtype != want.dtype or host(got).tobytes() != host(want).tobytes()
    ]


def position(step: int) -> dict:
    return {'version': 1, 'seed': 0, 'window': step // 7, 'row': step % 7, 'emitted': step * 8}
