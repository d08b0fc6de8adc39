"""A mixture without the tasks whose data is not here, so that one of them does not stop all others."""

from jaxit.core.errors import UnavailableError, UserError
from jaxit.tasks.hygiene.members import Member, Reduced, joined, members, without
from jaxit.tasks.registry import TRAIN, Mixture, size_of


def usable(mixture: Mixture | str, split: str = TRAIN, *, strict: bool = False) -> Reduced:
    """Returns a mixture without the tasks whose source can't be opened, and why each was left out.

    A source is opened by reading its first record, and its size where the task's rate follows from it. Each task that is
    left out is logged with a line. A record that is wrong is no reason to leave a task out: that is an error.

    Args:
        mixture: the whole.
        split: the split that is to be read.
        strict: raises instead of leaving out.

    Raises:
        UserError: where `strict` and a task can't be read, or where none can.
    """
    found = members(mixture)
    left_out = {member.task.name: why for member in found if (why := problem(member, split)) is not None}
    if strict:
        refuse(left_out, len(found))
    return without(mixture, left_out)


def sized(mixture: Mixture | str, split: str = TRAIN, *, strict: bool = False) -> Reduced:
    """Returns what `usable` returns, by asking sources for their sizes only: what states its size need not be here."""
    left_out = {}
    found = members(mixture)
    for member in found:
        try:
            member.task.source.num_examples(split)
        except (UnavailableError, OSError) as error:
            left_out[member.task.name] = in_one_line(error)
    if strict:
        refuse(left_out, len(found))
    return without(mixture, left_out)


def refuse(left_out: dict[str, str], num_tasks: int) -> None:
    """Raises the error that names all tasks that can't be read."""
    if left_out:
        raise UserError(f'{len(left_out)} of {num_tasks} tasks can not be read: {joined(left_out)}')


def problem(member: Member, split: str) -> str | None:
    """Returns why the source of a task can't be opened, None where it can."""
    task = member.task
    try:
        task.source.check_split(split)
        if next(iter(task.source.records(split)), None) is None:
            return f'split {split!r} has no record'
        if member.sized_split is not None:
            size_of(task, member.sized_split)
    except (UnavailableError, OSError) as error:
        return in_one_line(error)
    return None


def in_one_line(error: Exception) -> str:
    """Returns what an error says, with its type where it is none of ours."""
    lines = str(error).splitlines()
    return lines[0] if isinstance(error, UserError) else ': '.join([type(error).__name__, *lines[:1]])
