"""Drawing Gaussians: one interface (`interface`), three backends (`reference`, `cpu`, `cuda`)."""
