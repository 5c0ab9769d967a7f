# The chains of ufw 0.36 with its defaults (deny incoming, deny routed), by iptables-nft; the empty ones left out.
for hook in INPUT FORWARD; do iptables -P $hook DROP; done
for hook in input forward; do
    HOOK=$(echo $hook | tr a-z A-Z)
    for chain in ufw-before-$hook ufw-after-$hook ufw-user-$hook ufw-after-logging-$hook ufw-reject-$hook; do iptables -N $chain; done
    for chain in ufw-before-$hook ufw-after-$hook ufw-after-logging-$hook ufw-reject-$hook; do iptables -A $HOOK -j $chain; done
    iptables -A ufw-after-logging-$hook -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "
done
for chain in ufw-not-local ufw-skip-to-policy-input ufw-logging-deny; do iptables -N $chain; done
iptables -A ufw-before-input -i lo -j ACCEPT
iptables -A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A ufw-before-input -m conntrack --ctstate INVALID -j ufw-logging-deny
iptables -A ufw-before-input -m conntrack --ctstate INVALID -j DROP
iptables -A ufw-before-input -p icmp -m icmp --icmp-type 8 -j ACCEPT
iptables -A ufw-before-input -p udp -m udp --sport 67 --dport 68 -j ACCEPT
iptables -A ufw-before-input -j ufw-not-local
iptables -A ufw-before-input -d 224.0.0.251/32 -p udp -m udp --dport 5353 -j ACCEPT
iptables -A ufw-before-input -j ufw-user-input
iptables -A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
iptables -A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN
iptables -A ufw-not-local -m addrtype --dst-type BROADCAST -j RETURN
iptables -A ufw-not-local -m limit --limit 3/min --limit-burst 10 -j ufw-logging-deny
iptables -A ufw-not-local -j DROP
iptables -A ufw-after-input -p udp -m udp --dport 137 -j ufw-skip-to-policy-input
iptables -A ufw-after-input -p udp -m udp --dport 67 -j ufw-skip-to-policy-input
iptables -A ufw-skip-to-policy-input -j DROP
iptables -A ufw-logging-deny -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "
iptables -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A ufw-before-forward -p icmp -m icmp --icmp-type 8 -j ACCEPT
iptables -A ufw-before-forward -j ufw-user-forward
