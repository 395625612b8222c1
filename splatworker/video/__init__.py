"""Videos: read a stranger's clip in a process of its own, and choose the frames that make good photos.

In: video files; how many frames, or which part of a clip.
Out: upright JPEG photos in sRGB, named in the order of time, and what was chosen and why.
Does not know: what the photos are for, and where the videos came from.

    frames        the way through this room, readable top to bottom
    options       what a caller may ask for
    ffmpeg        the one way to call the decoder, and what it may do
    probe         what a clip says of itself         refusals     why a clip is not read
    encryption    whether it is protected            frame_times  when a frame is shown
    measure       when frames are shown, how sharp each is, how far the picture has moved
    reading       a clip read once, in parts at once  key_frames   where it can be begun at
    small_frames  frames from the decoder, measured  motion       how far the picture moved
    sharpness     how sharp a frame is               choose       which frames, and why
    ahead         videos read while they arrive       sample_index where in a file the bytes of its frames are
    letterbox     bars beside the picture, which are cut off
    extract       the chosen frames, as photos       tone_mapping HDR to sRGB, by one curve
    cli           `splatworker frames`
"""
