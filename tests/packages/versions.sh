# shellcheck shell=bash
# One version, in Cargo.toml; the changelogs and the programs agree. Sourced by run.
# shellcheck disable=SC2154 # dir, work, bins, repo, target and version are of run

all_versions_agree() {
    .github/release check
    expect "comenq" "comenq $version" "$("$bins/comenq" --version)"
    expect "comenqd" "comenqd $version" "$("$bins/comenqd" --version)"
    expect "members with a version of their own" "" "$(grep -l '^version = ' ./*/Cargo.toml || true)"
}

# A tree that has only what says a version.
small_tree() {
    mkdir -p "$dir/tree/.github" "$dir/tree/debian"
    cp Cargo.toml CHANGELOG.md "$dir/tree/"
    cp debian/changelog "$dir/tree/debian/"
    cp .github/release "$dir/tree/.github/"
}

# As a release leaves it.
finished_tree() {
    small_tree
    sed -i "s/^## \[Unreleased\]/## [$version] - 2026-12-01/" "$dir/tree/CHANGELOG.md"
    sed -i "1s/) [a-zA-Z]*;/) unstable;/" "$dir/tree/debian/changelog"
}

# changed FILE EXPRESSION: another tree, with one thing different.
changed() {
    rm -rf "$dir/tree"
    finished_tree
    sed -i "$2" "$dir/tree/$1"
}

disagreements_are_found() {
    finished_tree
    "$dir/tree/.github/release" check "v$version"
    refuses 1 "the tag is v9" "$dir/tree/.github/release" check v9
    refuses 1 "the tag is $version" "$dir/tree/.github/release" check "$version"
    changed Cargo.toml 's/^version = ".*"/version = "9.9.9"/'
    refuses 1 "debian/changelog begins" "$dir/tree/.github/release" check
    changed debian/changelog "1s/$version/9.9.9/"
    refuses 1 "debian/changelog begins with 9.9.9-1" "$dir/tree/.github/release" check
    changed CHANGELOG.md "s/^## \[$version\]/## [9.9.9]/"
    refuses 1 "CHANGELOG.md begins with 9.9.9" "$dir/tree/.github/release" check
    changed debian/changelog '1s/unstable/UNRELEASED/'
    "$dir/tree/.github/release" check
    refuses 1 "still UNRELEASED" "$dir/tree/.github/release" check "v$version"
    changed CHANGELOG.md "s/^## \[$version\].*/## [Unreleased]\n\nTowards $version, the next./"
    "$dir/tree/.github/release" check
    refuses 1 "still \[Unreleased\]" "$dir/tree/.github/release" check "v$version"
    changed CHANGELOG.md "s/^## \[$version\].*/## [Unreleased]\n\nTowards 9.9.9, the next./"
    refuses 1 "must begin with 'Towards $version,'" "$dir/tree/.github/release" check
}

notes_are_the_newest_section() {
    finished_tree
    printf '\n## [0.0.1] - 2020-01-01\n\nOld.\n' >>"$dir/tree/CHANGELOG.md"
    "$dir/tree/.github/release" notes >"$dir/notes"
    expect "the first line" "$(awk '/^## / { seen = 1; next } seen && NF { print; exit }' CHANGELOG.md)" "$(head -n 1 "$dir/notes")"
    expect "headings and older sections" "" "$(grep -E '^## |^Old' "$dir/notes" || true)"
}

versions_checks() {
    check "Cargo.toml, both changelogs and the programs have one version" all_versions_agree
    check "a version that disagrees, or is not finished when tagged, is found" disagreements_are_found
    check "the notes of a release are the newest section" notes_are_the_newest_section
}
