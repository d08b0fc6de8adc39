"""Flan 2022 as it is published (docs/flan2022.md). JAXIT_FLAN2022 names the folder that holds `t0`, `natural_instructions` and `cot`.

    jaxit tasks mixture flan2022_submix --module examples.flan2022

Without the folder everything can be listed and planned by its published sizes; caching it says what to fetch.
"""

import os

from jaxit.tasks.flan2022 import mixtures

REGISTERED = mixtures.register(os.environ.get('JAXIT_FLAN2022'))
