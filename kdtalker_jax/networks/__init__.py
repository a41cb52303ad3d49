"""The published networks as pure-functional Flax modules, one a file, channels last."""
