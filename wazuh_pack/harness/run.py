"""A run: every image in two lanes at once, everything removed at the end."""

from __future__ import annotations

import signal
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wazuh_pack.errors import HarnessError, UnavailableError
from wazuh_pack.harness import closure, judge, life
from wazuh_pack.harness.container import Containers
from wazuh_pack.harness.dockerd import connect, find_image
from wazuh_pack.harness.lane import STAND_IN_LABEL, Lane, World
from wazuh_pack.harness.report import Check, Report, State
from wazuh_pack.harness.sessions import scripts
from wazuh_pack.install.daemonlog import Ours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from wazuh_pack.harness.options import Options
    from wazuh_pack.model import Catalog, Detection

_LANES: tuple[tuple[str, Callable[[Lane], None]], ...] = (("judge", judge.run), ("life", life.run))


def run_all(
    options: Options,
    catalog: Catalog,
    detections: Sequence[Detection],
    ids: Mapping[str, int],
) -> list[Report]:
    """Prove the pack on every image; return a report for each, in order.

    No container of this run is left when this returns or raises, Ctrl-C and SIGTERM included,
    unless the options say to keep them.

    Raises:
        HarnessError: The run cannot begin. Without an engine all is skipped, and reports say so.
    """
    try:
        client = connect(options.engine)
    except UnavailableError as error:
        return [_skipped(image, error) for image in options.images]
    found = [_found(client, name, pull=options.pull) for name in options.images]
    reports = [report for _, report in found]
    images = [(image, report) for image, report in found if image is not None]
    if not images:
        return reports
    with (
        _terminated_as_interrupted(),
        tempfile.TemporaryDirectory(prefix="wazuh-pack-harness-") as scratch,
        Containers(client, keep=options.keep) as containers,
    ):
        folder = Path(scratch)
        later = closure.make_pack(folder / "later")
        closure.make_pack(folder / "pack")
        world = World(
            options=options,
            containers=containers,
            closures=closure.Closures(folder, options.wheels),
            scratch=folder,
            pack=folder / "pack",
            later=folder / "later",
            later_version=closure.make_later(later),
            scripts=tuple(scripts(catalog, detections, ids)),
            ours=Ours(frozenset(ids.values())),
        )
        _run(world, images)
    return reports


def _run(world: World, images: Sequence[tuple[Any, Report]]) -> None:
    """Carry out both lanes of every image; the reports get what they find."""
    work = [
        (Lane(world, image, report, name), run) for image, report in images for name, run in _LANES
    ]
    pool = ThreadPoolExecutor(max_workers=max(1, world.options.jobs))
    try:
        futures = [pool.submit(run, lane) for lane, run in work]
        wait(futures)
        for future in futures:
            future.result()
    except BaseException:
        # what is still under way ends by itself, for its container goes away now
        pool.shutdown(wait=False, cancel_futures=True)
        world.containers.__exit__()
        raise
    finally:
        pool.shutdown(wait=True)
    for _, report in images:
        report.checks.sort(key=lambda check: check.name.partition(" ")[0])


def _found(client: Any, name: str, *, pull: bool) -> tuple[Any, Report]:
    """Return an image, None when it cannot be had, and the report that begins with it."""
    try:
        image = find_image(client, name, pull=pull)
    except UnavailableError as error:
        return None, _skipped(name, error)
    return image, Report(name, stand_in=STAND_IN_LABEL in (image.labels or {}))


def _skipped(image: str, error: HarnessError) -> Report:
    report = Report(image)
    report.add(Check("all", State.SKIPPED, str(error), (error.hint,) if error.hint else ()))
    return report


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does, where this is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
