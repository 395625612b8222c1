"""Commands that belong to no single room: `splatworker run`, and those that only the worker calls.

In: a command line, or one JSON object on standard input where URLs must not be seen by other processes.
Out: files and a line for people, or JSON lines for programs (`stages.progress`).
Does not know: queues, webhooks' reasons and jobs: that is the worker's.
"""
