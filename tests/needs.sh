# shellcheck shell=bash
# shellcheck disable=SC2154 # needs, steps and target are those of tests/run
# What steps of tests/run need: whether it is there, what to say if it is not, and how it is
# installed. Sourced by tests/run, which says what each step needs.

declare -A crate_versions=([cargo-deny]=0.20.2 [cargo-generate-rpm]=0.21.1 [cargo-cyclonedx]=0.5.9)

# crate NAME: as `cargo install` takes it.
crate() {
    echo "$1@${crate_versions[$1]}"
}

is_present() {
    case $1 in
        root) [ "$(id -u)" = 0 ] ;;
        python:*) /usr/bin/python3 -c "import ${1##*:}" 2>/dev/null ;;
        lib:*) compgen -G "/usr/lib/*/${1##*:}" >/dev/null ;;
        apt:*) command -v "${1##*:}" >/dev/null ;;
        rustup:rustfmt) cargo fmt --version >/dev/null 2>&1 ;;
        rustup:clippy) cargo clippy --version >/dev/null 2>&1 ;;
        cargo:*) command -v "${1#cargo:}" >/dev/null ;;
        *) echo "unknown need: $1" >&2 && exit 2 ;;
    esac
}

missing_of() {
    local need
    for need in ${needs[$1]}; do
        is_present "$need" || echo "$need"
    done
}

# How a person gets what is missing, as commands.
advice() {
    local need packages=() components=() said=()
    for need in "$@"; do
        case $need in
            root) said+=("run as root") ;;
            apt:* | lib:* | python:*) packages+=("$(cut -d: -f2 <<<"$need")") ;;
            rustup:*) components+=("${need#rustup:}") ;;
            cargo:*) said+=("cargo install --locked $(crate "${need#cargo:}")") ;;
        esac
    done
    [ ${#packages[@]} = 0 ] || said+=("apt-get install ${packages[*]}")
    [ ${#components[@]} = 0 ] || said+=("rustup component add ${components[*]}")
    printf '%s' "${said[0]}"
    [ ${#said[@]} = 1 ] || printf '; %s' "${said[@]:1}"
}

install_missing() {
    local need packages=() components=() crates=()
    while read -r need; do
        case $need in
            apt:* | lib:* | python:*) packages+=("$(cut -d: -f2 <<<"$need")") ;;
            rustup:*) components+=("${need#rustup:}") ;;
            cargo:*) crates+=("$(crate "${need#cargo:}")") ;;
        esac
    done < <(for step in "${steps[@]}"; do missing_of "$step"; done | sort -u)
    if [ ${#packages[@]} != 0 ]; then
        echo "installing ${packages[*]}"
        apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${packages[@]}"
    fi
    if [ ${#components[@]} != 0 ]; then
        echo "installing ${components[*]}"
        rustup component add "${components[@]}"
    fi
    if [ ${#crates[@]} != 0 ]; then
        echo "installing ${crates[*]}"
        # Debug builds: each runs for seconds, and compiles in half the time.
        CARGO_TARGET_DIR=$target/tools cargo install --quiet --locked --debug "${crates[@]}"
    fi
}
