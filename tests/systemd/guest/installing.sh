# shellcheck shell=bash
# Getting comenq onto a guest, as its package does it or, without one, as install.sh does; and who
# lives there.

install_product() {
    install_files
    useradd --create-home --groups comenq alice
    useradd --create-home bob
    install_standin
    expect_text "the manual" '^\.SH "?EXIT STATUS' "$(zcat --force /usr/share/man/man1/comenq.1*)"
}

install_files() {
    if [ -e /opt/acceptance/comenq.deb ]; then
        install_package
    else
        install_as_a_package_does
    fi
}

install_as_a_package_does() {
    sh /opt/acceptance/repository/systemd/install.sh --stage / --bins /opt/acceptance
    journalctl --update-catalog
    systemd-sysusers comenq.conf
    systemctl daemon-reload
    systemctl enable comenqd.service
    expect "is comenqd.service enabled" enabled "$(systemctl is-enabled comenqd.service)"
    expect "is comenq.socket enabled (by Also=)" enabled "$(systemctl is-enabled comenq.socket)"
}
