"""Parts of model calls, from spans and logs in any order, to calls that count once."""
