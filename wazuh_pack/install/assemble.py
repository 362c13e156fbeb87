"""The pack's content -> what one installation brings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from wazuh_pack import __version__, render
from wazuh_pack.bundle import build_bundle
from wazuh_pack.install import choices as choosing
from wazuh_pack.install.choices import Choices, Names
from wazuh_pack.install.confblock import ConfBlock
from wazuh_pack.install.renumber import renumber, renumber_text
from wazuh_pack.install.secrets import reveal
from wazuh_pack.install.source import Kind, PackFile, PackSource
from wazuh_pack.install.target import DEFAULT_HOME
from wazuh_pack.render import ossecconf, responses
from wazuh_pack.render.build import file_stem
from wazuh_pack.source.scripts import response_scripts, wodle_scripts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from wazuh_pack.model import Catalog
    from wazuh_pack.source.ids import Lock
    from wazuh_pack.source.scripts import ResponseScript, WodleScript

_STATE_NOTE = (
    b"What integrations of wazuh-pack remember; it belongs to the user that they run as.\n"
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What one installation brings, and what is known about it.

    ``rules`` are the ids of the installed rules by key, ``catalog`` the content that was chosen.
    ``secrets`` says whether the ossec.conf block holds one. ``added`` are sources that were not
    chosen, but that the chosen ones cannot do without.
    """

    source: PackSource
    rules: dict[str, int]
    catalog: Catalog
    secrets: bool
    added: tuple[str, ...]


def prepare(
    catalog: Catalog,
    lock: Lock,
    *,
    tree: Path,
    scratch: Path,
    home: PurePosixPath,
    target: Path,
    choices: Choices,
    worker: bool = False,
) -> Prepared:
    """Number, render and assemble what was chosen.

    Args:
        catalog: The content.
        lock: Its rule ids.
        tree: Where the scripts' sources are.
        scratch: An existing folder for the bundles.
        home: The Wazuh home as the running manager sees it.
        target: The home that is written to; secret files with a relative path lie below it.
        choices: What to install.
        worker: Leave out what a cluster's worker gets from its master.

    Raises:
        PackError: a name does not exist, a script or a fragment cannot be built, a secret cannot
            be read.
    """
    choosing.check(choices, catalog, response_scripts(tree), wodle_scripts(tree))
    catalog, lock = renumber(catalog, lock, choices.id_base)
    built = render.build(catalog, lock)
    secrets = {
        name: found
        for name, parameters in choices.collect.items()
        if (found := reveal(catalog.source(name), parameters, target))
    }
    source = assemble(
        catalog,
        built,
        tree=tree,
        scratch=scratch,
        home=home,
        choices=choices,
        secrets=secrets,
        worker=worker,
    )
    files = [
        replace(file, content=renumber_text(file.read(), choices.id_base))
        if file.kind is Kind.CONFIG
        else file
        for file in source.files
    ]
    source = replace(source, files=tuple(files))
    chosen = choosing.with_dependencies(choices, catalog, wodle_scripts(tree))
    kept = choosing.narrowed(catalog, chosen, choices.responses)
    ids = {item.id for item in kept.sources}
    numbers = built.rule_ids()
    return Prepared(
        source=source,
        rules={rule.key: numbers[rule.key] for rule in built.rules if rule.source in ids},
        catalog=kept,
        secrets=bool(secrets),
        added=tuple(name for name in chosen or () if name not in (choices.sources or ())),
    )


def assemble(
    catalog: Catalog,
    build: render.Build,
    *,
    tree: Path,
    scratch: Path,
    home: PurePosixPath,
    choices: Choices | None = None,
    secrets: Mapping[str, Mapping[str, str]] | None = None,
    worker: bool = False,
) -> PackSource:
    """Return the files and the ossec.conf block of one installation.

    Args:
        catalog: The content.
        build: The rendered rules and decoders, and the rule ids.
        tree: Where the scripts' sources are.
        scratch: An existing folder for the bundles.
        home: The Wazuh home as the running manager sees it.
        choices: What to install; everything but log collection by default.
        secrets: For sources whose logs are collected, what their fragments need besides.
        worker: Leave out what a cluster's worker gets from its master.

    Raises:
        PackError: a script or a fragment cannot be built.
    """
    choices = choices or Choices()
    catalog = _at_home(catalog, home)
    wodles = wodle_scripts(tree)
    scripts = [s for s in response_scripts(tree) if _is_chosen(s.action, choices.responses)]
    chosen = choosing.with_dependencies(choices, catalog, wodles)
    kept = choosing.narrowed(catalog, chosen, choices.responses)
    files = [] if worker else [*_rendered(kept, build), *_lists(kept)]
    for script in scripts:
        files += _script_files(
            script, scratch, by_integratord=script.action in choices.integrations
        )
    blocks: list[ossecconf.Wodle] = []
    for wodle in wodles:
        if _is_chosen(wodle.tag, choices.wodles):
            bundle = build_bundle(wodle.folder, scratch / wodle.executable)
            files += _wodle_files(wodle, bundle.path)
            sink = _sink(wodle, catalog, choices)
            blocks.append(_wodle(wodle, home, bundle.sha256, sink))
    rows, integrations = responses.rows(kept, build.rule_ids(), _offered(scripts, choices))
    xml = ossecconf.fragment(
        responses=rows,
        integrations=integrations,
        wodles=blocks,
        fragments=ossecconf.collection(catalog, _parameters(choices, secrets or {})),
    )
    lists = tuple(f"etc/lists/{name}" for item in kept.sources for name, _ in item.lists)
    return PackSource(
        version=__version__,
        files=tuple(files),
        conf=ConfBlock.of(version=__version__, xml=xml, lists=lists),
        options=choices.options(),
    )


