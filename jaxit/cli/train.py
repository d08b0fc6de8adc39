"""`jaxit train`: an experiment becomes a run folder. It resumes by itself."""

import contextlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jaxit.checkpoints import weights as weights_lib
from jaxit.checkpoints.manager import CheckpointManager, Restored
from jaxit.cli import console, judge, movement
from jaxit.cli import session as session_lib
from jaxit.cli.experiment import Experiment
from jaxit.cli.session import Session
from jaxit.cli.tracing import POSITIONS_FILE
from jaxit.core.errors import UserError
from jaxit.core.files import append_jsonl, write_atomic
from jaxit.core.lock import LOCK_NAME, RunLock
from jaxit.data.loader import Loader
from jaxit.sharding import distributed
from jaxit.sharding.apply import put_batch
from jaxit.text import tokenizers
from jaxit.training import hooks
from jaxit.training.state import TrainState
from jaxit.training.step import compile_step
from jaxit.training.timing import Timing
from jaxit.training.tracking import RunFolder, make_trackers
from jaxit.training.trainer import Hook, Moment, fit


def run(experiment: Experiment, run_dir: str | None = None, *, config_text: str = '', overwrite: bool = False) -> Path:
    """Trains, or goes on training, in a run folder.

    Args:
        experiment: what to do.
        run_dir: the run folder; `runs/<name>` by default.
        config_text: written to config.gin.
        overwrite: begin again where there is a run already.

    Returns:
        The run folder.

    Raises:
        UserError: for anything that does not fit, before the first step.
        Preempted: after a save, when told to stop.
    """
    timing = Timing()
    folder = Path(run_dir or f'runs/{experiment.name}')
    distributed.initialize()
    with RunLock(folder) if jax.process_index() == 0 else contextlib.nullcontext():
        if overwrite and jax.process_index() == 0:
            _clear(folder)
        return _locked(experiment, folder, config_text, timing)


class _Finished(NamedTuple):
    state: TrainState
    position: dict[str, Any]


def _locked(experiment: Experiment, folder: Path, config_text: str, timing: Timing) -> Path:
    first = jax.process_index() == 0
    log = RunFolder(
        folder, writes=first, trackers=make_trackers(experiment.trackers, folder, {'name': experiment.name})
    )
    has_run = (folder / weights_lib.CHECKPOINTS_FOLDER).is_dir() and any(
        (folder / weights_lib.CHECKPOINTS_FOLDER).iterdir()
    )
    with timing.of('init'):
        session = session_lib.open_session(experiment, resuming=has_run)
    manager = _manager(session, folder, log)
    try:
        finished = _train(session, folder, manager, log, timing, config_text)
        manager.wait()
        _after(session, folder, finished, log, timing)
    finally:
        manager.close()
        log.close()
    return folder


def _train(
    session: Session, folder: Path, manager: CheckpointManager, log: RunFolder, timing: Timing, config_text: str
) -> _Finished:
    config = session.experiment.trainer
    abstract = session.abstract_state()
    reader = session.reader()
    with timing.of('restore'):
        restored = manager.restore_latest(abstract)
    with timing.of('init'):
        state = session.first_state() if restored is None else restored.state
    if restored is not None:
        reader.restore(restored.data_position)
        console.say(f'resuming {folder} at step {restored.step}')
        log.log(f'resumed at step {restored.step}')
    else:
        _write_facts(session, folder, state, log, reader, config_text)
        if session.experiment.evaluation.before and session.experiment.evaluation.suites:
            with timing.of('evaluate'):
                judge.evaluate_run(session, state.params, folder, label='base', step=0)
    session.start = None
    _note_position(session, folder, state, reader.position)
    step_function = compile_step(session.step(), abstract, session.mesh, session.experiment.execution.rules)
    watchdog = hooks.Watchdog(config.watchdog_seconds, log.log) if config.watchdog_seconds else None
    progress = console.TrainProgress(config.num_steps, enabled=jax.process_index() == 0)
    loader = Loader(reader, config.batch_size, process_index=jax.process_index(), process_count=jax.process_count())
    positions = [reader.position]
    made = _hooks(session, folder, manager, log, progress, watchdog)
    made.insert(0, lambda moment: positions.__setitem__(0, dict(moment.position)))
    try:
        with jax.set_mesh(session.mesh):
            state = fit(
                step_function,
                state,
                loader,
                put=lambda batch: put_batch(batch, session.mesh, session.experiment.execution.rules),
                num_steps=config.num_steps,
                hooks=made,
                recover=lambda: _recover(session, folder, manager, log, positions[0]),
                timing=timing,
            )
        return _Finished(state, positions[0])
    finally:
        loader.close()
        progress.close()
        if watchdog is not None:
            watchdog.close()


