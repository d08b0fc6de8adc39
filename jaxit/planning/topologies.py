"""The TPUs a run can be planned for: what a chip can do, and how slices are written (`v5e:4x4`).

Figures are those of Google's documentation of each generation (docs.cloud.google.com/tpu/docs), per chip. What a
program may use of the memory was read from the TPU compiler (libtpu 0.0.42), per device.
"""

import contextlib
import dataclasses
import importlib.util
import math
import os
import re
from collections.abc import Iterator
from typing import Any

from jax.experimental.topologies import get_topology_desc

from jaxit.core.errors import UserError, missing_extra, unknown_name

GIB = 2**30


@dataclasses.dataclass(frozen=True)
class Generation:
    """What one chip of a generation can do.

    Attributes:
        name: as written in a topology.
        peak_tflops: bfloat16 matrix products, 1e12 FLOP/s.
        hbm_gib: memory, GiB.
        usable_hbm_gib: what the compiler lets a program use of it, GiB per device.
        hbm_gb_per_s: memory bandwidth, 1e9 bytes/s.
        ici_gb_per_s: links to other chips, both directions and all links together, 1e9 bytes/s.
        num_dims: of the torus.
        max_chips: in the largest slice.
        devices_per_chip: jax devices; TPU7x shows its two halves apart.
        compiler_options: what the compiler must be told to show the same devices as the hardware.
    """

    name: str
    peak_tflops: float
    hbm_gib: float
    usable_hbm_gib: float
    hbm_gb_per_s: float
    ici_gb_per_s: float
    num_dims: int
    max_chips: int
    devices_per_chip: int = 1
    compiler_options: tuple[tuple[str, str], ...] = ()


GENERATIONS = {
    generation.name: generation
    for generation in (
        Generation('v4', 275, 32, 30.75, 1200, 600, 3, 4096, compiler_options=(('chip_config_name', 'megacore'),)),
        Generation('v5e', 197, 16, 15.75, 819, 400, 2, 256),
        Generation('v5p', 459, 95, 95.74, 2765, 1200, 3, 6144),
        Generation('v6e', 918, 32, 31.25, 1638, 800, 2, 256),
        Generation('tpu7x', 2307, 192, 94.75, 7380, 1200, 3, 9216, devices_per_chip=2),
    )
}
CHIPS_PER_HOST = 4  # in a slice of several hosts, for all of these
ONE_HOST = ((1, 1), (2, 2), (2, 4))  # shapes of v5e and v6e that are a single virtual machine


@dataclasses.dataclass(frozen=True)
class Topology:
    """A slice, or several equal ones joined by the data-centre network.

    Attributes:
        generation: of the chips.
        shape: chips along each dimension of the torus of one slice.
        num_slices: slices.
    """

    generation: Generation
    shape: tuple[int, ...]
    num_slices: int = 1

    def __str__(self) -> str:
        slices = f'*{self.num_slices}' if self.num_slices > 1 else ''
        return f'{self.generation.name}:{"x".join(map(str, self.shape))}{slices}'

    @property
    def num_chips(self) -> int:
        """Chips of all slices."""
        return math.prod(self.shape) * self.num_slices

    @property
    def num_devices(self) -> int:
        """What `jax.device_count()` says there."""
        return self.num_chips * self.generation.devices_per_chip

    @property
    def num_hosts(self) -> int:
        """Virtual machines, hence jax processes."""
        return self.num_slices if self.shape in ONE_HOST else self.num_chips // CHIPS_PER_HOST

    @property
    def chips_per_host(self) -> int:
        """Chips of one virtual machine."""
        return self.num_chips // self.num_hosts

    @property
    def peak_flops(self) -> float:
        """FLOP/s of all chips, bfloat16."""
        return self.num_chips * self.generation.peak_tflops * 1e12

    @property
    def device_hbm_bytes(self) -> int:
        """Bytes a program may use on one device."""
        return int(self.generation.usable_hbm_gib * GIB)


def parse(text: str) -> Topology:
    """Returns the topology written as `v5e:4x4`, `v5p:4x4x8`, or `v5e:16x16*2` for two slices.

    Raises:
        UserError: names the unknown generation or what is wrong with the shape.
    """
    name, _, rest = text.partition(':')
    if name not in GENERATIONS:
        raise unknown_name('TPU generation', name, GENERATIONS, where=f'topology {text!r}')
    generation = GENERATIONS[name]
    example = '4x4' if generation.num_dims == 2 else '2x2x1'
    match = re.fullmatch(r'(\d{1,5}(?:x\d{1,5})*)(?:\*(\d{1,5}))?', rest)
    if not match:
        raise UserError(f'topology {text!r} is not GENERATION:SHAPE or GENERATION:SHAPE*SLICES; write {name}:{example}')
    shape = tuple(int(size) for size in match[1].split('x'))
    topology = Topology(generation, shape, int(match[2] or 1))
    _check_shape(topology, text, f'e.g. {name}:{example}')
    return topology


def _check_shape(topology: Topology, text: str, example: str) -> None:
    generation, shape = topology.generation, topology.shape
    num_chips = math.prod(shape)
    if len(shape) != generation.num_dims:
        raise UserError(f'topology {text!r}: {generation.name} has {generation.num_dims} dimensions, {example}')
    if 0 in shape or topology.num_slices < 1:
        raise UserError(f'topology {text!r}: every size is at least 1, {example}')
    if shape not in ONE_HOST and (shape[0] % 2 or shape[1] % 2):
        raise UserError(f'topology {text!r}: hosts hold 2x2 chips, so the first two sizes must be even, {example}')
    if num_chips > generation.max_chips:
        raise UserError(
            f'topology {text!r} has {num_chips} chips; a slice of {generation.name} has up to {generation.max_chips}'
        )


def devices(topology: Topology) -> list[Any]:
    """Returns the jax devices of a slice to compile for; no TPU is needed, only libtpu.

    `jax.jit(f).trace(...).lower(lowering_platforms=('tpu',)).compile()` with shardings over them runs the
    TPU compiler.

    Raises:
        UserError: when libtpu is not installed or does not know the topology.
    """
    if importlib.util.find_spec('libtpu') is None:
        raise missing_extra('libtpu', 'tpu-compile')
    options: dict[str, Any] = dict(topology.generation.compiler_options)
    if topology.shape in ONE_HOST:
        options['chips_per_host_bounds'] = (*topology.shape, 1)
    if topology.num_slices > 1:
        options['num_slices'] = topology.num_slices
    name = str(dataclasses.replace(topology, num_slices=1))
    try:
        with _alone():
            return list(get_topology_desc(platform='tpu', topology_name=name, **options).devices)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f'libtpu cannot compile for {topology}: {reason}') from error


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Keeps libtpu from asking the metadata server of a cloud who it is: for minutes, with errors in the log."""
    wanted = {
        'TPU_SKIP_MDS_QUERY': '1',
        'TPU_ACCELERATOR_TYPE': 'v5litepod-4',
        'TPU_WORKER_HOSTNAMES': 'localhost',
        'TPU_STDERR_LOG_LEVEL': '3',
        'ALLOW_MULTIPLE_LIBTPU_LOAD': '1',  # or two plans at once end with an error about a lock file
    }
    added = [name for name in wanted if name not in os.environ]
    os.environ.update({name: wanted[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
