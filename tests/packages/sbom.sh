# shellcheck shell=bash
# What the programs are made of, as a list. Sourced by run.
# shellcheck disable=SC2154 # dir, work, bins, repo, target and version are of run

names_in() {
    jq -r '.components[].name' "$dir/$1-$version.cdx.json" | sort -u
}

it_lists_what_is_linked() {
    .github/release sbom "$dir"
    local program locked
    for program in comenq comenqd; do
        jq -e '.bomFormat == "CycloneDX" and .metadata.component.name == "'$program'"
            and .metadata.component.version == "'"$version"'"' "$dir/$program-$version.cdx.json"
        names_in "$program" >"$dir/$program.names"
    done
    locked=$(sed -n '/^name = "sled"$/{n;s/^version = "\(.*\)"$/\1/p}' Cargo.lock)
    expect "the version of sled" "$locked" "$(jq -r '.components[] | select(.name == "sled").version' "$dir/comenqd-$version.cdx.json")"
    expect "sled in the client" "" "$(grep -x sled "$dir/comenq.names" || true)"
    expect "what only tests use" "" "$(grep -xE 'proptest|insta|jsonschema|comenq-tests' "$dir"/*.names || true)"
}

it_tells_nothing_of_the_builder() {
    .github/release sbom "$dir/one"
    (cd / && "$repo/.github/release" sbom "$dir/two")
    diff -r "$dir/one" "$dir/two"
    expect "paths of this machine" "" "$(grep -ohE '"[^"]*(/tmp|/home|/root|'"$repo"')/[^"]*"' "$dir"/one/* | head -n 3 || true)"
    expect "what it left in the tree" "" "$(find . -name 'sbom.json' -o -name '*.cdx.json' | grep -v '^./target/' || true)"
}

sums_cover_everything_but_signatures() {
    echo one >"$dir/b.deb"
    echo two >"$dir/a file"
    echo three >"$dir/a.asc"
    .github/release checksums "$dir"
    # Again, from elsewhere.
    (cd "$dir/.." && "$repo/.github/release" checksums "${dir##*/}")
    expect "files with a sum" "a file b.deb" "$(sed 's/^[0-9a-f]\{64\}  //' "$dir/SHA256SUMS" | xargs)"
    (cd "$dir" && sha256sum --check --strict --quiet SHA256SUMS)
}

sbom_checks() {
    check "the SBOM lists what is linked, in the versions of Cargo.lock" it_lists_what_is_linked
    check "it is the same again, and names no path of this machine" it_tells_nothing_of_the_builder
    check "SHA256SUMS covers everything but signatures" sums_cover_everything_but_signatures
}
