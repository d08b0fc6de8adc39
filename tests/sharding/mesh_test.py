"""Sizes of the mesh, filled in and refused."""

import jax
import pytest
from jax.sharding import AxisType

from jaxit.core.errors import UserError
from jaxit.sharding.mesh import MESH_AXES, MeshConfig, make_mesh


@pytest.mark.parametrize(
    ('config', 'devices', 'sizes'),
    [
        (MeshConfig(), 8, (8, 1, 1, 1)),
        (MeshConfig(data=1, fsdp=-1, tensor=2), 8, (1, 4, 2, 1)),
        (MeshConfig(data=2, tensor=-1, sequence=3), 12, (2, 1, 2, 3)),
        (MeshConfig(data=2, fsdp=3), 6, (2, 3, 1, 1)),
        (MeshConfig(data=4, fsdp=2, sequence=-1), 8, (4, 2, 1, 1)),
    ],
)
def test_sizes(config, devices, sizes):
    assert config.sizes(devices) == sizes


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (MeshConfig(data=3), r"'data': 3.* needs 3 devices, and there are 8"),
        (MeshConfig(fsdp=3), r'needs 3 devices or a multiple, and there are 8'),
        (MeshConfig(data=16), r'needs 16 devices, and there are 8'),
        (MeshConfig(fsdp=-1), r'one may be -1'),
        (MeshConfig(tensor=0), r'each is at least 1'),
        (MeshConfig(data=8, tensor=-2), r'each is at least 1'),
    ],
)
def test_sizes_that_do_not_fit_are_refused(config, message):
    with pytest.raises(UserError, match=message):
        config.sizes(8)


def test_the_mesh_holds_each_device_once_in_order_with_automatic_axes():
    mesh = make_mesh(MeshConfig(data=2, fsdp=1, tensor=4))
    assert mesh.axis_names == MESH_AXES
    assert dict(mesh.shape) == {'data': 2, 'fsdp': 1, 'tensor': 4, 'sequence': 1}
    assert [device.id for device in mesh.devices.flat] == [device.id for device in jax.devices()]
    assert set(mesh.axis_types) == {AxisType.Auto}


def test_a_mesh_over_some_devices():
    mesh = make_mesh(MeshConfig(data=1, fsdp=-1), jax.devices()[3:6])
    assert [device.id for device in mesh.devices.flat] == [3, 4, 5]


def test_slices_split_data():
    with pytest.raises(UserError, match=r'data=3 is not a multiple of num_slices=2'):
        make_mesh(MeshConfig(data=3, fsdp=2, num_slices=2), jax.devices()[:6])
