"""Topologies: the notation, the numbers against the documentation, and the devices that libtpu shows for them."""

import dataclasses
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import SingleDeviceSharding

from jaxit.core.errors import UserError
from jaxit.planning.topologies import GENERATIONS, Topology, devices, parse

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def libtpu() -> None:
    """Skips where the TPU compiler is not installed."""
    if importlib.util.find_spec('libtpu') is None:
        pytest.skip("libtpu is not installed (pip install 'jaxit[tpu-compile]')")


@pytest.mark.parametrize(
    ('text', 'num_chips', 'num_devices', 'num_hosts', 'chips_per_host'),
    [
        ('v5e:1x1', 1, 1, 1, 1),
        ('v6e:2x4', 8, 8, 1, 8),
        ('v5e:4x4', 16, 16, 4, 4),
        ('v5e:4x8*3', 96, 96, 24, 4),
        ('v4:2x2x1', 4, 4, 1, 4),
        ('v5p:2x4x4', 32, 32, 8, 4),
        ('tpu7x:2x2x2', 8, 16, 2, 4),
        ('v5e:2x4*2', 16, 16, 2, 8),
    ],
)
def test_parse(text: str, num_chips: int, num_devices: int, num_hosts: int, chips_per_host: int) -> None:
    topology = parse(text)
    counted = (topology.num_chips, topology.num_devices, topology.num_hosts, topology.chips_per_host)
    assert counted == (num_chips, num_devices, num_hosts, chips_per_host)
    assert str(topology) == text


def test_peak_and_memory_of_a_slice() -> None:
    assert parse('v5e:4x4').peak_flops == 16 * 197e12
    assert parse('tpu7x:2x2x1*2').peak_flops == 8 * 2307e12
    assert parse('v5e:4x4').device_hbm_bytes == 15.75 * 1024**3


def test_a_pod_is_as_fast_as_documented() -> None:
    """Google gives figures for whole pods too: v5e 50.63 and v6e 234.9 PFLOP/s, v4 1.1 EFLOP/s."""
    assert parse('v5e:16x16').peak_flops == pytest.approx(50.63e15, rel=0.005)
    assert parse('v6e:16x16').peak_flops == pytest.approx(234.9e15, rel=0.005)
    assert parse('v4:16x16x16').peak_flops == pytest.approx(1.1e18, rel=0.03)


