"""API keys that their prefix gives away."""

import re
from collections.abc import Iterator
from typing import Final

from collector.redaction.beginnings import Beginnings
from collector.redaction.detector import Anchored
from collector.redaction.kinds import Kind
from collector.redaction.match import Match

PROVIDER_KEYS: Final[dict[str, str]] = {
    "OpenAI, Anthropic, OpenRouter, DeepSeek, Langfuse (sk-)": r"sk-[A-Za-z0-9_\-]{20,}",
    "Stripe": r"sk_(?:live|test)_[A-Za-z0-9]{16,}|rk_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{24,}",
    "GitHub": r"gh[oprsu]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}",
    "GitLab": r"glpat-[A-Za-z0-9_\-]{20,}",
    "AWS": r"A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}",
    "Google": r"AIza[A-Za-z0-9_\-]{35}|ya29\.[A-Za-z0-9_\-]{20,}|GOCSPX-[A-Za-z0-9_\-]{20,}",
    "Slack": r"xox[abeprs]-[A-Za-z0-9\-]{10,}|xapp-[A-Za-z0-9\-]{10,}",
    "Hugging Face": r"hf_[A-Za-z0-9]{30,}",
    "Groq": r"gsk_[A-Za-z0-9]{40,}",
    "xAI": r"xai-[A-Za-z0-9]{40,}",
    "Replicate": r"r8_[A-Za-z0-9]{37}",
    "Perplexity": r"pplx-[A-Za-z0-9]{40,}",
    "Tavily": r"tvly-[A-Za-z0-9\-]{20,}",
    "NVIDIA": r"nvapi-[A-Za-z0-9_\-]{40,}",
    "Databricks": r"dapi[0-9a-f]{32}",
    "DigitalOcean": r"do[opr]_v1_[0-9a-f]{64}",
    "npm": r"npm_[A-Za-z0-9]{36}",
    "PyPI": r"pypi-AgEI[A-Za-z0-9_\-]{50,}",
    "SendGrid": r"SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}",
    "Telegram": r":AA(?<=[0-9]{8}:AA)[A-Za-z0-9_\-]{33}",
    "Watchkeeper": r"wk_[A-Za-z0-9_\-]{20,}",
}
"""Prefix and shape; each begins with a literal. Of Telegram's, 8 to 10 digits stand before."""

_MOST_DIGITS = 10
_TWO_DIGITS = re.compile(r"[0-9][^0-9]*+[0-9]")


def _judge(text: str, start: int, end: int) -> Iterator[Match]:
    if text[start] == ":":
        before = text[max(0, start - _MOST_DIGITS) : start]
        start -= len(before) - len(before.rstrip("0123456789"))
    joined = (start and text[start - 1].isalnum()) or text[end : end + 1].isalnum()
    key = text[start:end]
    # A random key holds digits; `sk-estimator-doc-link-fitted` is a CSS class.
    if not joined and _TWO_DIGITS.search(key):
        yield Match(start, end, Kind.API_KEY, key)


_ANY = "|".join(PROVIDER_KEYS.values())

_BEGINNINGS = (
    *("sk-", "sk_", "rk_", "whsec_", "gho_", "ghp_", "ghr_", "ghs_", "ghu_", "github_pat_", "glpat-", "akia", "asia"),
    *("abia", "acca", "aiza", "ya29.", "gocspx-", "xox", "xapp-", "hf_", "gsk_", "xai-", "r8_", "pplx-", "tvly-"),
    *("nvapi-", "dapi", "doo_v1", "dop_v1", "dor_v1", "npm_", "pypi-", "sg.", ":aa", "wk_"),
)

PROVIDER = Anchored(
    kinds=frozenset({Kind.API_KEY}),
    prefilter={
        Kind.API_KEY: (
            # Enough of each to be rare; fewer different beginnings make fewer states.
            r"sk[_\-][A-Za-z0-9]|rk_|sec_|gh[oprsu]_|_pat_|pat-|KIA|SIA|BIA|CCA|Iza|a29\.|SPX|ox[abeprs]-|pp-|hf_|xai-|r8_"
            r"|plx-|vly-|api-|dapi|_v1_|npm_|pi-Ag|SG\.|wk_|:AA"
        )
    },
    beginnings=Beginnings(_BEGINNINGS),
    hint=re.compile(_ANY.lower().replace(",}", "}")),
    anchor=re.compile(_ANY),
    judge=_judge,
)
