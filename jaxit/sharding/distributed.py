"""The processes of a job: always initialised, even for one, so that SIGTERM is heard."""

import os
import socket

import jax
from jax.experimental import multihost_utils

CLUSTER_VARIABLES = ('TPU_WORKER_HOSTNAMES', 'SLURM_JOB_ID', 'JAX_COORDINATOR_ADDRESS', 'OMPI_MCA_orte_hnp_uri')


def initialize(coordinator: str | None = None, num_processes: int | None = None, process_id: int | None = None) -> None:
    """Joins the job.

    Without arguments: the cluster's own settings where there are any (TPU pods, Slurm), else
    one process with a coordinator on the loopback interface only.

    Args:
        coordinator: `host:port` of process 0.
        num_processes: of the job.
        process_id: of this one.
    """
    if jax.distributed.is_initialized():
        return
    if coordinator is not None:
        jax.distributed.initialize(coordinator, num_processes, process_id)
    elif any(
        len(os.environ.get(name, '').split(',')) > 1 or (name != 'TPU_WORKER_HOSTNAMES' and name in os.environ)
        for name in CLUSTER_VARIABLES
    ):
        jax.distributed.initialize()
    else:
        address = f'127.0.0.1:{_free_port()}'
        try:
            jax.distributed.initialize(address, 1, 0, coordinator_bind_address=address)
        except RuntimeError as error:
            if 'must be called before' not in str(error):
                raise
            # A notebook has used its devices already: it trains all the same, and SIGTERM ends it without a save.


def asked_to_stop(step: int) -> bool:
    """Returns whether the job was told to stop; every process gets the same answer at the same step."""
    return multihost_utils.reached_preemption_sync_point(step)


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]
