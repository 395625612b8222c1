"""What every step works with: one database and the folders around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from splatworker.sfm.options import SfmOptions
from splatworker.sfm.watch import Cancellation


@dataclass(frozen=True)
class Workbench:
    """A place to work: one look at the photos, with its features, matches and models.

    Attributes:
        folder: made for this look; holds its database and models.
        photos: folder of the photos by alias, see `layout`.
        threads: how many to use.
        fixed_cameras: ids of cameras, and of rigs that begin with them, whose calibration is known and stays as it is.
    """

    folder: Path
    photos: Path
    options: SfmOptions
    threads: int
    cancellation: Cancellation = field(default_factory=Cancellation)
    fixed_cameras: frozenset[int] = frozenset()

    @property
    def alphas(self) -> Path:
        """Folder of the alpha, a grey PNG, of each photo that has some transparency; see `layout`."""
        return self.photos.with_name("alphas")

    @property
    def masks(self) -> Path:
        """Folder of the masks of the same photos, named as COLMAP looks for them, white where features are kept."""
        return self.photos.with_name("masks")

    @property
    def database(self) -> Path:
        """COLMAP's database."""
        return self.folder / "database.db"
