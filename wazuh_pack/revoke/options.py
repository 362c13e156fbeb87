"""The options of the script itself, for timers and for managers without the pack's command line.

``--resume`` goes on with open jobs (after a reboot), ``--status`` lists them all, ``--undo KEY``
takes an action back, ``--retry KEY`` tries a failed one again, ``--providers`` shows what can be
done. Answers are JSON on standard output.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from wazuh_pack.agentkit.errors import AgentError
from wazuh_pack.revoke import manage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wazuh_pack.revoke.script import Host

_USAGE = "usage: --resume | --status | --providers | --undo KEY | --retry KEY"


def serve(host: Host, words: Sequence[str]) -> int:
    """Do what the options say; return 0 when it could be done, 2 for wrong usage."""
    command, *values = words
    keyed = {"--undo": manage.undo, "--retry": manage.retry}
    plain = {"--resume": manage.resume, "--status": manage.jobs, "--providers": manage.providers}
    answer: object
    try:
        if command in plain and not values:
            answer = plain[command](host)
        elif command in keyed and len(values) == 1:
            answer = keyed[command](host, values[0])
        else:
            sys.stderr.write(f"{_USAGE}\n")
            return 2
    except (AgentError, OSError) as error:
        answer = {"error": str(error)}
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    return 1 if isinstance(answer, dict) and "error" in answer else 0
