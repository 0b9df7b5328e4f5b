"""The kinds of vectors that are kept for a call: what was computed from which of its texts."""

OUTPUT_FEATURES = "features:output"
PROMPT_FEATURES = "features:prompt"
OUTPUT_EMBEDDING = "embedding:output"
PROMPT_EMBEDDING = "embedding:prompt"
PROMPT_TOPICS = "topics:prompt"
