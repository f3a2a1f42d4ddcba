# shellcheck shell=bash
# The workflows, by linters of a registry: their form, GitHub's schema, and what weakens them
# (permissions, what is not pinned, text that a stranger could put into a command). Sourced by run.
# shellcheck disable=SC2154 # dir, work, bins, repo, target and version are of run

LINTERS=(yamllint==1.38.0 check-jsonschema==0.39.0 zizmor==1.32.0)
linters=$target/tools/workflow-linters

# Fetched once.
linters_are_there() {
    [ "$(cat "$linters/are" 2>/dev/null)" != "${LINTERS[*]}" ] || return 0
    rm -rf "$linters"
    python3 -m venv "$linters"
    "$linters/bin/pip" install --quiet --disable-pip-version-check "${LINTERS[@]}"
    echo "${LINTERS[*]}" >"$linters/are"
}

lint() {
    "$linters/bin/yamllint" --strict --config-file tests/packages/yamllint.yml "$@" &&
        "$linters/bin/check-jsonschema" --builtin-schema vendor.github-workflows "$@" &&
        "$linters/bin/zizmor" --quiet --offline --persona=pedantic --config tests/packages/zizmor.yml "$@"
}

workflows_have_no_faults() {
    linters_are_there
    lint .github/workflows/*.yml
}

# with_fault PATTERN EXPRESSION: a copy of the release's workflow in which that is found.
with_fault() {
    mkdir -p "$dir/.github/workflows"
    sed "$2" .github/workflows/release.yml >"$dir/.github/workflows/release.yml"
    ! cmp --silent .github/workflows/release.yml "$dir/.github/workflows/release.yml" || fail "$2 changes nothing"
    local said
    ! said=$(lint "$dir/.github/workflows/release.yml" 2>&1) || fail "not found: $1"
    grep -q "$1" <<<"$said" || fail "expected $1 in: $said"
}

faults_are_found() {
    linters_are_there
    with_fault unpinned-uses 's/@1e69f48[0-9a-f]*/@v4/'
    with_fault unpinned-images 's/debian:12@sha256:[0-9a-f]*/debian:12/'
    with_fault excessive-permissions 's/^permissions: {}/permissions: write-all/'
    # shellcheck disable=SC2016 # for sed
    with_fault template-injection 's/check "$GITHUB_REF_NAME"/check "${{ github.ref_name }}"/'
    with_fault "runs-onn" 's/^    runs-on: ubuntu-24.04$/    runs-onn: ubuntu-24.04/'
    with_fault "line too long" "s/^name: release/&$(printf ' %.0s' {1..120})/"
}

# Each script of a step, as bash reads it; and what the linters above do not follow: `needs`.
scripts_in_steps_have_no_faults() {
    linters_are_there
    "$linters/bin/python" - "$dir" .github/workflows/*.yml <<'PYTHON'
import pathlib, sys, yaml
where = pathlib.Path(sys.argv[1])
for path in map(pathlib.Path, sys.argv[2:]):
    jobs = yaml.safe_load(path.read_text())["jobs"]
    for name, job in jobs.items():
        for needed in [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", []):
            assert needed in jobs, f"{path}: {name} needs {needed}, which is no job"
        for number, step in enumerate(job.get("steps", [])):
            if "run" in step:
                (where / f"{path.stem}-{name}-{number}.sh").write_text(step["run"])
PYTHON
    [ "$(find "$dir" -name '*.sh' | wc -l)" -ge 10 ] || fail "only $(ls "$dir")"
    # SC2016: a credential helper is a script in quotes. SC2164: GitHub runs them with `-e`.
    shellcheck --shell=bash --exclude=SC2016,SC2164 "$dir"/*.sh
    # What steps call is there.
    grep -ohE '(\.github|tests)/[a-z/]+ ' "$dir"/*.sh | sort -u | while read -r path; do
        [ -x "$path" ] || fail "a step calls $path, which is no program"
    done
}

ci_is_the_same_run() {
    grep -qx '        run: .ci/run' .github/workflows/ci.yml
    grep -q 'exec tests/run --install' .ci/run
}

workflows_checks() {
    check "the workflows have no faults" workflows_have_no_faults
    check "faults put into one are found" faults_are_found
    check "the scripts in their steps have no faults, and call what is there" scripts_in_steps_have_no_faults
    check "CI runs .ci/run, which is tests/run --install" ci_is_the_same_run
}
