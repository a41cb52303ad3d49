"""What `python -m benchmarks.demo_quality` measures, and how."""
