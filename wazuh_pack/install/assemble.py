"""The pack's content -> what one installation brings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from wazuh_pack import __version__
from wazuh_pack.bundle import build_bundle
from wazuh_pack.install.confblock import ConfBlock
from wazuh_pack.install.source import Kind, PackFile, PackSource
from wazuh_pack.render import ossecconf
from wazuh_pack.source.scripts import response_scripts, wodle_scripts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wazuh_pack.model import Catalog
    from wazuh_pack.render import Build
    from wazuh_pack.source.scripts import ResponseScript, WodleScript


@dataclass(frozen=True, slots=True)
class Choices:
    """What to install beyond rules: ``collect`` maps a source to parameters of its collection."""

    collect: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    responses: bool = True
    wodles: bool = True


def assemble(
    catalog: Catalog,
    build: Build,
    *,
    tree: Path,
    scratch: Path,
    home: PurePosixPath,
    choices: Choices | None = None,
) -> PackSource:
    """Return the files and the ossec.conf block of one installation.

    Args:
        catalog: The content.
        build: The rendered rules and decoders, and the rule ids.
        tree: Where the scripts' sources are.
        scratch: An existing folder for the bundles.
        home: The Wazuh home as the running manager sees it.
        choices: What to install; everything but log collection by default.

    Raises:
        PackError: a script or a fragment cannot be built.
    """
    choices = choices or Choices()
    files = [*_rendered(build), *_lists(catalog)]
    rows: tuple[ossecconf.ResponseRow, ...] = ()
    wodles: list[ossecconf.Wodle] = []
    if choices.responses:
        scripts = response_scripts(tree)
        files += [file for script in scripts for file in _script_files(script, scratch)]
        rows = _rows(catalog, build, scripts)
    if choices.wodles:
        for wodle in wodle_scripts(tree):
            bundle = build_bundle(wodle.folder, scratch / wodle.executable)
            files += _wodle_files(wodle, bundle.path)
            wodles.append(_wodle(wodle, home, bundle.sha256))
    xml = ossecconf.fragment(
        responses=rows,
        wodles=wodles,
        fragments=ossecconf.collection(catalog, choices.collect),
    )
    lists = tuple(f"etc/lists/{name}" for source in catalog.sources for name, _ in source.lists)
    return PackSource(
        version=__version__,
        files=tuple(files),
        conf=ConfBlock.of(version=__version__, xml=xml, lists=lists),
        options={
            "collect": tuple(sorted(choices.collect)),
            "responses": choices.responses,
            "wodles": choices.wodles,
        },
    )


def _script_files(script: ResponseScript, scratch: Path) -> list[PackFile]:
    bundle = build_bundle(script.folder, scratch / script.executable)
    return [
        PackFile.of(Kind.RESPONSE, script.executable, bundle.path),
        PackFile.of(Kind.CONFIG, script.config.name, script.config),
    ]


def _rows(
    catalog: Catalog, build: Build, scripts: tuple[ResponseScript, ...]
) -> tuple[ossecconf.ResponseRow, ...]:
    offered = [ossecconf.Script(item.action, item.executable, item.location) for item in scripts]
    return ossecconf.response_rows(catalog, build.rule_ids(), offered)


def _wodle_files(wodle: WodleScript, bundle: Path) -> list[PackFile]:
    place = PurePosixPath(wodle.command).relative_to("wodles")
    return [
        PackFile.of(Kind.WODLE, str(place), bundle),
        PackFile.of(Kind.CONFIG, wodle.config.name, wodle.config),
    ]


def _wodle(wodle: WodleScript, home: PurePosixPath, sha256: str) -> ossecconf.Wodle:
    return ossecconf.Wodle(
        tag=wodle.tag,
        command=f"{home}/{wodle.command} {wodle.arguments}".rstrip(),
        interval=wodle.interval,
        timeout=wodle.timeout,
        run_on_start="yes" if wodle.run_on_start else "no",
        sha256=sha256,
    )


def _rendered(build: Build) -> list[PackFile]:
    kinds = {"rules_xml": Kind.RULE, "decoders": Kind.DECODER}
    return [
        PackFile.of(kinds[path.parent.name], path.name, content)
        for path, content in sorted(
            (PurePosixPath(name), data) for name, data in build.files.items()
        )
    ]


def _lists(catalog: Catalog) -> list[PackFile]:
    return [
        PackFile.of(Kind.LIST, name, path)
        for source in catalog.sources
        for name, path in source.lists
    ]
