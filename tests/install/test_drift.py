"""Telling what has become different since the installation."""

import pytest

from wazuh_pack.install import Change, compare, read_record

RULE = "etc/rules/9110-wazuh-pack-github.xml"
LIST = "etc/lists/wazuh-pack/admins"


@pytest.fixture
def drift(source, target, install):
    """Install, then compare as often as asked."""
    install(source, target)
    return lambda: [
        (str(d.path), d.change, d.expected) for d in compare(read_record(target), target)
    ]


def test_right_after_the_installation_there_is_none(drift):
    assert drift() == []


def test_each_kind_of_change_is_told(home, drift):
    (home / RULE).write_bytes(b"x")
    (home / LIST).write_bytes(b"x")
    (home / "wodles/wazuh-pack/trivy").unlink()
    (home / "active-response/bin/wazuh-pack-block-ip").chmod(0o755)
    assert sorted(drift()) == [
        ("active-response/bin/wazuh-pack-block-ip", Change.ACCESS, False),
        (LIST, Change.CONTENT, True),
        (RULE, Change.CONTENT, False),
        ("wodles/wazuh-pack/trivy", Change.MISSING, False),
    ]


def test_a_line_says_what_and_how(home, source, target, install):
    install(source, target)
    (home / RULE).chmod(0o600)
    (found,) = compare(read_record(target), target)
    info = (home / RULE).stat()
    assert str(found) == (
        f"{RULE}: mode or owner changed (0600 {info.st_uid}:{info.st_gid},"
        " should be 0660 wazuh:wazuh)"
    )


def test_our_part_of_ossec_conf_is_watched(home, drift):
    conf = home / "etc/ossec.conf"
    installed = conf.read_bytes()
    conf.write_bytes(installed + b"<!-- the user's own change -->\n")
    assert drift() == []
    conf.write_bytes(installed.replace(b"<timeout>600", b"<timeout>6"))
    assert drift() == [("etc/ossec.conf", Change.CONF_EDITED, False)]
    begin, end = installed.index(b"<!-- wazuh-pack begin lists"), installed.index(b"end lists -->")
    conf.write_bytes(installed[:begin] + installed[end + len(b"end lists -->") :])
    assert drift() == [("etc/ossec.conf", Change.CONF, False)]
    conf.unlink()
    assert drift() == [("etc/ossec.conf", Change.CONF, False)] * 2
