"""What a job may say: the one place that knows the input contract.

In: a job's JSON, as strangers send it.
Out: a `Job` (or a `Recipe`, for a command line) whose every field is valid, or one sentence about the field at fault.
Does not know: how a splat is made, and where a job comes from. Of it the rooms below see `outputs` alone.
"""

import os

# Else the first model that is made has Pydantic read all installed distributions for plugins, of which there are none.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
