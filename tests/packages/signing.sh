# shellcheck shell=bash
# Signing and verifying with a key made for it, which is thrown away. Sourced by run.
# shellcheck disable=SC2154 # dir, work, bins, repo, target and version are of run

# make_key NAME: $dir/NAME.private and $dir/NAME.public, armored.
make_key() {
    mkdir -m 700 "$dir/$1"
    gpg --homedir "$dir/$1" --batch --quiet --passphrase '' --quick-generate-key "$1 <$1@comenq.invalid>" rsa3072 sign 1d
    gpg --homedir "$dir/$1" --batch --armor --export-secret-keys >"$dir/$1.private"
    gpg --homedir "$dir/$1" --batch --armor --export >"$dir/$1.public"
    gpgconf --homedir "$dir/$1" --kill all
}

# Packages of each kind, with little in them: what is signed does not matter here.
small_packages() {
    mkdir -p "$dir/deb/DEBIAN" "$dir/out"
    printf '%s\n' 'Package: comenq' 'Version: 1-1' 'Architecture: all' 'Maintainer: x <x@comenq.invalid>' \
        'Description: for a test' >"$dir/deb/DEBIAN/control"
    cp LICENSE "$dir/deb/"
    dpkg-deb --root-owner-group --build "$dir/deb" "$dir/out/comenq_1-1_all.deb"
    cargo generate-rpm --package comenqd --auto-req no --output "$dir/out/comenq-1-1.rpm" \
        --set-metadata 'assets = [{ source = "LICENSE", dest = "/usr/share/licenses/comenq/LICENSE", mode = "0644" }]'
    tar --create --gzip -f "$dir/out/comenq-1.tar.gz" LICENSE
    cp LICENSE "$dir/out/comenq-1.cdx.json"
}

# Once for all checks, which then change copies.
signed=$work/signed
packages_are_signed() {
    if [ ! -e "$signed" ]; then
        make_key ours
        make_key theirs
        small_packages
        .github/sign sign "$dir/out" <"$dir/ours.private"
        mv "$dir" "$signed"
    fi
    mkdir -p "$dir"
    cp -r "$signed/out" "$dir/out"
}

verify_by() {
    .github/sign verify "$dir/out" "$signed/$1.public"
}

verify() {
    verify_by ours
}

signed_packages_verify() {
    packages_are_signed
    verify
    expect "detached signatures" "SHA256SUMS.asc comenq-1.tar.gz.asc" "$(cd "$dir/out" && echo *.asc)"
    # And as tools of users see it.
    expect "members of the .deb" "debian-binary control data _gpgorigin" \
        "$(ar t "$dir/out/comenq_1-1_all.deb" | sed 's/\.tar.*//' | xargs)"
    dpkg-deb --contents "$dir/out/comenq_1-1_all.deb" | grep -q LICENSE
    (cd "$dir/out" && sha256sum --check --quiet SHA256SUMS)
}

# As the workflow does it, from a directory that is not the repository's.
signing_again_is_harmless() {
    packages_are_signed
    (cd "$dir" && "$repo/.github/sign" sign out <"$signed/ours.private")
    (cd "$dir" && "$repo/.github/sign" verify out "$signed/ours.public")
}

another_key_is_refused() {
    packages_are_signed
    refuses 1 "is not signed by this key" verify_by theirs
    refuses 1 "is no public key" .github/sign verify "$dir/out" LICENSE
    refuses 1 "nothing.asc is missing" .github/sign verify "$dir/out" "$dir/nothing.asc"
}

# Whoever could sign the list anew, but not the packages, would still be found out.
list_is_signed_anew() {
    .github/release checksums "$dir/out"
    gpg --homedir "$signed/ours" --batch --yes --armor --detach-sign "$dir/out/SHA256SUMS"
    gpgconf --homedir "$signed/ours" --kill all
}

altered_files_are_refused() {
    local file
    for file in comenq-1.tar.gz SHA256SUMS comenq_1-1_all.deb comenq-1-1.rpm comenq-1.cdx.json; do
        rm -rf "$dir/out"
        packages_are_signed
        echo >>"$dir/out/$file"
        refuses 1 "$file.*(changed|FAILED)|a file is not as" verify
    done
    rm -rf "$dir/out"
    packages_are_signed
    echo >"$dir/out/stray"
    refuses 1 "stray is not in SHA256SUMS" verify
    rm "$dir/out/stray" "$dir/out/SHA256SUMS"
    refuses 1 "SHA256SUMS is missing" verify
}

# All that is there may be in order, and the packages be lost.
missing_packages_are_found() {
    local kind
    for kind in deb rpm tar.gz; do
        rm -rf "$dir/out"
        packages_are_signed
        rm "$dir/out"/*."$kind"
        list_is_signed_anew
        refuses 1 "there is no .$kind" verify
    done
}

packages_count_by_themselves() {
    packages_are_signed
    debsigs --delete=origin "$dir/out/comenq_1-1_all.deb"
    list_is_signed_anew
    refuses 1 "comenq_1-1_all.deb is not signed by this key" verify
    rm -rf "$dir/out"
    packages_are_signed
    rpmsign --delsign "$dir/out/comenq-1-1.rpm"
    list_is_signed_anew
    refuses 1 "comenq-1-1.rpm is not signed" verify
    rm -rf "$dir/out"
    packages_are_signed
    # A byte in the middle of what is packed.
    printf X | dd of="$dir/out/comenq-1-1.rpm" bs=1 conv=notrunc status=none \
        seek=$(($(stat -c %s "$dir/out/comenq-1-1.rpm") - 100))
    list_is_signed_anew
    refuses 1 "comenq-1-1.rpm: .*NOT OK" verify
}

what_is_no_private_key_signs_nothing() {
    packages_are_signed
    refuses 1 "is no private key" .github/sign sign "$dir/out" </dev/null
    refuses 1 "has no private key" .github/sign sign "$dir/out" <"$signed/ours.public"
    verify
}

# A copy of it would outlive the run of a workflow.
the_private_key_leaves_no_trace() {
    packages_are_signed
    mkdir "$dir/tmp"
    TMPDIR=$dir/tmp .github/sign sign "$dir/out" <"$signed/ours.private" >"$dir/said" 2>&1
    expect "what is left" "" "$(ls -A "$dir/tmp")"
    expect "agents" "" "$(pgrep -af "gpg-agent.*$dir/tmp" || true)"
    expect "words of the key in the output" "" "$(grep -F -f <(sed -n '/^$/,/^-----END/p' "$signed/ours.private" | grep '[A-Za-z0-9]\{40\}') "$dir/said" || true)"
}

signing_checks() {
    check "signed packages, tarball and sums verify" signed_packages_verify
    check "signing again, from elsewhere, is harmless" signing_again_is_harmless
    check "another key is refused" another_key_is_refused
    check "an altered, added or missing file is refused" altered_files_are_refused
    check "a kind of package that is missing is found" missing_packages_are_found
    check "a package without its own signature, or altered, is refused whatever the list says" packages_count_by_themselves
    check "what is no private key signs nothing" what_is_no_private_key_signs_nothing
    check "the private key leaves no trace" the_private_key_leaves_no_trace
}
