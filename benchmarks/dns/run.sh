#!/bin/bash
# run.sh cached|uncached|latency [OPTION...]: our proxy and dnsmasq side by side; the options are dnsbench.py's.
set -e
PATH=$PATH:/usr/sbin:/sbin
mode=${1:-cached} p=icsb$$
shift || true
skip() { echo "skipped: $*" >&2; exit 77; }
[ "$(id -u)" = 0 ] || skip "it makes network namespaces: run it as root"
for program in ip taskset dnsperf nsd dnsmasq; do
    command -v $program >/dev/null || skip "$program is not installed; make bench-tools installs what the benchmarks use"
done
[ "$(nproc)" -gt 1 ] || skip "it needs two CPUs: one for the load, one for the servers"
here=$(cd "$(dirname "$0")" && pwd) python=$(cd "$(dirname "$0")/../.." && pwd)/.venv/bin/python
work=$(mktemp -d) pids=()
# dnsmasq at its best: 1000 hot names do not fit its default of 150, and a full large cache makes its misses 8x dearer.
cache=--cache-size=10000
if [ "$mode" = uncached ]; then cache=; fi
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; "$here/topo.sh" down $p; rm -rf "$work"' EXIT
"$here/topo.sh" up $p
cat >"$work/zone" <<'Z'
$ORIGIN bench.test.
$TTL 3600
@ SOA ns admin 1 3600 600 86400 60
@ NS ns
ns A 10.99.2.2
* A 192.0.2.7
Z
cat >"$work/nsd.conf" <<N
server:
    ip-address: 10.99.2.2
    server-count: 1
    username: ""
    chroot: ""
    database: ""
    pidfile: ""
    zonelistfile: "$work/zones"
    xfrdfile: "$work/xfrd"
    rrl-ratelimit: 0
    minimal-responses: yes
remote-control:
    control-enable: no
zone:
    name: bench.test
    zonefile: "$work/zone"
N
ip netns exec ${p}u taskset -c 0 nsd -d -c "$work/nsd.conf" >"$work/nsd.log" 2>&1 & pids+=($!)
ip netns exec ${p}r taskset -c 1 dnsmasq -k --conf-file=/dev/null --user=root --pid-file --no-resolv --no-hosts \
    --server=10.99.2.2 --listen-address=10.99.1.11 --bind-interfaces $cache \
    --log-facility=- >"$work/dnsmasq.log" 2>&1 & dnsmasq=$! pids+=($!)
ip netns exec ${p}r taskset -c 1 "$python" "$here/serve.py" ${p}r0 10.99.1.12/24 10.99.2.2 & ics=$! pids+=($!)
"$python" "$here/dnsbench.py" --netns ${p}c --mode "$mode" "$@" \
    dnsmasq=10.99.1.11/$dnsmasq ics=10.99.1.12/$ics
