"""What answers a prompt: the seam (`base`) and the engines behind it."""
