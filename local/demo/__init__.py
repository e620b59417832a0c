"""What is shown: the main job, the stack kept running, and a shop on it."""
