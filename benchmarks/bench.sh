#!/bin/sh
# bench.sh NAME [OPTION...]   one benchmark: start, dns, dhcp, store, dataplane, helpers, ppp, hold or demand; the options are its own
# bench.sh all                each of them, short; what is missing skips a benchmark with the reason
#
# Each runs in network namespaces of its own. A benchmark that cannot run here says why and ends with status 77.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
python=$PWD/.venv/bin/python

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || { [ -t 0 ] && [ -t 2 ]; }; }; then
        sudo "$@"
    else
        "$@" # which says that it needs root
    fi
}

own_network() {
    if [ "$(id -u)" = 0 ]; then unshare --net "$@"; else unshare --user --map-root-user --net "$@"; fi
}

one() {
    name=$1
    shift
    case $name in
    start) "$python" benchmarks/start.py "$@" ;;
    dns)
        as_root benchmarks/dns/run.sh cached "$@"
        as_root benchmarks/dns/run.sh uncached "$@"
        ;;
    dhcp) as_root "$python" benchmarks/dhcp/run.py "$@" ;;
    store) "$python" benchmarks/store.py "$@" ;;
    hold) "$python" benchmarks/hold.py "$@" ;;
    dataplane)
        own_network true 2>/dev/null || { echo "skipped: it needs a network namespace: run it as root" >&2; exit 77; }
        own_network "$python" benchmarks/dataplane.py "$@"
        "$python" benchmarks/packets.py "$@"
        ;;
    helpers) "$python" benchmarks/helpers/run.py "$@" ;;
    demand) "$python" benchmarks/demand.py "$@" ;;
    ppp)
        case ${1:-} in
        codec | talk | line | fast) part=$1 && shift && "$python" "benchmarks/ppp/$part.py" "$@" ;;
        "") one ppp codec && one ppp talk && one ppp line ;;
        *) echo "bench.sh ppp [codec|talk|line|fast] [OPTION...]" >&2 && exit 2 ;;
        esac
        ;;
    *)
        sed -n '2,3s/^# //p' "$0" >&2
        exit 2
        ;;
    esac
}

each() {
    printf '\n--- %s\n' "$1"
    "$0" "$@" || [ $? = 77 ]
}

if [ "${1:-}" = all ]; then
    each start --rounds 3
    each dns --rounds 3 --seconds 1
    each dhcp --rounds 1 --clients 500
    each store --rounds 3 --records 1000
    each dataplane --rounds 5 --elements 500
    each ppp codec --rounds 3 --packets 500 --frames 20000
    each ppp talk --lines 20000
    each ppp line --rounds 2 --seconds 4
    each hold --rounds 3
    each demand --rounds 3 --packets 2000
    each helpers --rounds 3 --size 200 --connections 500 --opens 300
else
    one "$@"
fi
