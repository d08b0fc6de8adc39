"""Lets these tests import the tiny models and their runs."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / 'models'), str(TESTS / 'training')]

from quick import quick_compilation  # noqa: E402, F401
