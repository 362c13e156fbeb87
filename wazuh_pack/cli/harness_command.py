"""``wazuh-pack harness``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wazuh_pack.cli import _exit, _load, _out
from wazuh_pack.harness.options import IMAGE, VERSION, Options

if TYPE_CHECKING:
    from wazuh_pack.harness.report import Report


@click.command(
    help="Prove the pack on a real manager: start Wazuh's image in containers, install, send every "
    "event of every detection, let responses and scans run, upgrade, uninstall, and compare with "
    "the offline engine. Without an engine or an image it says so and ends with 0. Exits with 20 "
    "when something is wrong. NAMEs are detections or sources [all]."
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--image", default=IMAGE, show_default=True, help="The image, perhaps with its tag.")
@click.option(
    "--version",
    "versions",
    multiple=True,
    help=f"A tag of the image; may be repeated: all are proved [{VERSION}].",
)
@click.option("--engine", metavar="URL", help="The engine's socket [DOCKER_HOST, else found].")
@click.option(
    "--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Containers at once."
)
@click.option(
    "--net-admin/--no-net-admin",
    default=True,
    show_default=True,
    help="Let the containers change their own firewall, so that blocking can be seen.",
)
@click.option(
    "--trivy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A Trivy for this machine: a scan in the container must find something.",
)
@click.option(
    "--wheels",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Take the dependencies' wheels from this folder instead of an index.",
)
@click.option("--pull/--no-pull", default=True, show_default=True, help="Get a missing image.")
@click.option("--keep", is_flag=True, help="Leave the containers running, to look into them.")
@click.option(
    "--require", is_flag=True, help="Fail when nothing could be proved for lack of an engine."
)
@click.option(
    "--patience",
    type=click.FloatRange(min=1),
    default=300,
    show_default=True,
    help="Seconds that a manager may take to start.",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(
    names: tuple[str, ...],
    image: str,
    versions: tuple[str, ...],
    engine: str | None,
    jobs: int,
    net_admin: bool,
    trivy: Path | None,
    wheels: Path | None,
    pull: bool,
    keep: bool,
    require: bool,
    patience: float,
    form: str,
) -> int:
    """Run, report."""
    from wazuh_pack.harness.run import run_all  # noqa: PLC0415 - keeps --help fast

    catalog = _load.catalog()
    options = Options(
        images=_images(image, versions),
        engine=engine,
        jobs=jobs,
        net_admin=net_admin,
        trivy=trivy,
        wheels=wheels,
        pull=pull,
        keep=keep,
        patience=patience,
    )
    _out.note(f"proving {', '.join(options.images)}")
    reports = run_all(options, catalog, _load.select(catalog, names), _load.lock().ids())
    _print(reports, form)
    good = all(not r.failed and (r.proved or not require) for r in reports)
    return _exit.OK if good else _exit.FAILED


def _images(image: str, versions: tuple[str, ...]) -> tuple[str, ...]:
    if versions:
        return tuple(f"{image}:{version}" for version in versions)
    tagged = ":" in image.rpartition("/")[2] or "@" in image
    return (image if tagged else f"{image}:{VERSION}",)


def _print(reports: list[Report], form: str) -> None:
    for report in reports:
        if form == "json":
            _out.json_line(report.as_json())
            continue
        for line in report.lines():
            _out.line(line)
