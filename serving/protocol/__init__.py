"""OpenAI's HTTP protocol as values: requests in, responses and errors out. No I/O."""
