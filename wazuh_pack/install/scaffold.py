"""A small tree that looks like a manager's home, for the demo and for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.errors import InstallError

if TYPE_CHECKING:
    from pathlib import Path

_FOLDERS = {
    "active-response/bin": 0o750,
    "bin": 0o750,
    "etc/decoders": 0o770,
    "etc/lists": 0o770,
    "etc/rules": 0o770,
    "etc/shared": 0o770,
    "logs/alerts": 0o770,
    "queue/sockets": 0o770,
    "ruleset/decoders": 0o750,
    "ruleset/rules": 0o750,
    "var/run": 0o770,
    "wodles": 0o750,
}

_CONF = """\
<!-- A scratch manager: nothing runs from here. -->
<ossec_config>
  <global>
    <jsonout_output>yes</jsonout_output>
    <alerts_log>yes</alerts_log>
    <white_list>127.0.0.1</white_list>
  </global>

  <alerts>
    <log_alert_level>3</log_alert_level>
  </alerts>

  <localfile>
    <log_format>syslog</log_format>
    <location>/var/log/auth.log</location>
  </localfile>

  <ruleset>
    <decoder_dir>ruleset/decoders</decoder_dir>
    <rule_dir>ruleset/rules</rule_dir>
    <decoder_dir>etc/decoders</decoder_dir>
    <rule_dir>etc/rules</rule_dir>
  </ruleset>
</ossec_config>
"""

_FILES = {
    "etc/ossec.conf": (_CONF, 0o660),
    "VERSION.json": ('{"version": "4.14.7", "stage": "scratch"}\n', 0o640),
    "logs/active-responses.log": ("", 0o660),
}


def scaffold_home(home: Path) -> None:
    """Create the folders and files of a manager's home in ``home``; what is there is kept.

    Raises:
        InstallError: It cannot be created.
    """
    try:
        for name, mode in _FOLDERS.items():
            folder = home / name
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(mode)
        for name, (text, mode) in _FILES.items():
            path = home / name
            if not path.exists():
                path.write_text(text, "utf-8")
                path.chmod(mode)
    except OSError as error:
        raise InstallError(f"cannot create {home}: {error.strerror}") from error
