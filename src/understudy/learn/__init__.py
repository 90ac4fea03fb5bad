"""Everything between motions and tensors: features, layers, windows, the one training loop, checkpoints."""
