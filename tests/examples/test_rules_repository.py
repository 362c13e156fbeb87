"""docs/examples/rules-repository: its own tests run, and notice when a rule breaks."""

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wazuh_pack import __version__

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs/examples/rules-repository"

# No socket can be made, so nothing that the example's tests do may leave the machine.
OFFLINE = ("--disable-socket",)


def run(folder):
    """Run the example's tests as its pipelines do, with this checkout's plugin."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", *OFFLINE],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
    )


@pytest.fixture
def repository(tmp_path):
    return shutil.copytree(EXAMPLE, tmp_path / "rules-repository")


def test_its_tests_pass_without_manager_and_network(repository):
    done = run(repository)

    assert done.returncode == 0, done.stdout
    assert "8 passed" in done.stdout


def test_its_rules_hold_on_the_whole_stock_ruleset_too(repository, shared):
    with (repository / "pytest.ini").open("a", encoding="utf-8") as settings:
        settings.write(f"wazuh_stock = {shared / 'wazuh-4.14.7/ruleset'}\n")

    done = run(repository)

    assert done.returncode == 0, done.stdout
    assert "8 passed" in done.stdout


@pytest.mark.parametrize(
    ("file", "old", "new", "failing", "words"),
    [
        (
            "rules/0500-shop.xml",
            "<status>^failed$</status>",
            "<status>^refused$</status>",
            "test_a_failed_login_is_noted_with_user_and_address",
            "expected rule 100101, got rule 100100",
        ),
        (
            "rules/0500-shop.xml",
            "<same_srcip />",
            "",
            "test_failures_from_other_addresses_do_not_count",
            "expected rule 100101, got rule 100102",
        ),
        (
            "rules/0500-shop.xml",
            'timeframe="60"',
            'timeframe="20"',
            "test_five_failures_within_a_minute_alert",
            "expected rule 100102, got rule 100101",
        ),
        (
            "decoders/0500-shop.xml",
            "<order>status, dstuser, srcip</order>",
            "<order>status, srcip, dstuser</order>",
            "test_a_failed_login_is_noted_with_user_and_address",
            "expected field dstuser = 'eve', got '192.0.2.7'",
        ),
        (
            "lists/shop-cashiers",
            "alice:",
            "carol:",
            "test_a_refund_by_someone_who_is_no_cashier_alerts[alice-100110-3]",
            "expected rule 100110, got rule 100111",
        ),
    ],
)
def test_what_breaks_is_noticed_and_explained(repository, file, old, new, failing, words):
    path = repository / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")

    done = run(repository)

    assert done.returncode == 1, done.stdout
    assert f"FAILED tests/test_shop.py::{failing}" in done.stdout
    assert words in done.stdout


def test_a_rule_that_a_manager_would_not_load_fails_every_test(repository):
    path = repository / "rules/0500-shop.xml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("<if_sid>100110</if_sid>", "<if_sid>100999</if_sid>"), "utf-8")

    done = run(repository)

    assert done.returncode == 1, done.stdout
    assert "8 errors" in done.stdout
    assert "rules/0500-shop.xml" in done.stdout


def test_every_setting_names_something_that_is_there():
    settings = configparser.ConfigParser()
    settings.read(EXAMPLE / "pytest.ini", encoding="utf-8")

    assert {name for name, path in settings["pytest"].items() if (EXAMPLE / path).is_dir()} == {
        "testpaths",
        "wazuh_rules",
        "wazuh_decoders",
        "wazuh_lists",
    }


def test_it_asks_for_this_version_of_the_package():
    wanted = (EXAMPLE / "requirements.txt").read_text(encoding="utf-8").splitlines()

    assert f"wazuh-pack=={__version__}" in wanted
