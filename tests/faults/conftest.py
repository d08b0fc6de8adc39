"""Lets the fault tests import the helpers of the layers they damage."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'checkpoints'))
