#!/bin/sh
# Puts wazuh-pack's files on a host with a Wazuh agent, or into the container of a manager before
# Wazuh starts there (what this bundle is for stands in TARGET), and takes them away again. It needs
# no network and restarts nothing.
#
#   sh install.sh plan        show what apply would do
#   sh install.sh apply       do it; a second time there is nothing to do
#   sh install.sh uninstall   remove what apply put there and nobody changed since
#
# --home DIR   Wazuh's home, /var/ossec by default
# --root DIR   stage below this folder, as if it were /

set -u
umask 077
LC_ALL=C
export LC_ALL

say() { printf '%s\n' "$*"; }
fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
home=/var/ossec
root=
action=
while [ $# -gt 0 ]; do
  case $1 in
  plan | apply | uninstall)
    [ -z "$action" ] || fail "one of plan, apply, uninstall"
    action=$1
    ;;
  --home)
    [ $# -ge 2 ] || fail "--home needs a folder"
    home=$2
    shift
    ;;
  --root)
    [ $# -ge 2 ] || fail "--root needs a folder"
    root=$(CDPATH='' cd -P -- "$2" 2>/dev/null && pwd -P) || root=/
    [ "$root" != / ] || fail "--root needs a folder that exists"
    shift
    ;;
  *) fail "usage: install.sh [--home DIR] [--root DIR] plan|apply|uninstall" ;;
  esac
  shift
done
[ -n "$action" ] || fail "usage: install.sh [--home DIR] [--root DIR] plan|apply|uninstall"
case $home in
/*) ;;
*) fail "--home needs an absolute path" ;;
esac

base=$(CDPATH='' cd -P -- "$root${home%/}/" 2>/dev/null && pwd -P) ||
  fail "there is no $root$home, or only root may enter it; name Wazuh's home with --home"
own=etc/wazuh-pack
changes=0
read -r target <"$here/TARGET" || fail "this bundle is damaged: it has no TARGET"
case $target in
image) record=$own/image.sums ;;
*) record=$own/agent-bundle.sums ;;
esac

privileged() { [ "$(id -u)" -eq 0 ]; }

digest() {
  sum=$(sha256sum <"$1") || fail "cannot read $1"
  printf '%s' "${sum%% *}"
}

# id_in FILE: of wazuh, in passwd or group of the system that we install into.
id_in() {
  while IFS=: read -r name _ number _; do
    if [ "$name" = wazuh ]; then
      printf '%s' "$number"
      return 0
    fi
  done <"$root/etc/$1"
  return 1
} 2>/dev/null

owner_id() {
  if [ "$1" = root ]; then
    printf 0
  else
    id_in passwd
  fi
}

check_host() {
  command -v sha256sum >/dev/null || fail "there is no sha256sum on this host"
  (cd -- "$here" && sha256sum -c SHA256SUMS >/dev/null 2>&1) ||
    fail "this bundle is damaged or was changed: its files differ from SHA256SUMS"
  case $target in
  agent) check_agent ;;
  image) check_image ;;
  *) fail "this bundle is damaged: nobody knows the target $target" ;;
  esac
  if [ "$action" != plan ] && [ -z "$root" ]; then
    privileged || fail "run it as root: Wazuh runs these files as root"
    id_in group >/dev/null || fail "there is no group wazuh on this host"
  fi
  check_path "$record"
}

check_agent() {
  if [ "$action" = uninstall ]; then
    # What we recorded may go even where the agent is gone, unless it was taken over.
    [ ! -e "$base/$own/RECORD.json" ] ||
      fail "'wazuh-pack install' has taken this over; use 'wazuh-pack uninstall'"
    return 0
  fi
  [ ! -e "$base/bin/wazuh-analysisd" ] ||
    fail "$base is a manager; use 'wazuh-pack install' there"
  [ -e "$base/bin/wazuh-agentd" ] || fail "$base is no Wazuh agent"
}

# What is loaded while it changes is not tested: that is what 'wazuh-pack install' is for.
check_image() {
  [ -e "$base/bin/wazuh-analysisd" ] || fail "$base is no Wazuh manager"
  [ ! -e "$base/$own/RECORD.json" ] ||
    fail "the pack was put here by 'wazuh-pack install'; uninstall that first"
  for file in "$base"/var/run/wazuh-analysisd-*.pid; do
    number=${file##*-}
    comm=
    read -r comm 2>/dev/null <"$root/proc/${number%.pid}/comm"
    [ "$comm" != wazuh-analysisd ] || fail "Wazuh runs here; use 'wazuh-pack install'"
  done
}

# What we recorded, if only root can have done it.
read_record() {
  [ -d "$base/$own" ] || return 0
  enter "$own"
  [ -f "${record##*/}" ] || return 0
  if privileged; then
    [ -O "${record##*/}" ] || fail "$base/$record does not belong to root"
  fi
  cat -- "${record##*/}"
}

