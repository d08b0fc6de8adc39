"""Suites: tasks with the metrics they are judged by, and how a model is judged on them."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

from jaxit.core.errors import UserError, unknown_name
from jaxit.decoding.engine import Completion, Engine, Progress
from jaxit.decoding.sampling import GREEDY, SamplingConfig
from jaxit.decoding.stops import cut_at_stops
from jaxit.evaluation import cross_lingual, metrics
from jaxit.evaluation.answer_values import answer_values, check_examples
from jaxit.evaluation.metrics import Values
from jaxit.evaluation.natural_instructions import rouge_of
from jaxit.evaluation.perplexity import text_likelihoods
from jaxit.evaluation.rank_classification import Ranking, option_ids, rank
from jaxit.evaluation.results import SuiteResult, TaskResult, example_id
from jaxit.text.base import Tokenizer
from jaxit.text.examples import Example, TokenFormat, prompt_ids

KINDS = ('held_in', 'held_out', 'forgetting')

_RANKED = {*metrics.RANK_METRICS, *metrics.CHOSEN_METRICS}
_CORRECT = ('exact_match', 'verbatim_match')  # the first of these says whether a sample is right


@dataclasses.dataclass(frozen=True)
class SuiteTask:
    """One task of a suite.

    Attributes:
        name: of the task.
        examples: what is asked. A task judged by perplexity holds plain texts: the model predicts
            all text of an example, whether or not it bears loss in training.
        metrics: names from `metrics.METRICS`; empty for those that fit the examples. They say what the model does: it
            writes an answer for `metrics.WRITTEN_METRICS`, ranks the options for those that begin with `rank_`, and does
            both where both are named.
    """

    name: str
    examples: tuple[Example, ...]
    metrics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.examples:
            raise UserError(f'task {self.name!r} of a suite has no examples')
        metrics.check(self.metrics, where=f'task {self.name!r}')
        if set(self.metrics) & _RANKED:
            for number, example in enumerate(self.examples):
                gold(example, where=f'task {self.name!r}, example {number}')
        check_examples(self.metrics, self.examples, where=f'task {self.name!r}')


@dataclasses.dataclass(frozen=True)
class Suite:
    """Tasks that are judged together.

    Attributes:
        name: of the suite.
        kind: 'held_in' (trained on), 'held_out' (not trained on) or 'forgetting' (what the model could do before).
        tasks: with their examples.
        categories: of each task, where scores are told by category too, as `natural_instructions.category_table` does.
        rouge_tokenizer: path of the tokenizer.json whose pieces `metrics.PIECE_METRICS` compare; '' where no task has them.
    """

    name: str
    kind: str
    tasks: tuple[SuiteTask, ...]
    categories: Mapping[str, str] = dataclasses.field(default_factory=dict)
    rouge_tokenizer: str = ''

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown_name('kind of suite', self.kind, KINDS, where=f'suite {self.name!r}')
        names = [task.name for task in self.tasks]
        if not names or len(set(names)) < len(names):
            raise UserError(f'suite {self.name!r} has tasks {names}; it needs at least one, and no name twice')
        if self.categories:
            rouge_of({task.name: task.metrics for task in self.tasks}, self.categories, f'suite {self.name!r}')
        cut = [task for task in self.tasks if set(task.metrics) & set(metrics.PIECE_METRICS)]
        if cut and not self.rouge_tokenizer:
            raise UserError(
                f'suite {self.name!r}: task {cut[0].name!r} is judged by {metrics.PIECE_METRICS[0]}, and no tokenizer for '
                f'it is named; {cross_lingual.HOW}'
            )

    def limited(self, num_examples: int) -> 'Suite':
        """Returns the suite with the first examples of each task."""
        tasks = tuple(dataclasses.replace(task, examples=task.examples[:num_examples]) for task in self.tasks)
        return dataclasses.replace(self, tasks=tasks)


def make_task(
    name: str, examples: Iterable[Example], chosen: Iterable[str] = (), *, kind: str = 'held_out'
) -> SuiteTask:
    """Returns a task with the metrics that fit its examples unless some are chosen.

    Plain texts of a 'forgetting' suite get perplexity and bits per byte, examples with options get rank
    accuracy and exact match, others exact match and F1.
    """
    examples, chosen = tuple(examples), tuple(chosen)
    if not chosen and kind == 'forgetting' and not any(example.inputs for example in examples):
        chosen = metrics.TEXT_METRICS
    elif not chosen and all(example.options for example in examples):
        chosen = (*metrics.RANK_METRICS, 'exact_match')
    return SuiteTask(name, examples, chosen or ('exact_match', 'f1'))


def gold(example: Example, *, where: str) -> frozenset[int]:
    """Returns the indices of the right options of an example.

    Raises:
        UserError: when none of the options is right.
    """
    right = {text.strip() for text in (example.targets, *example.references)}
    indices = frozenset(i for i, option in enumerate(example.options) if option.strip() in right)
    if not indices:
        raise UserError(f'{where}: targets {example.targets!r} are none of the options {list(example.options)}')
    return indices


@dataclasses.dataclass(frozen=True)
class Judging:
    """How a suite is run.

    Attributes:
        max_new_tokens: of each answer.
        stops: texts that end an answer, beside the engine's end tokens.
        sampling: of answers.
        seed: of the draws.
        window: tokens of a window of plain text.
        num_samples: examples of each task that are kept as samples; always the first ones, so that two
            evaluations show the same.
    """

    max_new_tokens: int = 64
    stops: tuple[str, ...] = ()
    sampling: SamplingConfig = GREEDY
    seed: int = 0
    window: int = 512
    num_samples: int = 4


def run_suite(
    engine: Engine,
    tokenizer: Tokenizer,
    suite: Suite,
    format: TokenFormat,
    judging: Judging = Judging(),
    *,
    progress: Callable[[str, int, int], None] | None = None,
) -> SuiteResult:
    """Returns how a model does on a suite.

    Args:
        engine: the model with its params.
        tokenizer: the model's.
        suite: what is asked.
        format: how examples are laid out; the one of training.
        judging: how the suite is run.
        progress: called with (what is being done, how much of it is done, how much there is).
    """
    pieces = cross_lingual.load(suite.rouge_tokenizer) if suite.rouge_tokenizer else None
    runner = _Runner(engine, tokenizer, format, judging, progress, pieces)
    tasks, samples = {}, []
    for task in suite.tasks:
        tasks[task.name], predictions = runner.run(task)
        for example, (prediction, correct) in zip(task.examples, predictions[: judging.num_samples], strict=False):
            sample = {'suite': suite.name, 'task': task.name, 'inputs': example.inputs, 'targets': example.targets}
            samples.append(sample | {'prediction': prediction, 'correct': correct})
    return SuiteResult(suite.name, suite.kind, tasks, tuple(samples))


@dataclasses.dataclass(frozen=True)
class _Runner:
    """Runs tasks one after the other."""

    engine: Engine
    tokenizer: Tokenizer
    format: TokenFormat
    judging: Judging
    progress: Callable[[str, int, int], None] | None
    pieces: cross_lingual.PieceTokenizer | None

    def run(self, task: SuiteTask) -> tuple[TaskResult, list[tuple[str, bool | None]]]:
        """Returns a task's result, and of each example (prediction, whether it is right); none for plain texts."""
        values: dict[str, Values] = {}
        predictions: list[tuple[str, bool | None]] = []
        num_ties = 0
        if set(task.metrics) & set(metrics.TEXT_METRICS):
            values |= self.texts(task)
        if set(task.metrics) & _RANKED:
            rankings = self.rankings(task)
            values |= rank_values(task, rankings)
            num_ties = sum(ranking.by_sum.tied for ranking in rankings)
            rows = zip(task.examples, rankings, values['rank_accuracy'].sums, strict=True)
            predictions = [(example.options[r.by_sum.index], bool(right)) for example, r, right in rows]
        if set(task.metrics) & set(metrics.WRITTEN_METRICS):
            answers = self.answers(task)
            values |= answer_values(task.metrics, task.examples, answers, self.pieces)
            rights = next((values[metric].sums for metric in _CORRECT if metric in values), [None] * len(answers))
            predictions = [(a, None if r is None else bool(r)) for a, r in zip(answers, rights, strict=True)]
        chosen = {metric: values[metric] for metric in task.metrics}
        return TaskResult(tuple(map(example_id, task.examples)), chosen, num_ties), predictions

    def answers(self, task: SuiteTask) -> list[str]:
        """Returns what the model writes."""
        completions = self.engine.generate(
            self.prompts(task),
            max_new_tokens=self.judging.max_new_tokens,
            sampling=self.judging.sampling,
            seed=self.judging.seed,
            progress=self.shown(f'{task.name}: answers'),
        )
        return [self.text(completion) for completion in completions]

    def rankings(self, task: SuiteTask) -> list[Ranking]:
        """Returns what the model finds likelier."""
        options = [
            [option_ids(example, option, self.tokenizer, self.format) for option in example.options]
            for example in task.examples
        ]
        return rank(
            self.engine.model,
            self.engine.params,
            self.prompts(task),
            options,
            batch_size=self.engine.batch_size,
            mesh=self.engine.mesh,
            progress=self.shown(f'{task.name}: options'),
        )

    def texts(self, task: SuiteTask) -> dict[str, Values]:
        """Returns how well the model predicts."""
        return text_likelihoods(
            self.engine.model,
            self.engine.params,
            self.tokenizer,
            [''.join(part.text for part in example.parts if not part.special) for example in task.examples],
            window=self.judging.window,
            bos_id=self.tokenizer.bos_id if self.format.add_bos else None,
            batch_size=self.engine.batch_size,
            mesh=self.engine.mesh,
            progress=self.shown(f'{task.name}: texts'),
        ).values()

    def prompts(self, task: SuiteTask) -> list[list[int]]:
        """Returns the prompt of each example."""
        return [prompt_ids(example, self.tokenizer, self.format) for example in task.examples]

    def text(self, completion: Completion) -> str:
        """Returns an answer as text, without what stopped it."""
        return cut_at_stops(self.tokenizer.decode(completion.ids), self.judging.stops).strip()

    def shown(self, what: str) -> Progress | None:
        """Returns the callback of one piece of work."""
        progress = self.progress
        return None if progress is None else lambda done, wanted: progress(what, done, wanted)


def rank_values(task: SuiteTask, rankings: Sequence[Ranking]) -> dict[str, Values]:
    """Returns whether the option of the largest score, in sum and per token, is a right one, and what else it comes to.

    Metrics in `metrics.CHOSEN_METRICS` take the option of the largest sum for what the model answers.
    """
    rows = [
        (ranking, gold(example, where=f'task {task.name!r}'))
        for ranking, example in zip(rankings, task.examples, strict=True)
    ]
    chosen = [e.options[ranking.by_sum.index] for e, ranking in zip(task.examples, rankings, strict=True)]
    wanted = {metric: like for metric, like in metrics.CHOSEN_METRICS.items() if metric in task.metrics}
    values = answer_values(wanted.values(), task.examples, chosen)
    return {metric: values[like] for metric, like in wanted.items()} | {
        'rank_accuracy': metrics.mean_values(float(ranking.by_sum.index in right) for ranking, right in rows),
        'rank_accuracy_per_token': metrics.mean_values(float(r.by_token.index in right) for r, right in rows),
    }
