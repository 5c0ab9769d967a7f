"""The packet filter, NAT and routing of the gateway: values, a pure rendering to nft text, and the one module that runs nft."""
