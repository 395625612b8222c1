#!/bin/sh
# Take out of Debian what a worker never runs, and what would help only who should not be there: prune-system.sh
# What stays, besides libraries and Python: sh, bash, coreutils (for a look into a running container), ldconfig (NVIDIA's
# container toolkit runs it), tini, openssl's certificates. The records of /var/lib/dpkg stay true for scanners.
set -eu
purge() {
  for package in "$@"; do
    if dpkg -s "$package" >/dev/null 2>&1; then
      dpkg --purge --force-depends --force-remove-essential --force-remove-protected --force-bad-path \
        "$package" >/dev/null 2>&1
    fi
  done
}
# Accounts, mounts, disks, the installer; then what the scripts of those need.
purge adduser e2fsprogs logsave mount util-linux-extra login passwd init-system-helpers sysvinit-utils bsdutils hostname \
  openssl gpgv debian-archive-keyring apt sensible-utils ucf libpam-runtime libpam-modules libpam-modules-bin
purge libapt-pkg6.0 mawk ncurses-bin util-linux perl-base debconf findutils diffutils grep gzip sed tar

# The place where libssl looks for whom to trust came with openssl, though it leads to what ca-certificates has: without
# it the platform's SDK trusts nobody. To the folder alone, of which a connection reads the one authority that it asks
# for: the file has all of them, and every program that opens a connection would read it through.
mkdir -p /usr/lib/ssl
ln -s /etc/ssl/certs /usr/lib/ssl/certs

# dpkg cannot take itself out.
while read -r file; do
  case "$file" in /usr/share/doc/*) continue ;; esac
  [ -d "$file" ] || rm -f "$file" # /sbin and its like are links to folders
done </var/lib/dpkg/info/dpkg.list
python3 -B - <<'PYTHON'
import shutil
from pathlib import Path

status = Path("/var/lib/dpkg/status")
stanzas = [s for s in status.read_text().split("\n\n") if s.strip() and not s.startswith("Package: dpkg\n")]
status.write_text("\n\n".join(stanzas) + "\n")
for program in [p for root in ("/usr", "/opt", "/var", "/etc") for p in Path(root).rglob("*")]:
    if program.is_file() and not program.is_symlink() and program.stat().st_mode & 0o6000:
        program.unlink()  # nobody becomes somebody else here
# Nobody asks in a container: scripts of packages, caches, logs with times of the build.
for folder in ("lib/dpkg/info", "cache", "log", "lib/apt"):
    for path in Path("/var", folder).rglob("*"):
        if path.is_file() and path.suffix not in {".list", ".md5sums"}:
            path.unlink()
# Of these, too, debian:12-slim has none or next to nothing.
for folder in ("share/locale", "share/man", "share/info", "share/perl5", "lib/apt", "lib/dpkg"):
    shutil.rmtree(Path("/usr", folder), ignore_errors=True)
shutil.rmtree("/etc/apt", ignore_errors=True)
for backup in (*Path("/etc").glob("*-"), *Path("/var/lib/dpkg").glob("*-old"), Path("/tmp/prune-system.sh")):
    backup.unlink(missing_ok=True)
# The day of the last change of a password, which is the day of the build.
shadow = Path("/etc/shadow")
lines = [line.split(":") for line in shadow.read_text().splitlines()]
shadow.write_text("".join(":".join([*line[:2], "20454", *line[3:]]) + "\n" for line in lines))
PYTHON
# What is left still runs, and trusts somebody.
python3 -B -c 'import ctypes, sqlite3, zoneinfo
import ssl
from pathlib import Path
folder = Path(ssl.get_default_verify_paths().capath or "/nowhere")
assert [path for path in folder.glob("*.0") if path.is_file()], "no authorities that ssl would find"'
tini --version
