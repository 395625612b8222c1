"""What every step works with: one database and the folders around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from splatworker.formats.mask_names import AS_GIVEN, MaskRules
from splatworker.sfm.accelerator import Accelerator
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.photo_features import Ahead
from splatworker.sfm.watch import Cancellation


@dataclass(frozen=True)
class Workbench:
    """A place to work: one look at the photos, with its features, matches and models.

    Attributes:
        folder: made for this look; holds its database and models.
        photos: folder of the photos by alias, see `layout`.
        threads: how many to use.
        fixed_cameras: ids of cameras, and of rigs that begin with them, whose calibration is known and stays as it is.
        mask_rules: how the photos' masks are meant.
        accelerator: a GPU for our own kernels, if any.
        ahead: features of some photos, found already.
    """

    folder: Path
    photos: Path
    options: SfmOptions
    threads: int
    cancellation: Cancellation = field(default_factory=Cancellation)
    mask_rules: MaskRules = AS_GIVEN
    fixed_cameras: frozenset[int] = frozenset()
    accelerator: Accelerator = field(default_factory=Accelerator)
    ahead: Ahead = field(default_factory=Ahead)

    @property
    def alphas(self) -> Path:
        """Folder of the alpha, a grey PNG, of each photo that has some transparency; see `layout`."""
        return self.photos.with_name("alphas")

    @property
    def masks(self) -> Path:
        """Folder of the masks of photos that show nothing but the subject, named as COLMAP looks for them, white where
        features are kept.
        """
        return self.photos.with_name("masks")

    @property
    def optional_masks(self) -> Path:
        """The same of photos that show what is around the subject, too: heeded where that helps the cameras."""
        return self.photos.with_name("optional_masks")

    @property
    def ignored(self) -> Path:
        """Folder of grey PNGs, by the photos' aliases: 0 where the photo does not count, 255 where it does."""
        return self.photos.with_name("ignored")

    @property
    def database(self) -> Path:
        """COLMAP's database."""
        return self.folder / "database.db"
