"""The files that rooms hand each other, and what they hold: scenes, PLYs, model folders, cameras, Gaussians.

In: paths. Every reader states its limits before it reads.
Out: numpy arrays and small records; files that are written whole or not at all (`atomic`); what several
  rooms ask of such arrays (`regions` of masks and grids, `rotations`, a picture's `pixels`).
Does not know: torch, COLMAP's library, and whoever reads or writes: importing this package costs nothing of either.
"""
