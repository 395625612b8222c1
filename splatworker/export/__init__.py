"""What is made of a trained splat: files, a page, pictures, a film, a report.

In: a model folder or a splat of any format, and the scene it was trained on.
Out: one file for each wanted output; one that cannot be made is a warning, and the others are made.
Does not know: how the splat was trained, or where the files go.
"""
