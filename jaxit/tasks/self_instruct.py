"""Self-Instruct's files (arXiv 2212.10560): tasks with their instances, and what models answered to them."""

from jaxit.core.errors import UserError
from jaxit.tasks.conversation_records import Record, ask, conversation, optional_text, text_of, with_system


def instances(record: Record) -> list[Record]:
    """Seed and user-oriented tasks: an `instruction` and its `instances` of `input` (may be blank) and `output`."""
    pairs = record.get('instances')
    if not isinstance(pairs, list) or not pairs or not all(isinstance(pair, dict) for pair in pairs):
        raise UserError("field 'instances' must be a list of objects with input and output, at least one")
    instruction = text_of(record, 'instruction')
    asked = [ask(instruction, text_of(pair, 'output'), optional_text(pair, 'input')) for pair in pairs]
    return [conversation(with_system(turns, record)) for turns in asked]


def prediction(record: Record) -> Record:
    """A model's `response` to an `instruction` and its `input`; the right answer, `target`, becomes the reference.

    Blank space around the response goes: completions begin and end with it.
    """
    response = text_of(record, 'response').strip()
    asked = ask(text_of(record, 'instruction').rstrip('\n'), response, optional_text(record, 'input'))
    return conversation(with_system(asked, record)) | {'references': [text_of(record, 'target')]}
