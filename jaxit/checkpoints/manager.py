"""Saves the state of a run without stopping it, and restores only what is proven to be what was saved.

Orbax writes the arrays in the background and commits a step by renaming its folder. Around that stand: digests of every
leaf taken on device before the save and after the restore, a hash of every file committed with the step, a list of
steps that is read from disk each time, and retention that deletes nothing before the new step is whole. (Orbax's own
`CheckpointManager` keeps its list in memory and takes an empty folder for the newest step, so it is not used.)
"""

import errno
import logging
import math
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import orbax.checkpoint as ocp

from jaxit.checkpoints import arrays, digest, hosts, loading, manifest, quiet
from jaxit.checkpoints import folder as folder_lib
from jaxit.checkpoints.manifest import DamagedCheckpointError
from jaxit.core import tree
from jaxit.core.errors import DiskFullError, JaxitError, NoCheckpointError, UserError

_SPARE = 1.2  # free space wanted before a save, in sizes of the state
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class Restored(NamedTuple):
    """A checkpoint that has been read and proven.

    Attributes:
        step: the step it was saved at.
        state: a tree like the abstract one.
        data_position: where the reader of the data stood.
        metadata: what the run added when it saved.
    """

    step: int
    state: Any
    data_position: dict[str, Any]
    metadata: dict[str, Any]


