"""Every random number of a run, from one seed: the same seed gives the same splat.

Where the Gaussians are numpy's arrays the numbers are numpy's (PCG64, O'Neill 2014), where they are torch's tensors,
torch's: other ones, equally random.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.random  # what numpy loads at its first use: now, while a GPU opens, and not among photos that are decoded
import numpy.typing as npt

from splatworker.render.arrays import Array, Device, is_torchs, library_on, to_device
from splatworker.train.checkpoint import RandomState

if TYPE_CHECKING:
    import torch

Generator: TypeAlias = "np.random.Generator | torch.Generator"


class Randomness:
    """The order of the photos, random backgrounds, and the generator that density control draws from.

    Args:
        seed: any number from 0.
        photo_count: how many photos there are to train on.
        device: where the Gaussians are.
    """

    def __init__(self, seed: int, photo_count: int, device: Device) -> None:
        self.density = generator(seed, device)
        self._sampler = generator(seed, device, on_host=True)
        self._photo_count = photo_count
        self._pending: list[int] = []
        self._device = device

    def next_photo(self) -> int:
        """Index of the next photo: every photo comes once, in random order, before one comes again."""
        if not self._pending:
            self._pending = permutation(self._photo_count, self._sampler)
        return self._pending.pop()

    def add_photos(self, count: int) -> None:
        """From the next round on there are so many more, with the indices behind the others."""
        self._photo_count += count

    def background(self) -> Array:
        """(3,) a random colour."""
        return to_device(colour(self._sampler), self._device)

    def state(self) -> RandomState:
        """For a checkpoint."""
        return RandomState(state_of(self._sampler), state_of(self.density), list(self._pending))

    def restore(self, state: RandomState) -> None:
        """Go on where `state` was taken.

        Raises:
            ValueError: it is of the other library's generators, or of those of another device.
        """
        set_state(self._sampler, state.sampler)
        set_state(self.density, state.density)
        self._pending = [index for index in state.pending if 0 <= index < self._photo_count]


def generator(seed: int, device: Device, *, on_host: bool = False) -> Generator:
    """Random numbers for a device, from a seed; `on_host`: for the processor that drives it, as it counts photos."""
    if not is_torchs(device):
        return np.random.default_rng(seed)
    torch = library_on(device)
    made: Generator = torch.Generator("cpu" if on_host else device).manual_seed(seed)
    return made


def normal(shape: tuple[int, ...], generator: Generator) -> Array:
    """Float32 numbers of the normal distribution, mean 0, variance 1, on the generator's device."""
    if isinstance(generator, np.random.Generator):
        return generator.standard_normal(shape, np.float32)
    return library_on(generator.device).randn(shape, generator=generator, device=generator.device)


def permutation(count: int, generator: Generator) -> list[int]:
    """The numbers from 0 to below `count` in random order."""
    if isinstance(generator, np.random.Generator):
        order: list[int] = generator.permutation(count).tolist()
    else:
        order = library_on(generator.device).randperm(count, generator=generator).tolist()
    return order


def colour(generator: Generator) -> npt.NDArray[np.float32]:
    """(3,) in [0, 1)."""
    if isinstance(generator, np.random.Generator):
        return generator.random(3, np.float32)
    drawn: npt.NDArray[np.float32] = library_on(generator.device).rand(3, generator=generator).numpy()
    return drawn


def state_of(generator: Generator) -> npt.NDArray[np.uint8]:
    """Where a generator stands, as bytes."""
    if isinstance(generator, np.random.Generator):
        return np.frombuffer(json.dumps(generator.bit_generator.state).encode(), np.uint8)
    return np.asarray(generator.get_state().numpy())


def set_state(generator: Generator, state: npt.NDArray[np.uint8]) -> None:
    """Let a generator stand where one like it stood.

    Raises:
        ValueError: it was another kind of generator.
    """
    if isinstance(generator, np.random.Generator):
        try:
            generator.bit_generator.state = json.loads(state.tobytes())
        except (TypeError, KeyError, OverflowError, RecursionError) as error:
            raise ValueError("the state is none of a generator's") from error
        return
    try:
        generator.set_state(to_device(np.array(state), library_on(generator.device).device("cpu")))
    except RuntimeError as error:
        raise ValueError("the state is not of this generator") from error
