#!/bin/bash
# Three namespaces in a row: client (c) -- resolvers (r) -- upstream (u).
#   topo.sh up PREFIX      make PREFIXc, PREFIXr, PREFIXu
#   topo.sh down PREFIX    delete them (does not touch processes)
# Client side 10.99.1.0/24: client .1, resolvers .11 and .12.  Upstream side 10.99.2.0/24: resolvers .1, upstream .2.
set -e
op=${1:?up or down} p=${2:?prefix}
if [ "$op" = down ]; then
    for n in c r u; do ip netns del "$p$n" 2>/dev/null || true; done
    exit 0
fi
for n in c r u; do ip netns add "$p$n"; ip -n "$p$n" link set lo up; done
ip link add "${p}c0" netns "${p}c" type veth peer name "${p}r0" netns "${p}r"
ip link add "${p}r1" netns "${p}r" type veth peer name "${p}u0" netns "${p}u"
ip -n "${p}c" addr add 10.99.1.1/24 dev "${p}c0"
for i in 11 12; do ip -n "${p}r" addr add "10.99.1.$i/24" dev "${p}r0"; done
ip -n "${p}r" addr add 10.99.2.1/24 dev "${p}r1"
ip -n "${p}u" addr add 10.99.2.2/24 dev "${p}u0"
for pair in c:c0 r:r0 r:r1 u:u0; do ip -n "$p${pair%:*}" link set "$p${pair#*:}" up; done
