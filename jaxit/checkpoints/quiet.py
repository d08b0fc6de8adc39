"""Keeps what Orbax says beside its errors out of the log; every error itself is raised."""

import functools
import logging
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any


def orbax() -> None:
    """Drops Orbax's progress lines, its tracebacks of errors it raises again, and the echoes of a failed read."""
    for name, news in (('absl', _is_news), ('asyncio', _is_no_echo)):
        logger = logging.getLogger(name)
        if news not in logger.filters:
            logger.addFilter(news)
    warnings.filterwarnings('ignore', r"coroutine '\w+' was never awaited", RuntimeWarning, r'orbax\.checkpoint')
    hook = sys.unraisablehook
    if not (isinstance(hook, functools.partial) and hook.func is _report_unless_echo):
        sys.unraisablehook = functools.partial(_report_unless_echo, hook)


def _is_orbax(text: str) -> bool:
    return '/orbax/checkpoint/' in text.replace(os.sep, '/')


def _is_news(record: logging.LogRecord) -> bool:
    return not _is_orbax(record.pathname) or record.levelno >= logging.CRITICAL


# When one array fails, Orbax abandons the others: their errors, and their complaints that the event loop is closed,
# would reach nobody but the log.
def _is_no_echo(record: logging.LogRecord) -> bool:
    text = record.getMessage()
    return not ('exception was never retrieved' in text and (_is_orbax(text) or 'tensorstore_spec' in text))


def _report_unless_echo(report: Callable[[Any], None], unraisable: Any) -> None:
    code = getattr(unraisable.object, 'cr_code', None)  # of a coroutine
    loop_closed = isinstance(unraisable.exc_value, RuntimeError) and str(unraisable.exc_value) == 'Event loop is closed'
    if not loop_closed and not (code is not None and _is_orbax(code.co_filename)):
        report(unraisable)
