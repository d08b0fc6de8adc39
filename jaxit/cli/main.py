"""The `jaxit` command."""

import errno
import os
import sys
import traceback
from collections.abc import Callable, Sequence

import typer

from jaxit.core.errors import EXIT_BUG, EXIT_DISK_FULL, EXIT_OK, EXIT_USER, JaxitError
from jaxit.core.files import printable

EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR, errno.ENOTDIR)


def make_app() -> typer.Typer:
    """Returns the command line with all its commands."""
    from jaxit.cli import commands

    app = typer.Typer(
        name='jaxit',
        help='Teach pretrained language models to follow instructions, in JAX.',
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode='rich',
    )
    commands.register(app)
    return app


def main() -> None:
    """Runs the command line; modules of tasks are found in the folder one is in, as with `python -m`."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit code."""
    arguments = list(arguments) or ['--help']
    app = make_app()
    return exit_code_of(lambda: app(arguments, prog_name='jaxit', standalone_mode=False))


def exit_code_of(action: Callable[[], object]) -> int:
    """Runs an action and returns its exit code; an error meant for a person is printed as one line.

    An action that returns a whole number has chosen its code itself.
    """
    try:
        code = action()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on: `jaxit tasks list | head`
        return EXIT_BROKEN_PIPE
    except JaxitError as error:
        return _say(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _say('interrupted', EXIT_INTERRUPTED)
    except Exception as error:
        return _code_of_other(error)
    return code if isinstance(code, int) and not isinstance(code, bool) else EXIT_OK


def _code_of_other(error: Exception) -> int:
    """Errors of the command line and of the file system are told in one line too; everything else is a bug."""
    usage = getattr(error, 'format_message', None)
    if usage is not None:
        return _say(f'{usage()} (see jaxit --help)', EXIT_USER)
    if type(error).__name__ == 'Abort':  # the command-line library's name for an end of input
        return _say('interrupted', EXIT_INTERRUPTED)
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        return _say(f'{error.filename or "a file"}: the disk is full; free some space', EXIT_DISK_FULL)
    if isinstance(error, OSError) and error.errno in _NOT_ALLOWED and error.filename:
        return _say(f'{error.filename}: {error.strerror}', EXIT_USER)
    traceback.print_exc()
    return EXIT_BUG


def _say(text: str, code: int) -> int:
    print(f'error: {printable(" ".join(text.split()))}', file=sys.stderr)
    return code


if __name__ == '__main__':
    main()
