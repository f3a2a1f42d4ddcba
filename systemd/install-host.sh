# shellcheck shell=sh
# What install.sh does to a host: looks whether it can carry comenq, copies what was staged,
# records what it copied, and tells systemd. Sourced by it, with its variables.

# The oldest systemd that knows everything the units say (tested with 252).
SYSTEMD_NEEDED=249
# What was installed: "prefix DIR", "file PATH", "dir PATH" of each directory made for it;
# "enabled" once the units were, "done" when the run came to its end. In one place whatever the
# prefix, since a host has one comenq.
RECORD=/usr/local/lib/comenq/installed
CONFIG=/etc/comenqd/config.toml

say() {
    echo "install.sh: $*"
}

# ---- What the record says

recorded() {
    [ ! -f "$RECORD" ] || sed -n "s/^$1 *//p" "$RECORD"
}

has_recorded() {
    [ -f "$RECORD" ] && grep -qxF "$1" "$RECORD"
}

# ---- What a host must have

needs_root() {
    [ "$(id -u)" = 0 ] || die "needs root"
}

# The manager of the package comenq, if that is installed.
package_manager() {
    if [ "$(dpkg-query -W -f '${db:Status-Status}' comenq 2>/dev/null)" = installed ]; then
        echo dpkg
    elif command -v rpm >/dev/null && rpm -q comenq >/dev/null 2>&1; then
        echo rpm
    fi
}

needs_no_package() {
    manager=$(package_manager)
    [ -z "$manager" ] || die "comenq is installed as a package ($manager): upgrade that, or remove it first"
    [ "$(dpkg-query -W -f '${db:Status-Status}' comenq 2>/dev/null)" != config-files ] ||
        die "the package comenq was removed but not purged, and its purge would delete the queue:" \
            "move /var/lib/comenq and /etc/comenqd away, run 'apt purge comenq', and move them back"
}

# Units put into /etc by hand would hide those installed here, with another program in them.
needs_no_units_by_hand() {
    [ ! -f "$RECORD" ] || return 0
    for unit in comenq.socket comenqd.service; do
        [ ! -f "/etc/systemd/system/$unit" ] ||
            die "/etc/systemd/system/$unit is of an installation by hand and would stay in force: remove it first"
    done
}

needs_systemd() {
    [ -d /run/systemd/system ] || die "systemd does not run this host: comenqd needs its socket activation"
    version=$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
    [ "${version:-0}" -ge "$SYSTEMD_NEEDED" ] ||
        die "systemd is ${version:-of unknown version}: $SYSTEMD_NEEDED or newer is needed"
    command -v systemd-sysusers >/dev/null ||
        die "systemd-sysusers is missing: it makes the user comenq (often a package of that name)"
}

# The programs take the host's glibc, so that users and groups are found as the host finds them.
needs_programs_that_run() {
    for program in comenq comenqd; do
        [ -f "$bins/$program" ] ||
            die "$bins/$program is missing: cargo build --release, or name its directory with --bins"
        said=$("$bins/$program" --version 2>&1) ||
            die "$bins/$program does not run here (made for another processor, or a newer glibc?): $said"
    done
}

