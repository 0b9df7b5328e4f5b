import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.providers import is_self_hosted, provider_name, provider_names


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("openai", "openai"),
        ("OpenAI", "openai"),
        ("openai.chat", "openai"),
        ("openai.responses", "openai"),
        ("azure.ai.openai", "azure.ai.openai"),
        ("az.ai.openai", "azure.ai.openai"),
        ("Azure", "azure.ai.openai"),
        ("azure-openai.chat", "azure.ai.openai"),
        ("az.ai.inference", "azure.ai.inference"),
        ("aws.bedrock", "aws.bedrock"),
        ("bedrock", "aws.bedrock"),
        ("amazon-bedrock", "aws.bedrock"),
        ("AWS", "aws.bedrock"),
        ("gcp.vertex_ai", "gcp.vertex_ai"),
        ("vertex_ai", "gcp.vertex_ai"),
        ("google.vertex.chat", "gcp.vertex_ai"),
        ("VertexAI", "gcp.vertex_ai"),
        ("gcp.gemini", "gcp.gemini"),
        ("google.generative-ai", "gcp.gemini"),
        ("google", "gcp.gen_ai"),
        ("gcp.gen_ai", "gcp.gen_ai"),
        ("google_genai", "gcp.gen_ai"),
        ("x_ai", "x_ai"),
        ("xai.chat", "x_ai"),
        ("mistral_ai", "mistral_ai"),
        ("MistralAI", "mistral_ai"),
        ("mistral", "mistral_ai"),
        ("ibm.watsonx.ai", "ibm.watsonx.ai"),
        ("Watsonx", "ibm.watsonx.ai"),
        ("Anthropic", "anthropic"),
        ("anthropic.messages", "anthropic"),
        ("Cohere", "cohere"),
        ("deepseek.chat", "deepseek"),
        ("Groq", "groq"),
        ("perplexity", "perplexity"),
        ("together-ai", "together_ai"),
        (" vLLM ", "vllm"),
        ("acme.chat", "acme"),
        ("Acme Models", "acme models"),
        ("langchain", None),
        ("LlamaIndex", None),
        ("semantic_kernel", None),
        ("Chroma", None),
        ("litellm", None),
        ("unknown", None),
        ("None", None),
        ("", None),
        (" - ", None),
    ],
)
def test_a_provider_has_one_name(written: str, name: str | None) -> None:
    assert provider_name(written) == name


@given(
    st.text(max_size=30) | st.sampled_from([f"{a}.{b}" for a in ("openai", "x", "azure") for b in ("chat", "ai", "")])
)
def test_a_name_in_canonical_form_stays(written: str) -> None:
    name = provider_name(written)
    assert name is None or provider_name(name) == name


def test_a_column_keeps_its_length_and_its_holes() -> None:
    column = pa.array(["OpenAI", None, "langchain", "OpenAI", "vllm"])
    assert provider_names(column).to_pylist() == ["openai", None, None, "openai", "vllm"]
    assert provider_names(column.dictionary_encode()).to_pylist() == ["openai", None, None, "openai", "vllm"]
    assert provider_names(pa.array([], pa.string())).type == pa.string()


@pytest.mark.parametrize(
    "name", ["vllm", "hosted_vllm", "llama.cpp", "LM Studio", "local", "our-own-gpu", "self-hosted"]
)
def test_who_runs_models_is_told_from_who_sells_them(name: str) -> None:
    assert is_self_hosted(name)
    assert not any(map(is_self_hosted, ("openai", "aws.bedrock", "x_ai", "acme-gateway", "together_ai")))
