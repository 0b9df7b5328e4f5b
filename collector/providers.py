"""The name of a provider, in the words of OTel GenAI (`gen_ai.provider.name`), whoever wrote it and how."""

import re
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

_SPELLINGS = {
    "anthropic": ("anthropic", "claude"),
    "aws.bedrock": ("awsbedrock", "bedrock", "amazonbedrock", "aws", "amazon", "bedrockconverse", "bedrockruntime"),
    "azure.ai.inference": ("azureaiinference", "azaiinference", "azureai", "azureaifoundry", "azurefoundry"),
    "azure.ai.openai": ("azureaiopenai", "azaiopenai", "azure", "azureopenai", "openaiazure"),
    "cohere": ("cohere", "coherechat"),
    "deepseek": ("deepseek", "deepseekai"),
    "fireworks_ai": ("fireworksai", "fireworks"),
    "gcp.gemini": ("gcpgemini", "gemini", "googleaistudio", "googlegenerativeai"),
    "gcp.gen_ai": ("gcpgenai", "google", "googlegenai", "googlegla"),
    "gcp.vertex_ai": ("gcpvertexai", "vertexai", "vertex", "googlevertex", "googlevertexai", "vertexaibeta"),
    "groq": ("groq",),
    "ibm.watsonx.ai": ("ibmwatsonxai", "watsonx", "watsonxai", "ibmwatsonx", "ibm"),
    "mistral_ai": ("mistralai", "mistral"),
    "moonshot_ai": ("moonshotai", "moonshot"),
    "openai": ("openai",),
    "openrouter": ("openrouter", "openrouterai"),
    "perplexity": ("perplexity", "perplexityai", "pplx"),
    "together_ai": ("togetherai", "together"),
    "x_ai": ("xai",),
}
_CANONICAL = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings}

_FRAMEWORKS = """
    adk ag2 agno autogen autogenext beeai crewai dspy gateway googleadk guidance haystack instructor langchain
    langchaincore langgraph litellm llamaindex marvin mastra mcp microsoftagentframework openaiagents openaiagentssdk
    phidata promptflow pydanticai semantickernel smolagents springai strands strandsagents vercel vercelai vercelaisdk
"""
_INSTRUMENTATIONS = (
    "arize langfuse langsmith mlflow openinference openlit openllmetry opentelemetry otel phoenix traceloop"
)
_VECTOR_STORES = """
    chroma chromadb elasticsearch faiss lancedb milvus opensearch pgvector pinecone qdrant redis weaviate
"""
_FILLERS = "custom default na nil none null other undefined unknown"
_NO_PROVIDERS = frozenset(f"{_FRAMEWORKS} {_INSTRUMENTATIONS} {_VECTOR_STORES} {_FILLERS}".split())

_API_SUFFIX = re.compile(r"\.(chat|completions?|embeddings?|image|messages|responses|speech|transcription)$")
"""Vercel's SDK writes provider and API: `openai.chat`."""

_ENGINE_NAMES = """
    aphrodite bentoml gpt4all jan koboldcpp llamacpp llamacpppython llamafile lmdeploy lmstudio localai mlx mlxlm ollama
    oobabooga openllm rayserve sglang tabbyapi tensorrtllm textgenerationinference tgi triton trtllm vllm watchkeeper
    xinference
"""
_ENGINES = frozenset(_ENGINE_NAMES.split())
_OWN = frozenset(("compatible", "gpu", "local", "localhost", "onprem", "own", "prem", "self", "selfhosted"))


def provider_names(column: pa.Array) -> pa.Array:
    """The providers of a string column in canonical form: `OpenAI` and `openai.chat` are `openai`.

    A name that is not known is lowercased. Frameworks, vector stores and fillers name no provider: null.
    """
    encoded = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
    names = [None if name is None else provider_name(name) for name in encoded.dictionary.to_pylist()]
    return pa.array(names, pa.string()).take(encoded.indices)


@lru_cache(maxsize=4_096)
def provider_name(name: str) -> str | None:
    """One name in canonical form; `provider_name` of the result is the result."""
    lowered = name.strip().lower()
    if not any(map(str.isalnum, lowered)) or _squashed(lowered) in _NO_PROVIDERS:
        return None
    parts = lowered.split(".")
    for n_parts in range(len(parts), 0, -1):
        canonical = _CANONICAL.get(_squashed("".join(parts[:n_parts])))
        if canonical is not None:
            return canonical
    shortened = _API_SUFFIX.sub("", lowered)
    return shortened if shortened == lowered else provider_name(shortened)


@lru_cache(maxsize=4_096)
def is_self_hosted(name: str) -> bool:
    """Whether `name` is an inference engine or says that somebody runs it: then no public list has its prices."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    return _squashed(name.lower()) in _ENGINES or not _ENGINES.isdisjoint(words) or not _OWN.isdisjoint(words)


def _squashed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name)
