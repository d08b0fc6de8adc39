"""Lets these tests import the tiny models."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'models'))

from quick import quick_compilation  # noqa: F401
