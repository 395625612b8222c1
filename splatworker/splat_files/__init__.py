"""The formats in which a splat is handed on: one file for each, and the codecs that they share.

In: `Gaussians`, and for formats that lose something the lines of sight, so that they keep what shows.
Out: files, and the same Gaussians back from them, whichever program wrote them (`registry`).
Does not know: models, scenes and jobs; which formats somebody wants.
"""
