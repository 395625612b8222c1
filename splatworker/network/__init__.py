"""Talking to addresses that strangers name, and keeping their secrets.

In: URLs from a job: presigned, private, malformed or hostile.
Out: sessions that connect to public addresses only, when a URL ends, and texts without queries or credentials.
Does not know: what is fetched or sent.
"""
