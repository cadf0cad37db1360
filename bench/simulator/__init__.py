"""The simulator: worlds as data, virtual time, and policies that see what the real decider sees.

One second after the other: a policy's shares send that second's messages, their receipts and entered codes come back
later, and the policy learns of them. The draws of a message are the same for every policy.
"""
