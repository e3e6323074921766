"""A local AWS: deploys template.yaml into an emulator on this machine, runs every function as its own process."""
