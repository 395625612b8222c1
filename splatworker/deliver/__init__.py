"""Deliver: hand the splat over, and tell whoever waits for it."""
