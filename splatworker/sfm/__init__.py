"""Photos to cameras: structure from motion, by own kernels and COLMAP, with a reason for every photo that was left out.

In: a folder of JPEG and PNG files with their EXIF, perhaps still arriving; options.
Out: a scene folder with undistorted photos, PINHOLE cameras and sparse points, upright; report.json.
Does not know: what the scene is for; torch.

    reconstruct   the way through this room, readable top to bottom
    options       what a caller may ask for
    input_photos  what the folder holds              delivery     the scene, and all that is told of it
    photo         what a photo's header says        cameras     which photos share intrinsics, and their priors
    layout        the photos by alias, shrunk once  compare     how far two sets of cameras differ
    views         what a panorama is cut into       cut         the views as photos of their own
    panoramas     how many, and what is told of them  lens        is it a fisheye
    told_areas    ... and is it one, where its header says so
    database      COLMAP's database                 watch       progress and cancellation of a COLMAP call
    features      how hard to look, and whose SIFT  retrieval   which photos look alike
    pairs         which photos to match             nearest     descriptors that match, fast
    matching      the matches of all pairs          graph       who overlaps with whom
    two_view      the geometry of a pair            agreement   do matches agree with the cameras
    match_votes   ... asked of all at once
    mapping       the mapper's presets              search      a quick look, then closer ones
    draft         coarse features first, then all   bend        do parts of a model fit closely
    ladder        one attempt after another         gate        is this fit to train on?
    reasons       why a photo, or a job, failed     polish      intrinsics, at the end
    remarks       what is told of a delivery        repeated_structures   pairs that only look alike
    frame         upright, centered, scaled          undistort   pinhole photos and cameras
    fisheye       a lens to its rim                 faces       the sides of what it shows
    wide_lens     what is made of one beside its middle
    undistorted_camera   a lens as a pinhole       undistorted_photo   the pictures that are written of a photo
    resampling    a photo as a pinhole camera sees it   report  report.json
    sparse_files  COLMAP's files, taken apart       point_colours   what photos show of points
    sharpness     how sharp a photo is              pure_rotation   photos taken from one spot
    duplicates    frames that repeat each other     workbench   what every step works with
    early_features   features found while photos arrive
    extraction    features by our own kernel        sift        the kernel
    photo_features   of a file, some ahead          accelerator   a GPU for our own kernels, if there is one
    sift_reference   its specification
    adjustment       cameras and points moved until they fit   adjuster   by a GPU, or by processors
    model_adjustment   the same of COLMAP's model    model_arrays   that model as arrays
    rounds           our mapper: photos in rounds, all adjusted after each
    round_work    what it works on                  round_rules   when its steps believe
    round_adjustment   how what it grows is adjusted   some_of_many   points that are enough to ask
    first_pair    what it begins with
    resection     a photo's camera from points      tracks       points from features that match
    grown_model   what it grew as COLMAP's model
    masks         which photo has one               mask_evidence   whether features heed them
    other_lens    one photo by another lens     shared_lens   do photos of one camera share one
    lens_evidence   ... as the whole stage asks  lens_groups  and if not, who does
    fisheye_photos   which of them a fisheye took
    lens_model    how many parameters a lens gets   leave_one_out   each camera by what the others say
    overlap       with how many others a photo shares points
    output        may this folder be filled
    cli           `splatworker sfm`

Nothing here is imported by the worker process: pycolmap wants a process of its own (see `colmap`).
"""
