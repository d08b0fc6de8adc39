"""What a data set of FLAN 2021 (Wei et al. 2022, arXiv:2109.01652) is: a source, its slices, ten templates.

After the preprocessors a record has `answer`, what the model writes, and, for classification, `options`: the list of
texts the answer is one of. A template whose target is something else is inverted and never used for evaluation.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from jaxit.core.errors import UserError
from jaxit.tasks.preprocessors import Preprocessor, Record, filter_empty
from jaxit.text.templates import Template

NUM_TEMPLATES = 10
MAX_INVERTED = 3  # appendix A.2 of the paper: up to three of a data set's ten are turned around
CAP = 30_000  # rows of a data set that are trained on, section 2.1
MIXING_MAXIMUM = 3_000  # the mixing-rate maximum, section 2.1
ROUGE = ('rouge_1', 'rouge_2', 'rouge_lsum')  # what summaries and descriptions are judged by
UNANSWERABLE = 'unanswerable'  # the answer to a question that its text does not answer


@dataclass(frozen=True)
class DataSet:
    """One data set.

    Attributes:
        key: of the data set, lower_snake; names of tasks begin with it.
        tfds: as `tfds.builder` takes it, with version.
        clusters: the kinds of task it belongs to; training on any of them makes it a seen data set.
        train: the TFDS slice that is trained on.
        dev: the slice on which the best template is chosen.
        test: the slice that is reported.
        num_train: rows of `train`, so that mixtures can be planned without the data.
        preprocessors: from a row of the source to a record with `answer`, `options` and what templates name.
        templates: ten wordings.
        metrics: names of the metrics its answers are judged by.
        licence: of the data, as its publisher states it; 'unknown' where none does.
        languages: of the data, as ISO 639 codes.
        classification: whether every record has `options`.
        manual: what to fetch by hand, where TFDS can't.
    """

    key: str
    tfds: str
    clusters: tuple[str, ...]
    train: str
    dev: str
    test: str
    num_train: int
    preprocessors: tuple[Preprocessor, ...]
    templates: tuple[Template, ...]
    metrics: tuple[str, ...]
    licence: str
    languages: tuple[str, ...] = ('en',)
    classification: bool = False
    manual: str = ''

    def __post_init__(self) -> None:
        inverted = sum(template.kind == 'inverted' for template in self.templates)
        if len(self.templates) != NUM_TEMPLATES or inverted > MAX_INVERTED:
            raise UserError(
                f'data set {self.key!r} has {len(self.templates)} templates, {inverted} of them inverted; '
                f'it must have {NUM_TEMPLATES}, at most {MAX_INVERTED} inverted'
            )
        if not self.templates or self.templates[0].kind == 'inverted':
            raise UserError(f'data set {self.key!r}: its first template is inverted; evaluation uses it')

    @property
    def steps(self) -> tuple[Preprocessor, ...]:
        """The preprocessors, and one that leaves out a row of which a template would have nothing to write.

        Whichever templates a task has, it has the same rows.
        """
        fields = dict.fromkeys(field for template in self.templates for field in template.target_fields)
        return (*self.preprocessors, filter_empty(tuple(fields)))


def asks(inputs: str) -> Template:
    """Returns a template that asks for the record's `answer`."""
    return Template(inputs, '{answer}')


def inverts(inputs: str, targets: str) -> Template:
    """Returns a template whose target is something other than the answer."""
    return Template(inputs, targets, kind='inverted')


def answered(record: Record, options: list[str], index: int) -> Record | None:
    """Returns the record with its options and the right one; None where no label says which that is."""
    return record | {'options': options, 'answer': options[index]} if 0 <= index < len(options) else None


def distinct(texts: Iterable[str]) -> list[str]:
    """Returns the texts without white space at their ends, each once, blank ones left out."""
    return [text for text in dict.fromkeys(text.strip() for text in texts) if text]