def _hooks(
    session: Session,
    folder: Path,
    manager: CheckpointManager,
    log: RunFolder,
    progress: console.TrainProgress,
    watchdog: hooks.Watchdog | None,
) -> list[Hook]:
    """Metrics, samples, evaluation, checkpoint, preemption: in this order after every step."""
    config = session.experiment.trainer
    save = _saver(session, manager)
    made: list[Hook] = [] if watchdog is None else [watchdog]
    made.append(
        hooks.MetricsHook(
            log,
            session.task_names,
            period=config.metrics_period,
            rollback_after=config.rollback_after,
            show=progress.show,
        )
    )
    unwatched = (lambda hook: hook) if watchdog is None else watchdog.ignoring
    if config.sample_period and session.experiment.evaluation.suites:
        samples = hooks.Every(config.sample_period, lambda moment: judge.write_samples(session, moment, log))
        made.append(unwatched(samples))
    if config.evaluation_period and session.experiment.evaluation.suites:
        judged = hooks.Every(config.evaluation_period, lambda moment: judge.evaluate_step(session, moment, folder, log))
        made.append(unwatched(judged))
    made.append(unwatched(hooks.CheckpointHook(save, manager.poll, period=config.checkpoint_period)))
    made.append(
        hooks.PreemptionHook(
            _then_wait(save, manager), distributed.asked_to_stop, saved_period=config.checkpoint_period
        )
    )
    return made


def _saver(session: Session, manager: CheckpointManager) -> Callable[[Moment], None]:
    def save(moment: Moment) -> None:
        metadata = {'name': session.experiment.name}
        manager.save(moment.step, moment.state, data_position=moment.position, metadata=metadata)

    return save


def _then_wait(save: Callable[[Moment], None], manager: CheckpointManager) -> Callable[[Moment], None]:
    def save_and_wait(moment: Moment) -> None:
        save(moment)
        manager.wait()

    return save_and_wait


def _recover(
    session: Session, folder: Path, manager: CheckpointManager, log: RunFolder, position: dict[str, Any]
) -> TrainState:
    restored: Restored | None = manager.restore_latest(session.abstract_state())
    if restored is None:
        raise UserError('the loss is not finite and there is no checkpoint to go back to; lower the learning rate')
    log.log(f'went back to step {restored.step}; the data since is passed over')
    _note_position(session, folder, restored.state, position)
    return restored.state


def _note_position(session: Session, folder: Path, state: TrainState, position: dict[str, Any]) -> None:
    """Says which rows the step after this state begins with, so that `jaxit trace` finds the batch of any step."""
    if jax.process_index() == 0:
        rows = {'emitted': position['emitted'], 'batch_size': session.experiment.trainer.batch_size}
        append_jsonl(folder / POSITIONS_FILE, {'step': int(state.step), **rows})


def _manager(session: Session, folder: Path, log: RunFolder) -> CheckpointManager:
    config = session.experiment.trainer

    def tell(line: str) -> None:
        console.say(f'warning: {line}')
        log.log(line)

    return CheckpointManager(
        folder / weights_lib.CHECKPOINTS_FOLDER,
        save_period=config.checkpoint_period,
        max_to_keep=config.checkpoints_to_keep,
        config_sha256=session_lib.config_sha256(session.experiment),
        tokenizer_sha256=session.tokenizer.sha256,
        log=tell,
    )


def _write_facts(
    session: Session, folder: Path, state: TrainState, log: RunFolder, reader: Any, config_text: str
) -> None:
    log.write('run.json', session_lib.describe(session, state, session.experiment.name, reader))
    if jax.process_index() == 0:
        write_atomic(folder / 'config.gin', config_text or f'# {session.experiment!r}\n')
        tokenizers.save(session.tokenizer, folder / weights_lib.TOKENIZER_FOLDER)
        alpha = session.experiment.execution.lora_alpha
        weights_lib.describe(folder, session.model.config, lora_alpha=alpha, tokenizer_sha256=session.tokenizer.sha256)


def _after(session: Session, folder: Path, run: _Finished, log: RunFolder, timing: Timing) -> None:
    """The numbers that are known at the end: what was drawn, where the weights moved, how good it is."""
    reader = session.reader()
    reader.restore(run.position)
    log.write('drawn.json', reader.drawn())
    step = int(run.state.step)
    with timing.of('evaluate'):
        log.write('weights.json', movement.rows(session, run.state.params))
        if session.experiment.evaluation.after and session.experiment.evaluation.suites:
            judge.evaluate_run(session, run.state.params, folder, label='tuned', step=step)
    for kind, seconds in timing.take().items():
        log.event(kind, seconds)
    log.event('stop', timing.elapsed, step=step, finished=time.time())


def _clear(folder: Path) -> None:
    """Deletes an earlier run; a folder that holds something else is left alone."""
    entries = [entry for entry in folder.iterdir() if entry.name != LOCK_NAME and not entry.name.startswith('.')]
    if entries and not (folder / 'run.json').exists() and not (folder / weights_lib.MODEL_FILE).exists():
        raise UserError(f'{folder}: holds {entries[0].name!r} and is no run folder; it is not overwritten')
    for entry in entries:
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
