"""Every command, registered by the file that holds it."""

import importlib

import typer

MODULES = ('train_command', 'import_command', 'export_command')


def register(app: typer.Typer) -> None:
    """Adds every command to the app."""
    for name in MODULES:
        importlib.import_module(f'jaxit.cli.{name}').register(app)
