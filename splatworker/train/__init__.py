"""Training a splat: a scene folder in, a model folder out, with the command line of the original `train.py`.

In: photos, pinhole cameras and sparse points (`formats.scene`), and the original's options.
Out: point_cloud.ply and what else the original writes; progress, scores on held-out photos.
Does not know: where the scene comes from, and how a training step is worked out (`render`).

* training_options, own_options, unused_options: every option, said once
* options: the command line, one dataclass
* loading: the scene and its photos, on their way while the GPU opens
* dataset: the scene and its photos, on the device that trains
* photos, views: photos as bytes at the training size, ready on the device
* sightings, light: what photos show of the points they share, and all in one light where theirs differs
* falloff, falloff_fit, vignetting: how a lens darkens corners, what sightings tell of it, and which lenses do
* exposures: what makes a picture of the splat as bright as a photo, learnt for each beside the splat
* neighbours, plane_sweep, confirmation: which photos tell of another, how far away its pixels are, what is believed
* dense_on_gpu, dense_points: the same on a GPU, and more points to start from where photos are few
* initial: Gaussians from the points
* model: the Gaussians, their optimiser state, and all surgery on them
* schedule: learning rates and spherical-harmonics degree by iteration
* density, density_facts: where Gaussians are added and removed: strategies, and what they know of each
* refinement: what is done between two steps: density control, and the three that follow
* backdrop, backdrop_sphere, whole_splat: what is behind everything, where it is plain, the same as Gaussians, and the
  splat with them
* memory, out_of_memory: how many Gaussians fit, and what is done where they do not
* agreement, passing_regions, passers_by: what photos show that others deny, which of it is somebody who passed, and
  photos without them
* free_space, silhouettes: where no Gaussian may be: before the cameras, and outside of what photos show
* warm_up: every GPU kernel once, before the scene is there
* randomness: every random number, from one seed
* resolution: coarse to fine
* optimisation: one model on its way: what each of its steps is
* preparation, trainer: all that a training works on, and the loop
* distillation, teaching: what several trainings agree on between the photos, shown to the one that is delivered
* launch: whether this process is one of several
* parallel: several processes, a GPU each, train one splat
* log, clock: the loss over the iterations, and the time they take
* evaluate: PSNR and SSIM
* checkpoint, resume: saving a training, and going on with it
* milestones: what is due after which iteration
* folder: the files of a model folder
* start, cli, eval_cli
"""
