"""The caches of a mixture: which of its tasks take part, which rows, and who builds what is missing."""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from jaxit.core.errors import UnavailableError, UserError
from jaxit.data.mixture import MixtureComponent
from jaxit.tasks.building import Build
from jaxit.tasks.hygiene.licences import of_classes
from jaxit.tasks.hygiene.members import members, without
from jaxit.tasks.hygiene.usable import in_one_line, problem, refuse
from jaxit.tasks.registry import Mixture, Task, get_mixture, resolve

Progress = Callable[[int, int], None]


class Ensured(NamedTuple):
    """A mixture whose caches are there.

    Attributes:
        components: its tasks.
        left_out: why each of the others is none of them.
    """

    components: list[MixtureComponent]
    left_out: dict[str, str]


class Beam(NamedTuple):
    """That Apache Beam makes the parts, see `beam_shards.build`."""

    options: str = ''
    place: str | None = None


def ensure(
    mixture: Mixture | str,
    split: str,
    plan: Callable[[Task], Build],
    *,
    num_workers: int = 1,
    beam: Beam | None = None,
    licences: Collection[str] = (),
    strict: bool = False,
    progress: Progress | None = None,
) -> Ensured:
    """Builds the caches of a mixture that are missing.

    A task whose data is not here is left out, with a line in the log; rates that are stated stay as they are to one another.

    Args:
        mixture: the whole.
        split: the split that is cached.
        plan: the build of a task, see `caching.plan`.
        num_workers: processes, where `beam` is None.
        beam: who makes the parts instead.
        licences: classes of licences whose tasks take part, see `hygiene.licences`; all of them when empty.
        strict: whether a task whose data is not here is an error.
        progress: called with (tasks done, tasks).

    Raises:
        UserError: for a row that can't be used, or where no task remains.
    """
    if num_workers < 1:
        raise UserError(f'num_workers is {num_workers}; it must be 1 or more')
    whole = get_mixture(mixture) if isinstance(mixture, str) else mixture
    allowed, left_out = of_classes(whole, licences) if licences else (whole, {})
    builds, done, missing = _planned(allowed, split, plan)
    if strict:
        refuse(missing, len(builds) + len(missing))
    here = without(allowed, missing).mixture
    failed = _built(builds, done, num_workers, beam, strict, progress)
    remaining = without(here, failed).mixture
    components = [MixtureComponent(task.name, builds[task.name].folder, rate) for task, rate in resolve(remaining)]
    return Ensured(components, {**left_out, **missing, **failed})


def _planned(
    mixture: Mixture, split: str, plan: Callable[[Task], Build]
) -> tuple[dict[str, Build], set[str], dict[str, str]]:
    """Returns the builds of the tasks whose data is here, which of them are done, and why each of the others is not here."""
    builds, done, missing = {}, set(), {}
    for member in members(mixture):
        name = member.task.name
        try:
            build = plan(member.task)
            is_done = build.is_done()
            why = None if is_done else problem(member, split)
        except (UnavailableError, OSError) as error:
            missing[name] = in_one_line(error)
            continue
        if why is not None:
            missing[name] = why
            continue
        builds[name] = build
        done |= {name} if is_done else set()
    return builds, done, missing


def _built(
    builds: Mapping[str, Build],
    done: Collection[str],
    num_workers: int,
    beam: Beam | None,
    strict: bool,
    progress: Progress | None,
) -> dict[str, str]:
    """Builds what is missing; returns why some could not be, unless that is an error."""
    if beam is not None:
        from jaxit.tasks import beam_shards

        beam_shards.build([build for name, build in builds.items() if name not in done], beam.options, beam.place)
    failed = {}
    for number, (name, build) in enumerate(builds.items(), 1):
        try:
            if name not in done and beam is None:
                build.run(num_workers)
        except UnavailableError as error:  # a source that breaks off
            if strict:
                raise
            failed[name] = str(error)
        if progress is not None:
            progress(number, len(builds))
    return failed
