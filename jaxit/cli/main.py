"""The `jaxit` command."""

import sys
import traceback
from collections.abc import Callable

import typer

from jaxit.core.errors import EXIT_BUG, EXIT_OK, EXIT_USER, JaxitError
from jaxit.core.files import printable

app = typer.Typer(
    name='jaxit',
    help='Teach pretrained language models to follow instructions, in JAX.',
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode='rich',
)


@app.callback()
def _root() -> None:
    """Teach pretrained language models to follow instructions, in JAX."""


def exit_code_of(action: Callable[[], object]) -> int:
    """Runs an action and returns its exit code; an error meant for a person is printed as one line."""
    try:
        action()
    except JaxitError as error:
        print(f'error: {printable(str(error))}', file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print('error: interrupted', file=sys.stderr)
        return 130
    except Exception as error:
        usage = getattr(error, 'format_message', None)  # the command-line library's own errors
        if usage is not None:
            print(f'error: {printable(usage())} (see jaxit --help)', file=sys.stderr)
            return EXIT_USER
        traceback.print_exc()
        return EXIT_BUG
    return EXIT_OK


def main() -> None:
    """Runs the command line."""
    from jaxit.cli import commands

    commands.register(app)
    sys.exit(exit_code_of(lambda: _run(app)))


def _run(app: typer.Typer) -> None:
    code = app(standalone_mode=False)
    if isinstance(code, int) and code:
        sys.exit(code)


if __name__ == '__main__':
    main()
