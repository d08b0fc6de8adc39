"""Files that grow value by value, in memory that does not grow with them."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

FLUSH_VALUES = 1 << 16


class Stream:
    """A file of values of one type, without a header."""

    def __init__(self, path: Path, dtype: np.dtype) -> None:
        self.file = open(path, 'wb')  # noqa: SIM115 (lives as long as the stream)
        self.dtype = dtype
        self.size = 0
        self._buffer: list[int] = []

    def extend(self, values: Sequence[int]) -> None:
        """Appends values."""
        self._buffer.extend(values)
        self.size += len(values)
        if len(self._buffer) >= FLUSH_VALUES:
            self._write_buffer()

    def _write_buffer(self) -> None:
        self.file.write(np.array(self._buffer, self.dtype).tobytes())
        self._buffer.clear()

    def close(self) -> None:
        """Writes what is left and waits until the disk has it."""
        self._write_buffer()
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()


class ArrayStream(Stream):
    """A .npy file; numpy pads its header so that the final length fits in it afterwards."""

    def __init__(self, path: Path, dtype: np.dtype, columns: int | None = None) -> None:
        super().__init__(path, dtype)
        self.columns = columns
        self._write_header()

    def _write_header(self) -> None:
        shape = (self.size,) if self.columns is None else (self.size // self.columns, self.columns)
        header = {'descr': self.dtype.str, 'fortran_order': False, 'shape': shape}
        np.lib.format.write_array_header_1_0(self.file, header)

    def close(self) -> None:
        """As for a stream, and puts the length in the header."""
        self._write_buffer()
        self.file.seek(0)
        self._write_header()
        super().close()
