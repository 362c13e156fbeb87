"""The shell lines at the head of a bundle: they find a Python and hand the file over to it.

Those of a response save what can be saved, because an attacker goes on while they work:

* A worker that waits for more messages gets the message from the shell itself, without another
  start of Python. Nothing of the message is ever expanded: it is read and written as one line.
* Otherwise Python is told to load the modules that an earlier run has compiled. The few lines that
  do this trust only what root alone can have written, and only for this very file; in any other
  case the archive of sources is run.
"""

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
integrations | */integrations | wodles | */wodles) home=$folder/.. ;;
*) home=$folder/../.. ;;
esac
@RUN@run() {
  own=$home/framework/python/bin
  for bin in "$own" /usr/bin /usr/local/bin; do
    for minor in @VERSIONS@; do
      [ -x "$bin/python3.$minor" ] && python "$bin/python3.$minor" "$@"
    done
  done
  for python in "$own/python3" /usr/bin/python3 /usr/local/bin/python3; do
    [ -x "$python" ] || continue
    "$python" -I -S -c 'import sys; sys.exit(sys.version_info < (3, 8))' </dev/null || continue
    python "$python" "$@"
  done
@FAILURE@  exit 1
}
@MESSAGE@run "$@"
exit 1
"""

_RUN_ARCHIVE = """\
python() {
  python=$1
  shift
  exec "$python" -I -S "$0" "$@"
}
"""

_RUN_COMPILED = """\
load='@LOAD@'
python() {
  python=$1
  shift
  exec "$python" -I -S -c "$load" "$0" "$home/var/wazuh-pack" "@NAME@-@KEY@" "$@"
}
"""

# Python compiles this at every start, so it is short. The counterpart is agentkit/codecache.py.
_LOAD = """\
import sys, posix, marshal, _imp
def trusted(status, kind):
    return status.st_mode & 0o170022 == kind and status.st_uid in (0, posix.geteuid())
def load(script, state, name):
    path = state + "/code"
    if not all(trusted(posix.lstat(p), 0o40000) for p in (state + "/..", state, path)): return
    path += "/" + name + "." + sys.implementation.cache_tag
    fd = posix.open(path, posix.O_RDONLY | posix.O_NOFOLLOW | posix.O_CLOEXEC)
    with open(fd, "rb") as file:
        if not trusted(posix.fstat(fd), 0o100000): return
        data = file.read()
    size = 8
    if data[:size] != _imp.source_hash(0x77617A7568, data[size:]): return
    made_from, codes = marshal.loads(data[size:])
    at = posix.stat(script)
    if made_from == (at.st_ino, at.st_size, at.st_mtime_ns, at.st_ctime_ns): return codes
script, state, name = sys.argv[1:4]
sys.argv[:4] = [script]
try: codes = load(script, state, name)
except Exception: codes = None
if codes is None:
    import runpy
    runpy.run_path(script, run_name="__main__")
else:
    boot = dict(__name__="boot", __loader__=None)
    exec(marshal.loads(codes["wazuh_pack.agentkit.codecache"][1]), boot)
    boot["start"](codes)
"""

# The counterparts are agentkit/inbox.py and agentkit/doorbell.py. The first digit of a number keeps
# the shell from taking it as octal. The message is there before the worker is looked at for the
# second time, and the worker looks for messages after its bell is gone: one of the two sees it.
# What a full disk cuts off is removed, or it would be taken for a message.
#
# First of all a session of its own, which is what execd makes for a script, goes before the other
# sessions of a busy host, where the kernel shares the processor among sessions. What somebody tries
# by hand is in a session that is not ours.
_HAND_OVER = """\
if [ $# = 0 ]; then
  read -r x x x x x session x </proc/$$/stat && [ "$session" = $$ ] &&
    echo -10 >/proc/self/autogroup
fi 2>/dev/null
inbox=$home/var/wazuh-pack/respond/@SHORT@/inbox
waits() {
  [ -p "$inbox/wake" ] && read -r worker fd <"$inbox/worker" &&
    [ "/proc/$worker/fd/$fd" -ef "$inbox/wake" ]
} 2>/dev/null
keep() {
  set -- "$inbox"/1???????????.message
  [ $# -lt 5000 ] || return
  shift $(($# - 1))
  last=${1##*/}
  last=${last%.message}
  case $last in *[!0-9]*) last=100000000000 ;; esac
  set -- "$inbox/$((last + 1)).message"
  { printf '%s\\n' "$line" || { rm -f "$1"; false; }; } >"$1"
} 2>/dev/null
if [ $# = 0 ] && waits; then
  umask 077
  set -C
  IFS= read -r line
  if [ -n "$line" ] && { keep || keep || keep; }; then
    waits && echo 1<>"$inbox/wake" && exit 0
    run --work
  fi
  printf '%s\\n' "$line" | run
  exit
fi
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


# A runner has no home of Wazuh's, and what lies two folders up is whatever a job has checked out.
# Its Python is the one that the job has set up, so PATH is asked.
_TOOL = """\
#!/bin/sh
# @NAME@ of wazuh-pack: these lines, then a zip archive of Python sources (unzip -l lists them).
for python in python3 /usr/bin/python3 /usr/local/bin/python3; do
  command -v "$python" >/dev/null || continue
  "$python" -I -S -c 'import sys; sys.exit(sys.version_info < (3, 8))' </dev/null || continue
  exec "$python" -I -S "$0" "$@"
done
echo '@NAME@: no Python 3.8 or later found; install one, or add it to PATH' >&2
exit 1
"""


def _script(how: str, message: str, failure: str) -> str:
    text = _TEMPLATE.replace("@RUN@", how.replace("@LOAD@", _LOAD))
    return text.replace("@MESSAGE@", message).replace("@FAILURE@", failure)


class Place(Enum):
    """What kind of script it is: how it is run, and whom to tell when there is no Python."""

    RESPONSE = _script(_RUN_COMPILED, _HAND_OVER, _RESPONSE_FAILURE)
    WODLE = _script(_RUN_ARCHIVE, "", _WODLE_FAILURE)
    TOOL = _TOOL
    """Run on machines without Wazuh."""


def prologue(name: str, place: Place, key: str = "") -> str:
    """Return the lines that go before the archive.

    Args:
        name: Name of the executable.
        place: What kind of script it is.
        key: What tells this archive's compiled modules from another's: hexadecimal digits.

    Raises:
        PackError: The name is not fit for a shell script or for Wazuh's log.
    """
    if not _NAME.fullmatch(name):
        raise PackError(
            f"'{name}' is no name for a script",
            hint="use lower-case letters, digits and hyphens, at most 63",
        )
    text = place.value.replace("@VERSIONS@", " ".join(str(minor) for minor in VERSIONS))
    text = text.replace("@KEY@", key)
    return text.replace("@NAME@", name).replace("@SHORT@", name.replace(PREFIX, "", 1))
