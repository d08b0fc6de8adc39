"""Eight virtual CPU devices, a shared compilation cache, strict dtypes and ranks; all before jax starts."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

os.environ.setdefault('JAX_PLATFORMS', 'cpu')
# Eight devices that wait for one another need more threads than a small machine has cores, or they wait for ever.
os.environ.setdefault('PJRT_NPROC', '32')
# A collective of eight threads on few busy cores may take long; XLA would abort the process after 40 s.
os.environ.setdefault(
    'XLA_FLAGS',
    '--xla_force_host_platform_device_count=8 --xla_cpu_collective_call_terminate_timeout_seconds=400'
    ' --xla_cpu_collective_call_warn_stuck_timeout_seconds=120 --xla_cpu_collective_timeout_seconds=400',
)
os.environ.setdefault('JAX_COMPILATION_CACHE_DIR', str(ROOT / '.jax_cache'))
os.environ.setdefault('JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS', '0.2')
os.environ.setdefault('JAX_NUMPY_RANK_PROMOTION', 'raise')
os.environ.setdefault('JAX_NUMPY_DTYPE_PROMOTION', 'strict')
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('HF_HUB_OFFLINE', '1')

import pytest  # noqa: E402


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """The folder of real data beside the project; tests that need it skip on a stranger's machine."""
    folder = Path(os.environ.get('JAXIT_SHARED_DATA', ROOT.parent / 'shared' / 'data'))
    if not folder.is_dir():
        pytest.skip('the shared data folder is not here (set JAXIT_SHARED_DATA)')
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Where everything is installed (JAXIT_NO_SKIPS=1) a skipped test is a failed one."""
    report = yield
    if report.skipped and not hasattr(report, 'wasxfail') and os.environ.get('JAXIT_NO_SKIPS') == '1':
        report.outcome = 'failed'
        report.longrepr = f'{item.nodeid} was skipped: {report.longrepr}'
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that ask for the shared data carry its marker."""
    for item in items:
        if 'shared_data' in getattr(item, 'fixturenames', ()):
            item.add_marker(pytest.mark.shared_data)
