#!/bin/sh
# The manager image's start-up runs this before it starts Wazuh, as root and at every start. It puts
# the pack's files in place (owner, mode, lists only once, what an older pack brought goes), and takes
# them out again if analysisd would not start with them. It never keeps a manager from starting.

home=/var/ossec
share=/usr/share/wazuh-pack
scratch=

say() { printf 'wazuh-pack: %s\n' "$*"; }
leave() {
  [ -z "$scratch" ] || rm -rf -- "$scratch"
  exit 0
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 0
if [ -f "$here/wazuh-pack.tar.gz" ]; then
  scratch=$(mktemp -d) || leave
  if ! tar xzf "$here/wazuh-pack.tar.gz" -C "$scratch"; then
    say "cannot unpack $here/wazuh-pack.tar.gz; nothing was changed"
    leave
  fi
  share=$scratch
fi

if ! sh "$share/install.sh" --home "$home" apply; then
  say "the files could not be put in place, for the reason above"
  leave
fi

conf=$home/etc/ossec.conf
if ! grep -q 'wazuh-pack begin block' "$conf"; then
  say "$conf has no block of the pack: lists and responses are not in force"
  say "mount the file that 'wazuh-pack image --conf' wrote"
fi
while read -r _ _ _ path; do
  case $path in
  wodles/*)
    sum=$(sha256sum <"$share/files/$path")
    if grep -q "/$path" "$conf" && ! grep -q "${sum%% *}" "$conf"; then
      say "$conf pins another $path, which Wazuh will not run; write it again with 'wazuh-pack image'"
    fi
    ;;
  esac
done <"$share/MANIFEST"

if said=$("$home/bin/wazuh-analysisd" -t 2>&1); then
  printf '%s\n' "$said" | grep -E 'WARNING|ERROR' | grep -i 'wazuh-pack'
  leave
fi
printf '%s\n' "$said" | grep -E 'WARNING|ERROR|CRITICAL'
say "analysisd refuses its configuration: the pack is taken out"
sh "$share/install.sh" --home "$home" uninstall
if ! "$home/bin/wazuh-analysisd" -t >/dev/null 2>&1; then
  say "it refuses it without the pack, too: the pack is not the cause, and is put back"
  sh "$share/install.sh" --home "$home" apply
fi
leave