# The unit closes these to the daemon, its own program included.
needs_a_prefix_the_unit_sees() {
    case $prefix/ in
        /home/* | /root/* | /run/user/* | /tmp/* | /var/tmp/*)
            die "--prefix $prefix is closed to the service (ProtectHome=, PrivateTmp=): take another"
            ;;
    esac
    old=$(recorded prefix)
    [ -z "$old" ] || [ "$old" = "$prefix" ] ||
        die "comenq is installed below $old: give --prefix $old, or --uninstall first"
}

# ---- Copying

# The administrator's from the first day; each version's default lies with the documents.
install_config() {
    [ -f "$stage$CONFIG" ] || return 0
    default=$prefix/share/doc/comenq/config.toml
    if [ ! -e "$CONFIG" ] && [ ! -L "$CONFIG" ]; then
        install -D -m 0644 "$stage$CONFIG" "$CONFIG"
    elif ! cmp -s "$stage$CONFIG" "$CONFIG"; then
        say "kept $CONFIG as it is; this version's default is $default"
    fi
    mkdir -p "$stage${default%/*}"
    mv "$stage$CONFIG" "$stage$default"
    rm -r "${stage:?}${CONFIG%/*}"
}

staged() {
    find "$stage" -type f -printf '/%P\n' | sort
}

same_file() {
    cmp -s "$1" "$2" && [ "$(stat -c '%a' "$1")" = "$(stat -c '%a' "$2")" ]
}

is_installed_already() {
    has_recorded 'done' && [ "$(recorded file)" = "$(staged)" ] || return 1
    for file in $(staged); do
        same_file "$stage$file" "$file" || return 1
    done
}

# Directories that are not there yet, and those that an earlier run made: to be removed again.
directories_to_record() {
    recorded dir
    find "$stage" -mindepth 1 -type d -printf '/%P\n' | while read -r directory; do
        [ -d "$directory" ] || echo "$directory"
    done
}

# Before anything is copied, so that --uninstall finds what a run that was cut short has left.
write_record() {
    recorded file >"$work/before"
    {
        echo "prefix $prefix"
        staged | sed 's/^/file /'
        directories_to_record | sort -u | sed 's/^/dir /'
        ! has_recorded enabled || echo enabled
    } >"$work/record"
    install -D -m 0644 "$work/record" "$RECORD"
}

# Each file by a rename: whoever runs or reads one meets the old or the new one, whole.
copy_files() {
    for file in $(staged); do
        same_file "$stage$file" "$file" && continue
        mkdir -p "${file%/*}"
        cp -p "$stage$file" "$file.new"
        chown 0:0 "$file.new"
        mv -f "$file.new" "$file"
    done
    # What the version before had and this one has not.
    while read -r file; do
        has_recorded "file $file" || rm -f "$file"
    done <"$work/before"
}

# ---- systemd

activate() {
    systemd-sysusers "$sysusers/comenq.conf"
    systemctl daemon-reload
    journalctl --quiet --update-catalog
    if has_recorded enabled; then
        # Whether it is enabled is the administrator's by now. Clients that come meanwhile wait
        # in the socket, which goes on.
        systemctl try-restart comenqd.service
    else
        # Enables the socket too. That listens now; the service begins when it is needed.
        systemctl --quiet enable comenqd.service
        systemctl start comenq.socket
        # A queue that an earlier installation left goes on, as at a boot.
        [ ! -e /var/lib/comenq/queue/CURRENT ] || systemctl start comenqd.service
        echo enabled >>"$RECORD"
    fi
}

next_steps() {
    cat <<TEXT
$("$prefix/bin/comenqd" --version) is installed below $prefix; comenq.socket is $(systemctl is-active comenq.socket || true).
To post it needs a token, and whoever is to use it must be in the group comenq:
  sudo sh -c 'umask 077; cat > /etc/comenqd/github-token'    # paste it, then Return and Ctrl-D
  sudo systemctl restart comenqd
  sudo usermod -aG comenq NAME                               # then NAME logs in again
  $prefix/bin/comenq doctor                                  # says what is missing
TEXT
}

install_on_host() {
    needs_root
    needs_no_package
    needs_no_units_by_hand
    needs_systemd
    needs_programs_that_run
    needs_a_prefix_the_unit_sees
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    stage=$work/stage
    mkdir "$stage"
    stage_files
    mkdir -p "${CONFIG%/*}"
    install_config
    if is_installed_already; then
        say "everything was installed already: nothing was changed"
        return 0
    fi
    write_record
    copy_files
    activate
    echo 'done' >>"$RECORD"
    next_steps
}

# A package that came later has the same units, and its own program.
hand_over_to_package() {
    if systemctl --quiet is-enabled comenqd.service; then
        systemctl --quiet reenable comenqd.service
    fi
    systemctl try-restart comenqd.service
}

uninstall_on_host() {
    needs_root
    if [ ! -f "$RECORD" ]; then
        say "nothing to do: nothing on this host was installed by this script"
        return 0
    fi
    manager=$(package_manager)
    [ -n "$manager" ] || systemctl --quiet disable --now comenqd.service comenq.socket
    recorded file | while read -r file; do
        rm -f "$file"
    done
    directories=$(recorded dir | sort -r)
    rm -f "$RECORD"
    for directory in $directories "${RECORD%/*}"; do
        [ ! -d "$directory" ] || rmdir --ignore-fail-on-non-empty "$directory"
    done
    systemctl daemon-reload
    journalctl --quiet --update-catalog
    if [ -n "$manager" ]; then
        hand_over_to_package
        say "removed what it had installed; the package ($manager) goes on"
        return 0
    fi
    cat <<TEXT
comenq is uninstalled. The queue, the configuration and the user are kept. To remove them as well:
  sudo rm -r /var/lib/comenq /etc/comenqd
  sudo userdel comenq
TEXT
}
