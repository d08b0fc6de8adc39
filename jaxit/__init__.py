"""jaxit teaches pretrained language models to follow instructions. Imports nothing until it is asked."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxit.api import generate, load, score, train

    __version__: str

__all__ = ['__version__', 'generate', 'load', 'score', 'train']


def __getattr__(name: str) -> Any:
    if name == '__version__':
        import importlib.metadata

        return importlib.metadata.version('jaxit')
    if name in __all__:
        import jaxit.api

        return getattr(jaxit.api, name)
    raise AttributeError(f"module 'jaxit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
