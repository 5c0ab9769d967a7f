#!/bin/sh
# Makes the recordings anew, each in a network namespace of its own. Needs root, nft and iptables.
set -e
cd "$(dirname "$0")"
inside() { unshare --net --mount sh -ec "mount -t tmpfs tmpfs /run; $1"; }
for name in docker ufw; do inside ". ./$name.sh; nft -j -t list ruleset" 2>/dev/null >$name.json; done
for name in firewalld ordinary open; do inside "nft -f $name.nft; nft -j -t list ruleset" >$name.json; done
inside "nft -f firewalld.nft; nft -f firewalld-trusted.nft; nft -j -t list ruleset" >firewalld-trusted.json
inside ". ./docker.sh
    iptables -I DOCKER-USER -i eth1 -o eth0 -j ACCEPT
    iptables -I DOCKER-USER -i eth0 -o eth1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    nft -j -t list ruleset" 2>/dev/null >docker-cured.json
inside ". ./ufw.sh
    iptables -A ufw-user-forward -i eth1 -o eth0 -j ACCEPT
    iptables -A ufw-user-input -i eth1 -p udp -m udp --dport 67 -j ACCEPT
    iptables -A ufw-user-input -i eth1 -p udp -m udp --dport 53 -j ACCEPT
    nft -j -t list ruleset" 2>/dev/null >ufw-cured.json
inside ". ./legacy.sh; iptables-legacy -S" >legacy.txt
