"""An engine, the stand-in image, and the harness's command."""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "standin"))

import image as standin
from standin_manager import standin as standin_manager

from wazuh_pack.errors import HarnessError, UnavailableError
from wazuh_pack.harness import closure, dockerd


@pytest.fixture(scope="session")
def engine():
    """A client of a container engine; tests skip without one."""
    try:
        client = dockerd.connect()
        client.containers.list()
    except (UnavailableError, HarnessError) as error:
        pytest.skip(str(error))
    yield client
    client.close()


@pytest.fixture(scope="session")
def scratch_image(engine):
    """The stand-in image, built from this machine's files."""
    name = f"wp-harness-stand-in:{secrets.token_hex(4)}"
    try:
        standin.build(engine, name)
    except UnavailableError as error:
        pytest.skip(str(error))
    yield name
    engine.images.remove(name, force=True)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    """The dependencies' wheels for this Python, which the stand-in has too."""
    folder = tmp_path_factory.mktemp("wheels")
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:"]
    wanted = closure.requirements(closure.metadata.requires("wazuh-pack"))
    done = subprocess.run(
        [*argv, "--dest", folder, *wanted], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no wheels of the dependencies: {done.stderr.strip().splitlines()[-1]}")
    return folder


@pytest.fixture
def start():
    """Start ``wazuh-pack`` as a process of its own; what is still running is ended."""
    started = []

    def run(*arguments):
        # A shell lets what it starts in the background ignore Ctrl-C, these tests included.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "wazuh_pack", *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "NO_COLOR": "1"},
            )
        finally:
            signal.signal(signal.SIGINT, before)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def manager():
    """A stand-in for a manager, not running yet."""
    with standin_manager() as made:
        yield made
