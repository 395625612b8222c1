"""Photos as they come, made clean: the first room. In: files of strangers. Out: JPEGs, and PNGs with transparency.

    fetch       photos from URLs                    gate        are there enough?
    decode      a folder, each file in a sandbox    picture     one file, as eight bits of colour
    tiff        what a TIFF says of its pixels      raw         raw files of cameras
    scans       passes of a progressive JPEG        exif        what is kept of a header
    kinds       what a file is that is no photo     unusual     screenshots, collages
    unusable    the reason why one is refused       cli         `splatworker photos`
"""
