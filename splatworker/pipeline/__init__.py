"""The way through the house: photos to a splat, and what is made of it, one child process a stage.

In: a recipe or a job (`contract`) and a folder of photos, which may still be arriving.
Out: the splat and the account of how it came to be (`records.Result`), or the error of the stage that failed.
Does not know: what the stages do inside, and who asked for the splat: a worker or a command line.
"""
