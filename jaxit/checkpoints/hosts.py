"""Agreement between the processes of a run, so that all of them take the same checkpoint or none does."""

from collections.abc import Sequence

import jax
import numpy as np
from jax.experimental import multihost_utils

_MAX_STEPS = 1024


def is_first() -> bool:
    """Returns whether this process writes to the shared folder."""
    return jax.process_index() == 0


def first_says(steps: Sequence[int]) -> list[int]:
    """Returns the steps as the first process sees them."""
    if jax.process_count() == 1:
        return list(steps)
    padded = np.full(_MAX_STEPS, -1, np.int32)
    padded[: min(len(steps), _MAX_STEPS)] = steps[:_MAX_STEPS]
    agreed = multihost_utils.broadcast_one_to_all(padded)
    return [int(step) for step in agreed if step >= 0]


def anywhere(problem: str) -> str:
    """Returns '' when no process has a problem, else this process's one or a word on where to look."""
    if jax.process_count() == 1:
        return problem
    troubled = np.flatnonzero(multihost_utils.process_allgather(np.asarray(bool(problem))))
    return problem or (f'process {troubled[0]} found it damaged; its log says how' if troubled.size else '')