# Nothing on the way below the home may be a link: as root we would write where it points.
check_path() {
  part=$base
  rest=$1
  while [ -n "$rest" ]; do
    part=$part/${rest%%/*}
    [ ! -h "$part" ] || fail "$part is a link; remove it first"
    case $rest in
    */*) rest=${rest#*/} ;;
    *) rest= ;;
    esac
  done
  [ ! -e "$part" ] || [ -f "$part" ] || fail "$part is not a plain file"
}

# The user wazuh may write to etc: from here on it is the folder we are in that counts, whatever is
# put in its place meanwhile, and nobody but root may put anything into it.
enter() {
  go_into "$1"
  if privileged; then
    [ -O . ] || fail "$base/$1 does not belong to root"
  fi
}

# enter_of PATH: its folder; some are wazuh's to write.
enter_of() {
  case $1 in
  etc/rules/* | etc/decoders/* | etc/lists/* | var/wazuh-pack-integration/*) go_into "$(dirname "$1")" ;;
  *) enter "$(dirname "$1")" ;;
  esac
}

go_into() {
  CDPATH='' cd -P -- "$base/$1" || fail "cannot enter $base/$1"
  [ "$(pwd -P)" = "$base/$1" ] || fail "$base/$1 is not where it seems to be"
}

# own_it OWNER NAME, in a folder that is root's
own_it() {
  privileged || return 0
  if user=$(owner_id "$1") && group=$(id_in group); then
    chown "$user:$group" "$2" || fail "cannot give $2 to $1:wazuh"
  fi
}

make_folder() {
  [ -d "$base/$1" ] && return 0
  mkdir -p -- "$base/$1" || fail "cannot make $base/$1"
  (enter "$1" && own_it root . && chmod 0750 .) || exit 1
}

# Only wazuh's own things go into a folder that we make for wazuh.
make_theirs() {
  [ -d "$base/$1" ] && return 0
  mkdir -- "$base/$1" || fail "cannot make $base/$1"
  (enter "$1" && chmod 0700 . && own_it wazuh .) || exit 1
}

# write MODE OWNER PATH: what comes in on standard input, in one step. What becomes wazuh's goes into
# a folder where wazuh may write, so it is made ready in ours.
write() {
  folder=$(dirname "$3")
  [ "$2" = root ] || folder=$own
  make_folder "$folder"
  (
    enter "$folder"
    name=$(basename "$3")
    trap 'rm -f -- "$base/$folder/.$name.new"' EXIT
    trap 'exit 1' HUP INT TERM
    rm -f -- ".$name.new"
    cat >".$name.new" || fail "cannot write $base/$3"
    own_it "$2" ".$name.new"
    chmod "$1" ".$name.new" || fail "cannot write $base/$3"
    if [ "$2" != root ]; then
      make_theirs "$(dirname "$3")"
      go_into "$(dirname "$3")"
      mv -f -- "$base/$own/.$name.new" "$name" || fail "cannot write $base/$3"
    else
      mv -f -- ".$name.new" "$name" || fail "cannot write $base/$3"
    fi
  ) || exit 1
}

# has_access MODE OWNER PATH
has_access() {
  case $1 in
  0660) rights=-rw-rw---- ;;
  0640) rights=-rw-r----- ;;
  0750) rights=-rwxr-x--- ;;
  *) return 1 ;;
  esac
  # shellcheck disable=SC2046 # the columns of ls are what is wanted
  set -- "$2" "$rights" $(ls -dn -- "$base/$3")
  # A dot or a plus at the end says that there is an ACL or a security context.
  case $3 in
  "$2" | "$2".) ;;
  *) return 1 ;;
  esac
  privileged || return 0
  user=$(owner_id "$1") && group=$(id_in group) || return 0
  [ "$5:$6" = "$user:$group" ]
}

# Whether PATH is as we wrote it: a broken upgrade leaves two sums of one file.
is_ours() (
  present=$(digest "$base/$1") || exit 1
  while read -r sum path; do
    [ "$sum $path" != "$present $1" ] || exit 0
  done <<EOF
$known
EOF
  exit 1
)

in_manifest() {
  while read -r _ _ _ ours; do
    [ "$ours" != "$1" ] || return 0
  done <"$here/MANIFEST"
  return 1
}

# state_of MODE OWNER POLICY PATH
state_of() {
  if [ ! -e "$base/$4" ]; then
    printf create
  elif [ "$(digest "$here/files/$4")" = "$(digest "$base/$4")" ]; then
    if has_access "$1" "$2" "$4"; then
      printf same
    else
      printf access
    fi
  elif [ "$3" = create-once ]; then
    printf keep
  else
    printf replace
  fi
}

show() {
  while read -r mode owner policy path; do
    check_path "$path"
    state=$(state_of "$mode" "$owner" "$policy" "$path")
    case $state in
    same) ;;
    keep) say "keep    $base/$path  (yours to edit)" ;;
    *)
      printf '%-7s %s\n' "$state" "$base/$path  ($mode $owner:wazuh)"
      changes=$((changes + 1))
      ;;
    esac
  done <"$here/MANIFEST"
}

save_changed() {
  ! is_ours "$1" || return 0
  saved=$own/$(basename "$1").saved
  check_path "$saved"
  write 0600 root "$saved" <"$base/$1"
  say "keep    $base/$saved  (what was there, not as we wrote it)"
}

put() {
  while read -r mode owner policy path; do
    state=$(state_of "$mode" "$owner" "$policy" "$path")
    case $state in
    keep | same) ;;
    *)
      [ "$state" != replace ] || save_changed "$path"
      write "$mode" "$owner" "$path" <"$here/files/$path"
      ;;
    esac
  done <"$here/MANIFEST"
}

# remove PATH: if it is still as we wrote it.
remove() {
  case /$1/ in
  *"/../"*) fail "$record names a path outside of the home" ;;
  esac
  check_path "$1"
  if [ ! -e "$base/$1" ]; then
    say "gone    $base/$1"
  elif is_ours "$1"; then
    say "remove  $base/$1"
    changes=$((changes + 1))
    [ "$action" = plan ] || (enter_of "$1" && rm -f -- "${1##*/}") || exit 1
  else
    say "keep    $base/$1  (changed since; yours now)"
  fi
}

