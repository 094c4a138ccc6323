"""Random messages, right and wrong ones; afterwards the kernel must be as before."""