def _at_home(catalog: Catalog, home: PurePosixPath) -> Catalog:
    """Return the content with default paths in ``/var/ossec`` moved to another home."""
    usual = f"{DEFAULT_HOME}/"

    def moved(value: object) -> object:
        text = str(value)
        return f"{home}/{text.removeprefix(usual)}" if text.startswith(usual) else value

    sources = []
    for source in catalog.sources:
        parameters = tuple((name, moved(value)) for name, value in source.delivery.parameters)
        delivery = replace(source.delivery, parameters=parameters)
        sources.append(replace(source, delivery=delivery))
    return replace(catalog, sources=tuple(sources))


def _is_chosen(name: str, names: Names) -> bool:
    return names is None or name in names


def _parameters(
    choices: Choices, secrets: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    return {
        name: {**parameters, **secrets.get(name, {})}
        for name, parameters in choices.collect.items()
    }


def _offered(scripts: Iterable[ResponseScript], choices: Choices) -> list[responses.Script]:
    return [
        responses.Script(
            item.action,
            item.executable,
            item.location,
            item.integration if item.action in choices.integrations else "",
        )
        for item in scripts
    ]


def _script_files(script: ResponseScript, scratch: Path, *, by_integratord: bool) -> list[PackFile]:
    bundle = build_bundle(script.folder, scratch / script.executable)
    config = PackFile.of(Kind.CONFIG, script.config.name, script.config)
    if not by_integratord:
        return [PackFile.of(Kind.RESPONSE, script.executable, bundle.path), config]
    return [
        PackFile.of(Kind.INTEGRATION, script.integration, bundle.path),
        PackFile.of(Kind.STATE, "README", _STATE_NOTE),
        config,
    ]


def _wodle_files(wodle: WodleScript, bundle: Path) -> list[PackFile]:
    place = PurePosixPath(wodle.command).relative_to("wodles")
    return [
        PackFile.of(Kind.WODLE, str(place), bundle),
        *(
            PackFile.of(Kind.CONFIG, path.name, path)
            for path in (wodle.config, *wodle.further_config)
        ),
    ]


def _sink(wodle: WodleScript, catalog: Catalog, choices: Choices) -> str:
    """Return the file that the wodle is to write to instead of standard output, if any."""
    if wodle.sink not in choices.collect:
        return ""
    parameters = dict(catalog.source(wodle.sink).delivery.parameters)
    return str({**parameters, **choices.collect[wodle.sink]}["path"])


def _wodle(wodle: WodleScript, home: PurePosixPath, sha256: str, sink: str = "") -> ossecconf.Wodle:
    arguments = f"{wodle.arguments} --sink {sink}" if sink else wodle.arguments
    return ossecconf.Wodle(
        tag=wodle.tag,
        command=" ".join(f"{home}/{wodle.command} {arguments}".split()),
        interval=wodle.interval,
        timeout=wodle.timeout,
        run_on_start="yes" if wodle.run_on_start else "no",
        sha256=sha256,
    )


def _rendered(catalog: Catalog, build: render.Build) -> Iterable[PackFile]:
    """Return the rule and decoder files of the content's sources."""
    for source in catalog.sources:
        stem = file_stem(source)
        rules = build.files.get(f"rules_xml/{stem}.xml")
        decoders = build.files.get(f"decoders/{stem}_decoders.xml")
        if rules is not None:
            yield PackFile.of(Kind.RULE, f"{stem}.xml", rules)
        if decoders is not None:
            yield PackFile.of(Kind.DECODER, f"{stem}_decoders.xml", decoders)


def _lists(catalog: Catalog) -> list[PackFile]:
    return [
        PackFile.of(Kind.LIST, name, path)
        for source in catalog.sources
        for name, path in source.lists
    ]
