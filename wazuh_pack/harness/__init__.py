"""Proves the pack on a real manager: Wazuh's image, the real installer, real daemons.

Every image is run twice at once: one container's logtest judges every event of every case, the
other one lives through installation, real events, responses, scans, upgrade and removal. The
offline engine loads what the container has on disk and says what must come out.
"""

from wazuh_pack.harness.options import Options
from wazuh_pack.harness.report import Check, Report, State
from wazuh_pack.harness.run import run_all

__all__ = ["Check", "Options", "Report", "State", "run_all"]
