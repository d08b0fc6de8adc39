"""Lets these tests import the tiny models beside them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from quick import quick_compilation  # noqa: F401
