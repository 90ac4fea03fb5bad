"""Programs that compare and time: ``python -m benchmarks.<name>``. They use the package as anybody would."""
