"""The script that Wazuh runs: ``<home>/wodles/wazuh-pack-trivy``."""  # noqa: INP001 - a script, no package

import sys

from wazuh_pack.scan.run import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.argv[0]))
