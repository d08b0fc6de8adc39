"""Files that grow array by array, in memory that does not grow with them."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

BUFFER_BYTES = 1 << 18


class Stream:
    """A file of values of one type, without a header."""

    def __init__(self, path: Path, dtype: np.dtype) -> None:
        self.file = open(path, 'wb', buffering=BUFFER_BYTES)  # noqa: SIM115 (lives as long as the stream)
        self.dtype = dtype
        self.size = 0

    def extend(self, values: Sequence[int] | np.ndarray) -> None:
        """Appends values, which the type must be able to hold."""
        array = np.asarray(values).astype(self.dtype)
        self.file.write(array.tobytes())
        self.size += array.size

    def close(self) -> None:
        """Writes what is left and waits until the disk has it."""
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
        self.file.seek(0)
        self._write_header()
        super().close()
