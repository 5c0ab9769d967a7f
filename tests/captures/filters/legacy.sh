# The same as docker.sh with the old kernel interface, which nft does not see.
iptables() { iptables-legacy "$@"; }
. ./docker.sh