class CheckpointManager:
    """Saves to, and restores from, one folder. Every process of a run makes the same calls.

    Args:
        folder: is created; unfinished saves of a killed process in it are removed.
        save_period: `should_save` is true at its multiples.
        max_to_keep: how many of the newest steps stay.
        keep_period: multiples of it stay for ever.
        config_sha256: noted in each checkpoint; another one at restore is logged.
        tokenizer_sha256: noted in each checkpoint; another one at restore is refused.
        log: gets one line for whatever is ignored, set aside or unusual.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        save_period: int,
        max_to_keep: int = 2,
        keep_period: int | None = None,
        config_sha256: str = '',
        tokenizer_sha256: str = '',
        log: Callable[[str], None] = logging.getLogger(__name__).warning,
    ):
        for name, value in (('save_period', save_period), ('max_to_keep', max_to_keep), ('keep_period', keep_period)):
            if value is not None and value < 1:
                raise UserError(f'{name} is {value}; it must be at least 1')
        self.folder = Path(folder).absolute()
        self._save_period, self._max_to_keep, self._keep_period = save_period, max_to_keep, keep_period
        self._config_sha256, self._tokenizer_sha256 = config_sha256, tokenizer_sha256
        self._log, self._logged = log, set()
        self._pending: int | None = None
        quiet.orbax()
        _make_folder(self.folder)
        if hosts.is_first():
            folder_lib.clean(self.folder)
        self._checkpointer = ocp.AsyncCheckpointer(
            ocp.CompositeCheckpointHandler(manifest.STATE, manifest.DATA, manifest.MANIFEST),
            async_options=ocp.options.AsyncOptions(post_finalization_callback=self._before_commit),
        )

    def should_save(self, step: int) -> bool:
        """Returns whether the period says to save after this step."""
        return step % self._save_period == 0

    def save(self, step: int, state: Any, *, data_position: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """Saves a state; returns once it is off the devices, and writes in the background.

        Args:
            step: the number of finished steps; a step that is there already is replaced.
            state: a tree of jax arrays; it may be donated after the call.
            data_position: where to go on reading, JSON.
            metadata: anything else to get back at restore, JSON.

        Raises:
            DiskFullError: there is too little room, and nothing was written; or the save before this one failed for it.
        """
        self.wait()
        flat = tree.flatten(state)
        digests = digest.tree_digest(state)
        self._require_space(arrays.num_bytes(flat))
        content = manifest.build(
            step,
            flat,
            digests,
            data_position=data_position,
            metadata=metadata,
            config_sha256=self._config_sha256,
            tokenizer_sha256=self._tokenizer_sha256,
        )
        if hosts.is_first():
            folder_lib.make_way(self.folder, step)
        self._pending = step
        items = {
            manifest.STATE: ocp.args.PyTreeSave(arrays.storable(flat)),
            manifest.DATA: ocp.args.JsonSave(dict(data_position)),
            manifest.MANIFEST: ocp.args.JsonSave(content),
        }
        self._watched(lambda: self._checkpointer.save(self.folder / str(step), args=ocp.args.Composite(**items)))

    def poll(self) -> None:
        """Raises what went wrong with the save under way, and tidies up after a finished one. Call it every step."""
        if self._pending is None:
            return
        self._watched(self._checkpointer.check_for_errors)
        if (self.folder / str(self._pending) / folder_lib.COMMIT_FILE).exists():
            self._finish()

    def wait(self) -> None:
        """Waits until the save under way is on disk; raises what went wrong with it."""
        if self._pending is not None:
            self._watched(self._checkpointer.wait_until_finished)
            self._finish()

    def close(self) -> None:
        """Waits for the save under way and ends the background threads."""
        try:
            self.wait()
        finally:
            self._checkpointer.close()

    def valid_steps(self) -> list[int]:
        """Returns the finished steps on disk, newest first; what looks like one and is none is logged once."""
        return folder_lib.valid_steps(self.folder, self._log_once)

    def restore_latest(self, abstract: Any) -> Restored | None:
        """Returns the newest checkpoint that is undamaged, or None when the folder never had one.

        Damaged ones newer than it are renamed to `<step>.corrupt-<time>`.

        Args:
            abstract: the tree of the state with shape, dtype and sharding of each leaf.

        Raises:
            UserError: the checkpoint is of another model, optimizer or tokenizer. Nothing is renamed.
            NoCheckpointError: there are checkpoints, and all are damaged. Nothing is renamed.
        """
        self.wait()
        damaged = []
        for step in hosts.first_says(self.valid_steps()):
            try:
                restored = self._restore(step, abstract)
            except DamagedCheckpointError as error:
                self._log(f'checkpoint {step} is damaged and passed over: {error}')
                damaged.append(step)
                continue
            self._set_aside(damaged)
            return restored
        if damaged or hosts.first_says([1] if folder_lib.has_had_checkpoints(self.folder) else []):
            raise NoCheckpointError(
                f'{self.folder}: no valid checkpoint is left (damaged: {damaged}); '
                'nothing was deleted; bring one back, or start in a new folder'
            )
        return None

    def restore(self, step: int, abstract: Any) -> Restored:
        """Returns the checkpoint of one step; raises as `restore_latest` does, and `UserError` when it is not there."""
        self.wait()
        steps = hosts.first_says(self.valid_steps())
        if step not in steps:
            raise UserError(f'{self.folder}: no checkpoint of step {step}; there are {steps or "none"}')
        return self._restore(step, abstract)

    def _restore(self, step: int, abstract: Any) -> Restored:
        step_folder = self.folder / str(step)
        wanted = arrays.placed(tree.flatten(abstract))
        content, position = loading.together(lambda: loading.read_json_items(step_folder))
        manifest.require_same_leaves(step_folder, content['leaves'], wanted)
        self._require_same_run(step_folder, content)
        loading.together(lambda: loading.require_whole_files(step_folder))
        leaves = loading.together(lambda: loading.read_leaves(step_folder, content, wanted))
        state = jax.tree.unflatten(jax.tree.structure(abstract), list(leaves.values()))
        return Restored(step, state, position, content['metadata'])

    def _require_same_run(self, step_folder: Path, content: Mapping[str, Any]) -> None:
        saved, ours = content['tokenizer_sha256'], self._tokenizer_sha256
        if saved and ours and saved != ours:
            raise UserError(f'{step_folder} was trained with the tokenizer of sha256 {saved}; this run has {ours}')
        saved, ours = content['config_sha256'], self._config_sha256
        if saved and ours and saved != ours:
            self._log(f'{step_folder} was saved under another configuration ({saved[:12]}, now {ours[:12]})')

    def _require_space(self, size: int) -> None:
        need, free = math.ceil(size * _SPARE), shutil.disk_usage(self.folder).free
        if hosts.anywhere('too little' if free < need else ''):
            raise DiskFullError(
                f'{self.folder}: a checkpoint needs {need:,} bytes and {free:,} are free; free some space'
            )

    def _watched(self, action: Callable[[], None]) -> None:
        """Runs a call into Orbax; when it fails, removes what the failed save left and says so in our words."""
        try:
            action()
        except Exception as error:
            step, self._pending = self._pending, None
            if hosts.is_first():
                folder_lib.clean(self.folder)
            if _is_disk_full(error):
                raise DiskFullError(
                    f'{self.folder}: the disk was full when saving step {step}; free some space'
                ) from error
            raise JaxitError(f'{self.folder}: saving step {step} failed: {loading.one_line(error)}') from error

    def _before_commit(self) -> None:
        """Runs in the background on the first process when all is written, just before the step gets its name."""
        (temporary,) = self.folder.glob(f'{self._pending}{folder_lib.TEMPORARY}*')
        manifest.write_files_json(temporary)

    def _finish(self) -> None:
        saved, self._pending = self._pending, None
        if hosts.is_first():
            folder_lib.clean(self.folder)
            steps = folder_lib.valid_steps(self.folder)
            for step in folder_lib.surplus(steps, max_to_keep=self._max_to_keep, keep_period=self._keep_period):
                if step != saved:  # after a rollback, steps of the run before it may be newer
                    folder_lib.delete(self.folder / str(step))

    def _set_aside(self, steps: list[int]) -> None:
        for step in steps:
            if hosts.is_first():
                target = folder_lib.set_aside(self.folder / str(step))
                self._log(f'{self.folder / str(step)} was renamed to {target.name}')

    def _log_once(self, line: str) -> None:
        if line not in self._logged:
            self._logged.add(line)
            self._log(line)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise UserError(
            f'{folder}: checkpoints cannot be written here: {error.strerror}; choose another folder'
        ) from None


def _is_disk_full(error: BaseException | None) -> bool:
    """Returns whether an error, or one behind it, says that the disk or the quota is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            return True
        if any(os.strerror(code) in str(error) for code in _DISK_FULL):
            return True
        error = error.__cause__ or error.__context__
    return False
