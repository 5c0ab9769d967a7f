#!/bin/sh
# Make .venv with the pinned packages and the project itself (editable), and install the system programs
# that the demo and the tests use, where that is allowed. Safe to run at any time; quick when nothing is missing.
#
#   setup.sh          what make needs
#   setup.sh test     also the peers that only the tests use: servers and clients of the protocols that are helped
#   setup.sh bench    also the programs that only the benchmarks use: load generators and peers
#
# The environment may set PYTHON (default: the first python3 that is new enough).
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
venv=.venv
stamp=$venv/.installed

say() { printf 'ics: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1 || case $1 in /*) [ -e "$1" ] ;; *) false ;; esac; }

# Run a command as root; fails quietly where that is not possible without asking somebody who is not there.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif have sudo && { sudo -n true 2>/dev/null || { [ -t 0 ] && [ -t 2 ]; }; }; then
        sudo "$@"
    else
        return 1
    fi
}

# apt talks much; what it said is shown only if it failed.
apt_install() {
    have apt-get || return 1
    log=$(mktemp)
    # shellcheck disable=SC2016  # expanded by the inner shell
    as_root env DEBIAN_FRONTEND=noninteractive sh -c '
        lock="-o DPkg::Lock::Timeout=300"
        echo "ics: installing the system packages $*" >&2
        { apt-get $lock -qq update && apt-get $lock -qq -y --no-install-recommends install "$@"; } >"$0" 2>&1
    ' "$log" "$@" && status=0 || status=$?
    [ "$status" = 0 ] || tail -n 5 "$log" >&2
    rm -f "$log"
    return "$status"
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    for candidate in "${PYTHON:-python3}" python3 python3.13 python3.12 python3.11; do
        if have "$candidate" && new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# program (or path):package; what the lab, the demo and the tests run. Debian names.
programs='nft:nftables ip:iproute2 udhcpc:udhcpc dhclient:isc-dhcp-client dhcpcd:dhcpcd-base dnsmasq:dnsmasq-base
          dig:bind9-dnsutils tcpdump:tcpdump conntrack:conntrack curl:curl ping:iputils-ping mandoc:mandoc'

# Never without being asked for: these are servers. None of them is started, now or when the machine boots (see
# without_services). Debian lets only one of vsftpd, proftpd, pure-ftpd and inetutils-ftpd be there at a time.
test_programs='vsftpd:vsftpd lftp:lftp tnftp:tnftp openssl:openssl
               /usr/lib/python3/dist-packages/pyftpdlib:python3-pyftpdlib nuttcp:nuttcp
               nc:netcat-openbsd pptp:pptp-linux pptpd:pptpd ngircd:ngircd oidentd:oidentd ii:ii slirp-fullbolt:slirp'
bench_programs='dnsmasq:dnsmasq-base dnsperf:dnsperf nsd:nsd kea-dhcp4:kea-dhcp4-server cc:gcc taskset:util-linux
                vsftpd:vsftpd'

missing_packages() {
    for pair in $programs; do
        have "${pair%%:*}" || printf '%s ' "${pair##*:}"
    done
}

install_programs() {
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    # shellcheck disable=SC2086  # a list of words on purpose
    apt_install $missing || true
}

# Debian starts a server that it installs, unless a policy says no; a policy that is there already decides itself.
without_services() {
    policy=/usr/sbin/policy-rc.d
    # shellcheck disable=SC2016  # expanded by the inner shell
    if [ -e "$policy" ] || ! as_root sh -c 'printf "#!/bin/sh\nexit 101\n" >"$0" && chmod 755 "$0"' "$policy"; then
        "$@"
        return
    fi
    "$@" && status=0 || status=$?
    as_root rm -f "$policy"
    return "$status"
}

# And it would start one at the next boot: a server that was not there before is switched off for good.
leave_off() {
    have systemctl || return 0
    for program in $1; do
        if have "$program" && [ -e "/lib/systemd/system/$program.service" ]; then
            as_root systemctl --quiet disable "$program.service" 2>/dev/null || true
        fi
    done
}

missing_programs() {
    for pair in $programs; do
        have "${pair%%:*}" || printf '%s ' "${pair%%:*}"
    done
}

# More programs than make needs, servers among them.
install_more_programs() {
    programs="$programs $*"
    new=$(missing_programs)
    [ -n "$new" ] || return 0
    without_services install_programs
    leave_off "$new"
}

make_venv() {
    python=$(find_python) || die "Python 3.11 or newer is missing; install python3 and run make again."
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        apt_install python3-venv || true
        "$python" -c 'import ensurepip, venv' 2>/dev/null \
            || die "$python cannot make virtual environments; install the package python3-venv and run make again."
    fi
    rm -rf "$venv"
    "$python" -m venv "$venv"
}

# What the installed state depends on: the place (scripts hold absolute paths), the interpreter, the pins, the metadata.
fingerprint() {
    pwd -P
    "$venv/bin/python" -c 'import sys; print(sys.version)'
    cksum pyproject.toml requirements.lock
}

install_python_packages() {
    pip="$venv/bin/python -m pip --disable-pip-version-check --quiet --quiet"
    say "installing the Python packages of requirements.lock into $venv"
    $pip install --requirement requirements.lock \
        || die "the Python packages could not be installed (see above); check the network and run make again."
    # The backend is one of the pinned packages, so nothing is downloaded for this.
    $pip install --no-deps --no-build-isolation --editable . \
        || die "the project itself could not be installed into $venv (see above)."
}

# A moved or copied checkout carries scripts that point at the old place: start again.
venv_is_ours() {
    [ -x "$venv/bin/python" ] && "$venv/bin/python" -c 'import pip' 2>/dev/null \
        && { [ ! -f "$stamp" ] || [ "$(head -n 1 "$stamp")" = "$(pwd -P)" ]; }
}

# An editable install compiles nothing, and where Python may not write beside the sources every start would compile
# them anew: 0.3 s of CPU time. A file that does not compile is reported by whoever imports it.
compile_sources() {
    "$venv/bin/python" -m compileall -qq icsframework plugins twisted/plugins || true
}

main() {
    case "${1:-}" in
        bench) install_more_programs "$bench_programs" ;;
        test) install_more_programs "$test_programs" ;;
        *) install_programs ;;
    esac
    venv_is_ours || make_venv
    if [ "$(cat "$stamp" 2>/dev/null)" != "$(fingerprint)" ]; then
        rm -f "$stamp"
        install_python_packages
        fingerprint >"$stamp"
    fi
    compile_sources
    missing=$(missing_packages)
    [ -z "$missing" ] || say "without root or sudo these system packages stay missing, some tests and the demo need them: ${missing% }."
}

main "$@"
