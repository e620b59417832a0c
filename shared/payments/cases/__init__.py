"""The use cases, a folder for each subject; none imports another."""
