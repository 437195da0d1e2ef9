"""What the course builds and uses again, and the helpers of its scripts."""
