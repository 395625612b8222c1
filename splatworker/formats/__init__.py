"""The files that the stages hand each other: scene folders, splat PLYs, and how a file is written whole or not at all.

numpy only: importing this package costs nothing of torch or pycolmap.
"""
