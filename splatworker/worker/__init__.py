"""One job of a queue from its arrival to its answer: what `handler.py` needs to be one page.

In: the platform's events; the environment's settings.
Out: the answer, progress and webhooks, to the letter of the contract, with no secret in any of them.
Does not know: torch, COLMAP and how a splat is made: all that runs in child processes (`pipeline`).
"""
