"""A source's decoder template -> its decoder file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jinja2

from wazuh_pack.errors import PackError
from wazuh_pack.location import Location

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.model import Source


def environment() -> jinja2.Environment:
    """Return the Jinja2 environment of all templates: strict, nothing escaped behind our back.

    Wazuh's XML reader knows no entities, so automatic escaping would change patterns.
    """
    return jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - see the docstring; templates and parameters are ours
    )


def decoders_file(source: Source) -> bytes:
    """Return the decoder file of a source that has decoders.

    Raises:
        PackError: the template is malformed or uses an unknown name.
    """
    if source.decoders is None:
        raise ValueError(source.id)
    text = source.decoders.read_text(encoding="utf-8")
    head = (
        f"<!-- {source.title}: decoders.\n"
        f"     Rendered by wazuh-pack from wazuh_pack/content/{source.id}; edit them there. -->\n"
    )
    return (head + render(text, source.decoders, dict(source.delivery.parameters))).encode()


def render(template: str, path: Path, parameters: dict[str, object]) -> str:
    """Return a template filled in; ``path`` is what errors name."""
    try:
        return environment().from_string(template).render(parameters)
    except jinja2.TemplateSyntaxError as error:
        raise PackError(f"template: {error.message}", at=Location(path, error.lineno)) from error
    except jinja2.UndefinedError as error:
        raise PackError(
            f"template: {error.message}", at=Location(path), hint="add it to parameters"
        ) from error
