"""Running a stage as a child process and following it, and what every stage's command line has in common (`options`).

In: a command line, a workspace, perhaps a request on standard input, a deadline.
Out: the stage's result, progress and warnings; or the error it sent, or what its crash was about.
Does not know: which stages there are and what they do.
`process` starts a stage, `follow` hears what it says, and nothing of it outlives it (`supervise`, `ending`).
"""
