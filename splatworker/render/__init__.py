"""Drawing Gaussians and their gradients: one interface (`interface`), three backends (`reference`, `cpu`, `cuda`).

`device` has what only a GPU can do: who trains or exports asks it, and names no kind of GPU.

In: Gaussians as tensors, a camera, a background.
Out: pictures, gradients, and whole training steps; the reference says what is right, and the others are held to it.
Does not know: files (its command `cli` does), photos, schedules.
"""
