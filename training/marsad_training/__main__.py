"""`python -m marsad_training`: what `accelerate launch -m` and `torchrun -m` start."""

from marsad_training.cli import main

main()
