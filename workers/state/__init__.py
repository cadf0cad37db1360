"""Per-request state in Valkey: claims, outcomes, tries, receipts.

One hash a request (`otp:<request id>`), written by the scripts in `scripts/`, each of which decides and writes in one
atomic step. The scripts build the keys they reach, so: one Valkey with replicas, not a cluster.
Fields of the hash: `c` caller, `h` number hash, `k` kid, `i` issued and `d` deadline (ms), `q` the sealed request,
`n` newest attempt number, `u` tries used, `v` verified at, `x` the request that took its place, `w` times the person
asked again, `W` when, `e<k>` the attempt number of the k-th such wish; and per attempt n: `s<n>` source, `o<n>` owner,
`l<n>` end of the lease, `a<n>` the outcome, `r<n>` the receipt's state.
Beside the hashes: `newest:<caller>:<number hash>:<purpose>` (claim.lua), `asked:<request id>` the answer to an
idempotency key, `epoch` since when codes count and for which run of the server (epoch.py), `since` the
same once more, `probe` what is written to see whether the server takes writes.
Keys end some time after they were written, never at an instant: the server's clock decides nothing.
"""
