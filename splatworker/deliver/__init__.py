"""Hand files over with one presigned PUT each, and tell whoever waits.

In: a file and its URL; a message and its webhook.
Out: the bytes that arrived; or why not, once trying again cannot help.
Does not know: what is in the file, or how the job went.
"""
