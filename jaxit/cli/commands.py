"""Every command, registered by the file that holds it."""

import importlib

import typer

MODULES = (
    'train_command',
    'launch_command',
    'cache_command',
    'tasks_command',
    'eval_command',
    'infer_command',
    'chat_command',
    'compare_command',
    'trace_command',
    'report_command',
    'verify_command',
    'import_command',
    'export_command',
    'plan_command',
    'quickstart_command',
)


def register(app: typer.Typer) -> None:
    """Adds every command to the app."""
    for name in MODULES:
        importlib.import_module(f'jaxit.cli.{name}').register(app)
