"""Photos: fetch them, decode each in a process that a hostile file cannot leave, and keep what can be used.

In: URLs, or a folder of files that may be photos; they may still be arriving.
Out: a folder of clean JPEG files with the EXIF that cameras need, and why each of the others was left out.
Does not know: what the photos are for, and how many are enough.
"""
