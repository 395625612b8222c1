"""What this machine has and lets the process use: processors, memory, GPUs.

In: nothing but the operating system, its containers' limits, and the NVIDIA driver.
Out: numbers. None of it loads torch.
Does not know: what they are used for.
"""
