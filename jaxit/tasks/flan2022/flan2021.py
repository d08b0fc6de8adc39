"""The data sets of the submixture `flan2021_submix` as members: those of FLAN 2021, with their templates, and two more."""

from jaxit.tasks.flan2021 import invented as invented2021
from jaxit.tasks.flan2021.data_set import DataSet
from jaxit.tasks.flan2021.library import DATA_SETS
from jaxit.tasks.flan2022 import additions, invented
from jaxit.tasks.flan2022.member import Member
from jaxit.tasks.flan2022.options import RandomOptions
from jaxit.tasks.tensorflow_sources import Tfds


def members(data_dir: str | None) -> tuple[Member, ...]:
    """Returns all data sets with rows to train on."""
    data_sets = (*DATA_SETS.values(), *additions.DATA_SETS)
    return tuple(_member(data_set, data_dir) for data_set in data_sets if data_set.num_train)


def _member(data_set: DataSet, data_dir: str | None) -> Member:
    return Member(
        data_set.key,
        Tfds(
            data_set.tfds,
            {'train': data_set.train},
            data_dir,
            {'train': data_set.num_train},
            {**invented2021.ROWS, **invented.ROWS}[data_set.key],
        ),
        data_set.preprocessors,
        data_set.templates,
        ', '.join(data_set.clusters),
        data_set.licence,
        ', '.join(data_set.languages),
        RandomOptions() if data_set.classification else None,
    )