@pytest.mark.parametrize(
    ('text', 'complaint'),
    [
        ('v5:4x4', r"unknown TPU generation 'v5' in topology 'v5:4x4'; did you mean v5p, v5e, v4\?"),
        ('', r"unknown TPU generation ''"),
        ('h100:8', r"unknown TPU generation 'h100' .* choices: tpu7x, v4, v5e, v5p, v6e"),
        ('v5e', r"topology 'v5e' is not GENERATION:SHAPE or GENERATION:SHAPE\*SLICES; write v5e:4x4"),
        ('v4:2x', r'write v4:2x2x1'),
        ('v5e:4X4', 'write v5e:4x4'),
        ('v5e:4x4*', 'write v5e:4x4'),
        ('v5e:-4x4', 'write v5e:4x4'),
        ('v5e:999999x4', 'write v5e:4x4'),
        ('v5e:2x2x1', 'v5e has 2 dimensions, e.g. v5e:4x4'),
        ('v4:4x4', 'v4 has 3 dimensions, e.g. v4:2x2x1'),
        ('v5e:3x4', 'the first two sizes must be even'),
        ('v5e:0x4', 'every size is at least 1'),
        ('v5e:4x4*0', 'every size is at least 1'),
        ('v5e:32x16', "topology 'v5e:32x16' has 512 chips; a slice of v5e has up to 256"),
    ],
)
def test_parse_refuses(text: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        parse(text)
    assert '\n' not in str(caught.value)


def test_missing_libtpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(UserError, match=r"libtpu is not installed; .* pip install 'jaxit\[tpu-compile\]'"):
        devices(parse('v5e:4x4'))


@pytest.mark.tpu_compile
@pytest.mark.usefixtures('libtpu')
@pytest.mark.parametrize(
    ('text', 'kind'),
    [
        ('v4:2x2x2', 'TPU v4'),
        ('v5e:1x1', 'TPU v5 lite'),
        ('v5e:2x4', 'TPU v5 lite'),
        ('v5e:4x4*2', 'TPU v5 lite'),
        ('v5p:2x2x4', 'TPU v5'),
        ('v6e:4x8', 'TPU v6 lite'),
        ('tpu7x:2x2x1', 'TPU7x'),
    ],
)
def test_libtpu_shows_the_devices_we_count(text: str, kind: str) -> None:
    topology = parse(text)
    before = dict(os.environ)
    found = devices(topology)
    assert dict(os.environ) == before
    assert len(found) == topology.num_devices
    assert len({device.process_index for device in found}) == topology.num_hosts
    assert {device.device_kind for device in found} == {kind}


@pytest.mark.tpu_compile
@pytest.mark.usefixtures('libtpu')
@pytest.mark.parametrize('text', ['v4:2x2x1', 'v5e:2x2', 'v5p:2x2x1', 'v6e:2x2', 'tpu7x:2x2x1'])
def test_usable_memory_is_what_the_compiler_says(text: str) -> None:
    """A program that needs more is refused with the limit, which is the oracle of the table."""
    topology = parse(text)
    sharding = SingleDeviceSharding(devices(topology)[0])
    x = jax.ShapeDtypeStruct((400 * 2**18, 1024), jnp.float32, sharding=sharding)
    with pytest.raises(jax.errors.JaxRuntimeError, match='RESOURCE_EXHAUSTED') as caught:
        jax.jit(lambda x: x + 1.0).trace(x).lower(lowering_platforms=('tpu',)).compile()
    limit = re.search(r'available HBM \(([\d.]+)G\)', str(caught.value))
    assert limit and float(limit[1]) == topology.generation.usable_hbm_gib


@pytest.mark.tpu_compile
@pytest.mark.usefixtures('libtpu')
def test_what_libtpu_refuses_is_a_user_error() -> None:
    unknown = dataclasses.replace(GENERATIONS['v5e'], name='v99')
    with pytest.raises(UserError, match=r'libtpu cannot compile for v99:4x4: .*v99') as caught:
        devices(Topology(unknown, (4, 4)))
    assert '\n' not in str(caught.value)


@pytest.mark.tpu_compile
@pytest.mark.usefixtures('libtpu')
def test_two_plans_at_once_on_one_machine() -> None:
    """libtpu guards itself with a lock file, which is about chips; there are none here."""
    code = 'from jaxit.planning.topologies import *; print(len(devices(parse("v5e:4x8"))))'
    run = [sys.executable, '-c', code]
    both = [subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        out, log = process.communicate(timeout=120)
        assert (process.returncode, out) == (0, '32\n'), log
        assert 'metadata' not in log and 'INVALID_ARGUMENT' not in log


@pytest.mark.parametrize(('name', 'parts'), [('v4', 2), ('v5e', 1), ('v5p', 2), ('v6e', 1)])
def test_every_shape_that_create_offers_can_be_planned(name: str, parts: int) -> None:
    """tpu_scripts/create.sh has a table of its own; its accelerators are named by chips, or by cores, two in a chip."""
    create = [ROOT / 'tpu_scripts' / 'create.sh', 'x', '--zone', 'us-west4-a', '--dry-run', '--topology']
    refused = subprocess.run([*create, f'{name}:1x9'], capture_output=True, text=True)
    shapes = refused.stderr.strip().rpartition('choices: ')[2].split()
    assert len(shapes) >= 8
    for shape in shapes:
        offered = subprocess.run([*create, f'{name}:{shape}'], capture_output=True, text=True, check=True)
        number = re.search(r'--accelerator-type=\w+-(\d+)', offered.stdout)
        assert number and int(number[1]) == parse(f'{name}:{shape}').num_chips * parts
