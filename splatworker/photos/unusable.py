"""The reason why a file is not a photo that can be used."""


class Unusable(Exception):
    """Why a file is not a photo that can be used: a clause for whoever sent it."""


class UnusableMask(Unusable):
    """The photo may be good, but its mask is not."""
