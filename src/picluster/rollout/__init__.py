"""Rolling a workload out: batches of banks, canary first, a stop rule, the truth of each board."""
