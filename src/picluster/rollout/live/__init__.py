"""A roll-out's ports to a real cluster: what boot servers hold, what nodes say."""
