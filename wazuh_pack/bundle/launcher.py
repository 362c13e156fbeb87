"""The shell lines at the head of a bundle: they find a Python and hand the file over to it."""

from __future__ import annotations

import re
from enum import Enum

from wazuh_pack.errors import PackError

VERSIONS = (13, 12, 11, 10, 9, 8, 14, 15)
"""Minor versions of Python 3 in the order in which they are tried."""

PREFIX = "wazuh-pack-"
"""What the name of each of our executables begins with."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")

# A python3.N tells its version by its name, which costs a test in the shell; a plain python3 must
# be started to tell it. -I keeps the environment and the current folder out, -S what the machine's
# site-packages would run at every start (and half of the interpreter's start-up time).
_TEMPLATE = """\
#!/bin/sh
# @NAME@ of wazuh-pack: these lines, then a zip archive of Python sources (unzip -l lists them).
case $0 in
*/*) folder=${0%/*} ;;
*) folder=/var/ossec/active-response/bin ;;
esac
case $folder in
integrations | */integrations) home=$folder/.. ;;
*) home=$folder/../.. ;;
esac
own=$home/framework/python/bin
for bin in "$own" /usr/bin /usr/local/bin; do
  for minor in @VERSIONS@; do
    [ -x "$bin/python3.$minor" ] && exec "$bin/python3.$minor" -I -S "$0" "$@"
  done
done
for python in "$own/python3" /usr/bin/python3 /usr/local/bin/python3; do
  [ -x "$python" ] || continue
  "$python" -I -S -c 'import sys; sys.exit(sys.version_info < (3, 8))' </dev/null || continue
  exec "$python" -I -S "$0" "$@"
done
@FAILURE@exit 1
"""

_RESPONSE_FAILURE = """\
log=$home/logs/active-responses.log
program=active-response/bin/@NAME@
outcome='"outcome":"failed","reason":"no Python 3.8 or later; install one as /usr/bin/python3"'
if [ ! -h "$log" ]; then
  printf '%s %s: {"parameters":{"program":"%s"},"wazuh_pack":{"response":"@SHORT@",%s}}\\n' \\
    "$(date '+%Y/%m/%d %H:%M:%S')" "$program" "$program" "$outcome" >>"$log"
fi
"""

_WODLE_FAILURE = """\
echo '@NAME@: no Python 3.8 or later found; install one as /usr/bin/python3' >&2
"""


class Place(Enum):
    """What kind of script it is, which says whom to tell when there is no Python."""

    RESPONSE = _RESPONSE_FAILURE
    WODLE = _WODLE_FAILURE


def prologue(name: str, place: Place) -> str:
    """Return the lines that go before the archive.

    Args:
        name: Name of the executable.
        place: What kind of script it is.

    Raises:
        PackError: The name is not fit for a shell script or for Wazuh's log.
    """
    if not _NAME.fullmatch(name):
        raise PackError(
            f"'{name}' is no name for a script",
            hint="use lower-case letters, digits and hyphens, at most 63",
        )
    text = _TEMPLATE.replace("@FAILURE@", place.value)
    text = text.replace("@VERSIONS@", " ".join(str(minor) for minor in VERSIONS))
    return text.replace("@NAME@", name).replace("@SHORT@", name.replace(PREFIX, "", 1))
