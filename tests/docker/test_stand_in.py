"""The harness against the stand-in image: its own mechanics, nothing about Wazuh."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from wazuh_pack.harness.container import LABEL, Containers

SOON = 120


def harness(image, *more):
    return ("harness", "--image", image, "--no-pull", "--require", "--format", "json", *more)


@pytest.fixture(scope="module")
def told(engine, scratch_image, wheels):
    """What the command says of the stand-in: its exit code and its report."""
    trivy = os.environ.get("WAZUH_PACK_TRIVY")
    argv = harness(scratch_image, "--wheels", wheels, *(["--trivy", trivy] if trivy else []))
    with subprocess.Popen(
        [sys.executable, "-m", "wazuh_pack", *map(str, argv)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        output, errors = process.communicate()
    assert output, errors
    return process.returncode, json.loads(output), ours(labelled(engine), process.pid)


def labelled(engine):
    """Return the labels of the harness's containers."""
    found = engine.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)
    return [container.labels[LABEL] for container in found]


def ours(labels, pid):
    return [label for label in labels if label.startswith(f"{socket.gethostname()} {pid} ")]


def test_every_check_is_right_and_in_its_order(told):
    code, report, _ = told
    wrong = [check for check in report["checks"] if check["state"] == "failed"]

    assert not wrong, wrong
    assert code == 0
    assert report["stand_in"] is True
    names = [check["name"] for check in report["checks"] if check["name"] != "life trivy"]
    assert names == [
        *("judge start", "judge bring", "judge install", "judge loading", "judge logtest"),
        *(
            "life start",
            "life bring",
            "life plan",
            "life killed",
            "life install",
            "life loading",
            "life again",
        ),
        *("life doctor", "life wodle", "life queue", "life dry run", "life enforce"),
        *("life upgrade", "life uninstall", "life as before"),
    ]


def test_what_the_checks_saw_is_told(told):
    _, report, _ = told
    said = {check["name"]: check["summary"] for check in report["checks"]}

    assert report["about"].startswith("Wazuh 4.14.7, Python ")
    assert "logtest answered 12 events, one a source" in said["life install"]
    assert "decoder, fields, rule, level and groups as the engine says" in said["judge logtest"]
    assert "of them sequences" in said["life queue"]
    assert "undone by the next run byte for byte" in said["life killed"]
    assert "(no_trivy)" in said["life wodle"]
    assert "would have been blocked, each told" in said["life dry run"]
    assert ".post1: " in said["life upgrade"]
    assert "byte for byte, with modes and owners" in said["life as before"]


def test_a_block_is_seen_in_the_kernel_where_nft_is_at_hand(told):
    _, report, _ = told
    (check,) = [check for check in report["checks"] if check["name"] == "life enforce"]

    if shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin:/bin") is None:
        assert (check["state"], "has nft" in check["summary"]) == ("skipped", True)
    elif check["state"] == "skipped":
        pytest.skip(check["summary"])
    assert check["summary"].endswith("s: nft lists it")


def test_a_real_trivy_finds_something_in_the_container(told):
    _, report, _ = told
    found = [check["summary"] for check in report["checks"] if check["name"] == "life trivy"]
    if not found:
        pytest.skip("no real Trivy (WAZUH_PACK_TRIVY)")

    assert "DS-0002" in found[0]
    assert "github-pat" in found[0]


def test_no_container_is_left(told):
    _, _, labels = told

    assert not labels


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_container(engine, scratch_image, wheels, start, number):
    process = start(*harness(scratch_image, "--wheels", wheels))
    for event in engine.events(decode=True, filters={"label": LABEL, "event": "start"}):
        attributes = event["Actor"]["Attributes"]
        if ours([attributes[LABEL]], process.pid):
            break
    process.send_signal(number)
    _, errors = process.communicate(timeout=SOON)

    assert process.returncode == 1
    assert "interrupted" in errors
    assert not ours(labelled(engine), process.pid)


def test_what_a_killed_run_has_left_goes_with_the_next_one(engine, scratch_image):
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    )
    label = f"{socket.gethostname()} {ended.stdout.strip()} abcdef"
    other = f"elsewhere.example {ended.stdout.strip()} abcdef"
    for text in (label, other):
        engine.containers.create(scratch_image, labels={LABEL: text})
    try:
        with Containers(engine):
            left = labelled(engine)
    finally:
        for container in engine.containers.list(all=True, filters={"label": f"{LABEL}={other}"}):
            container.remove(force=True)

    assert label not in left
    assert other in left


def test_a_manager_that_does_not_start_fails_and_the_rest_is_not_reached(
    engine, scratch_image, start
):
    container = engine.containers.create(scratch_image, entrypoint=["/bin/sleep", "600"])
    broken = container.commit(repository="wp-harness-broken", tag=scratch_image.split(":")[1])
    container.remove()
    try:
        process = start(*harness(broken.tags[0], "--patience", 1))
        output, _ = process.communicate(timeout=SOON)
    finally:
        engine.images.remove(broken.id, force=True)
    checks = {check["name"]: check for check in json.loads(output)["checks"]}

    assert process.returncode == 20
    assert checks["judge start"]["state"] == "failed"
    assert "analysisd does not run" in checks["judge start"]["summary"]
    assert checks["life as before"]["state"] == "skipped"
    assert checks["life as before"]["summary"] == "not reached: start failed"


@pytest.mark.usefixtures("engine")
def test_an_image_that_cannot_be_had_is_skipped(start):
    process = start("harness", "--image", "wp-harness-nowhere", "--no-pull")
    output, _ = process.communicate(timeout=SOON)

    assert process.returncode == 0
    assert "skip  all" in output
    assert "there is no image wp-harness-nowhere:4.14.7 here" in output
