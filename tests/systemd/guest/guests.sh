# shellcheck shell=bash
# What each guest goes through, in one boot or several: see tests/systemd/run. A check begins from
# `fresh` and can be run alone.

# The service as it is installed: used, administered, in its sandbox, and over two reboots.
service_guest() {
    check "units, binaries and users are installed" install_product
    check "an idle daemon ends; clients begin to meet its end" idle_ends_begin
    service_checks
    # Before the tests run, whose user is the service's: what that leaves behind stays while it does.
    unit_checks
    check "the end-to-end tests begin in the sandbox" suite_begins
    administration_checks
    credential_checks
    check "a hundred times an idle daemon ended and was started, and served every client" idle_ends_were_all_served
    documented_checks
    suite_checks
    check "a queue is left for the next boot" leave_a_queue
}

# What befalls a host, and a daemon of a user's own.
trouble_guest() {
    check "units, binaries and users are installed" install_product
    user_checks
    trouble_checks
    clock_checks
}

# Each way onto a host, and off it again.
installation_guest() {
    check "units, binaries and users are installed" install_product
    # Its hundred clients first, before the end-to-end tests of the other guest want the processors.
    package_checks
    tarball_checks
    rpm_checks
}

# named_checks CHECK…: each is a check or a list of them.
named_checks() {
    local name
    check "units, binaries and users are installed" install_product
    for name in "$@"; do
        case $name in
            # A list of checks counts its own; inside another its failures would be lost.
            *_checks) "$name" ;;
            *) check "$name" "$name" ;;
        esac
    done
}
