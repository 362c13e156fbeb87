"""``python -m wazuh_pack``."""

from wazuh_pack.cli import run

run()
