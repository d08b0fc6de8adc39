"""The real train steps, compiled by the TPU compiler for a real slice."""

from pathlib import Path

import jax
import pytest

from jaxit.cli import gin_files
from jaxit.cli.plan_command import plan_facts

RECIPES = Path(__file__).resolve().parents[2] / 'gin' / 'recipes'


@pytest.mark.slow
@pytest.mark.tpu_compile
@pytest.mark.parametrize(('recipe', 'bytes_per_param'), [('flan_t5_small', 4), ('llama3_2_1b', 12)])
def test_a_recipe_compiles_and_fits_a_v5e_4x4(recipe: str, bytes_per_param: int) -> None:
    pytest.importorskip('libtpu', reason='needs libtpu: the extra tpu-compile')
    experiment = gin_files.load([str(RECIPES / f'{recipe}.gin')])
    # Only what a test run sets strictly is relaxed; the program is the one `jaxit plan` compiles.
    with jax.numpy_dtype_promotion('standard'), jax.numpy_rank_promotion('allow'):
        facts = plan_facts(experiment, 'v5e:4x4')
    assert facts['num_devices'] == 16
    assert facts['fits'], facts
    # Params and moments are split over fsdp and tensor, and over nothing else.
    split = experiment.mesh.fsdp * experiment.mesh.tensor
    share = facts['num_params'] * bytes_per_param / split
    assert share <= facts['state_bytes'] <= 1.3 * share
    assert facts['temporary_bytes'] > 0
