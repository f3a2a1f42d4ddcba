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

# Nothing after the third number: Debian sorts 1.0.0-rc1-1 behind 1.0.0-1, and RPM takes no hyphen.
a_pre_release_is_refused() {
    local rc=$version-rc1
    finished_tree
    sed -i "s/^version = \"$version\"/version = \"$rc\"/" "$dir/tree/Cargo.toml"
    sed -i "1s/$version/$rc/" "$dir/tree/debian/changelog"
    sed -i "s/^## \[$version\]/## [$rc]/" "$dir/tree/CHANGELOG.md"
    "$dir/tree/.github/release" check
    refuses 1 "$rc is not three numbers" "$dir/tree/.github/release" check "v$rc"
}

# drafts COMMIT RELEASE…: with a gh that says the tag is at COMMIT and these (ID DRAFT) are there,
# and notes in $dir/calls what else is asked of it.
drafts() {
    local commit=$1
    shift
    mkdir -p "$dir/bin" "$dir/out"
    : >"$dir/calls"
    touch "$dir/out/comenq.deb"
    printf '%s\n' "$@" | sed '/^$/d' >"$dir/releases"
    cat >"$dir/bin/gh" <<GH
#!/bin/sh
case \$* in
    "api repos/o/comenq/commits/tags/v1.0.0 "*) echo $commit ;;
    "api --paginate repos/o/comenq/releases "*) cat "$dir/releases" ;;
    *) echo "\$*" | cut -d ' ' -f 1-4 >>"$dir/calls" ;;
esac
GH
    chmod 755 "$dir/bin/gh"
    PATH=$dir/bin:$PATH GITHUB_REPOSITORY=o/comenq .github/release draft v1.0.0 "$dir/out"
}

a_rerun_leaves_one_draft() {
    local head
    head=$(git rev-parse HEAD)
    drafts "$head" ""
    expect "calls" "release create v1.0.0 --repo" "$(cat "$dir/calls")"
    drafts "$head" "7 true" "8 true"
    expect "calls" "api --method DELETE repos/o/comenq/releases/7;api --method DELETE repos/o/comenq/releases/8;release create v1.0.0 --repo" \
        "$(paste -sd ';' "$dir/calls")"
    refuses 1 "is published already" drafts "$head" "7 true" "8 false"
    expect "calls" "" "$(cat "$dir/calls")"
    refuses 1 "no longer at the commit" drafts 0123456 ""
    expect "calls" "" "$(cat "$dir/calls")"
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
    check "a version that packages would sort wrongly is not released" a_pre_release_is_refused
    check "a run again leaves one draft, and nothing that is published is changed" a_rerun_leaves_one_draft
    check "the notes of a release are the newest section" notes_are_the_newest_section
}
