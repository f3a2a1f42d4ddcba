# shellcheck shell=sh
# shellcheck disable=SC2154 # the variables of install.sh
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

# dpkg's word for the package comenq; nothing if it does not know it.
dpkg_status() {
    dpkg-query -W -f '${db:Status-Status}' comenq 2>/dev/null || true
}

# The manager of the package comenq, if any of its files are there.
package_manager() {
    case $(dpkg_status) in
        '' | not-installed | config-files) ;;
        *) echo dpkg && return ;;
    esac
    if command -v rpm >/dev/null && rpm -q comenq >/dev/null 2>&1; then
        echo rpm
    fi
}

needs_no_package() {
    manager=$(package_manager)
    [ -z "$manager" ] || die "comenq is installed as a package ($manager): upgrade that, or remove it first"
    [ "$(dpkg_status)" != config-files ] ||
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

needs_units_that_may_start() {
    for unit in comenq.socket comenqd.service; do
        case $(systemctl is-enabled "$unit" 2>/dev/null) in
            masked*) die "$unit is masked: 'systemctl unmask $unit' first" ;;
        esac
    done
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

# The unit closes some to the daemon, its own program included; and what lies in /usr is a package's
# to write over, and would be removed with this installation.
needs_a_prefix_of_its_own() {
    case $(readlink -m "$prefix")/ in
        /usr/) die "--prefix $prefix is for packages (--stage): take another, such as /usr/local" ;;
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

# same_file STAGED FILE: its content and mode, and root's.
same_file() {
    cmp -s "$1" "$2" && [ "$(stat -c '%a 0:0' "$1")" = "$(stat -c '%a %u:%g' "$2")" ]
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

# write_record FILES [done]: by a rename, so that there is always a whole one.
write_record() {
    mkdir -p "${RECORD%/*}"
    {
        echo "prefix $prefix"
        sort -u "$1" | sed 's/^/file /'
        sed 's/^/dir /' "$work/directories"
        ! has_recorded enabled || echo enabled
        [ $# = 1 ] || echo "$2"
    } >"$RECORD.new"
    mv -f "$RECORD.new" "$RECORD"
}

# Before anything is copied, and with what the version before had: whatever a run that is cut short
# leaves, the next one and --uninstall find it.
record_beginning() {
    directories_to_record | sort -u >"$work/directories"
    staged >"$work/now"
    recorded file | cat - "$work/now" >"$work/both"
    write_record "$work/both"
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
        grep -qxF "$file" "$work/now" || rm -f "$file"
    done <"$work/both"
}

# ---- systemd

# What does not start is installed all the same: doing it again would not help.
unit_goes_on() {
    systemctl "$@" || trouble="$2 does not start: 'journalctl -u $2' says why"
}

activate() {
    systemd-sysusers "$sysusers/comenq.conf"
    systemctl daemon-reload
    journalctl --quiet --update-catalog
    if has_recorded enabled; then
        # Whether it is enabled is the administrator's by now. Clients that come meanwhile wait
        # in the socket, which goes on.
        unit_goes_on try-restart comenqd.service
    else
        # Enables the socket too. That listens now; the service begins when it is needed.
        systemctl --quiet enable comenqd.service
        unit_goes_on start comenq.socket
        echo enabled >>"$RECORD"
        # A queue that an earlier installation left goes on, as at a boot.
        [ -z "$(find /var/lib/comenq -name CURRENT -print -quit 2>/dev/null)" ] || unit_goes_on start comenqd.service
    fi
}

warn_without_certificates() {
    for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
        [ ! -s "$file" ] || return 0
    done
    say "there seem to be no CA certificates, by which GitHub is known: install the package ca-certificates"
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
    needs_units_that_may_start
    needs_programs_that_run
    needs_a_prefix_of_its_own
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM HUP
    trouble=
    stage=$work/stage
    mkdir "$stage"
    stage_files
    mkdir -p "${CONFIG%/*}"
    install_config
    if is_installed_already; then
        say "everything was installed already: nothing was changed"
        return 0
    fi
    record_beginning
    copy_files
    activate
    write_record "$work/now" 'done'
    next_steps
    warn_without_certificates
    [ -z "$trouble" ] || die "all is installed, but $trouble"
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
    # Those that are there: a run that was cut short may have left none.
    for unit in comenq.socket comenqd.service; do
        [ -n "$manager" ] || [ ! -e "$lib/system/$unit" ] || systemctl --quiet disable --now "$unit"
    done
    recorded file | while read -r file; do
        rm -f "$file" "$file.new"
    done
    directories=$(recorded dir | sort -r)
    rm -f "$RECORD" "$RECORD.new"
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
