"""Judging the weights of a run: whole evaluations, evaluations on the way, samples."""

import time
from pathlib import Path

import jax

from jaxit.cli import console
from jaxit.cli.session import Session
from jaxit.core.types import Params
from jaxit.decoding.engine import Engine
from jaxit.evaluation.results import Evaluation, SuiteResult
from jaxit.evaluation.suite import Judging, Suite, SuiteTask, run_suite
from jaxit.evaluation.suite_files import load_suite
from jaxit.text import chat
from jaxit.training.tracking import RunFolder
from jaxit.training.trainer import Moment


def evaluate_run(session: Session, params: Params, folder: Path, *, label: str, step: int) -> Evaluation:
    """Judges params on the suites of the experiment and writes `evaluation/<label>.json`."""
    suites = {suite.name: _judged(session, params, suite, label) for suite in _suites(session)}
    evaluation = Evaluation(label, str(folder), step, suites)
    if jax.process_index() == 0:
        evaluation.save(folder / 'evaluation')
    return evaluation


def evaluate_step(session: Session, moment: Moment, folder: Path, log: RunFolder) -> None:
    """Judges the params of a step and appends the means to metrics.jsonl."""
    with moment.timing.of('evaluate'):
        evaluation = evaluate_run(session, moment.state.params, folder, label=f'step_{moment.step}', step=moment.step)
    values: dict[str, float] = {}
    for result in evaluation.suites.values():
        values |= result.metrics()
    log.metrics(moment.step, values)


def write_samples(session: Session, moment: Moment, log: RunFolder) -> None:
    """Lets the model answer the first examples of each suite and appends what it says to samples.jsonl."""
    with moment.timing.of('evaluate'):
        for suite in _suites(session):
            written = [task for task in suite.tasks if 'perplexity' not in task.metrics]
            examples = [(task, example) for task in written for example in task.examples[:1]]
            for task, example in examples[: session.experiment.evaluation.num_samples]:
                one = Suite(suite.name, suite.kind, (SuiteTask(task.name, (example,), ('exact_match',)),))
                for sample in _judged(session, moment.state.params, one, '').samples:
                    log.sample({'step': moment.step, **sample})


def _suites(session: Session) -> list[Suite]:
    return [load_suite(path) for path in session.answer['suites'].values()]


def _judged(session: Session, params: Params, suite: Suite, label: str) -> SuiteResult:
    config = session.experiment.evaluation
    encoder_decoder = session.model.encoder_decoder
    chat_format = session.experiment.data.chat_format
    stops = () if chat_format is None else chat.stop_ids(chat_format, session.tokenizer)
    engine = Engine(
        session.model,
        params,
        (session.tokenizer.eos_id, *stops),
        pad_id=session.tokenizer.pad_id,
        batch_size=config.batch_size,
        mesh=session.mesh,
    )
    begin = time.monotonic()
    result = run_suite(
        engine,
        session.tokenizer,
        suite,
        session.experiment.data.token_format(encoder_decoder=encoder_decoder),
        Judging(max_new_tokens=config.max_new_tokens),
    )
    if label and jax.process_index() == 0:
        means = ', '.join(f'{metric} {score["value"]:.3f}' for metric, score in result.report()['mean'].items())
        console.say(f'{label}: {suite.name}: {means} ({time.monotonic() - begin:.0f} s)')
    return result
