"""Coming runs: what is expected to run when and where, and what will not fit."""
