"""Chat formats as Jinja templates: what transformers, and whatever serves with it, writes a conversation by.

A template writes text, which is then read with the exported tokenizer. It gives the ids of `examples.prompt_ids`, but for a
user who types a control token, which only jaxit keeps as text, and a reply in the history whose first characters the
vocabulary would join with the end of its prompt.
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

from jaxit.text.base import CONFIG_FILE, Tokenizer, config_bytes, read_config
from jaxit.text.chat import FOLLOWERS
from jaxit.text.chat_formats import ChatFormat, Parts, get
from jaxit.text.examples import Part, TokenFormat

TEMPLATE_FILE = 'chat_template.jinja'

_TEMPLATE = """\
{#- The chat format '%(name)s', written by jaxit. -#}
{%%- set joints = %(joints)s -%%}
{%%- set prompts = %(prompts)s -%%}
{%%- set ends = %(ends)s -%%}
{%%- set last = namespace(role='') -%%}
{%%- for message in messages -%%}
{%%- if message.role not in joints[last.role] -%%}
{{- raise_exception(message.role ~ ' may not stand after ' ~ (last.role or 'the beginning')) -}}
{%%- elif message.content is not string -%%}
{{- raise_exception('a content must be text') -}}
{%%- endif -%%}
{%%- set text = message.content ~ (%(input_separator)s ~ message.input if message.input else '') -%%}
{%%- for tag in %(reserved)s -%%}
{%%- if tag in text -%%}{{- raise_exception('a content holds ' ~ tag ~ ', which the chat format is written with') -}}{%%- endif -%%}
{%%- endfor -%%}
{%%- set with_input = ' with input' if message.input and message.role ~ ' with input' in joints[last.role] else '' -%%}
{{- joints[last.role][message.role ~ with_input] -}}
{{- %(text)s -}}
{%%- set last.role = message.role -%%}
{%%- endfor -%%}
{%%- if not add_generation_prompt -%%}
{{- ends[last.role] -}}
{%%- elif last.role in prompts -%%}
{{- prompts[last.role] -}}
{%%- else -%%}
{{- raise_exception('a prompt ends with the user') -}}
{%%- endif -%%}
"""


class _Blanks(NamedTuple):
    """What must be written for the blank that a vocabulary puts before a text of its own.

    Attributes:
        after_mark: where the text follows a control token, or nothing.
        in_text: where it follows other text.
    """

    after_mark: str
    in_text: str


def write(format: ChatFormat | str, tokenizer: Tokenizer, token_format: TokenFormat) -> str:
    """Returns the template of a chat format.

    Args:
        format: the chat format or its name.
        tokenizer: which reads what the template writes.
        token_format: how the model's examples were laid out; only BOS and an encoder's EOS matter.
    """
    format = get(format) if isinstance(format, str) else format
    joints = _Joints(format, tokenizer, token_format)
    text = 'text | trim' if format.strip else 'text'
    if format.reply_rstrip:
        text = f"text.rstrip({json.dumps(format.reply_rstrip)}) if message.role == 'assistant' else {text}"
    values = {
        'joints': {last or '': joints.between(last) for last in FOLLOWERS if last != 'tool' or format.tool},
        'prompts': {last: joints.prompt(last) for last in ('user', 'tool') if last != 'tool' or format.tool},
        'ends': {last or '': joints.end(last) for last in FOLLOWERS if last != 'tool' or format.tool},
        'input_separator': format.input_separator,
        'reserved': format.reserved,
    }
    written = {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}
    return _TEMPLATE % {'name': format.name, 'text': text, **written}


def put(files: Mapping[str, bytes], template: str | None) -> dict[str, bytes]:
    """Returns a tokenizer's files with this template, or none, in place of the one that came with them."""
    kept = {name: content for name, content in files.items() if name != TEMPLATE_FILE}
    config = read_config(kept, TEMPLATE_FILE)
    if 'chat_template' in config:
        kept[CONFIG_FILE] = config_bytes({key: value for key, value in config.items() if key != 'chat_template'})
    return kept if template is None else {**kept, TEMPLATE_FILE: template.encode()}


class _Joints:
    """What stands between the contents of a conversation."""

    def __init__(self, format: ChatFormat, tokenizer: Tokenizer, token_format: TokenFormat) -> None:
        self.format, self.blanks = format, _blanks(tokenizer)
        self.eos = Part(tokenizer.names[tokenizer.eos_id], special=True)
        bos = tokenizer.bos_id if token_format.add_bos and not token_format.encoder_decoder else None
        self.begin = () if bos is None else (Part(tokenizer.names[bos], special=True),)
        self.after_prompt = (self.eos,) if token_format.encoder_decoder else ()

    def between(self, last: str | None) -> dict[str, str]:
        """Returns for each role that may follow what stands between its content and the one before."""
        roles = [role for role in FOLLOWERS[last] if role != 'tool' or self.format.tool]
        found = {role: self._written(last, self._opened(last, role), self._content(role)) for role in roles}
        if last is None and self.format.default_system_with_input:
            opened = self._by_default(self.format.default_system_with_input)
            found['user with input'] = self._written(last, opened, self._content('user'))
        return found

    def prompt(self, last: str) -> str:
        """Returns what stands between a content and the reply that is to be written."""
        return self._written(last, (*self.format.assistant.before, *self.after_prompt), None)

    def end(self, last: str | None) -> str:
        """Returns what ends a conversation in which nothing is to be written."""
        closed = self._closed(last)
        while closed and last == 'assistant' and not closed[-1].loss:
            closed = closed[:-1]  # what follows the last reply is not learnt
        return _text(None if last is None else self._content(last), closed, None, self.blanks)

    def _written(self, last: str | None, opened: Parts, content: Part | None) -> str:
        before = None if last is None else self._content(last)
        return _text(before, (*self._closed(last), *opened), content, self.blanks)

    def _content(self, role: str) -> Part:
        reply = role == 'assistant'
        return Part('', loss=reply, continues=reply and self.format.reply_continues)

    def _closed(self, last: str | None) -> Parts:
        """Returns the parts after a content."""
        format = self.format
        if last is None:
            return self.begin
        if last == 'system':
            return (Part(format.system_wrap[1]),) if format.system is None else format.system.after
        if last != 'assistant':
            return getattr(format, last).after
        after = format.assistant.after
        learnt = tuple(part for part in after if part.loss)
        ends = () if learnt and learnt[-1].special else (Part(self.eos.text, loss=True, special=True),)
        return (*learnt, *ends, *after[len(learnt) :])

    def _opened(self, last: str | None, role: str) -> Parts:
        """Returns the parts before a content."""
        format = self.format
        if role == 'system':
            wrapped = (*format.user.before, Part(format.system_wrap[0]))
            return wrapped if format.system is None else format.system.before
        if last is None and format.default_system:
            return self._by_default(format.default_system)
        if last == 'system' and format.system is None:
            return ()
        return getattr(format, role).before

    def _by_default(self, system: str) -> Parts:
        opened = self._opened(None, 'system')
        return (*opened, Part(system), *self._closed('system'), *self._opened('system', 'user'))


def _blanks(tokenizer: Tokenizer) -> _Blanks:
    alone = tokenizer.encode('x')
    if alone == tokenizer.encode('x', continues=True):
        return _Blanks('', '')
    puts_it_itself = tokenizer.read(f'{tokenizer.names[tokenizer.eos_id]}x')[1:] == alone
    return _Blanks('' if puts_it_itself else ' ', ' ')


def _text(before: Part | None, between: Parts, after: Part | None, blanks: _Blanks) -> str:
    """Returns the text between two contents, with a blank where the vocabulary puts one of its own."""
    last, text = before, ''
    for part in (*(part for part in between if part.text), *([] if after is None else [after])):
        follows_text = last is not None and not last.special
        if (
            not part.special
            and not part.continues
            and not (last is not None and follows_text and last.loss == part.loss)
        ):
            text += blanks.in_text if follows_text else blanks.after_mark
        text, last = text + part.text, part
    return text