known_paths() {
  while read -r _ path; do
    [ -z "$path" ] || printf '%s\n' "$path"
  done <<EOF | sort -u
$known
EOF
}

# What an earlier bundle brought and this one does not.
drop_others() {
  paths=$(known_paths)
  while read -r path; do
    [ -z "$path" ] || in_manifest "$path" || remove "$path"
  done <<EOF
$paths
EOF
}

new_sums() {
  while read -r _ _ _ path; do
    printf '%s %s\n' "$(digest "$here/files/$path")" "$path"
  done <"$here/MANIFEST"
}

write_record() {
  printf '%s\n' "$1" | write 0640 root "$record" || exit 1
}

uninstall() {
  if [ -z "$known" ]; then
    say "nothing to remove"
    return 0
  fi
  paths=$(known_paths)
  while read -r path; do
    remove "$path"
  done <<EOF
$paths
EOF
  (enter "$own" && rm -f -- "${record##*/}") || exit 1
  [ "$target" != image ] || rmdir -- "$base/var/wazuh-pack-integration" 2>/dev/null
  rmdir -- "$base/$own" 2>/dev/null || say "keep    $base/$own  (not empty)"
}

check_host
known=$(read_record) || exit 1
if [ "$action" = uninstall ]; then
  uninstall
  exit 0
fi
show
drop_others
if [ "$changes" -eq 0 ]; then
  say "nothing to change"
fi
[ "$action" = apply ] || exit 0
# The record goes first: after an interruption uninstall knows all that may be there, old and new.
sums=$(new_sums)
[ "$known" = "$sums" ] || write_record "$known
$sums"
put
[ "$known" = "$sums" ] || write_record "$sums"
if [ "$changes" -ne 0 ] && [ "$target" = agent ]; then
  say "next: take over what you need from $here/snippets, and restart the agent"
fi
