"""The device mesh: four named axes, always present, most of them of size 1."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import mesh_utils
from jax.sharding import AxisType, Mesh

from jaxit.core.errors import UserError

MESH_AXES = ('data', 'fsdp', 'tensor', 'sequence')


@dataclasses.dataclass(frozen=True)
class MeshConfig:
    """Sizes of the mesh axes; one of them may be -1 and takes what is left.

    Attributes:
        data: replicas of the params; the batch is split over them.
        fsdp: the batch and the params are both split over these devices.
        tensor: heads, mlp and vocabulary are split over these devices.
        sequence: the length of activations is split over these devices.
        num_slices: slices joined by the data-centre network; `data` is a multiple of it.
    """

    data: int = -1
    fsdp: int = 1
    tensor: int = 1
    sequence: int = 1
    num_slices: int = 1

    def sizes(self, num_devices: int) -> tuple[int, int, int, int]:
        """Returns the four sizes with -1 filled in.

        Raises:
            UserError: when the sizes do not multiply to `num_devices`.
        """
        sizes = [self.data, self.fsdp, self.tensor, self.sequence]
        free = [i for i, size in enumerate(sizes) if size == -1]
        known = math.prod(size for size in sizes if size != -1)
        if any(size < 1 and size != -1 for size in sizes) or len(free) > 1:
            raise UserError(
                f'mesh sizes {dict(zip(MESH_AXES, sizes, strict=True))}: each is at least 1, and one may be -1'
            )
        if free and num_devices % known == 0:
            sizes[free[0]] = num_devices // known
        if math.prod(sizes) != num_devices:
            raise UserError(
                f'mesh {dict(zip(MESH_AXES, sizes, strict=True))} needs {known} devices'
                f'{" or a multiple" if free else ""}, and there are {num_devices}'
            )
        return sizes[0], sizes[1], sizes[2], sizes[3]


def make_mesh(config: MeshConfig, devices: Sequence[Any] | None = None) -> Mesh:
    """Returns the mesh over the given devices (all devices by default).

    Slices are joined along `data`, so that only gradients cross the data-centre network.
    """
    devices = list(jax.devices() if devices is None else devices)
    sizes = config.sizes(len(devices))
    types = (AxisType.Auto,) * len(MESH_AXES)
    if config.num_slices > 1:
        if sizes[0] % config.num_slices:
            raise UserError(f'mesh axis data={sizes[0]} is not a multiple of num_slices={config.num_slices}')
        inner = (sizes[0] // config.num_slices, *sizes[1:])
        grid = mesh_utils.create_hybrid_device_mesh(
            inner, (config.num_slices, 1, 1, 1), devices, allow_split_physical_axes=True
        )
    elif devices[0].platform == 'cpu':
        grid = np.array(devices).reshape(sizes)
    else:
        grid = mesh_utils.create_device_mesh(sizes, devices, allow_split_physical_axes=True)
    return Mesh(grid, MESH_AXES, axis_types=types)
