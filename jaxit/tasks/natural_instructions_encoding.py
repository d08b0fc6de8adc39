"""How an instance of Super-NaturalInstructions is put to a model: the encodings of Tk-Instruct (arXiv:2204.07705).

An encoding says which elements of a task's schema stand before the instance: its name, its definition, so many worked
examples and counterexamples, with or without their explanations. The words around them are those of the released models.
"""

import hashlib
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxit.core.errors import UserError, unknown_name
from jaxit.tasks.sources import Record
from jaxit.text.examples import Example, Part


@dataclass(frozen=True)
class Encoding:
    """Which elements stand before the instance.

    Attributes:
        definition: whether the definition does.
        num_positive: how many of the worked examples do, at most; as many as fit the inputs.
        num_negative: how many of the counterexamples do, at most; after the worked ones, as many as fit.
        explanation: whether the examples bring their explanations.
        task_name: whether the task's name does, before all else.
    """

    definition: bool = True
    num_positive: int = 2
    num_negative: int = 0
    explanation: bool = False
    task_name: bool = False

    def __post_init__(self) -> None:
        if self.num_positive < 0 or self.num_negative < 0:
            raise UserError(f'{self}: num_positive and num_negative must not be negative')


DEFINITION = Encoding(num_positive=0)
POSITIVE = Encoding(definition=False)
MAIN = Encoding()
NEGATIVE = Encoding(num_negative=2)
EXPLAINED = Encoding(explanation=True)

# The released models, and the mixed mode, which draws one of five for each instance.
ENCODINGS: Mapping[str, tuple[Encoding, ...]] = {
    'def': (DEFINITION,),
    '2pos': (POSITIVE,),
    'def_2pos': (MAIN,),
    'def_2pos_2neg': (NEGATIVE,),
    'def_2pos_expl': (EXPLAINED,),
    'def_2pos_2neg_expl': (Encoding(num_negative=2, explanation=True),),
    'tk_instruct': (DEFINITION, POSITIVE, MAIN, NEGATIVE, EXPLAINED),
}


def encodings(choice: 'str | Encoding | tuple[Encoding, ...]') -> tuple[Encoding, ...]:
    """Returns the encodings of a name, or those given: one of them is drawn for each instance."""
    if isinstance(choice, str):
        if choice not in ENCODINGS:
            raise unknown_name('encoding', choice, ENCODINGS)
        return ENCODINGS[choice]
    found = (choice,) if isinstance(choice, Encoding) else tuple(choice)
    if not found or not all(isinstance(item, Encoding) for item in found):
        raise UserError(f'encoding is {choice!r}; it must be a name, an Encoding or a tuple of them')
    return found


@dataclass(frozen=True)
class Render:
    """Makes the example of an instance; its draws depend on (seed, row, task) only, as those of templates do.

    Attributes:
        encodings: one of them is drawn for each instance.
        task: the name the draws are keyed by.
        seed: of the draws.
    """

    encodings: tuple[Encoding, ...]
    task: str
    seed: int = 0

    def __call__(self, record: Record) -> Example:
        """Returns the example: one drawn output is learned, all of them are references.

        Raises:
            UserError: where the instance has no input, or no output that is text.
        """
        if not isinstance(record.get('input'), str):
            raise UserError("'input' is missing or not text")
        references = tuple(output.strip() for output in outputs(record) if output.strip())
        if not references:
            raise UserError("every 'output' is blank")
        index = self._draw(record['row'], len(self.encodings))
        target = references[self._draw(record['row'], len(references), '/output')]
        return Example(
            (*_prompt(self.encodings[index], record), Part(target, loss=True)), template=index, references=references
        )

    def _draw(self, row: int, num: int, what: str = '') -> int:
        digest = hashlib.sha256(f'{self.seed}/{row}/{self.task}{what}'.encode()).digest()
        return int.from_bytes(digest[:8], 'little') % num


def has_output(record: Record) -> Record | None:
    """Leaves out instances with nothing to learn: every output is blank, as one of task511 is."""
    return record if any(output.strip() for output in outputs(record)) else None


def outputs(record: Record) -> list[str]:
    """Returns the right answers of an instance, which a few copies of the data hold as one text."""
    found = record.get('output')
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list) or not all(isinstance(output, str) for output in found):
        raise UserError("'output' is missing or not a list of texts")
    return found


def _prompt(encoding: Encoding, record: Record) -> tuple[Part, ...]:
    """Returns what stands before the answer. What is too long loses examples first, then the end of its longest part."""
    head = f'{record["task"]}. ' if encoding.task_name else ''
    if encoding.definition:
        head += _ended(f'Definition: {record["definition"].strip()}') + '\n\n'
    shown = [
        *_shown('Positive', record['positive_examples'][: encoding.num_positive], encoding),
        *_shown('Negative', record['negative_examples'][: encoding.num_negative], encoding),
    ]
    return (
        *((Part(head),) if head else ()),
        *(Part(text, optional=True) for text in shown),
        Part(_ended(f'Now complete the following example -\nInput: {record["input"].strip()}')),
        Part('\nOutput: '),
    )


def _shown(kind: str, examples: list[dict[str, Any]], encoding: Encoding) -> list[str]:
    texts = []
    for number, example in enumerate(examples, 1):
        lines = [f'Input: {example["input"].strip()}', f' Output: {example["output"].strip()}']
        if encoding.explanation and example.get('explanation') is not None:
            lines.append(f' Explanation: {example["explanation"].strip()}')
        texts.append(f' {kind} Example {number} -\n' + ''.join(f'{_ended(line)}\n' for line in lines) + '\n')
    return texts


def _ended(text: str) -> str:
    """Returns the text with a period where it ends without punctuation, ASCII's, as the released models saw it."""
    return text if text[-1] in string.punctuation else f'{text}.'
