"""The shells that carry out what NAT helpers decide: listeners, limits, back-pressure; the decisions are the sessions'."""
