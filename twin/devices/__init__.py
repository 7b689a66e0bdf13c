"""Small local servers that speak what the real cluster's devices speak."""
